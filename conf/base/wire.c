/*
 * wire.c - messages between our own processes.
 *
 *	| type u16 | field | field | ...	u32, u64, or u16 length and bytes; little-endian
 *
 * Both directions go through take(): it is the only place that moves the cursor, and it never lets
 * it pass `size`. The peer is a process of ours, but a broken one: nothing it sends may crash us,
 * and a descriptor that comes unasked is closed.
 */
#include "conf/base/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/fdpass.h"

#define TYPE_BYTES 2

/* The next n bytes, or NULL after recording the error that fits the direction. */
static char *
take(struct wire *w, size_t n)
{
	char *p;

	if (w->error != 0)
		return NULL;
	if (n > w->size - w->at) {
		w->error = w->reading ? -E_TRUNCATED : -E_LIMIT;
		return NULL;
	}
	p = w->buf + w->at;
	w->at += n;
	return p;
}

static void
put_le(struct wire *w, uint64_t v, size_t n)
{
	char *p = take(w, n);

	for (size_t i = 0; p != NULL && i < n; i++, v >>= 8)
		p[i] = (char)(v & 0xff);
}

static uint64_t
get_le(struct wire *w, size_t n)
{
	const char *p = take(w, n);
	uint64_t v = 0;

	while (p != NULL && n-- > 0)
		v = v << 8 | (uint8_t)p[n];
	return v;
}

void
wire_write_init(struct wire *w, char *buf, size_t size, uint16_t type)
{
	*w = (struct wire){ .buf = buf, .size = size > WIRE_MAX ? WIRE_MAX : size };
	put_le(w, type, TYPE_BYTES);
}

void
wire_put_u32(struct wire *w, uint32_t v)
{
	put_le(w, v, 4);
}

void
wire_put_u64(struct wire *w, uint64_t v)
{
	put_le(w, v, 8);
}

void
wire_put_span(struct wire *w, struct span s)
{
	char *p;

	if (w->error == 0 && s.n > UINT16_MAX)
		w->error = -E_LIMIT;
	put_le(w, s.n, 2);
	p = take(w, s.n);
	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
}

int
wire_read_init(struct wire *w, char *buf, size_t len, uint16_t *type)
{
	*w = (struct wire){ .buf = buf, .size = len, .reading = true };
	*type = (uint16_t)get_le(w, TYPE_BYTES);
	return w->error;
}

uint32_t
wire_get_u32(struct wire *w)
{
	return (uint32_t)get_le(w, 4);
}

uint64_t
wire_get_u64(struct wire *w)
{
	return get_le(w, 8);
}

struct span
wire_get_span(struct wire *w)
{
	size_t n = get_le(w, 2);
	const char *p = take(w, n);

	return p == NULL ? SPAN_NONE : span_make(p, n);
}

int
wire_done(const struct wire *w)
{
	if (w->error != 0)
		return w->error;
	return w->reading && w->at != w->size ? -E_PROTO : 0;
}

/* errno of a socket call as one of ours. */
static int
socket_error(void)
{
	switch (errno) {
	case EAGAIN:
	case ENOBUFS: return -E_AGAIN;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN: return -E_CLOSED;
	case EMSGSIZE: return -E_LIMIT;
	default: return -E_SYS;
	}
}

int
wire_send(int sock, const struct wire *w, int fd)
{
	ssize_t n;

	if (w->error != 0)
		return w->error;
	do
		n = fdpass_send(sock, w->buf, w->at, fd, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error() : 0;
}

/* What is wrong with a received message, or 0. */
static int
judge(const struct fdpass *got, ssize_t n, bool fd_wanted)
{
	if (got->flags & MSG_TRUNC)
		return -E_TRUNCATED;
	if ((got->flags & MSG_CTRUNC) || got->count > 1 || (got->count == 1 && !fd_wanted))
		return -E_PROTO;
	return n == 0 ? -E_CLOSED : 0;
}

int
wire_recv(int sock, char *buf, size_t size, size_t *len, int *fd)
{
	struct fdpass got;
	ssize_t n;
	int rc;

	*len = 0;
	if (fd != NULL)
		*fd = -1;
	n = fdpass_recv(sock, buf, size, &got);
	if (n < 0)
		return socket_error();
	rc = judge(&got, n, fd != NULL);
	if (rc != 0) {
		if (got.fd >= 0)
			(void)close(got.fd);
		return rc;
	}
	*len = (size_t)n;
	if (fd != NULL)
		*fd = got.fd;
	return 0;
}

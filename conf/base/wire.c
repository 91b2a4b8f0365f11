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
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = w->buf, .iov_len = w->at };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (w->error != 0)
		return w->error;
	if (fd >= 0) {
		memset(&control, 0, sizeof control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		msg.msg_control = &control;
		msg.msg_controllen = sizeof control;
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error() : 0;
}

/*
 * Takes the first descriptor and closes the others: the padding of a control buffer for one
 * descriptor has room for a second. Returns how many there were.
 */
static unsigned
take_fds(struct msghdr *msg, int *first)
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count++ == 0)
				*first = fd;
			else
				(void)close(fd);
		}
	}
	return count;
}

/* What is wrong with a received message, or 0. */
static int
judge(const struct msghdr *msg, ssize_t n, unsigned fds, bool fd_wanted)
{
	if (msg->msg_flags & MSG_TRUNC)
		return -E_TRUNCATED;
	if ((msg->msg_flags & MSG_CTRUNC) || fds > 1 || (fds == 1 && !fd_wanted))
		return -E_PROTO;
	return n == 0 ? -E_CLOSED : 0;
}

int
wire_recv(int sock, char *buf, size_t size, size_t *len, int *fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	int got = -1, rc;
	unsigned fds;
	ssize_t n;

	*len = 0;
	if (fd != NULL)
		*fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_error();
	fds = take_fds(&msg, &got);
	rc = judge(&msg, n, fds, fd != NULL);
	if (rc != 0) {
		if (got >= 0)
			(void)close(got);
		return rc;
	}
	*len = (size_t)n;
	if (fd != NULL)
		*fd = got;
	return 0;
}

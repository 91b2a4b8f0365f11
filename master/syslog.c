/*
 * syslog.c - lines as datagrams.
 *
 * A socket on this machine is named with every message and never connected: a syslog daemon that starts anew makes
 * a new socket at the same path, and is found. A UDP socket is connected, so that the kernel tells of a host that
 * refuses; it tells with the next message, which then has to be sent again.
 */
#include "master/syslog.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEVERITY_INFO 6 /* RFC 5424 6.2.1 */
#define BATCH 32	/* messages a system call */
#define ROOM_BYTES (1 << 20)

static bool
is_local(const struct syslog *s)
{
	return s->place.syslog.u.sa.sa_family == AF_UNIX;
}

void
syslog_init(struct syslog *s, const struct conf_access_log *conf)
{
	*s = (struct syslog){ .tag = conf->tag };
	if (conf->path == NULL || logplace_parse(&s->place, conf->path, NULL) != 0 ||
	    s->place.kind != LOGPLACE_SYSLOG)
		return;
	s->on = true;
	s->priority = logplace_facility(conf->facility) * 8 + SEVERITY_INFO;
	if (gethostname(s->host, sizeof s->host - 1) != 0 || s->host[0] == '\0')
		memcpy(s->host, "-", 2);
}

int
syslog_open(const struct logplace *place, int *fd, struct errdetail *ed)
{
	const struct addr *to = &place->syslog;
	const int room = ROOM_BYTES;

	tzset(); /* for the logger, which opens no file */
	*fd = socket(to->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return err_sys(ed, "syslog: socket");
	(void)setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	if (to->u.sa.sa_family != AF_UNIX && connect(*fd, &to->u.sa, to->len) != 0) {
		int rc = err_sys(ed, "syslog: this machine has no way to the host");

		(void)close(*fd);
		*fd = -1;
		return rc;
	}
	return 0;
}

bool
syslog_is_socket(int fd)
{
	socklen_t n = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_DGRAM;
}

/* ------------------------------------------------------------------------------------------- heads */

/* RFC 3164 4.1.2: local time, the day padded with a blank, English month. */
static void
head_local(const struct syslog *s, struct str *out, time_t at, uint32_t pid)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm tm = { 0 };

	(void)localtime_r(&at, &tm);
	str_printf(out, "<%u>%s %2d %02d:%02d:%02d %s[%" PRIu32 "]: ", s->priority,
	    months[(unsigned)tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, s->tag,
	    pid);
}

/* RFC 5424 6.2: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA */
static void
head_network(const struct syslog *s, struct str *out, time_t at, uint64_t us, uint32_t pid)
{
	struct tm tm = { 0 };
	char when[32];

	(void)gmtime_r(&at, &tm);
	(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	str_printf(out, "<%u>1 %s.%06uZ %s %s %" PRIu32 " access - ", s->priority, when,
	    (unsigned)(us % 1000000), s->host, s->tag, pid);
}

void
syslog_head(const struct syslog *s, struct str *out, uint64_t wall_us, uint32_t pid)
{
	uint64_t last = 253402300799000000u; /* the year 9999: a damaged record has a date too */
	uint64_t us = wall_us < last ? wall_us : last;

	if (is_local(s))
		head_local(s, out, (time_t)(us / 1000000), pid);
	else
		head_network(s, out, (time_t)(us / 1000000), us, pid);
}

/* ----------------------------------------------------------------------------------------- sending */

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	unsigned n;
};

/* The lines in front of p, without their ends. */
static void
batch_fill(struct batch *b, const struct syslog *s, const char *p, size_t n)
{
	const char *end;

	for (b->n = 0; b->n < BATCH && (end = memchr(p, '\n', n)) != NULL; b->n++) {
		size_t len = (size_t)(end - p);

		b->iov[b->n] = (struct iovec){ (char *)(uintptr_t)p, len };
		b->msg[b->n] = (struct mmsghdr){ .msg_hdr = {
						     .msg_iov = &b->iov[b->n], .msg_iovlen = 1 } };
		if (is_local(s)) {
			b->msg[b->n].msg_hdr.msg_name = (void *)(uintptr_t)&s->place.syslog.u.sa;
			b->msg[b->n].msg_hdr.msg_namelen = s->place.syslog.len;
		}
		p = end + 1;
		n -= len + 1;
	}
}

static bool
no_room(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == EINTR;
}

size_t
syslog_send(const struct syslog *s, int fd, const char *p, size_t n, uint64_t *refused)
{
	struct batch b;
	size_t done = 0;
	int sent;

	batch_fill(&b, s, p, n);
	if (b.n == 0)
		return 0;
	sent = sendmmsg(fd, b.msg, b.n, MSG_NOSIGNAL);
	if (sent < 0 && errno == ECONNREFUSED && !is_local(s))
		sent = sendmmsg(fd, b.msg, b.n, MSG_NOSIGNAL); /* that was the message before */
	if (sent < 0 && no_room(errno))
		return 0;
	if (sent < 0) {
		sent = 1;
		(*refused)++;
	}
	for (int i = 0; i < sent; i++)
		done += b.iov[i].iov_len + 1;
	return done;
}

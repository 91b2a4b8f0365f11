/*
 * log.c - one line, one write.
 *
 * A line is formatted, escaped and written from the stack: no allocation and no buffering, so that
 * it can be used while memory is out and by a process about to abort. Everything outside printable
 * ASCII, and the backslash itself, leaves as \xHH: what a peer sent can neither forge a line nor
 * drive a terminal. The descriptor belongs to the master and is opened with O_APPEND, which makes
 * lines of several processes follow each other whole.
 *
 * Where somebody reads the lines as they come (a pipe, a socket, a terminal) he may stop, and must not stop
 * us with him: a line that cannot be written at once is lost, and the next one that can tells how many were.
 */
#include "conf/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/enc.h"
#include "conf/base/log_syslog.h"

#define LINE_MAX_BYTES 4096 /* newline included */

enum log_level log_level_now = LOG_INFO;

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};
static int log_fd = STDERR_FILENO;
static bool log_waits = true;	/* the descriptor may have a reader who stops */
static unsigned long log_lost;	/* lines since the last that was written */
static char log_role[24] = "proxyd";

static void
set_fd(int fd)
{
	struct stat st;

	log_fd = fd;
	log_waits = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}

void
log_open(int fd, const char *role)
{
	set_fd(fd);
	(void)snprintf(log_role, sizeof log_role, "%s", role);
}

void
log_reopen(int fd)
{
	set_fd(fd);
	log_syslog_of(fd);
}

void
log_set_level(enum log_level level)
{
	log_level_now = level;
}

enum log_level
log_get_level(void)
{
	return log_level_now;
}

const char *
log_level_text(enum log_level level)
{
	return (size_t)level < ARRAY_LEN(level_names) ? level_names[level] : "?";
}

int
log_level_parse(enum log_level *out, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(level_names[i], name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -E_UNKNOWN;
}

static size_t
put_head(char *line, size_t size, enum log_level level)
{
	uint64_t now = clock_wall_us();
	time_t sec = (time_t)(now / 1000000);
	char when[32];
	struct tm tm;
	int n;

	gmtime_r(&sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, size, "%s.%03uZ %s %s[%d]: ", when, (unsigned)(now / 1000 % 1000),
	    level_names[level], log_role, (int)getpid());
	return n < 0 ? 0 : (size_t)n;
}

/* Appends text escaped while it fits; never a part of an escape. Returns the new length. */
static size_t
put_escaped(char *line, size_t at, size_t size, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			if (size - at < 1)
				break;
			line[at++] = (char)c;
			continue;
		}
		if (size - at < 4)
			break;
		line[at++] = '\\';
		line[at++] = 'x';
		enc_hex(line + at, &c, 1);
		at += 2;
	}
	return at;
}

/*
 * The descriptor is shared with other programs, so that its mode is not ours to change. What poll promised another
 * process may take: RWF_NOWAIT holds it, where the kernel knows it for what this is.
 */
static bool
put_waiting(const char *line, size_t len)
{
	struct pollfd p = { .fd = log_fd, .events = POLLOUT };
	struct iovec v = { .iov_base = (void *)line, .iov_len = len };
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || (p.revents & (POLLOUT | POLLERR | POLLHUP)) == 0)
		return false;
	n = pwritev2(log_fd, &v, 1, -1, RWF_NOWAIT);
	if (n < 0 && errno != EAGAIN && errno != EPIPE)
		n = write(log_fd, line, len);
	return n >= 0;
}

static bool
put_line(const char *line, size_t len)
{
	ssize_t n;

	if (log_waits)
		return put_waiting(line, len);
	do
		n = write(log_fd, line, len);
	while (n < 0 && errno == EINTR);
	return true; /* a disk that is full is told of elsewhere */
}

/* false: still nobody reads. */
static bool
put_lost(void)
{
	char line[160];
	size_t at = put_head(line, sizeof line, LOG_WARN);
	int n = snprintf(line + at, sizeof line - at,
	    "%lu lines of this log were lost: its reader had stopped\n", log_lost);

	if (n < 0 || !put_line(line, at + (size_t)n))
		return false;
	log_lost = 0;
	return true;
}

static void write_line(enum log_level, int, const char *, va_list) PRINTF(3, 0);

static void
write_line(enum log_level level, int err, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	size_t at, head;

	at = head = put_head(line, sizeof line, level);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	at = put_escaped(line, at, sizeof line - 1, text);
	if (err != 0) {
		at = put_escaped(line, at, sizeof line - 1, ": ");
		at = put_escaped(line, at, sizeof line - 1, strerror(err));
	}
	if (log_syslog_on()) {
		log_syslog_send(log_fd, level, log_role, line + head, at - head);
		return;
	}
	line[at++] = '\n';
	if ((log_lost > 0 && !put_lost()) || !put_line(line, at))
		log_lost++;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!log_on(level))
		return;
	va_start(ap, fmt);
	write_line(level, 0, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_sys(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!log_on(level))
		return;
	va_start(ap, fmt);
	write_line(level, saved, fmt, ap);
	va_end(ap);
	errno = saved;
}

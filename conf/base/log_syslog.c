/*
 * log_syslog.c - lines of the event log as datagrams.
 *
 * Like log.c it formats on the stack and allocates nothing: it speaks for a process that is about to abort too.
 */
#include "conf/base/log_syslog.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conf/base/clock.h"

#define FACILITY	3	/* "daemon", RFC 5424 6.2.1 */
#define TAG		"proxyd"
#define MESSAGE_BYTES	4352	/* a line of log.c and what stands in front */

static struct addr peer;	/* len 0: the log is a file */
static unsigned lost;

void
log_syslog_to(const struct addr *to)
{
	peer.len = 0;
	if (to != NULL)
		peer = *to;
	tzset();	/* for children, which may open no file */
}

void
log_syslog_of(int fd)
{
	struct addr found = { .len = sizeof found.u };
	socklen_t n = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_DGRAM)
		peer = (struct addr){ 0 };
	else if (getpeername(fd, &found.u.sa, &found.len) == 0)
		peer = found;
}

bool
log_syslog_on(void)
{
	return peer.len != 0;
}

static unsigned
severity(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return 3;
	case LOG_WARN: return 4;
	case LOG_INFO: return 6;
	case LOG_DEBUG: return 7;
	}
	return 6;
}

/* RFC 3164 4.1.2 without a host; English months whatever the locale. */
static int
head_local(char *to, size_t size, unsigned priority, time_t at)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm tm = { 0 };

	(void)localtime_r(&at, &tm);
	return snprintf(to, size, "<%u>%s %2d %02d:%02d:%02d " TAG "[%d]: ", priority,
	    months[(unsigned)tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)getpid());
}

/* RFC 5424 6.2 */
static int
head_network(char *to, size_t size, unsigned priority, uint64_t wall_us)
{
	time_t at = (time_t)(wall_us / 1000000);
	struct tm tm = { 0 };
	char when[32], host[65] = "-";

	(void)gmtime_r(&at, &tm);
	(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		memcpy(host, "-", 2);
	return snprintf(to, size, "<%u>1 %s.%06uZ %s " TAG " %d event - ", priority, when,
	    (unsigned)(wall_us % 1000000), host, (int)getpid());
}

/* A local daemon that went, and came back: the socket is told of it anew. A refused UDP message was the one before. */
static bool
send_message(int fd, const char *p, size_t n)
{
	if (send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
		return false;
	if (peer.u.sa.sa_family == AF_UNIX && connect(fd, &peer.u.sa, peer.len) != 0)
		return false;
	return send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void
log_syslog_send(int fd, enum log_level level, const char *role, const char *text, size_t n)
{
	unsigned priority = FACILITY * 8 + severity(level);
	uint64_t now = clock_wall_us();
	char line[MESSAGE_BYTES];
	int head = peer.u.sa.sa_family == AF_UNIX ?
	    head_local(line, sizeof line, priority, (time_t)(now / 1000000)) :
	    head_network(line, sizeof line, priority, now);
	char gap[64] = "";
	int more;

	if (head < 0)
		return;
	if (lost > 0)
		(void)snprintf(gap, sizeof gap, "(%u lines before this one were lost) ", lost);
	more = snprintf(line + head, sizeof line - (size_t)head, "%s %s: %s%.*s",
	    log_level_text(level), role, gap, (int)n, text);
	if (more < 0)
		return;
	head += more;
	if ((size_t)head > sizeof line - 1)
		head = (int)sizeof line - 1;
	if (send_message(fd, line, (size_t)head))
		lost = 0;
	else
		lost++;
}

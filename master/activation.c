/*
 * activation.c - reads the environment once, and takes it away from whatever is started later.
 */
#include "master/activation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "master/listen.h"

#define FIRST_FD	3
#define FDS_MAX		1024

static uint64_t
number(const char *name, uint64_t max)
{
	const char *text = getenv(name);
	uint64_t n = 0;

	return text != NULL && span_to_u64(span_str(text), max, &n) == 0 ? n : 0;
}

/* The same family of addresses that "*" means in a configuration. */
static bool
is_dual(int fd, const struct addr *a)
{
	socklen_t len = sizeof(int);
	int only6 = 1;

	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr) &&
	    getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, &len) == 0 && only6 == 0;
}

static int
take(struct bounds *bs, int fd, struct span name)
{
	struct addr addr = { .len = sizeof addr.u };
	struct bound_plan plan = { .addr = &addr, .given = true };
	struct errdetail ed = { 0 };
	socklen_t len = sizeof(int);
	int type = 0, family = 0;
	char text[ADDR_TEXT];

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
	    getsockname(fd, &addr.u.sa, &addr.len) == 0)
		family = addr.u.sa.sa_family;
	plan.dual = is_dual(fd, &addr);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return err_set(NULL, -E_PROTO, "no stream socket");
	if (bounds_take(bs, &plan, &fd, 1, &ed) != 0) {
		log_write(LOG_WARN, "%s", ed.text);
		return -E_PROTO;
	}
	log_write(LOG_INFO, "socket for %s was handed in (descriptor %d, " SPAN_FMT ")",
	    addr_text(&addr, text), fd, SPAN_ARG(name));
	return 0;
}

int
activation_take(struct bounds *bs, struct errdetail *ed)
{
	uint64_t pid = number("LISTEN_PID", INT32_MAX), n = number("LISTEN_FDS", INT32_MAX);
	const char *text = getenv("LISTEN_FDNAMES");
	struct span names = span_str(text == NULL ? "" : text), name;

	if (pid != (uint64_t)getpid())
		n = 0;
	if (n > FDS_MAX)
		return err_set(ed, -E_RANGE, "LISTEN_FDS: more than %d sockets", FDS_MAX);
	for (int fd = FIRST_FD; fd < FIRST_FD + (int)n; fd++) {
		if (!span_split(&names, ':', &name))
			name = SPAN("unnamed");
		if (take(bs, fd, name) == 0)
			continue;
		log_write(LOG_WARN,
		    "descriptor %d (" SPAN_FMT ") was handed in and is no socket that listens: closed",
		    fd, SPAN_ARG(name));
		(void)close(fd);
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return 0;
}

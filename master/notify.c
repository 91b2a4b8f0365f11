/*
 * notify.c - the notification protocol by hand: it is a datagram, and a library for it would bring a bus along.
 *
 * The manager believes the main process only, so on upgrade the old master names the new one before that speaks.
 */
#include "master/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/master.h"

#define TEXT_MAX 512

/* A path, or a name in the abstract namespace behind "@"; false: neither. */
static bool
address(struct notify *n, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof n->to.sun_path)
		return false;
	n->to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(n->to.sun_path, name, len);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0';
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
	return true;
}

/* Half of what the manager waits; 0 when it does not, or waits for another process. */
static int64_t
watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us = 0, who = 0;

	if (usec == NULL || span_to_u64(span_str(usec), INT64_MAX, &us) != 0 || us == 0)
		return 0;
	if (pid != NULL &&
	    (span_to_u64(span_str(pid), INT32_MAX, &who) != 0 || (pid_t)who != getpid()))
		return 0;
	return us < 2000 ? 1 : (int64_t)(us / 2000);
}

void
notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*n = (struct notify){ .fd = -1 };
	if (name == NULL || name[0] == '\0')
		return;
	if (!address(n, name)) {
		log_write(LOG_WARN, "NOTIFY_SOCKET=%s is no address: nobody is notified", name);
		return;
	}
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	n->every_ms = watchdog_ms();
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

static void PRINTF(2, 3)
tell(struct notify *n, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int len;

	if (n->fd < 0 || n->held)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < sizeof text)
		(void)sendto(n->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&n->to, n->len);
}

void
notify_serving(struct master *m)
{
	struct notify *n = &m->notify;
	const char *last = m->cycle.last;

	n->reloading = false;
	if (m->current != NULL && m->stop.mode == STOP_NONE)
		tell(n, "READY=1\nSTATUS=generation %u serves with %u workers%s%.*s",
		    m->current->number, m->current->nworkers,
		    last[0] == '\0' ? "" : "; last reload: ", (int)strcspn(last, "\n"), last);
}

void
notify_reloading(struct notify *n)
{
	if (n->reloading)
		return;
	n->reloading = true;
	tell(n, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading", clock_mono_us());
}

void
notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1\nSTATUS=stopping");
}

void
notify_upgraded(struct notify *n, pid_t heir)
{
	tell(n, "MAINPID=%d", heir);
	n->held = true;
}

void
notify_tick(struct notify *n, int64_t now)
{
	if (n->every_ms == 0 || now - n->beat_ms < n->every_ms)
		return;
	n->beat_ms = now;
	tell(n, "WATCHDOG=1");
}

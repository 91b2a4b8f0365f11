/*
 * upgrade.c - the machine of an upgrade on the old master's side; the new process itself is upgrade_exec.c.
 *
 * finish is the only way back to NONE and the only place that pronounces a verdict.
 */
#include "master/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "conf/base/wire.h"
#include "master/handover.h"
#include "master/master.h"
#include "master/seat.h"
#include "master/upgrade_exec.h"

#define SAID_MAX	2048	/* bytes of its standard error that a verdict quotes */
#define FAILED_MS	5000	/* from HAND_FAILED to its end */
#define LAST_WORDS	4	/* messages that may still wait when it is gone */

/* ---------------------------------------------------------------- the end */

static void
unwatch(struct master *m, struct loop_source *s)
{
	int fd = s->fd;

	loop_remove(&m->loop, s);
	if (fd >= 0)
		(void)close(fd);
}

static void
forget_process(struct master *m)
{
	struct upgrade *u = &m->upgrade;

	timer_stop(&u->timer);
	unwatch(m, &u->err);
	str_fini(&u->said);
	str_fini(&u->why);
	u->said = u->why = (struct str)STR_INIT;
}

static void
pronounce(struct master *m, const struct upgrade_verdict *v)
{
	struct upgrade *u = &m->upgrade;
	upgrade_verdict_f *done = u->done;

	u->done = NULL;
	if (done != NULL)
		done(u->owner, v);
}

/* The logger that made room writes again: what waits in the journal is still there. */
static void
logger_back(struct master *m)
{
	struct errdetail ed = { 0 };

	if (m->stop.mode != STOP_NONE || m->logger.wanted || m->logger.child != NULL)
		return;
	if (seat_fill(&m->logger, &ed) != 0)
		cycle_logger_left(m);
}

static void
log_lines(enum log_level level, const char *text)
{
	struct span rest = span_str(text), line;

	while (span_split(&rest, '\n', &line))
		if (line.n > 0)
			log_write(level, "upgrade: " SPAN_FMT, SPAN_ARG(line));
}

static void
failed(struct master *m, const char *why)
{
	struct upgrade *u = &m->upgrade;
	struct str text = STR_INIT;
	struct upgrade_verdict v = { .version = u->version };

	str_adds(&text, why);
	if (u->why.len > 0)
		str_printf(&text, "\n%s", str_span(&u->why).p);
	if (u->said.len > 0)
		str_printf(&text, "\n%s", str_span(&u->said).p);
	log_lines(LOG_ERROR, str_span(&text).p);
	log_write(LOG_ERROR, "upgrade: failed; process %d keeps serving", m->pid);
	v.error = str_span(&text).p;
	u->state = UPGRADE_NONE;
	unwatch(m, &u->link);
	forget_process(m);
	logger_back(m);
	pronounce(m, &v);
	str_fini(&text);
}

/* ----------------------------------------------------- what the new one says */

static void
say(struct master *m, enum handover_word word)
{
	char buf[64];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, (uint16_t)word);
	if (wire_send(m->upgrade.link.fd, &w, -1) != 0)
		log_write(LOG_ERROR, "upgrade: process %d cannot be told anything", m->upgrade.pid);
}

static void
kill_it(struct master *m)
{
	if (m->upgrade.pid > 0)
		(void)kill(m->upgrade.pid, SIGKILL);
}

static void
go(struct master *m)
{
	m->upgrade.gone = true;
	say(m, HAND_GO);
}

/* A journal has one reader: ours leaves first. With a journal of its own the new one does not meet it. */
static void
on_ready(struct master *m, struct wire *w)
{
	struct upgrade *u = &m->upgrade;
	uint32_t took = wire_get_u32(w);
	struct span version = wire_get_span(w);

	if (wire_done(w) != 0 || u->state != UPGRADE_STARTING || u->pid == 0) {
		kill_it(m);
		return;
	}
	u->took = took;
	snprintf(u->version, sizeof u->version, SPAN_FMT, SPAN_ARG(version));
	u->state = UPGRADE_HANDING;
	log_write(LOG_INFO, "upgrade: process %d (proxyd %s) is ready", u->pid, u->version);
	if ((took & HAND_TOOK_JOURNAL) != 0)
		seat_stop(&m->logger);
	if ((took & HAND_TOOK_JOURNAL) == 0 || m->logger.child == NULL)
		go(m);
}

bool
upgrade_logger_left(struct master *m)
{
	if (m->upgrade.state != UPGRADE_HANDING)
		return m->upgrade.state == UPGRADE_LEFT;
	if (!m->upgrade.gone)
		go(m);
	return true;
}

static void
on_failed(struct master *m, struct wire *w)
{
	struct upgrade *u = &m->upgrade;
	struct span why = wire_get_span(w);

	if (wire_done(w) != 0 || u->why.len > 0)
		return;
	str_add(&u->why, why);
	(void)timer_set(&m->loop.timers, &u->timer, (int64_t)clock_mono_ms() + FAILED_MS);
}

/* From here on this master only drains. */
static void
on_serving(struct master *m, struct wire *w)
{
	struct upgrade *u = &m->upgrade;
	struct upgrade_verdict v = { .ok = true, .pid = u->pid, .version = u->version };

	v.generation = wire_get_u32(w);
	if (wire_done(w) != 0 || u->state != UPGRADE_HANDING || !u->gone || u->pid == 0) {
		kill_it(m);
		return;
	}
	u->state = UPGRADE_LEFT;
	notify_upgraded(&m->notify, u->pid);
	say(m, HAND_YOURS);
	log_write(LOG_INFO,
	    "upgrade: process %d (proxyd %s) serves: leaving when the last request is done", u->pid,
	    u->version);
	log_lines(LOG_INFO, str_span(&u->said).p);
	admin_leave(m, (u->took & HAND_TOOK_ADMIN) != 0);
	pronounce(m, &v);
	forget_process(m);
	keeper_yield(m, (u->took & HAND_TOOK_CACHE) != 0);
	stop_begin(m, STOP_GRACEFUL);
	bounds_leave(&m->bounds);
}

static void
on_stop(struct master *m, struct wire *w)
{
	uint32_t mode = wire_get_u32(w);

	if (wire_done(w) == 0 && m->upgrade.state == UPGRADE_LEFT && mode > STOP_NONE &&
	    mode <= STOP_FAST)
		stop_begin(m, (enum stop_mode)mode);
}

static void
on_word(struct master *m, struct wire *w, uint16_t type)
{
	switch (type) {
	case HAND_READY: on_ready(m, w); break;
	case HAND_FAILED: on_failed(m, w); break;
	case HAND_SERVING: on_serving(m, w); break;
	case HAND_STOP: on_stop(m, w); break;
	default: handover_noise(type);
	}
}

/* Whoever closes the link early is dead or about to be: SIGCHLD brings the verdict. */
static void
on_link(struct loop_source *s, uint32_t events)
{
	struct master *m = LIST_ENTRY(s, struct master, upgrade.link);
	char buf[WIRE_MAX];
	uint16_t type;
	struct wire w;
	int rc = handover_hear(s->fd, buf, &w, &type);

	(void)events;
	if (rc == 0) {
		on_word(m, &w, type);
		return;
	}
	if (rc != -E_CLOSED)
		return;
	unwatch(m, s);
	if (m->upgrade.state != UPGRADE_LEFT)
		(void)timer_set(&m->loop.timers, &m->upgrade.timer,
		    (int64_t)clock_mono_ms() + FAILED_MS);
}

/* ------------------------------------------------------ what it writes, how it ends */

static void
read_said(struct upgrade *u)
{
	char buf[1024];
	ssize_t n;

	while ((n = read(u->err.fd, buf, sizeof buf)) > 0) {
		str_add(&u->said, span_make(buf, (size_t)n));
		if (u->said.len <= SAID_MAX)
			continue;
		memmove(u->said.data, u->said.data + u->said.len - SAID_MAX, SAID_MAX + 1);
		u->said.len = SAID_MAX;
	}
}

static void
on_err(struct loop_source *s, uint32_t events)
{
	struct master *m = LIST_ENTRY(s, struct master, upgrade.err);

	read_said(&m->upgrade);
	if ((events & EPOLLHUP) != 0)
		unwatch(m, s);
}

static void
on_timer(struct timer *t)
{
	struct master *m = LIST_ENTRY(t, struct master, upgrade.timer);
	struct upgrade *u = &m->upgrade;

	if (!upgrade_under_way(m))
		return;
	u->late = u->why.len == 0;
	kill_it(m);
}

static void
describe_end(const struct master *m, char *text, size_t size, int status)
{
	if (m->upgrade.late)
		snprintf(text, size,
		    "the new proxyd was not ready within %lld ms (process.upgrade_timeout)",
		    (long long)m->current->conf->process.upgrade_timeout_ms);
	else if (WIFSIGNALED(status))
		snprintf(text, size, "the new proxyd was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "the new proxyd ended with status %d before it served",
		    WEXITSTATUS(status));
}

bool
upgrade_reaped(struct master *m, pid_t pid, int status)
{
	struct upgrade *u = &m->upgrade;
	char text[128];

	if (u->pid == 0 || pid != u->pid)
		return false;
	if (WIFSTOPPED(status) || WIFCONTINUED(status))
		return true;
	u->pid = 0;
	if (u->state == UPGRADE_LEFT)
		log_write(LOG_WARN, "upgrade: the process that took over is gone");
	if (!upgrade_under_way(m))
		return true;
	for (unsigned i = 0; i < LAST_WORDS && u->link.fd >= 0; i++)
		on_link(&u->link, 0);
	if (u->err.fd >= 0)
		read_said(u);
	describe_end(m, text, sizeof text, status);
	failed(m, text);
	return true;
}

void
upgrade_abort(struct master *m, const char *why)
{
	if (!upgrade_under_way(m))
		return;
	kill_it(m);
	failed(m, why);
}

/* ----------------------------------------------------------------- asking */

bool
upgrade_under_way(const struct master *m)
{
	return m->upgrade.state == UPGRADE_STARTING || m->upgrade.state == UPGRADE_HANDING;
}

bool
upgrade_left(const struct master *m)
{
	return m->upgrade.state == UPGRADE_LEFT;
}

/* NULL, or why not now. */
static const char *
obstacle(const struct master *m, const char *binary)
{
	if (m->stop.mode != STOP_NONE)
		return "stopping";
	if (m->current == NULL || m->heir.held)
		return "still starting";
	if (m->upgrade.pid != 0 || (heir_started(&m->heir) && !m->heir.yours))
		return "an upgrade is in progress: wait for its verdict";
	if (m->cycle.state != CYCLE_IDLE || m->cycle.has_pending)
		return "a reload is in progress: ask again when it is over";
	if (m->confirm.number != 0)
		return "the configuration is not confirmed: 'proxyctl confirm' or "
		       "'proxyctl config rollback' first";
	if (m->pid == 1)
		return "this is process 1, whose end ends its container: start a new one instead";
	if (binary[0] != '/')
		return "the binary must be given by its whole path";
	if (access(binary, X_OK) != 0)
		return errno == ENOENT ? "there is no such program" :
					 "the program may not be executed";
	if (segments_free_lanes(&m->segments) < m->current->nworkers + 3)
		return "too many processes of older masters still drain: ask again later";
	return NULL;
}

static void
refuse(upgrade_verdict_f *done, void *owner, const char *binary, const char *why)
{
	struct upgrade_verdict v = { .version = "" };
	char text[512];

	snprintf(text, sizeof text, "upgrade to %.300s: %s", binary, why);
	log_write(LOG_WARN, "%s", text);
	v.error = text;
	if (done != NULL)
		done(owner, &v);
}

void
upgrade_begin(struct master *m, const char *binary, upgrade_verdict_f *done, void *owner)
{
	struct upgrade *u = &m->upgrade;
	struct errdetail ed = { 0 };
	const char *why;

	if (binary == NULL)
		binary = u->binary;
	why = obstacle(m, binary);
	if (why != NULL) {
		refuse(done, owner, binary, why);
		return;
	}
	u->done = done;
	u->owner = owner;
	u->took = 0;
	u->gone = u->late = false;
	u->version[0] = '\0';
	u->link = (struct loop_source){ .fd = -1, .ready = on_link };
	u->err = (struct loop_source){ .fd = -1, .ready = on_err };
	log_write(LOG_INFO, "upgrade: starting %s", binary);
	u->state = UPGRADE_STARTING;
	if (upgrade_exec(m, binary, &ed) != 0 ||
	    !timer_set(&m->loop.timers, &u->timer,
		(int64_t)clock_mono_ms() + m->current->conf->process.upgrade_timeout_ms)) {
		kill_it(m);
		failed(m, ed.text);
	}
}

void
upgrade_forget(struct master *m, const void *owner)
{
	if (m->upgrade.owner == owner)
		m->upgrade.done = NULL;
}

/* ---------------------------------------------------------------- its life */

void
upgrade_init(struct master *m, const char *argv0)
{
	struct upgrade *u = &m->upgrade;

	*u = (struct upgrade){ .link.fd = -1, .err.fd = -1 };
	timer_init(&u->timer, on_timer);
	upgrade_find(u->binary, argv0);
}

void
upgrade_fini(struct master *m)
{
	unwatch(m, &m->upgrade.link);
	forget_process(m);
	timer_fini(&m->loop.timers, &m->upgrade.timer);
}

/*
 * logger.c - the logger role: drains every lane's journal into the access log.
 *
 *   rings -> pending (whole lines, except that its first one may be half written) -> descriptor
 *
 * It sleeps on the link to the master and looks at the rings when it wakes: workers are never asked to wake it.
 * A file is written in large pieces; what a full disk does not take is dropped and counted. Anything else
 * (stdout, a pipe) may stall: then pending stays, the rings fill, and the workers drop and count. What syslog does
 * not take by the time pending is full is dropped and counted here, so that the rings stay readable. The link is
 * served all the while. Lines keep to one descriptor whole, also when the log is rotated in the middle of one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "conf/base/wire.h"
#include "master/role_link.h"
#include "master/syslog.h"
#include "worker/shared/env.h"
#include "worker/shared/logline.h"
#include "worker/shared/logvalue.h"

#define PENDING_MAX (256u * 1024) /* written when this much is there, or at the end of a turn */
#define PIPE_PIECE 4096           /* a pipe that polls writable takes this without blocking */
#define TURN_RECORDS 8192         /* per lane, before the link is looked at again */
#define TICK_FULL_MS 5            /* pause after a turn that found a ring a quarter full */
#define TICK_BUSY_MS 20
#define TICK_IDLE_MS 40   /* a ring holds what a worker logs in this time at 25 MB/s */
#define STOP_MS 3000      /* patience with a stalled descriptor at the end */
#define ORPHAN_MS 30000   /* and with workers that outlive the master */
#define COUNT_MS 1000     /* between two looks at the drops */
#define COMPLAIN_MS 10000 /* between two lines about drops in the event log */

struct logger {
	struct env *env;
	enum logline_format format;
	struct expr *when; /* NULL: every record is written */
	struct syslog syslog;
	int fd;       /* -1: off, records are read and forgotten */
	int event_fd; /* the event log after a rotation; -1: the inherited one */
	bool is_file;
	bool torn; /* the last byte written was not a line's end */
	bool cut;  /* and the rest of that line was dropped */
	bool stopping, orphan;
	struct str pending;
	size_t written; /* of pending */
	uint64_t dropped, complained, complain_at_ms;
	int why; /* errno of the last write that failed; 0: none since it was told */
};

static uint64_t
beat(struct logger *g)
{
	uint64_t now = clock_mono_ms();

	atomic_store_explicit(&g->env->my->beat_ms, now, memory_order_relaxed);
	return now;
}

/* ------------------------------------------------------------------------------- the descriptor */

static void
output_set(struct logger *g, int fd)
{
	struct stat st;

	g->fd = fd;
	g->is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	g->torn = g->cut = false;
}

static size_t
pending_left(const struct logger *g)
{
	return g->pending.len - g->written;
}

static void
pending_clear(struct logger *g)
{
	str_clear(&g->pending);
	g->written = 0;
}

/* What is written gives its room back, or a reader that is always a little behind would make pending grow. */
static void
pending_compact(struct logger *g)
{
	size_t left = pending_left(g);

	if (left == 0) {
		pending_clear(g);
	} else if (g->written > PENDING_MAX) {
		memmove(g->pending.data, g->pending.data + g->written, left + 1);
		g->pending.len = left;
		g->written = 0;
	}
}

static uint64_t
lines_in(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		lines++;
	}
	return lines;
}

static void
pending_drop(struct logger *g)
{
	uint64_t lines = lines_in(g->pending.data + g->written, pending_left(g));

	g->dropped += lines;
	g->env->my->counter[C_JOURNAL_DROPPED] += lines;
	g->cut = g->torn;
	pending_clear(g);
}

static bool
output_ready(const struct logger *g)
{
	struct pollfd p = { .fd = g->fd, .events = POLLOUT };

	return g->is_file || (poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR)) != 0);
}

/* After a line was cut by an error the next one begins on a line of its own. */
static bool
tear_mend(struct logger *g)
{
	if (g->cut && write(g->fd, "\n", 1) == 1)
		g->torn = g->cut = false;
	return !g->cut;
}

static bool
syslog_step(struct logger *g)
{
	uint64_t refused = 0;
	size_t done =
	    syslog_send(&g->syslog, g->fd, g->pending.data + g->written, pending_left(g), &refused);

	g->written += done;
	g->dropped += refused;
	g->env->my->counter[C_JOURNAL_DROPPED] += refused;
	return done > 0;
}

/* One write; false when there is nothing more to do now. */
static bool
output_step(struct logger *g)
{
	size_t n = pending_left(g);
	const char *p = g->pending.data + g->written;
	ssize_t done;

	if (n == 0)
		return false;
	if (g->syslog.on)
		return syslog_step(g);
	if (!output_ready(g))
		return false;
	if (!g->is_file && n > PIPE_PIECE)
		n = PIPE_PIECE;
	done = tear_mend(g) ? write(g->fd, p, n) : -1;
	if (done < 0) {
		if (errno == EINTR)
			return true;
		if (errno == EAGAIN)
			return false;
		g->why = errno;
		pending_drop(g);
		return false;
	}
	g->written += (size_t)done;
	if (done > 0)
		g->torn = p[done - 1] != '\n';
	return true;
}

/* Writes what the descriptor takes now. */
static void
output_flush(struct logger *g)
{
	if (g->fd < 0)
		return;
	while (output_step(g))
		beat(g);
	if (g->syslog.on && pending_left(g) >= PENDING_MAX)
		pending_drop(g);
	pending_compact(g);
}

/* ------------------------------------------------------------------------------------- draining */

static void
record_write(struct logger *g, const struct journal_view *v)
{
	uint64_t took = v->rec.t.total == UINT32_MAX ? 0 : v->rec.t.total;

	if (g->fd < 0 || (g->when != NULL && !expr_true(g->when, logvalue_get, v)))
		return;
	if (g->syslog.on)
		syslog_head(&g->syslog, &g->pending, v->rec.wall_us + took, v->rec.pid);
	logline_write(&g->pending, g->format, v);
}

/* Bytes waiting in the ring when it was looked at. */
static uint64_t
ring_drain(struct logger *g, struct journal_ring *r)
{
	uint64_t waiting = atomic_load(&r->head) - atomic_load(&r->tail);
	char buf[JOURNAL_RECORD] UNFILLED;
	struct journal_view v;

	for (unsigned i = 0; i < TURN_RECORDS && pending_left(g) < PENDING_MAX; i++) {
		if (!journal_next(r, buf, &v))
			break;
		record_write(g, &v);
		if (pending_left(g) >= PENDING_MAX)
			output_flush(g);
	}
	return waiting;
}

/* One turn over all lanes; the most that waited in one ring. */
static uint64_t
drain(struct logger *g)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < g->env->journal->lanes; i++) {
		uint64_t waiting = ring_drain(g, &g->env->journal->ring[i]);

		most = waiting > most ? waiting : most;
		beat(g);
	}
	output_flush(g);
	return most;
}

/* What the workers had to drop, and what the descriptor did not take. */
static uint64_t
drops(const struct logger *g)
{
	uint64_t n = g->dropped;

	for (unsigned i = 0; i < g->env->journal->lanes; i++)
		n += atomic_load_explicit(&g->env->journal->ring[i].dropped, memory_order_relaxed);
	return n;
}

static void
complain(struct logger *g, uint64_t now)
{
	uint64_t seen;

	if (now < g->complain_at_ms)
		return;
	seen = drops(g);
	g->complain_at_ms = now + (seen != g->complained ? COMPLAIN_MS : COUNT_MS);
	if (seen != g->complained)
		log_write(LOG_WARN, "access log: %llu records dropped: %s",
		    (unsigned long long)(seen - g->complained),
		    g->why != 0 ? strerror(g->why) : "the log takes them too slowly or not at all");
	g->complained = seen;
	g->why = 0;
}

/* -------------------------------------------------------------------------------------- the link */

/* A half-written line stays behind in the old log; what was not begun goes to the new one. */
static void
access_log_swap(struct logger *g, int fd)
{
	if (syslog_is_socket(fd) != g->syslog.on) {
		(void)close(fd); /* for the logger that comes: this one ends soon */
		return;
	}
	output_flush(g);
	if (g->torn && pending_left(g) > 0) {
		const char *p = g->pending.data + g->written,
			   *end = memchr(p, '\n', pending_left(g));

		g->written += end == NULL ? pending_left(g) : (size_t)(end - p) + 1;
		g->dropped++;
		g->env->my->counter[C_JOURNAL_DROPPED]++;
	}
	if (g->fd > STDERR_FILENO)
		(void)close(g->fd);
	output_set(g, fd);
}

static void
event_log_swap(struct logger *g, int fd)
{
	log_reopen(fd);
	if (g->event_fd >= 0)
		(void)close(g->event_fd);
	g->event_fd = fd;
}

/* Without fields it is the access log; u32 1 is the event log. */
static void
on_reopen(struct logger *g, struct wire *w, int *fd)
{
	uint32_t which = w->at < w->size ? wire_get_u32(w) : 0;

	if (wire_done(w) != 0 || which > 1 || *fd < 0) {
		log_write(LOG_WARN, "a reopen message made no sense");
		return;
	}
	if (which == 1)
		event_log_swap(g, *fd);
	else
		access_log_swap(g, *fd);
	*fd = -1;
}

static void
on_message(void *owner, uint16_t type, struct wire *w, int *fd)
{
	struct logger *g = owner;

	if (type == LINK_REOPEN)
		on_reopen(g, w, fd);
	else if (type == LINK_STOP)
		g->stopping = true;
}

static void
link_wait(struct logger *g, int timeout_ms)
{
	struct pollfd p = { .fd = g->env->link, .events = POLLIN };
	int n;

	atomic_store(&g->env->my->asleep, 1);
	n = poll(&p, 1, timeout_ms);
	atomic_store(&g->env->my->asleep, 0);
	beat(g);
	if (n > 0 && !role_hear(g->env, on_message, g))
		g->orphan = true;
}

/* ----------------------------------------------------------------------------------------- the end */

/* Workers without a master finish their requests; what they log in that time is wanted too. */
static bool
workers_alive(const struct logger *g)
{
	for (unsigned i = 1; i < g->env->stats->lanes; i++) {
		const struct stats_lane *l = &g->env->stats->lane[i];
		uint32_t pid = atomic_load(&l->pid);

		if (atomic_load(&l->role) == ROLE_WORKER && atomic_load(&l->state) != LANE_FREE &&
		    pid > 1 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM))
			return true;
	}
	return false;
}

/* Until rings and pending are empty, or the descriptor has stalled too long. */
static void
finish(struct logger *g)
{
	uint64_t deadline = clock_mono_ms() + STOP_MS;
	struct pollfd none = { .fd = -1 };

	while ((drain(g) > 0 || (g->fd >= 0 && pending_left(g) > 0)) && clock_mono_ms() < deadline)
		if (pending_left(g) > 0)
			(void)poll(&none, 1, TICK_FULL_MS);
	if (pending_left(g) > 0)
		pending_drop(g);
	g->complain_at_ms = 0;
	complain(g, clock_mono_ms());
}

static void
run(struct logger *g)
{
	uint64_t orphan_until = 0;

	while (!g->stopping) {
		uint64_t most = drain(g), now = beat(g);

		complain(g, now);
		if (g->orphan) {
			orphan_until = orphan_until == 0 ? now + ORPHAN_MS : orphan_until;
			if (now > orphan_until || !workers_alive(g))
				break;
			(void)poll(NULL, 0, TICK_BUSY_MS);
			continue;
		}
		link_wait(g,
		    most > JOURNAL_RING / 4 ? TICK_FULL_MS :
			most > 0            ? TICK_BUSY_MS :
					      TICK_IDLE_MS);
	}
	finish(g);
}

int
logger_main(struct env *env)
{
	const struct conf_access_log *log = &env->conf->telemetry.access_log;
	struct logger g = { .env = env, .event_fd = -1 };

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a size limit is a full disk */
	if (log->format == NULL || logline_format_parse(&g.format, log->format) != 0)
		g.format = LOGLINE_COMBINED;
	if (log->when != NULL)
		g.when = expr_parse(span_str(log->when), &logfields, NULL);
	syslog_init(&g.syslog, log);
	output_set(&g, env->access_log);
	g.complained = drops(&g);
	beat(&g);
	if (!role_say(env, LINK_READY))
		return 1;
	run(&g);
	str_fini(&g.pending);
	expr_free(&g.when);
	return 0;
}

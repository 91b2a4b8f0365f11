/*
 * supervise.c - the life of children as the master sees it.
 *
 *   seat_fill -> STARTING --LINK_READY--> READY --seat_drain--> DRAINING --+
 *                   |                       |                              +--> gone: lane folded, seat
 *                   +-- dies, FAILED        +-- dies: seat filled again ---+    filled again when wanted
 *
 * Everything a child sends is judged here: sizes by the wire reader, types by the switch, and a child that
 * talks nonsense is heard only so many times per wake-up and quoted only so many times in all.
 */
#include "master/supervise.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "conf/base/wire.h"
#include "master/child.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/seat.h"

#define MESSAGES_PER_TURN	16
#define NOISE_LOGGED		10

/* ------------------------------------------------------------ messages */

static void
link_close(struct child *c)
{
	int fd = c->link.fd;

	if (fd < 0)
		return;
	loop_remove(&c->master->loop, &c->link);
	close(fd);
}

static void
on_ready(struct child *c)
{
	char who[64];

	if (c->state != CHILD_STARTING)
		return;
	c->state = CHILD_READY;
	c->ready_ms = (int64_t)clock_mono_ms();
	atomic_store(&child_lane(c)->state, LANE_READY);
	log_write(LOG_INFO, "%s: ready after %lld ms", child_text(c, who),
	    (long long)(c->ready_ms - c->started_ms));
	if (c->seat->gen == NULL)
		return; /* a logger that outlives the last generation */
	seat_balance(c->seat->gen);
	cycle_ready(c->master, c->seat->gen);
}

static void
on_failed(struct child *c, struct wire *w)
{
	struct span why = wire_get_span(w);
	char who[64];

	if (wire_done(w) != 0)
		why = SPAN("(no reason given)");
	log_write(LOG_ERROR, "%s: cannot start: " SPAN_FMT, child_text(c, who), SPAN_ARG(why));
	cycle_failed(c->master, c->seat->gen, role_name(c->seat->role), why);
}

static void
on_noise(struct child *c, const char *what, unsigned type)
{
	char who[64];

	if (c->noise++ < NOISE_LOGGED)
		log_write(LOG_WARN, "%s: %s (type %u), ignored", child_text(c, who), what, type);
}

/* fd: what came with the message, or -1; the caller closes it. */
static void
on_message(struct child *c, char *buf, size_t len, int fd)
{
	struct wire w;
	uint16_t type = 0;
	char who[64];

	if (wire_read_init(&w, buf, len, &type) != 0) {
		on_noise(c, "message too short", 0);
		return;
	}
	if (type == LINK_READY)
		on_ready(c);
	else if (type == LINK_FAILED)
		on_failed(c, &w);
	else if (type == LINK_DRAINED)
		log_write(LOG_DEBUG, "%s: drained", child_text(c, who));
	else if (type == LINK_LIST_WANT)
		list_store_want(c, &w);
	else if (type == LINK_LIST_DONE)
		list_store_done(c, &w, fd);
	else if (type == LINK_LIST_TAKEN)
		list_store_taken(c, &w);
	else if (type == LINK_PURGED)
		purge_wait_look(c->master);
	else if (type == LINK_TELL)
		ask_told(c, &w, fd);
	else
		on_noise(c, "message that only the master may send, or unknown", type);
}

void
supervise_link(struct loop_source *s, uint32_t events)
{
	struct child *c = LIST_ENTRY(s, struct child, link);
	char buf[WIRE_MAX];
	size_t len;
	int fd, rc;

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && c->link.fd >= 0; i++) {
		fd = -1;
		rc = wire_recv(c->link.fd, buf, sizeof buf, &len, &fd);
		if (rc == -E_AGAIN)
			return;
		if (rc == 0)
			on_message(c, buf, len, fd);
		else if (rc == -E_CLOSED || rc == -E_SYS)
			link_close(c); /* SIGCHLD follows, or the heartbeat finds it */
		else
			on_noise(c, err_text(rc), 0);
		if (fd >= 0)
			close(fd);
	}
}

/* ------------------------------------------------------------ draining */

void
supervise_drain(struct generation *g)
{
	if (g->draining)
		return;
	g->draining = true;
	g->drain_since_ms = (int64_t)clock_mono_ms();
	for (unsigned i = 0; i < g->nworkers; i++)
		seat_drain(&g->seats[i]);
	supervise_check(g);
}

/* -------------------------------------------------------------- deaths */

static void
free_child(struct loop_garbage *garbage)
{
	free(LIST_ENTRY(garbage, struct child, garbage));
}

static void
log_death(const struct child *c, int status)
{
	bool expected = c->state == CHILD_DRAINING || c->state == CHILD_STOPPING;
	enum log_level level = expected ? LOG_INFO : LOG_ERROR;
	char who[64];

	child_text(c, who);
	if (WIFSIGNALED(status))
		log_write(LOG_ERROR, "%s: killed by signal %d (%s)%s", who, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), c->aborted_ms != 0 ? ", it did not respond" : "");
	else if (WEXITSTATUS(status) != 0)
		log_write(LOG_ERROR, "%s: ended with status %d", who, WEXITSTATUS(status));
	else
		log_write(level, "%s: left", who);
	segments_report(&c->master->segments, c->lane, who);
}

static void
seat_emptied(struct seat *s, const struct child *c, int status)
{
	struct death d = {
		.now_ms = (int64_t)clock_mono_ms(),
		.ready_ms = c->ready_ms,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};

	s->deaths++;
	seat_refill(s, backoff_died(&s->backoff, &d));
}

/* The last worker of an older generation is gone: nobody needs its agent. */
void
supervise_check(struct generation *g)
{
	struct master *m = g->seats[0].master;
	struct seat *agent = &g->seats[g->nworkers];

	if (!g->draining || generation_alive(g) > 0)
		return;
	seat_stop(agent);
	if (agent->child != NULL)
		return;
	log_write(LOG_INFO, "generation %u: gone", g->number);
	generation_free(m, &g);
	cycle_freed(m);
}

/* The requests of a worker that is gone are in flight no more, whichever generation counted them. */
static void
load_fold(struct master *m, const struct child *c)
{
	if (c->seat->role != ROLE_WORKER)
		return;
	LIST_EACH(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);

		endpoint_fold(g->endpoints.data, c->lane);
		g->unsettled = true;
	}
}

static void
on_death(struct master *m, struct child *c, int status)
{
	struct seat *s = c->seat;
	struct generation *g = s->gen;
	bool starting = c->ready_ms == 0;

	supervise_link(&c->link, 0); /* last words: LINK_FAILED may have come with the death */
	log_death(c, status);
	load_fold(m, c);
	segments_give(&m->segments, c->lane);
	keeper_child_died(m, c, status);
	ask_left(c);
	link_close(c);
	list_remove(&m->children, &c->node);
	s->child = NULL;
	list_store_left(c);
	if (s->wanted && starting && s->role != ROLE_KEEPER && cycle_starting(m, g))
		cycle_failed(m, g, role_name(s->role), SPAN("it died before it was ready"));
	else if (s->wanted)
		seat_emptied(s, c, status);
	loop_defer_free(&m->loop, &c->garbage, free_child);
	if (s->role == ROLE_WORKER || s->role == ROLE_AGENT) {
		seat_balance(g);
		supervise_check(g);
	} else if (!s->wanted) {
		if (s->role == ROLE_LOGGER)
			cycle_logger_left(m);
		else
			keeper_follow(m);
	}
	stop_step(m);
}

static struct child *
child_find(struct master *m, pid_t pid)
{
	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		if (c->pid == pid)
			return c;
	}
	return NULL;
}

static void
on_child(struct master *m, pid_t pid, int status)
{
	struct child *c = child_find(m, pid);

	if (c == NULL) {
		if (!upgrade_reaped(m, pid, status) && !WIFSTOPPED(status) && !WIFCONTINUED(status))
			cycle_judged(m, pid, status);
		return;
	}
	if (WIFSTOPPED(status))
		c->stopped_ms = (int64_t)clock_mono_ms();
	else if (WIFCONTINUED(status))
		c->stopped_ms = 0;
	else {
		on_death(m, c, status);
		return;
	}
	if (c->seat->role == ROLE_WORKER)
		seat_balance(c->seat->gen);
}

void
supervise_reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
		on_child(m, pid, status);
}

/* ---------------------------------------------------------------- time */

static void
child_watch(struct child *c, int64_t now)
{
	const struct stats_lane *lane = child_lane(c);
	struct watch w = {
		.now_ms = now,
		.started_ms = c->started_ms,
		.ready_ms = c->ready_ms,
		.beat_ms = (int64_t)atomic_load(&lane->beat_ms),
		.disk = c->seat->role == ROLE_KEEPER,
		.asleep = atomic_load(&lane->asleep) != 0,
		.stopped_ms = c->stopped_ms,
		.aborted_ms = c->aborted_ms,
	};
	enum watch_verdict verdict = watch_judge(&w);
	char who[64];

	if (c->deadline_ms != 0 && now >= c->deadline_ms)
		verdict = WATCH_KILL;
	if (verdict == WATCH_FINE)
		return;
	log_write(LOG_ERROR, "%s: %s: sending %s", child_text(c, who),
	    c->state == CHILD_STOPPING ? "does not stop" :
		c->ready_ms == 0       ? "does not become ready" :
					 "does not respond",
	    verdict == WATCH_ABORT ? "SIGABRT" : "SIGKILL");
	if (c->aborted_ms == 0)
		c->aborted_ms = now;
	(void)kill(c->pid, verdict == WATCH_ABORT ? SIGABRT : SIGKILL);
}

void
supervise_tick(struct master *m)
{
	int64_t now = (int64_t)clock_mono_ms();

	LIST_EACH(&m->children, n)
		child_watch(LIST_ENTRY(n, struct child, node), now);
	LIST_EACH(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);

		g->unsettled = g->unsettled && endpoint_settle(g->endpoints.data);
	}
	if (m->current != NULL)
		seat_balance(m->current);
	if (m->current != NULL && m->stop.mode == STOP_NONE)
		segments_sweep(&m->segments, m->pid);
	segment_cache_tick(&m->segments.cache, m->segments.stats.data);
}

/* ---------------------------------------------------------------- logs */

void
supervise_reopen(struct master *m)
{
	const uint32_t event = 1;
	char who[64];
	int rc;

	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		rc = child_send(c, LINK_REOPEN, &event, m->logs.event);
		if (rc == 0 && c->seat->role == ROLE_LOGGER && m->logs.access >= 0)
			rc = child_send(c, LINK_REOPEN, NULL, m->logs.access);
		if (rc != 0 && rc != -E_CLOSED)
			log_write(LOG_WARN, "%s: keeps writing to the old log: %s",
			    child_text(c, who), err_text(rc));
	}
}

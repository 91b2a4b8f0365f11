/*
 * cycle.c - the reload machine. step_* functions begin a state, cycle_* functions are the events that end it;
 * finish() is the only way back to IDLE and the only place that pronounces a verdict.
 */
#include "master/cycle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/supervise.h"

#define RETIRE_MS	1000	/* between drain and the end of a listener nobody names any more */
#define WAIT_STEP_MS	250

static void step_wait(struct master *);
static void step_judge(struct master *);

static int64_t
now_ms(void)
{
	return (int64_t)clock_mono_ms();
}

/* ------------------------------------------------------------- verdicts */

static void
pronounce(const struct reload *r, const struct verdict *v)
{
	if (r->done != NULL)
		r->done(r->owner, v);
}

static void
remember(struct master *m, const struct verdict *v)
{
	struct cycle *c = &m->cycle;

	if (v->ok)
		snprintf(c->last, sizeof c->last, "generation %u serves, %u changes", v->generation,
		    v->changes);
	else
		snprintf(c->last, sizeof c->last, "rejected: %s", v->error);
	if (v->ok)
		log_write(LOG_INFO, "reload: %s", c->last);
	else
		log_write(
		    LOG_ERROR, "reload: %s; generation %u keeps serving", c->last, v->generation);
}

static void
log_lines(enum log_level level, const char *text)
{
	struct span rest = span_str(text), line;

	while (span_split(&rest, '\n', &line))
		if (line.n > 0)
			log_write(level, SPAN_FMT, SPAN_ARG(line));
}

static void
finish(struct master *m, const char *error, const char *text)
{
	struct cycle *c = &m->cycle;
	struct reload who = c->now;
	struct verdict v = {
		.ok = error == NULL,
		.generation = m->current == NULL ? 0 : m->current->number,
		.changes = c->judgement.changes,
		.error = error,
		.text = text,
		.waited_ms = who.waited ? who.began_ms - who.asked_ms : 0,
	};

	if (!who.diff) {
		remember(m, &v);
		log_lines(v.ok ? LOG_INFO : LOG_ERROR, text);
	}
	timer_stop(&c->timer);
	c->state = CYCLE_IDLE;
	c->now = (struct reload){ 0 };
	pronounce(&who, &v);
	conf_source_fini(&c->source);
	c->source = (struct conf_source){ 0 };
	judgement_fini(&c->judgement);
	c->judgement = (struct judgement){ 0 };
	if (!c->has_pending)
		return;
	c->has_pending = false;
	c->now = c->pending;
	c->now.waited = true;
	step_wait(m);
}

/* ------------------------------------------------------------- starting */

static bool
all_ready(const struct generation *g)
{
	for (unsigned i = 0; i < generation_seats(g); i++)
		if (g->seats[i].child == NULL || g->seats[i].child->state != CHILD_READY)
			return false;
	return true;
}

/* Gives up a generation that never served; it is freed when its last child has been reaped. */
static void
abandon(struct master *m)
{
	struct generation *g = m->cycle.next;

	m->cycle.next = NULL;
	g->draining = true;
	for (unsigned i = 0; i < generation_seats(g); i++)
		seat_stop(&g->seats[i]);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_logs(const struct conf *a, const struct conf *b)
{
	return same_text(a->process.log, b->process.log) &&
	    same_text(a->telemetry.access_log.path, b->telemetry.access_log.path);
}

/* The logger outlives generations unless what it writes, or where, has changed. */
static void
logger_follow(struct master *m, const struct conf *old)
{
	const struct conf *new = m->current->conf;
	uint32_t level = log_get_level();

	m->logger.gen = m->current;
	if (m->logger.child != NULL &&
	    supervise_send(m->logger.child, LINK_LOGLEVEL, &level, -1) != 0)
		log_write(LOG_WARN, "logger: keeps its old log level");
	if (same_text(old->telemetry.access_log.path, new->telemetry.access_log.path) &&
	    same_text(old->telemetry.access_log.format, new->telemetry.access_log.format))
		return;
	if (m->logger.child != NULL)
		seat_stop(&m->logger);
}

void
cycle_logger_left(struct master *m)
{
	struct errdetail ed = { 0 };

	if (m->stop.mode != STOP_NONE || m->logger.gen == NULL || seat_fill(&m->logger, &ed) == 0)
		return;
	log_write(LOG_ERROR, "logger: cannot be replaced: %s", ed.text);
	(void)timer_set(&m->loop.timers, &m->logger.respawn, now_ms() + 1000);
}

static int
swap_in(struct master *m, struct generation *g, struct errdetail *ed)
{
	struct generation *old = m->current;
	int rc = bounds_open(&m->bounds, g->number, ed);

	if (rc == 0 && old != NULL && !same_logs(old->conf, g->conf)) {
		rc = logs_open(&m->logs, g->conf, ed);
		if (rc == 0)
			supervise_reopen(m);
	}
	if (rc != 0)
		return rc;
	m->current = g;
	m->cycle.next = NULL;
	logs_level(g->conf);
	supervise_balance(g);
	if (old == NULL)
		return 0;
	logger_follow(m, old->conf);
	supervise_drain(old);
	bounds_retire(&m->bounds, g->number, now_ms() + RETIRE_MS);
	return 0;
}

/* The process that waits for the daemon learns that it serves. */
static void
say_ready(struct master *m)
{
	if (m->ready_fd < 0)
		return;
	(void)!write(m->ready_fd, "", 1);
	close(m->ready_fd);
	m->ready_fd = -1;
}

static void
first_failed(struct master *m, const char *why)
{
	log_write(LOG_ERROR, "cannot start: %s", why);
	m->exit_status = EXIT_FAILURE;
	stop_begin(m, STOP_FAST);
}

void
cycle_ready(struct master *m, struct generation *g)
{
	struct errdetail ed = { 0 };
	bool first = m->current == NULL;
	int rc;

	if (!cycle_starting(m, g) || !all_ready(g))
		return;
	rc = swap_in(m, g, &ed);
	if (rc != 0)
		abandon(m);
	if (rc == 0 && first) {
		m->cycle.state = CYCLE_IDLE;
		log_write(LOG_INFO, "serving: generation %u, %u workers", g->number, g->nworkers);
		say_ready(m);
	} else if (first) {
		m->cycle.state = CYCLE_IDLE;
		first_failed(m, ed.text);
	} else {
		finish(m, rc == 0 ? NULL : ed.text,
		    rc == 0 ? str_span(&m->cycle.judgement.diff).p : "");
	}
}

bool
cycle_starting(const struct master *m, const struct generation *g)
{
	return m->cycle.state == CYCLE_STARTING && m->cycle.next == g;
}

void
cycle_failed(struct master *m, struct generation *g, const char *role, struct span why)
{
	bool first = m->current == NULL;
	char error[512];

	if (!cycle_starting(m, g))
		return;
	snprintf(error, sizeof error, "a new %s does not start: " SPAN_FMT, role, SPAN_ARG(why));
	abandon(m);
	if (!first) {
		finish(m, error, "");
		return;
	}
	m->cycle.state = CYCLE_IDLE;
	first_failed(m, error);
}

static int
start_all(struct generation *g, struct errdetail *ed)
{
	int rc = 0;

	for (unsigned i = 0; i < generation_seats(g) && rc == 0; i++)
		rc = seat_fill(&g->seats[i], ed);
	return rc;
}

/* Takes conf. On failure nothing is left that was not there before. */
static int
step_start(struct master *m, struct conf *conf, struct errdetail *ed)
{
	struct cycle *c = &m->cycle;
	int rc;

	c->next = generation_new(m, conf, c->numbers + 1, ed);
	if (c->next == NULL)
		return -E_CONFLICT;
	c->numbers++;
	c->state = CYCLE_STARTING;
	rc = start_all(c->next, ed);
	if (rc != 0) {
		struct generation *g = c->next;

		abandon(m);
		supervise_check(g);
	}
	return rc;
}

int
cycle_first(struct master *m, struct conf *conf, struct errdetail *ed)
{
	int rc = step_start(m, conf, ed);

	if (rc != 0)
		return rc;
	seat_init(&m->logger, m, m->cycle.next, ROLE_LOGGER, 0);
	return seat_fill(&m->logger, ed);
}

/* -------------------------------------------------------------- judging */

/* The master itself loads the bytes that the child found good. */
static void
accept_source(struct master *m)
{
	struct conf_problems problems = { 0 };
	struct errdetail ed = { 0 };
	struct conf *conf = conf_load(&m->cycle.source, &problems);

	conf_problems_fini(&problems);
	if (conf == NULL)
		finish(m, "the checked configuration could not be loaded", "");
	else if (step_start(m, conf, &ed) != 0)
		finish(m, ed.text, "");
}

static void
judged(struct master *m)
{
	struct cycle *c = &m->cycle;
	struct judgement *v = &c->judgement;
	struct errdetail ed = { 0 };
	char error[128];

	timer_stop(&c->timer);
	if (judge_finish(&c->judge, v, &ed) != 0) {
		finish(m, ed.text, "");
		return;
	}
	if (v->errors > 0) {
		snprintf(error, sizeof error, "%u error%s in the configuration", v->errors,
		    v->errors == 1 ? "" : "s");
		finish(m, error, str_span(&v->problems).p);
	} else if (c->now.diff) {
		finish(m, NULL, str_span(&v->diff).p);
	} else if (v->restart[0] != '\0') {
		finish(m, v->restart, str_span(&v->diff).p);
	} else {
		log_lines(LOG_WARN, str_span(&v->problems).p);
		accept_source(m);
	}
}

static void
judge_unwatch(struct master *m)
{
	int fd = m->cycle.judge.source.fd;

	loop_remove(&m->loop, &m->cycle.judge.source);
	m->cycle.judge.source.fd = -1;
	if (fd >= 0)
		close(fd);
}

static void
on_judge(struct loop_source *s, uint32_t events)
{
	struct master *m = LIST_ENTRY(s, struct master, cycle.judge.source);
	struct judge *j = &m->cycle.judge;

	(void)events;
	judge_read(j);
	if (!j->ended)
		return;
	judge_unwatch(m);
	if (j->reaped)
		judged(m);
}

void
cycle_judged(struct master *m, pid_t pid, int status)
{
	struct judge *j = &m->cycle.judge;

	if (j->pid != pid || j->reaped)
		return;
	j->reaped = true;
	j->status = status;
	if (j->ended)
		judged(m);
}

static void
step_judge(struct master *m)
{
	struct cycle *c = &m->cycle;
	struct errdetail ed = { 0 };
	const struct conf *current = m->current == NULL ? NULL : m->current->conf;
	int fd;

	c->state = CYCLE_JUDGING;
	c->now.began_ms = now_ms();
	if (conf_source_read(&c->source, m->path, &ed) != 0 ||
	    judge_start(&c->judge, &c->source, current, &ed) != 0) {
		finish(m, ed.text, "");
		return;
	}
	fd = c->judge.source.fd;
	c->judge.source = (struct loop_source){ .fd = fd, .ready = on_judge };
	if (loop_add(&m->loop, &c->judge.source, fd, EPOLLIN) != 0) {
		judge_kill(&c->judge);
		c->judge.ended = true;
	}
	(void)timer_set(&m->loop.timers, &c->timer, c->now.began_ms + JUDGE_SECONDS * 1000);
}

/* -------------------------------------------------------------- waiting */

static int64_t
drain_left(const struct generation *g)
{
	struct gate gate = {
		.now_ms = now_ms(),
		.draining = g->draining && generation_alive(g) > 0,
		.since_ms = g->drain_since_ms,
		.patience_ms = g->conf->process.drain_ms,
	};

	return gate_wait(&gate);
}

static bool
lanes_suffice(const struct master *m)
{
	unsigned workers = m->current == NULL ? 1 : m->current->nworkers;

	return segments_free_lanes(&m->segments) > workers + 1;
}

/* Generations that hold nothing but tunnels may accumulate as long as there is room for their processes. */
static bool
cut_oldest(struct master *m)
{
	struct generation *g = LIST_ENTRY(list_first(&m->generations), struct generation, node);

	if (!g->draining)
		return false;
	log_write(LOG_WARN, "generation %u: cut off to make room for a reload", g->number);
	for (unsigned i = 0; i < g->nworkers; i++)
		seat_stop(&g->seats[i]);
	return true;
}

/* Zero when the reload may go on; else how long until it asks again. */
static int64_t
wait_left(struct master *m)
{
	int64_t most = 0;

	LIST_EACH(&m->generations, n) {
		int64_t left = drain_left(LIST_ENTRY(n, struct generation, node));

		if (left > most)
			most = left;
	}
	if (most == 0 && (lanes_suffice(m) || !cut_oldest(m)))
		return 0;
	return most == 0 || most > WAIT_STEP_MS ? WAIT_STEP_MS : most;
}

static void
step_wait(struct master *m)
{
	struct cycle *c = &m->cycle;
	int64_t left = c->now.diff ? 0 : wait_left(m);

	if (left == 0) {
		step_judge(m);
		return;
	}
	if (c->state != CYCLE_WAITING)
		log_write(LOG_INFO, "reload: waits for an older generation that still drains");
	c->state = CYCLE_WAITING;
	c->now.waited = true;
	(void)timer_set(&m->loop.timers, &c->timer, now_ms() + left);
}

void
cycle_freed(struct master *m)
{
	if (m->cycle.state == CYCLE_WAITING)
		step_wait(m);
	admin_freed(m);
}

static void
on_timer(struct timer *t)
{
	struct master *m = LIST_ENTRY(t, struct master, cycle.timer);

	if (m->cycle.state == CYCLE_WAITING)
		step_wait(m);
	else if (m->cycle.state == CYCLE_JUDGING)
		judge_kill(&m->cycle.judge);
}

/* --------------------------------------------------------------- asking */

static void
refuse(const struct master *m, const struct reload *r, const char *why)
{
	struct verdict v = {
		.generation = m->current == NULL ? 0 : m->current->number,
		.error = why,
		.text = "",
		.waited_ms = now_ms() - r->asked_ms,
	};

	log_write(LOG_WARN, "%s: %s", r->diff ? "diff" : "reload", why);
	pronounce(r, &v);
}

static void
ask(struct master *m, const struct reload *r)
{
	struct cycle *c = &m->cycle;

	if (m->stop.mode != STOP_NONE || m->current == NULL) {
		refuse(m, r, m->current == NULL ? "still starting" : "stopping");
	} else if (c->state == CYCLE_IDLE) {
		c->now = *r;
		step_wait(m);
	} else if (r->diff) {
		refuse(m, r, "a reload is in progress: ask again when it is over");
	} else {
		if (c->has_pending)
			refuse(m, &c->pending, "superseded by a newer reload");
		c->pending = *r;
		c->has_pending = true;
	}
}

void
cycle_reload(struct master *m, cycle_verdict_f *done, void *owner)
{
	struct reload r = { .done = done, .owner = owner, .asked_ms = now_ms() };

	ask(m, &r);
}

void
cycle_diff(struct master *m, cycle_verdict_f *done, void *owner)
{
	struct reload r = { .done = done, .owner = owner, .asked_ms = now_ms(), .diff = true };

	ask(m, &r);
}

void
cycle_forget(struct master *m, const void *owner)
{
	if (m->cycle.now.owner == owner)
		m->cycle.now.done = NULL;
	if (m->cycle.pending.owner == owner)
		m->cycle.pending.done = NULL;
}

void
cycle_abort(struct master *m, const char *why)
{
	struct cycle *c = &m->cycle;

	if (c->has_pending)
		refuse(m, &c->pending, why);
	c->has_pending = false;
	if (c->state == CYCLE_JUDGING) {
		judge_kill(&c->judge);
		judge_unwatch(m);
		str_fini(&c->judge.answer);
		c->judge = (struct judge){ .source.fd = -1 };
	} else if (c->state == CYCLE_STARTING && c->next != NULL) {
		abandon(m);
	}
	if (c->state != CYCLE_IDLE && m->current != NULL)
		finish(m, why, "");
	c->state = CYCLE_IDLE;
}

void
cycle_init(struct master *m)
{
	m->cycle = (struct cycle){ .judge.source.fd = -1 };
	timer_init(&m->cycle.timer, on_timer);
}

void
cycle_fini(struct master *m)
{
	timer_fini(&m->loop.timers, &m->cycle.timer);
	conf_source_fini(&m->cycle.source);
	judgement_fini(&m->cycle.judgement);
}

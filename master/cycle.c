/*
 * cycle.c - the reload machine. step_* functions begin a state, cycle_* functions are the events that end it;
 * cycle_finish is the only way back to IDLE and the only place that pronounces a verdict. What happens from the
 * accepted bytes to the swap is cycle_start.c.
 */
#include "master/cycle.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/cycle_priv.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/seat.h"

#define WAIT_STEP_MS	250
#define DIFF_MAX	((size_t)1 << 20)

static void begin(struct master *, const struct reload *);
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
		snprintf(c->last, sizeof c->last, "%s: generation %u serves, %u changes",
		    c->now.by, v->generation, v->changes);
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

void
cycle_finish(struct master *m, const char *error, const char *text)
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
		notify_serving(m);
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
	c->pending.waited = true;
	begin(m, &c->pending);
}

/* -------------------------------------------------------------- judging */

/* The master itself loads the bytes that the child found good. */
static void
accept_source(struct master *m)
{
	struct conf_problems problems = { 0 };
	struct errdetail ed = { 0 };
	struct conf *conf = NULL;

	if (!conf_fits(&m->cycle.source)) {
		cycle_finish(m, "not enough memory to load the configuration", "");
		return;
	}
	conf = conf_load(&m->cycle.source, &problems);
	conf_problems_fini(&problems);
	if (conf == NULL)
		cycle_finish(m, "the checked configuration could not be loaded", "");
	else if (cycle_start(m, conf, &ed) != 0)
		cycle_finish(m, ed.text, "");
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
		cycle_finish(m, ed.text, "");
		return;
	}
	if (v->errors > 0) {
		snprintf(error, sizeof error, "%u error%s in the configuration", v->errors,
		    v->errors == 1 ? "" : "s");
		cycle_finish(m, error, str_span(&v->problems).p);
	} else if (c->now.diff) {
		cycle_finish(m, NULL, str_span(&v->diff).p);
	} else if (v->restart[0] != '\0') {
		cycle_finish(m, v->restart, str_span(&v->diff).p);
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

/* A configuration that served before goes straight to its start. */
static void
step_take(struct master *m)
{
	struct cycle *c = &m->cycle;
	const struct past *past = history_find(&m->history, c->now.take);
	struct errdetail ed = { 0 };

	c->now.began_ms = now_ms();
	c->judgement = (struct judgement){ .diff.cap = DIFF_MAX };
	if (past == NULL || past->conf == NULL) {
		cycle_finish(m, "that configuration is not kept any more", "");
		return;
	}
	c->judgement.changes = conf_diff(m->current->conf, past->conf, &c->judgement.diff);
	if (cycle_start(m, conf_ref(past->conf), &ed) != 0)
		cycle_finish(m, ed.text, "");
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
		cycle_finish(m, ed.text, "");
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

	if (m->cycle.now.urgent)
		return lanes_suffice(m) || !cut_oldest(m) ? 0 : WAIT_STEP_MS;
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

	if (!c->now.diff)
		notify_reloading(&m->notify);
	if (left == 0 && c->now.take != 0) {
		step_take(m);
		return;
	}
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
begin(struct master *m, const struct reload *r)
{
	struct errdetail ed = { 0 };

	if (confirm_allows(m, r, &ed) != 0) {
		refuse(m, r, ed.text);
		return;
	}
	m->cycle.now = *r;
	step_wait(m);
}

static void
ask(struct master *m, const struct reload *r)
{
	struct cycle *c = &m->cycle;

	if (m->stop.mode != STOP_NONE || m->current == NULL) {
		refuse(m, r, m->current == NULL ? "still starting" : "stopping");
	} else if (upgrade_under_way(m)) {
		refuse(m, r, "an upgrade is in progress: ask again when it is over");
	} else if (c->state == CYCLE_IDLE) {
		begin(m, r);
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
cycle_reload(struct master *m, const struct reload *wish)
{
	struct reload r = *wish;

	r.asked_ms = now_ms();
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
		cycle_abandon(m);
	}
	if (c->state != CYCLE_IDLE && m->current != NULL)
		cycle_finish(m, why, "");
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

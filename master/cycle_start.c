/*
 * cycle_start.c - a generation from accepted bytes to service: its processes started, all of them ready, the swap.
 *
 * A generation that fails on the way is abandoned and leaves no trace; the one that serves keeps serving.
 */
#include "master/cycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/child.h"
#include "master/cycle_priv.h"
#include "master/drain.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/seat.h"
#include "master/supervise.h"

#define RETIRE_MS	1000	/* between drain and the end of a listener nobody names any more */

static bool
all_ready(const struct generation *g)
{
	for (unsigned i = 0; i < generation_seats(g); i++)
		if (g->seats[i].child == NULL || g->seats[i].child->state != CHILD_READY)
			return false;
	return true;
}

void
cycle_abandon(struct master *m)
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

static bool
same_access_log(const struct conf_access_log *a, const struct conf_access_log *b)
{
	return same_text(a->path, b->path) && same_text(a->format, b->format) &&
	    same_text(a->when, b->when) && same_text(a->facility, b->facility) &&
	    same_text(a->tag, b->tag);
}

/* The logger outlives generations unless what it writes, or where, has changed. */
static void
logger_follow(struct master *m, const struct conf *old)
{
	const struct conf *new = m->current->conf;
	uint32_t level = log_get_level();

	m->logger.gen = m->current;
	if (m->logger.child != NULL &&
	    child_send(m->logger.child, LINK_LOGLEVEL, &level, -1) != 0)
		log_write(LOG_WARN, "logger: keeps its old log level");
	if (same_access_log(&old->telemetry.access_log, &new->telemetry.access_log))
		return;
	if (m->logger.child != NULL)
		seat_stop(&m->logger);
}

void
cycle_logger_left(struct master *m)
{
	struct errdetail ed = { 0 };

	if (upgrade_logger_left(m) || m->stop.mode != STOP_NONE || m->logger.gen == NULL ||
	    seat_fill(&m->logger, &ed) == 0)
		return;
	log_write(LOG_ERROR, "logger: cannot be replaced: %s", ed.text);
	(void)timer_set(&m->loop.timers, &m->logger.respawn, (int64_t)clock_mono_ms() + 1000);
}

static void
remember_past(struct master *m)
{
	const struct conf *conf = m->current->conf;
	struct past row = { .number = m->current->number,
		.at_s = (int64_t)(clock_wall_us() / 1000000),
		.changes = m->cycle.judgement.changes,
		.digest = conf->digest,
		.conf = m->current->conf };

	snprintf(row.by, sizeof row.by, "%s", m->cycle.now.by);
	history_add(&m->history, &row, m->confirm.back);
	history_fit(&m->history, (size_t)conf->process.history, m->confirm.back);
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
	confirm_swapped(m, &m->cycle.now, old == NULL ? 0 : old->number);
	remember_past(m);
	logs_level(g->conf);
	seat_balance(g);
	if (old == NULL)
		return 0;
	logger_follow(m, old->conf);
	keeper_follow(m);
	supervise_drain(old);
	bounds_retire(&m->bounds, g->number, (int64_t)clock_mono_ms() + RETIRE_MS);
	return 0;
}

/* The process that waits for the daemon, or the service manager, learns that it serves. */
static void
say_ready(struct master *m)
{
	notify_serving(m);
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
	heir_failed(m, why);
	m->exit_status = EXIT_FAILURE;
	stop_begin(m, STOP_FAST);
}

void
cycle_ready(struct master *m, struct generation *g)
{
	struct errdetail ed = { 0 };
	bool first = m->current == NULL;
	int rc;

	if (!cycle_starting(m, g) || !all_ready(g) || heir_waits(m))
		return;
	rc = swap_in(m, g, &ed);
	if (rc != 0)
		cycle_abandon(m);
	if (rc == 0 && first) {
		m->cycle.state = CYCLE_IDLE;
		log_write(LOG_INFO, "serving: generation %u, %u workers", g->number, g->nworkers);
		say_ready(m);
		heir_serves(m, g);
	} else if (first) {
		m->cycle.state = CYCLE_IDLE;
		first_failed(m, ed.text);
	} else {
		cycle_finish(m, rc == 0 ? NULL : ed.text,
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
	cycle_abandon(m);
	if (!first) {
		cycle_finish(m, error, "");
		return;
	}
	m->cycle.state = CYCLE_IDLE;
	first_failed(m, error);
}

static int
start_workers(struct generation *g, struct errdetail *ed)
{
	int rc = 0;

	for (unsigned i = 0; i < g->nworkers && rc == 0; i++)
		rc = seat_fill(&g->seats[i], ed);
	return rc;
}

/* The agent first: it may have lists to compile, without which no worker serves. */
static int
start_all(struct master *m, struct generation *g, struct errdetail *ed)
{
	int rc = list_store_plan(m, g);

	if (rc != 0)
		return err_set(ed, rc, "lists: %s", err_text(rc));
	rc = seat_fill(&g->seats[g->nworkers], ed);
	return rc == 0 && list_store_ready(g) ? start_workers(g, ed) : rc;
}

void
cycle_listed(struct master *m, struct generation *g)
{
	struct errdetail ed = { 0 };

	if (cycle_starting(m, g) && start_workers(g, &ed) != 0)
		cycle_failed(m, g, "worker", span_str(ed.text));
}

int
cycle_start(struct master *m, struct conf *conf, struct errdetail *ed)
{
	struct cycle *c = &m->cycle;
	int rc;

	c->next = generation_new(m, conf, c->numbers + 1, ed);
	if (c->next == NULL)
		return -E_CONFLICT;
	c->numbers++;
	c->state = CYCLE_STARTING;
	rc = start_all(m, c->next, ed);
	if (rc != 0) {
		struct generation *g = c->next;

		cycle_abandon(m);
		supervise_check(g);
	}
	return rc;
}

int
cycle_first(struct master *m, struct conf *conf, struct errdetail *ed)
{
	int rc;

	snprintf(
	    m->cycle.now.by, sizeof m->cycle.now.by, heir_started(&m->heir) ? "upgrade" : "start");
	rc = cycle_start(m, conf, ed);
	if (rc != 0)
		return rc;
	drain_take(m->cycle.next, str_span(&m->heir.given.drained));	/* nobody serves before GO */
	seat_init(&m->logger, m, m->cycle.next, ROLE_LOGGER, 0);
	keeper_init(m);
	keeper_follow(m);
	return m->heir.held ? 0 : seat_fill(&m->logger, ed);
}

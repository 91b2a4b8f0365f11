/*
 * confirm.c - the clock of a configuration on probation.
 */
#include "master/confirm.h"

#include <stdio.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/master.h"

#define BUSY_MS		100	/* a reload is at work: what becomes of it decides */
#define AGAIN_MS	2000	/* the return did not succeed */

static void
arm(struct master *m, int64_t at_ms)
{
	if (!timer_set(&m->loop.timers, &m->confirm.timer, at_ms))
		log_write(LOG_ERROR, "no memory for a timer: generation %u stays unless "
		    "'proxyctl config rollback %u' returns", m->confirm.number, m->confirm.back);
}

static void
on_returned(void *owner, const struct verdict *v)
{
	struct master *m = owner;

	if (v->ok || m->stop.mode != STOP_NONE)
		return;
	log_write(LOG_ERROR, "generation %u is not confirmed, but the return to %u failed: %s",
	    m->confirm.number, m->confirm.back, v->error);
	m->confirm.returning = false;
	arm(m, (int64_t)clock_mono_ms() + AGAIN_MS);
}

static void
on_timer(struct timer *t)
{
	struct master *m = LIST_ENTRY(t, struct master, confirm.timer);
	struct confirm *c = &m->confirm;
	struct reload r = { .done = on_returned, .owner = m, .take = c->back, .urgent = true };

	if (c->number == 0 || m->stop.mode != STOP_NONE)
		return;
	if (m->cycle.state != CYCLE_IDLE) {
		arm(m, (int64_t)clock_mono_ms() + BUSY_MS);
		return;
	}
	snprintf(r.by, sizeof r.by, "return to generation %u: %u was not confirmed", c->back,
	    c->number);
	log_write(LOG_WARN, "generation %u was not confirmed: returning to generation %u",
	    c->number, c->back);
	c->returning = true;
	cycle_reload(m, &r);
}

void
confirm_swapped(struct master *m, const struct reload *r, unsigned old)
{
	struct confirm *c = &m->confirm;
	unsigned back = c->number != 0 ? c->back : old;

	timer_stop(&c->timer);
	c->returning = false;
	c->number = c->back = 0;
	if (r->confirm_ms == 0 || back == 0)
		return;
	c->number = m->current->number;
	c->back = back;
	c->deadline_ms = (int64_t)clock_mono_ms() + r->confirm_ms;
	arm(m, c->deadline_ms);
	log_write(LOG_WARN, "generation %u waits for 'proxyctl confirm': returning to %u in %lld s",
	    c->number, back, (long long)r->confirm_ms / 1000);
}

int
confirm_allows(const struct master *m, const struct reload *r, struct errdetail *ed)
{
	const struct confirm *c = &m->confirm;

	if (c->number == 0 || r->confirm_ms > 0 || r->take != 0 || r->diff)
		return 0;
	return err_set(ed, -E_CONFLICT,
	    "generation %u is not confirmed (%lld s left): 'proxyctl confirm' keeps it, "
	    "'proxyctl config rollback %u' returns, 'proxyctl reload --confirm' tries another",
	    c->number, (long long)confirm_left_s(m), c->back);
}

int
confirm_give(struct master *m, struct errdetail *ed)
{
	struct confirm *c = &m->confirm;

	if (c->number == 0)
		return err_set(ed, -E_MISSING, "there is nothing to confirm");
	if (c->returning)
		return err_set(ed, -E_CONFLICT,
		    "too late: the return to generation %u has begun", c->back);
	timer_stop(&c->timer);
	log_write(LOG_INFO, "generation %u is confirmed", c->number);
	c->number = c->back = 0;
	return 0;
}

int64_t
confirm_left_s(const struct master *m)
{
	int64_t left = m->confirm.deadline_ms - (int64_t)clock_mono_ms();

	return left <= 0 ? 0 : (left + 999) / 1000;
}

void
confirm_init(struct master *m)
{
	m->confirm = (struct confirm){ 0 };
	timer_init(&m->confirm.timer, on_timer);
}

void
confirm_fini(struct master *m)
{
	timer_fini(&m->loop.timers, &m->confirm.timer);
}

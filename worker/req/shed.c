/*
 * shed.c - admission during overload: one in for one out, and SHED_STEP more a turn to find out whether there is room
 * again; above the limit one for two, which is a slower way down than none, and does not let kept connections to
 * targets go in one turn that the next would open again.
 *
 * For all the excess of five times the capacity to be refused and four fifths of it to be served, an answer would have
 * to cost sixteen refusals; it costs two to ten. So refusals have a share of the time, kept like a bucket of tokens.
 */
#include "worker/req/shed.h"

#define SHED_STEP	4
#define EPISODE_US	1000000
#define RATE_US		250000
#define TARGET_LEAST_US	10000		/* a turn of a worker that has a share of a core may take as long */
#define SHARE		6		/* one part of the processor time is for refusals; of ten it fell short */
#define CREDIT_MAX_US	5000
#define COST_FIRST_US	20		/* of a refusal, before one was measured */

uint64_t
shed_target_us(const struct conf_overload *c)
{
	uint64_t delay = (uint64_t)c->delay_ms * 1000, tenth = delay / 10;

	if (tenth < TARGET_LEAST_US)
		tenth = TARGET_LEAST_US;
	return tenth < delay ? tenth : delay;
}

static void
count_rate(struct shed *s, uint64_t now_us)
{
	uint64_t us = now_us - s->since_us;

	if (us < RATE_US)
		return;
	s->rate = (s->finished - s->since_finished) * 1000000 / us;
	s->since_us = now_us;
	s->since_finished = s->finished;
}

/* Whether the last of all who ask would be served later than that. */
static bool
too_many(const struct shed *s, uint64_t delay_us)
{
	return (uint64_t)s->demand * 1000000 >= s->rate * delay_us;
}

static bool
begins(struct shed *s, const struct conf_overload *c, uint64_t now_us)
{
	if (now_us - s->calm_us < (uint64_t)c->interval_ms * 1000)
		return false;
	s->hot_us = s->since_us = now_us;
	s->since_finished = s->finished;
	s->rate = 0;
	return true;
}

bool
shed_turn(struct shed *s, const struct conf_overload *c, uint64_t now_us, uint64_t lag_us,
    uint64_t finished)
{
	uint64_t delay = (uint64_t)c->delay_ms * 1000, out = finished - s->finished;
	bool was = s->on, hot = delay != 0 && lag_us >= delay;

	s->finished = finished;
	if (!hot)
		s->calm_us = now_us;
	if (!was) {
		s->on = hot && begins(s, c, now_us);
	} else {
		count_rate(s, now_us);
		if (hot || (s->pressed && too_many(s, delay)))
			s->hot_us = now_us;
		s->pressed = false;
		s->on = now_us - s->hot_us < EPISODE_US;
	}
	if (s->on)
		s->room = lag_us >= shed_target_us(c) ? (uint32_t)(out + 1) / 2 :
							(uint32_t)out + SHED_STEP;
	return s->on != was;
}

uint32_t
shed_room(const struct shed *s, uint32_t busy)
{
	return busy < SHED_FLOOR && s->room < SHED_FLOOR - busy ? SHED_FLOOR - busy : s->room;
}

bool
shed_admit(struct shed *s, uint32_t busy)
{
	if (busy <= SHED_FLOOR)
		return true;
	if (s->room == 0) {
		s->pressed = true;
		return false;
	}
	s->room--;
	return true;
}

uint32_t
shed_refusals(struct shed *s, uint64_t cpu_us)
{
	uint64_t used = s->cpu_us == 0 ? 0 : cpu_us - s->cpu_us;

	s->cpu_us = cpu_us;
	s->credit_us += (int64_t)(used / SHARE);
	if (s->credit_us > CREDIT_MAX_US)
		s->credit_us = CREDIT_MAX_US;
	if (s->cost_us == 0)
		s->cost_us = COST_FIRST_US;
	return s->credit_us <= 0 ? 0 : (uint32_t)(s->credit_us / s->cost_us);
}

void
shed_spent(struct shed *s, uint32_t refusals, uint64_t us)
{
	uint64_t each = refusals == 0 ? s->cost_us : us / refusals;

	s->credit_us -= (int64_t)us;
	s->cost_us = (uint32_t)((7 * (uint64_t)s->cost_us + each) / 8);
	if (s->cost_us == 0)
		s->cost_us = 1;
}

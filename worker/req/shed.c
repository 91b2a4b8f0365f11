/*
 * shed.c - admission during overload: one in for one out, and SHED_STEP more a turn to find out whether there is room
 * again. Above the limit one a turn is let in nonetheless: refusing is work too, and alone must not fill the worker.
 */
#include "worker/req/shed.h"

#define SHED_STEP	8
#define EPISODE_US	1000000

bool
shed_turn(struct shed *s, const struct conf_overload *c, uint64_t now_us, uint64_t lag_us,
    uint64_t finished)
{
	bool was = s->on, hot = c->delay_ms != 0 && lag_us >= (uint64_t)c->delay_ms * 1000;
	uint64_t out = finished - s->finished;

	s->finished = finished;
	if (!hot)
		s->calm_us = now_us;
	else
		s->hot_us = now_us;
	s->on = was ? now_us - s->hot_us < EPISODE_US :
		      hot && now_us - s->calm_us >= (uint64_t)c->interval_ms * 1000;
	s->room = hot ? 1 : (uint32_t)out + SHED_STEP;
	return s->on != was;
}

bool
shed_admit(struct shed *s, uint32_t busy)
{
	if (busy <= SHED_FLOOR)
		return true;
	if (s->room == 0)
		return false;
	s->room--;
	return true;
}

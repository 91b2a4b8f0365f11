/*
 * stop.c - the order of leaving.
 */
#include "master/stop.h"

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/seat.h"
#include "master/supervise.h"

#define RETIRE_MS	200	/* workers accept what has arrived, then nobody listens */

static void
each_seat(struct master *m, enum role role, void (*act)(struct seat *))
{
	LIST_EACH(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);

		for (unsigned i = 0; i < generation_seats(g); i++)
			if (g->seats[i].role == role)
				act(&g->seats[i]);
	}
}

static unsigned
alive(const struct master *m, enum role role)
{
	unsigned count = 0;

	LIST_EACH(&m->children, n)
		count += LIST_ENTRY(n, struct child, node)->seat->role == role;
	return count;
}

static void
drain_all(struct master *m)
{
	LIST_EACH_SAFE(&m->generations, n)
		supervise_drain(LIST_ENTRY(n, struct generation, node));
}

void
stop_begin(struct master *m, enum stop_mode mode)
{
	int64_t now = (int64_t)clock_mono_ms();
	static const char *const how[] = {
		[STOP_GRACEFUL] = "when the last request is done",
		[STOP_BOUNDED] = "when requests are done or process.drain is over",
		[STOP_FAST] = "now",
	};

	if (mode <= m->stop.mode)
		return;
	log_write(LOG_INFO, "stopping %s", how[mode]);
	if (m->stop.mode == STOP_NONE) {
		m->stop.mode = mode;
		cycle_abort(m, "the master stops");
		upgrade_abort(m, "the master stops");
		bounds_retire(&m->bounds, 0, now + (mode == STOP_FAST ? 0 : RETIRE_MS));
	}
	m->stop.mode = mode;
	if (mode == STOP_BOUNDED && m->current != NULL)
		m->stop.deadline_ms = now + m->current->conf->process.drain_ms;
	notify_stopping(&m->notify);
	heir_stop(m);
	drain_all(m);
	if (mode == STOP_FAST)
		each_seat(m, ROLE_WORKER, seat_stop);
	stop_step(m);
}

void
stop_later(struct master *m, enum stop_mode mode)
{
	if (mode > m->stop.wish)
		m->stop.wish = mode;
}

void
stop_step(struct master *m)
{
	if (m->stop.wish > m->stop.mode) {
		stop_begin(m, m->stop.wish);
		return;
	}
	if (m->stop.mode == STOP_NONE)
		return;
	if (m->stop.mode == STOP_BOUNDED && m->stop.deadline_ms != 0 &&
	    (int64_t)clock_mono_ms() >= m->stop.deadline_ms) {
		m->stop.deadline_ms = 0;
		stop_begin(m, STOP_FAST);
		return;
	}
	if (alive(m, ROLE_WORKER) > 0)
		return;
	each_seat(m, ROLE_AGENT, seat_stop);
	seat_stop(&m->keeper);
	if (alive(m, ROLE_AGENT) > 0 || alive(m, ROLE_KEEPER) > 0)
		return;
	if (!heir_alone(m))
		return; /* what it still logs is read here */
	seat_stop(&m->logger);
	if (alive(m, ROLE_LOGGER) == 0 && !(upgrade_left(m) && admin_busy(m)))
		m->loop.stop = true;
}

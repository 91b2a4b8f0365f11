/*
 * seat.c - the places that processes fill, and who serves the slot of one that is empty.
 *
 * A wanted seat is filled again when its child is gone. While a worker's seat is empty, or its child stopped or hung,
 * another worker of the generation adopts the slot, so that no queue is ever without a server.
 */
#include "master/seat.h"

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/child.h"
#include "master/master.h"
#include "master/spawn.h"

#define STOP_MS			3000	/* from LINK_STOP to SIGKILL */
#define STOP_KEEPER_MS		20000	/* of a process that writes all it has to a disk */
#define REFILL_RETRY_MS		1000	/* when fork or memory failed */

/* --------------------------------------------------------------- seats */

static void
on_respawn(struct timer *t)
{
	struct seat *s = LIST_ENTRY(t, struct seat, respawn);
	struct errdetail ed = { 0 };

	if (!s->wanted || s->child != NULL || seat_fill(s, &ed) == 0)
		return;
	log_write(LOG_ERROR, "%s: cannot be replaced: %s", role_name(s->role), ed.text);
	(void)timer_set(&s->master->loop.timers, t, s->master->loop.now_ms + REFILL_RETRY_MS);
}

void
seat_init(struct seat *s, struct master *m, struct generation *g, enum role role, unsigned slot)
{
	*s = (struct seat){ .master = m, .gen = g, .role = role, .slot = slot };
	timer_init(&s->respawn, on_respawn);
}

int
seat_fill(struct seat *s, struct errdetail *ed)
{
	s->wanted = true;
	return spawn_child(s->master, s, ed);
}

void
seat_refill(struct seat *s, int64_t delay)
{
	struct errdetail ed = { 0 };

	if (delay == 0 && seat_fill(s, &ed) == 0)
		return;
	if (delay == 0)
		log_write(LOG_ERROR, "%s: cannot be replaced: %s", role_name(s->role), ed.text);
	else
		log_write(LOG_WARN, "%s %u: keeps dying: next attempt in %lld s",
		    role_name(s->role), s->slot, (long long)(delay / 1000));
	if (delay == 0)
		delay = REFILL_RETRY_MS;
	(void)timer_set(&s->master->loop.timers, &s->respawn, (int64_t)clock_mono_ms() + delay);
}

static void
seat_close(struct seat *s)
{
	s->wanted = false;
	timer_stop(&s->respawn);
}

void
seat_drain(struct seat *s)
{
	struct child *c = s->child;

	seat_close(s);
	if (c == NULL || c->state == CHILD_DRAINING || c->state == CHILD_STOPPING)
		return;
	c->state = CHILD_DRAINING;
	atomic_store(&child_lane(c)->state, LANE_DRAINING);
	child_tell(c, LINK_DRAIN);
}

void
seat_stop(struct seat *s)
{
	struct child *c = s->child;

	seat_close(s);
	if (c == NULL || c->state == CHILD_STOPPING)
		return;
	c->state = CHILD_STOPPING;
	c->deadline_ms = (int64_t)clock_mono_ms() +
	    (s->role == ROLE_KEEPER ? STOP_KEEPER_MS : STOP_MS);
	atomic_store(&child_lane(c)->state, LANE_DRAINING);
	child_tell(c, LINK_STOP);
}

/* ------------------------------------------------------------ adoption */

static bool
seat_serves(const struct seat *s)
{
	return s->child != NULL && s->child->state == CHILD_READY && s->child->stopped_ms == 0 &&
	    s->child->aborted_ms == 0;
}

/* The serving worker that looks after the fewest foreign slots. */
static struct seat *
pick_adopter(struct generation *g)
{
	struct seat *best = NULL;
	unsigned best_n = 0;

	for (unsigned i = 0; i < g->nworkers; i++) {
		unsigned n = 0;

		if (!seat_serves(&g->seats[i]))
			continue;
		for (unsigned s = 0; s < g->nslots; s++)
			n += g->adopter[s] == &g->seats[i];
		if (best == NULL || n < best_n) {
			best = &g->seats[i];
			best_n = n;
		}
	}
	return best;
}

static void
balance_slot(struct generation *g, uint32_t slot)
{
	bool owned = slot < g->nworkers && seat_serves(&g->seats[slot]);
	struct seat *now = g->adopter[slot];

	if (now != NULL && !seat_serves(now))
		now = g->adopter[slot] = NULL;
	if (owned && now != NULL && child_send(now->child, LINK_RELEASE, &slot, -1) == 0)
		g->adopter[slot] = NULL;
	if (owned || now != NULL)
		return;
	now = pick_adopter(g);
	if (now == NULL || child_send(now->child, LINK_ADOPT, &slot, -1) != 0)
		return; /* the next tick tries again */
	g->adopter[slot] = now;
	log_write(LOG_DEBUG, "worker %u: serves slot %u as well", now->slot, slot);
}

/* While a generation starts, its missing workers are on their way and the older one serves. */
void
seat_balance(struct generation *g)
{
	if (g->draining || g != g->seats[0].master->current)
		return;
	for (uint32_t slot = 0; slot < g->nslots; slot++)
		balance_slot(g, slot);
}

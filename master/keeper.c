/*
 * keeper.c - the keeper role: cache/keeper.h's turns, the link to the master, and sleep between the two.
 *
 *   turn -> more to do: the next one at once
 *        -> nothing:    a pause in which stores gather; after IDLE_MS without any, sleep until a worker writes an event
 *
 * Whose lane is free again, as the statistics say, is dead: what its ring held is taken in, what it left open ends.
 */
#include "cache/keeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/role_link.h"

#define NICE		5
#define GAP_MS		2	/* between two transactions, unless there is more already */
#define IDLE_MS		50
#define LANES_MS	1000	/* between two looks at the lanes */
#define LEAVE_MS	3000	/* for what the rings still hold */

struct keeping {
	struct env	*env;
	struct keeper	*keeper;
	int		 event;
	int64_t		 busy_ms, lanes_ms;
	bool		 died;		/* a process: its lane is looked at now */
	bool		 stopping;
	uint32_t	 purges;	/* that the master knows to be on the disk */
};

static int64_t
beat(struct keeping *g)
{
	uint64_t now = clock_mono_ms();

	atomic_store_explicit(&g->env->my->beat_ms, now, memory_order_relaxed);
	return (int64_t)now;
}

/* ---- the link ---- */

/* The event log: the one before is lost with this process. */
static void
on_reopen(struct wire *w, int *fd)
{
	if (wire_get_u32(w) != 1 || wire_done(w) != 0 || *fd < 0)
		return;
	log_reopen(*fd);
	*fd = -1;
}

static void
on_message(void *owner, uint16_t type, struct wire *w, int *fd)
{
	struct keeping *g = owner;

	if (type == LINK_REOPEN)
		on_reopen(w, fd);
	else if (type == LINK_STOP)
		g->stopping = true;
	else if (type == LINK_DEAD)
		g->died = true;
}

static void
say_purged(struct keeping *g)
{
	uint32_t kept = atomic_load(&g->env->cache->purges_kept);

	if (kept != g->purges && role_say(g->env, LINK_PURGED))
		g->purges = kept;
}

static void
event_read(struct keeping *g)
{
	uint64_t n;

	(void)!read(g->event, &n, sizeof n);
}

static void
look(struct keeping *g, int64_t ms)
{
	struct pollfd p[] = { { .fd = g->env->link, .events = POLLIN },
		{ .fd = g->event, .events = POLLIN } };

	if (ms > 0)
		atomic_store(&g->env->my->asleep, 1);
	(void)poll(p, ARRAY_LEN(p), (int)ms);
	atomic_store(&g->env->my->asleep, 0);
	beat(g);
	if (p[0].revents != 0 && !role_hear(g->env, on_message, g))
		g->stopping = true;	/* without a master there is nobody to keep anything for */
	if (p[1].revents != 0)
		event_read(g);
}

/* ---- lanes ---- */

/* Where its ring ends is read first: a lane that is free after that had nobody else who wrote up to there. */
static void
look_at_lanes(struct keeping *g, int64_t now)
{
	const struct stats_data *stats = g->env->stats;

	if (!g->died && now - g->lanes_ms < LANES_MS)
		return;
	if (g->died)
		keeper_reader_died(g->keeper);
	g->died = false;
	g->lanes_ms = now;
	for (unsigned i = 1; i < stats->lanes; i++) {
		uint64_t end = keeper_ring_end(g->keeper, i);

		if (atomic_load(&stats->lane[i].state) == LANE_FREE)
			keeper_producer_gone(g->keeper, i, end);
	}
}

/* ---- those who wait for fills ---- */

static void
tell(const struct keeping *g)
{
	struct lease_lanes lanes = { 0 };
	const uint64_t one = 1;

	keeper_told(g->keeper, &lanes);
	for (unsigned i = 0; i < g->env->stats->lanes; i++)
		if (lease_lane_in(&lanes, i))
			(void)!write(g->env->cache_events[i], &one, sizeof one);
}

/* ---- the loop ---- */

/* Stores that come within the gap make one transaction. */
static void
rest(struct keeping *g, int64_t now, int64_t due_ms)
{
	if (keeper_waiting(g->keeper))
		g->busy_ms = now;
	if (now - g->busy_ms < IDLE_MS) {
		look(g, due_ms < GAP_MS ? due_ms : GAP_MS);
	} else if (keeper_sleeps(g->keeper)) {
		look(g, due_ms);
		keeper_wakes(g->keeper);
	}
}

static void
run(struct keeping *g)
{
	while (!g->stopping) {
		int64_t now = beat(g), due;

		look_at_lanes(g, now);
		due = keeper_turn(g->keeper, now);
		tell(g);
		say_purged(g);
		now = beat(g);
		if (due > 0) {
			rest(g, now, due);
		} else {
			g->busy_ms = now;
			look(g, 0);
		}
	}
}

static void
give_way(void)
{
	struct sched_param p = { 0 };

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)sched_setscheduler(0, SCHED_BATCH, &p);
}

int
keeper_main(struct env *env)
{
	struct keeping g = { .env = env, .event = env->cache_events[0] };

	give_way();
	g.keeper = keeper_new(&env->conf->cache, env->cache);
	if (g.keeper == NULL) {
		log_write(LOG_ERROR, "out of memory");
		return 1;
	}
	beat(&g);
	if (!role_say(env, LINK_READY))
		return 1;
	run(&g);
	atomic_store(&env->my->asleep, 1);	/* a slow disk is no reason to be killed: the master waits */
	keeper_leave(g.keeper, LEAVE_MS);
	keeper_free(&g.keeper);
	return 0;
}

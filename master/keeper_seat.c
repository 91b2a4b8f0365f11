/*
 * keeper_seat.c - when there is a keeper, and what the death of a process means to the cache.
 */
#include "master/keeper_seat.h"

#include <signal.h>
#include <sys/wait.h>

#include "cache/segment.h"
#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/child.h"
#include "master/master.h"
#include "master/seat.h"

#define RETRY_MS	1000
#define FAULTS_MOST	3	/* workers that died of a fault */
#define FAULTS_MS	60000	/* within this time */

void
keeper_init(struct master *m)
{
	seat_init(&m->keeper, m, m->cycle.next, ROLE_KEEPER, 0);
}

/* The generation that the keeper is to work for; NULL: none has a cache. */
static struct generation *
whose(const struct master *m)
{
	struct generation *g = m->current != NULL ? m->current : m->cycle.next;

	if (m->stop.mode != STOP_NONE || (heir_started(&m->heir) && !m->heir.yours) ||
	    upgrade_left(m) || g == NULL || g->conf->cache.path == NULL)
		return NULL;
	return g;
}

static void
fill(struct master *m, const struct generation *g)
{
	struct errdetail ed = { 0 };

	m->keeper_object = cache_max_object(&g->conf->cache);
	if (seat_fill(&m->keeper, &ed) == 0)
		return;
	log_write(LOG_ERROR, "keeper: cannot be started: %s", ed.text);
	(void)timer_set(&m->loop.timers, &m->keeper.respawn, (int64_t)clock_mono_ms() + RETRY_MS);
}

/* What it reads from its configuration is the limit of an object; the rest cannot change. */
static bool
outdated(const struct master *m, const struct generation *g)
{
	return m->keeper.child != NULL &&
	    m->keeper_object != cache_max_object(&g->conf->cache);
}

void
keeper_follow(struct master *m)
{
	struct generation *g = whose(m);
	struct seat *s = &m->keeper;
	uint32_t level = log_get_level();

	if (g != NULL)
		s->gen = g;
	if (g == NULL || outdated(m, g)) {
		seat_stop(s);
	} else if (s->child == NULL) {
		if (!s->wanted)		/* else its time will come */
			fill(m, g);
	} else if (child_send(s->child, LINK_LOGLEVEL, &level, -1) != 0) {
		log_write(LOG_WARN, "keeper: keeps its old log level");
	}
}

void
keeper_yield(struct master *m, bool same)
{
	seat_stop(&m->keeper);
	if (!same)
		segment_cache_end(&m->segments.cache);
}

static bool
by_fault(int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	return sig == SIGBUS || sig == SIGSEGV || sig == SIGABRT || sig == SIGILL || sig == SIGFPE;
}

/*
 * A worker dies of SIGBUS for one reason: a file that is shorter than it was. Other faults have many, but when several
 * die of them within a minute the store is the first to be suspected: an empty one costs less than the next worker.
 */
static bool
suspicious(struct master *m, const struct child *c, int status)
{
	int64_t now = (int64_t)clock_mono_ms();

	if (!by_fault(status) || c->aborted_ms != 0)
		return false;
	if (c->seat->role == ROLE_KEEPER || WTERMSIG(status) == SIGBUS)
		return true;
	if (c->seat->role != ROLE_WORKER)
		return false;
	if (now - m->faults_since_ms > FAULTS_MS)
		m->faults = 0;
	if (m->faults++ == 0)
		m->faults_since_ms = now;
	return m->faults >= FAULTS_MOST;
}

void
keeper_child_died(struct master *m, const struct child *c, int status)
{
	char who[64];

	if (suspicious(m, c, status)) {
		segment_cache_broke(&m->segments.cache, child_text(c, who));
		m->faults = 0;
	}
	if (c->seat->role == ROLE_WORKER && m->keeper.child != NULL)
		child_tell(m->keeper.child, LINK_DEAD);
}

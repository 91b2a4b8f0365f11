/*
 * keeper.c - a keeper at work: what the rings hold goes into the store, the dead are forgotten, failures are answered.
 */
#include "cache/keeper_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"

#define READERS_MS	1000	/* dead ones are looked for */
#define PAUSE_MS	10000	/* of storing, after FAILS_MOST transactions in a row that failed */
#define FAILS_MOST	3
#define SHRINK_STEPS	20	/* a full map: a thousandth of it leaves in each of so many transactions */

struct keeper *
keeper_new(const struct conf_cache *conf, struct cache_data *shared)
{
	struct keeper *k = calloc(1, sizeof *k);
	unsigned lanes = shared->shape.lanes;

	if (k == NULL)
		return NULL;
	*k = (struct keeper){
		.conf = conf, .shared = shared, .lock = -1, .anew_ms = INT64_MIN / 2
	};
	k->rings = calloc(lanes, sizeof(struct ring *));
	if (k->rings == NULL) {
		free(k);
		return NULL;
	}
	for (unsigned i = 0; i < lanes; i++)
		k->rings[i] = cache_ring(shared, i);
	return k;
}

void
keeper_free(struct keeper **kp)
{
	struct keeper *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	keeper_close_store(k);
	if (k->lock >= 0)
		(void)close(k->lock);
	free(k->rings);
	free(k);
}

/* ---- who is told ---- */

static void
move_lanes(struct lease_lanes *to, struct lease_lanes *from)
{
	for (size_t i = 0; i < ARRAY_LEN(to->bits); i++)
		to->bits[i] |= from->bits[i];
	*from = (struct lease_lanes){ 0 };
}

void
keeper_told(struct keeper *k, struct lease_lanes *lanes)
{
	move_lanes(lanes, &k->wake);
	if (k->store != NULL)
		move_lanes(lanes, &k->intake.wake);
}

/* Closed for a while: who waits for a fill must not wait for that. */
void
keeper_give_up_fills(struct keeper *k)
{
	if (k->store != NULL)
		move_lanes(&k->wake, &k->intake.wake);
	keeper_close_store(k);
	lease_forget_fills(cache_leases(k->shared), &k->wake);
}

/* ---- working ---- */

/* Pages that readers hold are no reason to fail again and again: more leave than one object needs. */
static int
shrink(struct keeper *k)
{
	uint64_t all = k->stock.pages_all;
	int rc = store_forget_dead(k->store);

	for (unsigned i = 1; i <= SHRINK_STEPS && rc >= 0; i++) {
		if ((rc = store_transaction(k->store)) != 0)
			return rc;
		rc = stock_make_room(&k->stock, (uint32_t)(all / 1000 * i));
		if (rc == 0)
			rc = store_commit(k->store);
		else
			store_abort(k->store);
	}
	return rc < 0 ? rc : 0;
}

static int64_t
reopen_later(struct keeper *k, int64_t now_ms, const char *why)
{
	log_write(LOG_ERROR, "cache %s: %s: it is opened again in %d s", k->conf->path, why,
	    PAUSE_MS / 1000);
	keeper_give_up_fills(k);
	k->retry_ms = now_ms + PAUSE_MS;
	return PAUSE_MS;
}

/* A transaction failed: the store is as it was, what was read from the rings is lost. */
static int64_t
on_failure(struct keeper *k, int64_t now_ms, int rc)
{
	bool usable = rc == -E_LIMIT || rc == -E_IO;

	log_write(LOG_WARN, "cache %s: storing failed: %s", k->conf->path, err_text(rc));
	if (usable && k->stock.store != NULL && (rc = rc == -E_LIMIT ? shrink(k) : 0) == 0) {
		if (++k->fails < FAILS_MOST)
			return 0;
		log_write(LOG_ERROR, "cache %s: nothing is stored for %d s", k->conf->path,
		    PAUSE_MS / 1000);
		k->pause_ms = now_ms + PAUSE_MS;
		k->fails = 0;
		return PAUSE_MS;
	}
	if (keeper_is_damage(rc) || rc == -E_MISSING)
		return keeper_begin_anew(k, now_ms, err_text(rc));
	return reopen_later(k, now_ms, err_text(rc));
}

void
keeper_count(struct keeper *k)
{
	struct cache_counts *to = &k->shared->counts;
	struct intake_counts *from = &k->intake.counts;

	atomic_store_explicit(&to->objects, k->stock.evict.held, memory_order_relaxed);
	atomic_store_explicit(&to->pages_used, k->stock.pages_used, memory_order_relaxed);
	atomic_store_explicit(&to->pages_all, k->stock.pages_all, memory_order_relaxed);
#define ADD(name) atomic_fetch_add_explicit(&to->name, from->name, memory_order_relaxed)
	ADD(stored);
	ADD(dropped);
	ADD(aborted);
	ADD(renewed);
	ADD(purged);
	ADD(damaged);
	ADD(failed);
#undef ADD
	*from = (struct intake_counts){ 0 };
	atomic_fetch_add_explicit(&to->evicted, k->stock.evicted, memory_order_relaxed);
	k->stock.evicted = 0;
}

static int
look_for_dead(struct keeper *k, int64_t now_ms)
{
	int rc;

	if (now_ms - k->readers_ms < READERS_MS)
		return 0;
	k->readers_ms = now_ms;
	dying_look_again(&k->stock.dying);
	rc = store_forget_dead(k->store);
	if (rc > 0)
		log_write(LOG_INFO, "cache: %d readers that are dead are forgotten", rc);
	return rc < 0 ? rc : 0;
}

/* What was purged stays so over the end of all processes; its room is taken back when there is time. */
static void
keep_purge(struct keeper *k)
{
	struct cache_data *c = k->shared;
	uint32_t purges = atomic_load(&c->purges);
	struct statefile state = k->state;
	struct errdetail ed = { 0 };

	state.purged_all = k->intake.purged_all = atomic_load(&c->purged_all);
	if (state.purged_all != k->state.purged_all) {
		if (statefile_write(&state, k->conf->path, &ed) != 0) {
			log_write(LOG_ERROR, "cache: a purge is not kept over a restart yet: %s",
			    ed.text);
			return;
		}
		k->state = state;
		sweep_begin(&k->sweep, state.purged_all);
	}
	atomic_store(&c->purges_kept, purges);
}

static int
sweep_some(struct keeper *k)
{
	int rc = k->sweep.on ? sweep_turn(&k->sweep, &k->stock) : 0;

	if (rc == 0 && k->sweep.dropped > 0) {
		log_write(LOG_INFO,
		    "cache: the room of %llu objects that were purged is taken back",
		    (unsigned long long)k->sweep.dropped);
		k->sweep.dropped = 0;
	}
	return rc;
}

static int
verify_some(struct keeper *k)
{
	struct cache_data *c = k->shared;
	uint32_t wanted = atomic_load(&c->verify_wanted);
	int rc;

	if (!k->verify.on && wanted == atomic_load(&c->verify_done))
		return 0;
	if (!k->verify.on) {
		k->verify_number = wanted;
		verify_begin(&k->verify);
	}
	rc = verify_turn(&k->verify, &k->stock);
	atomic_store(&c->verify_looked, k->verify.looked);
	atomic_store(&c->verify_bad, k->verify.bad);
	if (rc != 0)
		return rc;
	log_write(k->verify.bad > 0 ? LOG_WARN : LOG_INFO,
	    "cache %s: verified: %llu objects, %llu damaged and removed", k->conf->path,
	    (unsigned long long)k->verify.looked, (unsigned long long)k->verify.bad);
	atomic_store(&c->verify_done, k->verify_number);
	return 0;
}

static int64_t
turn_open(struct keeper *k, int64_t now_ms)
{
	int rc;

	keep_purge(k);
	if (atomic_load(&k->shared->state) == CACHE_BROKEN)
		return keeper_begin_anew(k, now_ms, "a reader found it");
	rc = look_for_dead(k, now_ms);
	if (rc == 0 && now_ms < k->pause_ms)
		return k->pause_ms - now_ms < READERS_MS ? k->pause_ms - now_ms : READERS_MS;
	k->pause_ms = 0;
	if (rc == 0)
		rc = intake_turn(&k->intake);
	if (rc == 0)
		rc = sweep_some(k);
	if (rc == 0)
		rc = verify_some(k);
	keeper_count(k);
	if (rc < 0)
		return on_failure(k, now_ms, rc);
	k->fails = 0;
	return rc > 0 ? 0 : READERS_MS;
}

int64_t
keeper_turn(struct keeper *k, int64_t now_ms)
{
	if (k->lock < 0)
		return keeper_turn_locked_out(k, now_ms);
	return k->store == NULL ? keeper_turn_closed(k, now_ms) : turn_open(k, now_ms);
}

/* ---- sleeping ---- */

bool
keeper_waiting(const struct keeper *k)
{
	return k->store != NULL && k->pause_ms == 0 && intake_waiting(&k->intake);
}

bool
keeper_sleeps(struct keeper *k)
{
	atomic_store_explicit(&k->shared->keeper_sleeps, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!keeper_waiting(k))
		return true;
	keeper_wakes(k);
	return false;
}

void
keeper_wakes(struct keeper *k)
{
	atomic_store_explicit(&k->shared->keeper_sleeps, 0, memory_order_relaxed);
}

/* ---- the dead ---- */

void
keeper_reader_died(struct keeper *k)
{
	k->readers_ms = INT64_MIN / 2;
}

uint64_t
keeper_ring_end(const struct keeper *k, unsigned lane)
{
	return atomic_load_explicit(&k->rings[lane]->tail, memory_order_acquire);
}

void
keeper_producer_gone(struct keeper *k, unsigned lane, uint64_t end)
{
	if (k->store != NULL)
		intake_producer_gone(&k->intake, lane, end);
}

/* ---- the end ---- */

void
keeper_leave(struct keeper *k, int64_t patience_ms)
{
	int64_t until = (int64_t)clock_mono_ms() + patience_ms;
	struct errdetail ed = { 0 };
	int rc = 0;

	if (k->store == NULL)
		return;
	while ((int64_t)clock_mono_ms() < until && (rc = intake_turn(&k->intake)) > 0)
		;
	keeper_count(k);
	if (rc >= 0)
		rc = store_sync(k->store);
	keeper_close_store(k);
	if (rc < 0) {
		log_write(LOG_ERROR, "cache %s: not left clean: %s", k->conf->path, err_text(rc));
		return;
	}
	k->state.clean = true;
	if (statefile_write(&k->state, k->conf->path, &ed) != 0)
		log_write(LOG_ERROR, "cache %s: not left clean: %s", k->conf->path, ed.text);
}

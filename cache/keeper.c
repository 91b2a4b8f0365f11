/*
 * keeper.c - the store from its opening to its end.
 *
 *	LOCK --flock--> CLOSED --open_store--> OPEN --damage--> CLOSED, the next file
 *	                   '-- no room, no rights: again in a minute
 *
 * A store is begun anew, under the next number, when nothing is known of it, when it was open while the machine
 * stopped, or when damage was found: by us, by a worker (CACHE_BROKEN), or by the master when we died of it. The number
 * goes up on the disk before the old file goes, so no death on the way brings an old one back.
 */
#include "cache/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache/intake.h"
#include "cache/statefile.h"
#include "conf/base/clock.h"
#include "conf/base/enc.h"
#include "conf/base/log.h"
#include "conf/conf.h"

#define LOCK_MS		100	/* between two looks whether the other keeper is gone */
#define RETRY_MS	60000	/* when the store cannot be opened */
#define READERS_MS	1000	/* dead ones are looked for */
#define PAUSE_MS	10000	/* of storing, after FAILS_MOST transactions in a row that failed */
#define ANEW_MS		1000	/* between two stores that are begun anew */
#define FAILS_MOST	3
#define SHRINK_STEPS	20	/* a full map: a thousandth of it leaves in each of so many transactions */

struct keeper {
	const struct conf_cache *conf;	/* lent */
	struct cache_data *shared;	/* lent */
	int		 lock;		/* -1: another keeper works */
	bool		 told;		/* that another one does */
	bool		 anew;		/* what there is must not be used */
	int64_t		 anew_ms;	/* when that was last */
	int64_t		 retry_ms;	/* CLOSED: not before */
	int64_t		 pause_ms;	/* nothing is stored until then; 0: no pause */
	int64_t		 readers_ms;	/* dead ones were looked for */
	unsigned	 fails;		/* in a row */
	struct statefile state;
	struct store	*store;		/* NULL: CLOSED */
	struct stock	 stock;
	struct intake	 intake;
	struct ring	**rings;	/* by lane */
};

struct keeper *
keeper_new(const struct conf_cache *conf, struct cache_data *shared)
{
	struct keeper *k = calloc(1, sizeof *k);
	unsigned lanes = shared->shape.lanes;

	if (k == NULL)
		return NULL;
	*k = (struct keeper){ .conf = conf, .shared = shared, .lock = -1, .anew_ms = -ANEW_MS };
	k->rings = calloc(lanes, sizeof(struct ring *));
	if (k->rings == NULL) {
		free(k);
		return NULL;
	}
	for (unsigned i = 0; i < lanes; i++)
		k->rings[i] = cache_ring(shared, i);
	return k;
}

static void
close_store(struct keeper *k)
{
	if (k->store == NULL)
		return;
	store_abort(k->store);
	intake_fini(&k->intake);
	stock_close(&k->stock);
	store_close(&k->store);
}

void
keeper_free(struct keeper **kp)
{
	struct keeper *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	close_store(k);
	if (k->lock >= 0)
		(void)close(k->lock);
	free(k->rings);
	free(k);
}

static void
set_state(struct keeper *k, enum cache_state state)
{
	atomic_store(&k->shared->state, state);
}

/* ---- the lock ---- */

static int
take_lock(struct keeper *k, struct errdetail *ed)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof path, "%s/lock", k->conf->path) >= (int)sizeof path)
		return err_set(ed, -E_RANGE, "the path is too long");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return err_sys(ed, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		k->lock = fd;
		return 0;
	}
	(void)close(fd);
	return errno == EWOULDBLOCK ? -E_AGAIN : err_sys(ed, "%s", path);
}

static int64_t
give_up(struct keeper *k, int64_t now_ms, const char *why)
{
	log_write(LOG_ERROR,
	    "cache %s: %s: nothing is cached; make room and see that this user may write there: it is "
	    "tried again in %d s, or at a restart",
	    k->conf->path, why, RETRY_MS / 1000);
	k->retry_ms = now_ms + RETRY_MS;
	return RETRY_MS;
}

static int64_t
turn_locked_out(struct keeper *k, int64_t now_ms)
{
	struct errdetail ed = { 0 };
	int rc = take_lock(k, &ed);

	if (rc == 0)
		return 0;
	if (rc != -E_AGAIN)
		return give_up(k, now_ms, ed.text);
	if (!k->told)
		log_write(LOG_INFO, "cache %s: waits for the keeper that has it", k->conf->path);
	k->told = true;
	return LOCK_MS;
}

/* ---- which file ---- */

/* Removes the files of all stores but one (0: of all); those who have one open keep it until they close it. */
static void
remove_stores(const struct keeper *k, uint32_t but)
{
	char keep[32], keep_lock[40];
	DIR *d = opendir(k->conf->path);
	const struct dirent *e;

	if (d == NULL)
		return;
	(void)snprintf(keep, sizeof keep, "store-%u.mdb", but);
	(void)snprintf(keep_lock, sizeof keep_lock, "%s-lock", keep);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "store-", 6) == 0 && strcmp(e->d_name, keep) != 0 &&
		    strcmp(e->d_name, keep_lock) != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
}

/* The highest number there is, where no state says it. */
static uint32_t
highest_store(const struct keeper *k)
{
	DIR *d = opendir(k->conf->path);
	const struct dirent *e;
	uint32_t most = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct span rest = span_str(e->d_name), number;
		uint64_t n;

		if (span_split(&rest, '-', &number) && span_eq(number, SPAN("store")) &&
		    span_split(&rest, '.', &number) &&
		    span_to_u64(number, UINT32_MAX - 1, &n) == 0 && n > most)
			most = (uint32_t)n;
	}
	if (d != NULL)
		(void)closedir(d);
	return most;
}

static int
begin_state(struct keeper *k, struct errdetail *ed)
{
	k->state = (struct statefile){ .file = highest_store(k) };
	k->anew = true;
	return enc_random(k->state.secret, sizeof k->state.secret) == 0 ? 0 :
									  err_sys(ed, "getrandom");
}

/* Reads what is known; sets `anew` when that says that the store cannot be trusted. */
static int
know_state(struct keeper *k, struct errdetail *ed)
{
	struct errdetail why = { 0 };
	char boot[BOOT_ID_SIZE] = "";
	int rc = statefile_boot(boot, ed);

	if (rc != 0)
		return rc;
	rc = statefile_read(&k->state, k->conf->path, &why);
	if (rc == -E_SYS)
		return err_set(ed, rc, "%s", why.text);
	if (rc != 0 && rc != -E_MISSING)
		log_write(LOG_WARN, "%s: begins empty", why.text);
	if (rc != 0 && (rc = begin_state(k, ed)) != 0)
		return rc;
	if (!k->anew && !k->state.clean && strcmp(k->state.boot, boot) != 0) {
		log_write(LOG_WARN,
		    "cache %s: was open when this machine stopped: begins empty", k->conf->path);
		k->anew = true;
	}
	memcpy(k->state.boot, boot, sizeof boot);
	return 0;
}

/* From here on a machine that stops leaves a store that is not trusted. */
static int
settle_state(struct keeper *k, struct errdetail *ed)
{
	int rc;

	if (k->anew || k->state.file == 0) {
		if (atomic_load(&k->shared->state) == CACHE_OPEN)
			set_state(k, CACHE_CLOSED);
		k->state.file++;
	}
	k->state.clean = false;
	rc = statefile_write(&k->state, k->conf->path, ed);
	if (rc == 0)
		remove_stores(k, k->state.file);
	return rc;
}

/* ---- opening ---- */

static int
open_parts(struct keeper *k, const char *path, struct errdetail *ed)
{
	const struct cache_shape *shape = &k->shared->shape;
	struct store_conf conf = { .path = path, .size = (uint64_t)k->conf->size,
		.readers = shape->lanes };
	int rc = store_open_writer(&k->store, &conf, ed);

	if (rc == 0)
		rc = stock_open(&k->stock, k->store, cache_slots(k->shared), shape->slots);
	if (rc == 0)
		rc = intake_init(&k->intake, &k->stock, k->rings, shape->lanes, shape->ring_size,
		    cache_max_object(k->conf));
	if (rc == 0)
		return 0;
	close_store(k);
	return err_set(ed, rc, "%s: %s", path, err_text(rc));
}

static bool
damaged(int rc)
{
	return rc == -E_CORRUPT || rc == -E_VERSION;
}

static int
open_file(struct keeper *k, struct errdetail *ed)
{
	char path[4096];
	int rc = know_state(k, ed);

	if (rc == 0)
		rc = settle_state(k, ed);
	if (rc != 0)
		return rc;
	if (!cache_path(path, sizeof path, k->conf->path, k->state.file))
		return err_set(ed, -E_RANGE, "the path is too long");
	rc = open_parts(k, path, ed);
	if (rc != 0 && k->anew && !damaged(rc))
		remove_stores(k, 0);		/* what did not fit must not take room from others */
	k->anew = k->anew && rc != 0 && !damaged(rc);
	return rc;
}

static void
publish(struct keeper *k)
{
	struct cache_data *c = k->shared;

	c->secret = sip_key(k->state.secret);
	atomic_store(&c->purged_all, k->state.purged_all);
	atomic_store(&c->file, k->state.file);
	set_state(k, CACHE_OPEN);
	log_write(LOG_INFO, "cache %s: open: file %u, %u objects", k->conf->path, k->state.file,
	    k->stock.evict.held);
}

/* Nobody reads it any more, and the next turn begins another one. */
static int64_t
begin_anew(struct keeper *k, int64_t now_ms, const char *why)
{
	log_write(LOG_ERROR, "cache %s: damaged (%s): begins empty", k->conf->path, why);
	set_state(k, CACHE_BROKEN);
	close_store(k);
	k->anew = true;
	k->retry_ms = k->anew_ms + ANEW_MS > now_ms ? k->anew_ms + ANEW_MS : now_ms;
	k->anew_ms = k->retry_ms;
	return k->retry_ms - now_ms;
}

static int64_t
turn_closed(struct keeper *k, int64_t now_ms)
{
	struct errdetail ed = { 0 };
	int rc;

	if (now_ms < k->retry_ms)
		return k->retry_ms - now_ms;
	k->anew = k->anew || atomic_load(&k->shared->state) == CACHE_BROKEN;
	rc = open_file(k, &ed);
	if (damaged(rc))
		return begin_anew(k, now_ms, ed.text);
	if (rc != 0)
		return give_up(k, now_ms, ed.text);
	k->fails = 0;
	k->readers_ms = 0;
	publish(k);
	return 0;
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
	close_store(k);
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
	if (damaged(rc) || rc == -E_MISSING)
		return begin_anew(k, now_ms, err_text(rc));
	return reopen_later(k, now_ms, err_text(rc));
}

static void
count(struct keeper *k)
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
	rc = store_forget_dead(k->store);
	if (rc > 0)
		log_write(LOG_INFO, "cache: %d readers that are dead are forgotten", rc);
	return rc < 0 ? rc : 0;
}

static int64_t
turn_open(struct keeper *k, int64_t now_ms)
{
	int rc;

	if (atomic_load(&k->shared->state) == CACHE_BROKEN)
		return begin_anew(k, now_ms, "a reader found it");
	rc = look_for_dead(k, now_ms);
	if (rc == 0 && now_ms < k->pause_ms)
		return k->pause_ms - now_ms < READERS_MS ? k->pause_ms - now_ms : READERS_MS;
	k->pause_ms = 0;
	if (rc == 0)
		rc = intake_turn(&k->intake);
	count(k);
	if (rc < 0)
		return on_failure(k, now_ms, rc);
	k->fails = 0;
	return rc > 0 ? 0 : READERS_MS;
}

int64_t
keeper_turn(struct keeper *k, int64_t now_ms)
{
	if (k->lock < 0)
		return turn_locked_out(k, now_ms);
	return k->store == NULL ? turn_closed(k, now_ms) : turn_open(k, now_ms);
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
	count(k);
	if (rc >= 0)
		rc = store_sync(k->store);
	close_store(k);
	if (rc < 0) {
		log_write(LOG_ERROR, "cache %s: not left clean: %s", k->conf->path, err_text(rc));
		return;
	}
	k->state.clean = true;
	if (statefile_write(&k->state, k->conf->path, &ed) != 0)
		log_write(LOG_ERROR, "cache %s: not left clean: %s", k->conf->path, ed.text);
}

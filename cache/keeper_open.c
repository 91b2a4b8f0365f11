/*
 * keeper_open.c - the store from nothing to open.
 *
 *	LOCK --flock--> CLOSED --open_file--> OPEN --damage--> CLOSED, the next file
 *	                   '-- no room, no rights: again in a minute
 *
 * A store is begun anew, under the next number, when nothing is known of it, when it was open while the machine
 * stopped, or when damage was found: by us, by a worker (CACHE_BROKEN), or by the master when we died of it. The number
 * goes up on the disk before the old file goes, so no death on the way brings an old one back.
 */
#include "cache/keeper_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache/storedir.h"
#include "conf/base/enc.h"
#include "conf/base/log.h"

#define LOCK_MS		100	/* between two looks whether the other keeper is gone */
#define RETRY_MS	5000	/* when the store cannot be opened */
#define TELL_MS		60000	/* and that is told again */
#define ANEW_MS		1000	/* between two stores that are begun anew */

void
keeper_close_store(struct keeper *k)
{
	if (k->store == NULL)
		return;
	store_abort(k->store);
	k->verify.on = false;		/* another store: from its beginning */
	intake_fini(&k->intake);
	stock_close(&k->stock);
	store_close(&k->store);
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
	if (now_ms >= k->tell_ms) {
		log_write(LOG_ERROR,
		    "cache %s: %s: nothing is cached; make room, or let this user write there: it is "
		    "tried again every %d s",
		    k->conf->path, why, RETRY_MS / 1000);
		k->tell_ms = now_ms + TELL_MS;
	}
	k->retry_ms = now_ms + RETRY_MS;
	return RETRY_MS;
}

int64_t
keeper_turn_locked_out(struct keeper *k, int64_t now_ms)
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

/* Numbers are never used again, so that who has another one open sees that it is another one. */
static int
begin_state(struct keeper *k, struct errdetail *ed)
{
	k->state = (struct statefile){ .file = storedir_highest(k->conf->path) };
	k->anew = true;
	return enc_random(k->state.secret, sizeof k->state.secret) == 0 ? 0 :
									  err_sys(ed, "getrandom");
}

/* False: a container may not say. Then only a store that was left clean is believed. */
static bool
know_boot(char boot[BOOT_ID_SIZE])
{
	struct errdetail ed = { 0 };

	if (statefile_boot(boot, &ed) == 0)
		return true;
	log_write(LOG_WARN, "cache: %s: a store that was not left clean cannot be kept", ed.text);
	(void)snprintf(boot, BOOT_ID_SIZE, "unknown");
	return false;
}

/* Reads what is known; sets `anew` when that says that the store cannot be trusted. */
static int
know_state(struct keeper *k, struct errdetail *ed)
{
	struct errdetail why = { 0 };
	char boot[BOOT_ID_SIZE];
	bool known = know_boot(boot);
	int rc = statefile_read(&k->state, k->conf->path, &why);

	if (rc == -E_SYS)
		return err_set(ed, rc, "%s", why.text);
	if (rc != 0 && rc != -E_MISSING)
		log_write(LOG_WARN, "%s: begins empty", why.text);
	if (rc != 0 && (rc = begin_state(k, ed)) != 0)
		return rc;
	if (!k->anew && !k->state.clean && (!known || strcmp(k->state.boot, boot) != 0)) {
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
			atomic_store(&k->shared->state, CACHE_CLOSED);
		k->state.file++;
	}
	k->state.clean = false;
	rc = statefile_write(&k->state, k->conf->path, ed);
	if (rc == 0)
		storedir_remove(k->conf->path, k->state.file);
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
		rc = stock_open_shared(&k->stock, k->store, k->shared);
	if (rc == 0)
		rc = intake_init(&k->intake, &k->stock, k->rings, shape->lanes, shape->ring_size,
		    cache_max_object(k->conf));
	if (rc == 0)
		return 0;
	keeper_close_store(k);
	return err_set(ed, rc, "%s: %s", path, err_text(rc));
}

bool
keeper_is_damage(int rc)
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
	if (rc != 0 && k->anew && !keeper_is_damage(rc))
		storedir_remove(k->conf->path, 0);	/* what did not fit must not take room from others */
	k->anew = k->anew && rc != 0 && !keeper_is_damage(rc);
	return rc;
}

static void
publish(struct keeper *k)
{
	struct cache_data *c = k->shared;

	c->secret = sip_key(k->state.secret);
	if (atomic_load(&c->purged_all) < k->state.purged_all)
		atomic_store(&c->purged_all, k->state.purged_all);
	if (k->state.purged_all > 0)
		sweep_begin(&k->sweep, k->state.purged_all);
	intake_heed_leases(&k->intake, cache_leases(c));
	keeper_count(k);		/* who sees it open sees what is in it */
	atomic_store(&c->file, k->state.file);
	atomic_store(&k->shared->state, CACHE_OPEN);
	log_write(LOG_INFO, "cache %s: open: file %u, %u objects", k->conf->path, k->state.file,
	    k->stock.evict.held);
}

/* Nobody reads it any more, and the next turn begins another one. */
int64_t
keeper_begin_anew(struct keeper *k, int64_t now_ms, const char *why)
{
	log_write(LOG_ERROR, "cache %s: damaged (%s): begins empty", k->conf->path, why);
	atomic_store(&k->shared->state, CACHE_BROKEN);
	keeper_give_up_fills(k);
	k->anew = true;
	k->retry_ms = k->anew_ms + ANEW_MS > now_ms ? k->anew_ms + ANEW_MS : now_ms;
	k->anew_ms = k->retry_ms;
	return k->retry_ms - now_ms;
}

int64_t
keeper_turn_closed(struct keeper *k, int64_t now_ms)
{
	struct errdetail ed = { 0 };
	int rc;

	if (now_ms < k->retry_ms)
		return k->retry_ms - now_ms;
	k->anew = k->anew || atomic_load(&k->shared->state) == CACHE_BROKEN;
	rc = open_file(k, &ed);
	if (keeper_is_damage(rc))
		return keeper_begin_anew(k, now_ms, ed.text);
	if (rc != 0)
		return give_up(k, now_ms, ed.text);
	k->fails = 0;
	k->tell_ms = 0;
	k->readers_ms = 0;
	publish(k);
	return 0;
}

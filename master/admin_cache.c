/*
 * admin_cache.c - cache stat, cache verify and cache purge --all, from the cache's segment. The data is described in
 * tools/proxyctl/format_cache.c.
 */
#include "cache/segment.h"

#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/master.h"

#define PAGE 4096

static const char *
state_text(uint32_t state)
{
	switch ((enum cache_state)state) {
	case CACHE_CLOSED: return "closed";
	case CACHE_OPEN: return "open";
	case CACHE_BROKEN: return "broken";
	}
	return "unknown";		/* who writes there may be broken itself */
}

/* What serves now has no cache, though there may have been one: NULL, and the client knows why. */
static struct cache_data *
cache_of(struct master *m, struct admin_client *c)
{
	struct cache_data *d = segment_cache_data(&m->segments.cache);

	if (d != NULL && m->current->conf->cache.path != NULL)
		return d;
	admin_refuse(c, "no cache is configured: write cache = { path = \"/var/cache/proxyd\"; };");
	return NULL;
}

static int64_t
value(_Atomic uint64_t *v)
{
	return (int64_t)atomic_load_explicit(v, memory_order_relaxed);
}

static struct json *
counters_json(struct cache_counts *n)
{
	struct json *o = json_obj();

#define COUNT(name) json_set_int(o, #name, value(&n->name))
	COUNT(stored);
	COUNT(dropped);
	COUNT(aborted);
	COUNT(renewed);
	COUNT(purged);
	COUNT(evicted);
	COUNT(damaged);
	COUNT(failed);
#undef COUNT
	return o;
}

static struct json *
verify_json(struct cache_data *d)
{
	struct json *o = json_obj();

	json_set_int(o, "wanted", atomic_load(&d->verify_wanted));
	json_set_int(o, "done", atomic_load(&d->verify_done));
	json_set_int(o, "looked", value(&d->verify_looked));
	json_set_int(o, "bad", value(&d->verify_bad));
	return o;
}

static struct json *
keeper_json(const struct child *c)
{
	struct json *o = json_obj();

	json_set_int(o, "pid", c->pid);
	json_set_int(o, "rss_kib", admin_rss_kib(c->pid));
	return o;
}

void
admin_cache_stat(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct cache_data *d = cache_of(m, c);
	struct json *o;

	(void)r;
	if (d == NULL)
		return;
	o = json_obj();
	json_set_str(o, "path", m->current->conf->cache.path);
	json_set_str(o, "state", state_text(atomic_load(&d->state)));
	json_set_int(o, "file", atomic_load(&d->file));
	json_set_int(o, "objects", value(&d->counts.objects));
	json_set_int(o, "objects_max", d->shape.slots);
	json_set_int(o, "bytes_used", value(&d->counts.pages_used) * PAGE);
	json_set_int(o, "bytes", value(&d->counts.pages_all) * PAGE);
	json_set_int(o, "purged_all", atomic_load(&d->purged_all));
	json_set_bool(o, "purge_kept", atomic_load(&d->purges_kept) == atomic_load(&d->purges));
	json_set(o, "counters", counters_json(&d->counts));
	json_set(o, "verify", verify_json(d));
	if (m->keeper.child != NULL)
		json_set(o, "keeper", keeper_json(m->keeper.child));
	admin_reply(c, o);
}

static void
wake_keeper(const struct master *m)
{
	const uint64_t one = 1;

	(void)!write(m->segments.cache.event[0], &one, sizeof one);
}

void
admin_cache_verify(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct cache_data *d = cache_of(m, c);
	struct json *o;

	(void)r;
	if (d == NULL)
		return;
	if (atomic_load(&d->state) != CACHE_OPEN || m->keeper.child == NULL) {
		admin_refuse(c, "no store is open: see 'proxyctl cache stat' and the event log");
		return;
	}
	o = json_obj();
	json_set_int(o, "number", atomic_fetch_add(&d->verify_wanted, 1) + 1);
	wake_keeper(m);
	admin_reply(c, o);
}

/* Unix seconds of now: what comes within this second is taken for older. The purge's number. */
static uint32_t
purge_all(struct master *m, struct cache_data *d)
{
	int64_t now = (int64_t)(clock_wall_us() / 1000000);
	uint32_t purges;

	if (atomic_load(&d->purged_all) < now)
		atomic_store(&d->purged_all, now);
	purges = atomic_fetch_add(&d->purges, 1) + 1;
	wake_keeper(m);
	return purges;
}

void
admin_cache_purge(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	bool dry = admin_option(r, "--dry-run") != NULL;
	struct cache_data *d = cache_of(m, c);
	struct json *o;

	if (d == NULL)
		return;
	if (admin_option(r, "--all") == NULL) {
		admin_refuse(c, "say what: --all");
		return;
	}
	o = json_obj();
	json_set_int(o, "objects", value(&d->counts.objects));
	json_set_bool(o, "dry_run", dry);
	if (dry) {
		admin_reply(c, o);
		return;
	}
	log_write(LOG_INFO, "cache: everything is purged, by user %u", (unsigned)admin_uid(c));
	purge_wait(m, c, purge_all(m, d), o);
}

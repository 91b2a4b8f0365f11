/*
 * cache.c - opens the store and follows its number, ends the turn's transaction, wakes the keeper.
 */
#include "worker/cache/cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/cache/stored.h"

#define AGAIN_MS 1000		/* between two attempts to open the store */
#define PATH_MAX_BYTES 4096

/* ---- configuration ---- */

static uint32_t
seconds(int64_t ms)
{
	return ms <= 0 ? SECONDS_NONE : (uint32_t)((ms + 999) / 1000);
}

static int64_t
or_else(int64_t own, int64_t otherwise)
{
	return own >= 0 ? own : otherwise;
}

static const char **
names_of(const struct conf_strs *s)
{
	const char **v;

	if (s->n == 0)
		return NULL;
	v = mem_array(s->n + 1, sizeof *v);
	for (unsigned i = 0; i < s->n; i++)
		v[i] = s->v[i];
	return v;
}

/* own: -1 where it says nothing. */
static struct caching
caching_of(const struct conf_caching *own, const struct conf_caching *d)
{
	return (struct caching){
		.rules = { .ttl = seconds(or_else(own->ttl_ms, d->ttl_ms)),
		    .ttl_min = seconds(or_else(own->ttl_min_ms, d->ttl_min_ms)),
		    .ttl_max = seconds(or_else(own->ttl_max_ms, d->ttl_max_ms)),
		    .grace = seconds(or_else(own->grace_ms, d->grace_ms)),
		    .keep = seconds(or_else(own->keep_ms, d->keep_ms)),
		    .heuristic = or_else(own->heuristic, d->heuristic) == 1,
		    .store_set_cookie = or_else(own->store_set_cookie, d->store_set_cookie) == 1,
		    .obey_client = or_else(own->obey_client, d->obey_client) == 1 },
		.vary = { .languages = or_else(own->same_language, d->same_language) == 1,
		    .encodings = or_else(own->same_encoding, d->same_encoding) == 1 },
		.store = or_else(own->store, d->store) == 1,
		.sort_query = or_else(own->sort_query, d->sort_query) == 1,
		.drop_query = names_of(own->drop_query.n > 0 ? &own->drop_query : &d->drop_query),
	};
}

/* Routes that edit requests may get other answers for one URL than others of their service do. */
static char *
scope_of(const struct conf_route *r)
{
	const struct conf_edit *e = &r->request.head;
	bool own = e->set.n + e->remove.n > 0 || r->service == NULL;
	const char *name = own ? r->name : r->service->name;
	size_t size = strlen(name) + sizeof "service:";
	char *scope = mem_alloc(size);

	snprintf(scope, size, "%s:%s", own ? "route" : "service", name);
	return scope;
}

static void
configure(struct cache *c)
{
	const struct conf *conf = c->x->conf;

	c->caching = mem_array(conf->nroutes + 1, sizeof *c->caching);
	for (unsigned i = 0; i < conf->nroutes; i++) {
		c->caching[i] =
		    caching_of(&conf->routes[i].caching, &conf->defaults.caching);
		c->caching[i].scope = scope_of(&conf->routes[i]);
	}
	c->caching[conf->nroutes] =
	    caching_of(&conf->forward.caching, &conf->forward.caching);
	c->caching[conf->nroutes].scope = mem_strdup("");
}

static void
caching_fini(struct caching *c)
{
	mem_free(c->drop_query);
	mem_free(c->scope);
}

/* ---- the store ---- */

static void
close_store(struct cache *c)
{
	store_close(&c->in.store);
}

static void
open_store(struct cache *c, uint32_t file)
{
	const struct conf_cache *conf = &c->x->conf->cache;
	char path[PATH_MAX_BYTES];
	struct store_conf sc = { .path = path,
		.size = (uint64_t)conf->size,
		.readers = 2 * c->data->shape.lanes };
	struct errdetail ed = { 0 };

	LIST_EACH_SAFE(&c->sending, n)
		stored_lost(LIST_ENTRY(n, struct stored, node));
	close_store(c);
	if (!cache_path(path, sizeof path, conf->path, file))
		return;
	if (store_open_reader(&c->in.store, &sc, &ed) == 0) {
		c->file = file;
		return;
	}
	log_write(LOG_WARN, "%s: answers are not taken from it; tried again in a second", ed.text);
	c->again_ms = c->x->loop.now_ms + AGAIN_MS;
}

/* Between two turns, when nothing points into it. */
static void
follow_store(struct cache *c)
{
	uint32_t file = atomic_load_explicit(&c->data->file, memory_order_relaxed);
	bool open = atomic_load_explicit(&c->data->state, memory_order_acquire) == CACHE_OPEN;

	if (open && (c->in.store == NULL || c->file != file) && c->x->loop.now_ms >= c->again_ms)
		open_store(c, file);
}

struct store *
cache_begin(struct cache *c)
{
	int rc;

	if (c->in.store == NULL)
		follow_store(c);	/* nothing points into none; an idle worker had no turn to look in */
	if (c->in.store == NULL ||
	    atomic_load_explicit(&c->data->state, memory_order_relaxed) != CACHE_OPEN ||
	    atomic_load_explicit(&c->data->file, memory_order_relaxed) != c->file)
		return NULL;
	rc = store_begin(c->in.store);
	if (rc == -E_CORRUPT)
		cache_damaged(c, "it cannot be read");
	return rc == 0 ? c->in.store : NULL;
}

void
cache_damaged(struct cache *c, const char *what)
{
	uint32_t open = CACHE_OPEN;

	if (atomic_compare_exchange_strong(&c->data->state, &open, CACHE_BROKEN))
		log_write(
		    LOG_ERROR, "cache: the store is damaged: %s; it begins anew, empty", what);
	cache_tell(c);
}

/* ---- the keeper ---- */

void
cache_tell(struct cache *c)
{
	c->told = true;
}

static void
wake_keeper(struct cache *c)
{
	uint64_t one = 1;

	c->told = false;
	if (cache_wake(c->data))
		(void)!write(c->x->env->cache_events[0], &one, sizeof one);
}

/* ---- pins ---- */

static bool
there(const struct cache *c, const struct entry *e)
{
	const struct slot *s = &c->in.slots[e->slot];

	return e->slot < c->in.n_slots && atomic_load(&s->id) == e->id &&
	    atomic_load(&s->dead) == 0;
}

int
cache_hold(struct cache *c, const struct entry *e)
{
	for (unsigned i = 0; i < PINS; i++) {
		unsigned at = (c->pin_next + i) % PINS;

		if (atomic_load_explicit(&c->pins->id[at], memory_order_relaxed) != 0)
			continue;
		c->pin_next = at + 1;
		atomic_store(&c->pins->id[at], e->id);	/* before the slot is looked at */
		if (there(c, e))
			return (int)at;
		atomic_store(&c->pins->id[at], 0);
		return -1;
	}
	return -1;
}

void
cache_release(struct cache *c, int pin)
{
	if (pin >= 0)
		atomic_store_explicit(&c->pins->id[pin], 0, memory_order_release);
}

/* ---- life ---- */

static void
on_turn_end(struct loop_hook *h)
{
	struct cache *c = LIST_ENTRY(h, struct cache, hook);

	LIST_EACH_SAFE(&c->sending, n)
		stored_let_go(LIST_ENTRY(n, struct stored, node));
	if (c->in.store != NULL)
		store_end(c->in.store);
	follow_store(c);
	if (c->told)
		wake_keeper(c);
}

struct cache *
cache_new(struct ctx *x)
{
	struct cache_data *data = x->env->cache;
	struct cache *c;

	if (data == NULL || x->conf->cache.path == NULL)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->x = x;
	c->data = data;
	c->in = (struct lookup_in){ .slots = cache_slots(data),
		.n_slots = data->shape.slots,
		.secret = &data->secret };
	c->pins = cache_pins(data, x->env->lane);
	c->max_object = cache_max_object(&x->conf->cache);
	list_init(&c->sending);
	ring_out_init(&c->ring, cache_ring(data, x->env->lane), data->shape.ring_size);
	c->told = true;
	configure(c);
	c->hook.turn_end = on_turn_end;
	loop_hook_add(&x->loop, &c->hook);
	follow_store(c);
	return c;
}

void
cache_free(struct cache **cp)
{
	struct cache *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	close_store(c);
	for (unsigned i = 0; i <= c->x->conf->nroutes; i++)
		caching_fini(&c->caching[i]);
	mem_free(c->caching);
	mem_free(c);
}

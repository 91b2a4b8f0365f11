/*
 * segment.c - where in the cache's memory things are:
 *
 *	| struct cache_data | slots | pins of lane 0, 1, ... | leases | ring of lane 0, 1, ... |
 *
 * Every part takes whole pages, so that what a lane leaves behind can be given back.
 */
#include "cache/segment.h"

#include <stdio.h>
#include <sys/mman.h>

#include "conf/conf.h"

#define PAGE		((size_t)4096)
#define OBJECT_MEAN	2048		/* bytes of the store for each slot */
#define OBJECT_SHARE	20		/* of the store: the biggest object is one part of so many */
#define OBJECT_MOST	(64u << 20)

struct cache_shape
cache_shape(const struct conf_cache *conf, unsigned lanes)
{
	int64_t slots = conf->objects > 0 ? conf->objects : conf->size / OBJECT_MEAN;

	return (struct cache_shape){ .slots = (uint32_t)(slots < INT32_MAX ? slots : INT32_MAX),
		.lanes = lanes,
		.ring_size = (uint32_t)conf->ring };
}

uint64_t
cache_max_object(const struct conf_cache *conf)
{
	uint64_t share = (uint64_t)conf->size / OBJECT_SHARE;

	if (conf->max_object > 0)
		return (uint64_t)conf->max_object;
	return share < OBJECT_MOST ? share : OBJECT_MOST;
}

uint64_t
cache_place(const struct conf_cache *conf)
{
	struct sip_key key = { { 0, (uint64_t)conf->size } };

	return sip64(&key, span_str(conf->path));
}

static size_t
page_up(size_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static size_t
pins_at(const struct cache_shape *s)
{
	return page_up(sizeof(struct cache_data)) + page_up(s->slots * sizeof(struct slot));
}

static size_t
leases_at(const struct cache_shape *s)
{
	return pins_at(s) + s->lanes * page_up(sizeof(struct pins));
}

static size_t
rings_at(const struct cache_shape *s)
{
	return leases_at(s) + page_up(sizeof(struct lease_table));
}

static size_t
ring_bytes(const struct cache_shape *s)
{
	return page_up(sizeof(struct ring) + s->ring_size);
}

size_t
cache_size(const struct cache_shape *s)
{
	return rings_at(s) + s->lanes * ring_bytes(s);
}

void
cache_init(struct cache_data *c, const struct cache_shape *s)
{
	c->shape = *s;
}

bool
cache_sound(const struct cache_data *c, size_t bytes)
{
	const struct cache_shape *s = &c->shape;

	return bytes >= sizeof *c && s->slots > 0 && s->lanes > 0 && s->lanes <= CACHE_LANES_MAX &&
	    s->ring_size >= RING_LEAST && s->ring_size <= RING_MOST &&
	    (s->ring_size & (s->ring_size - 1)) == 0 && cache_size(s) == bytes;
}

struct slot *
cache_slots(struct cache_data *c)
{
	return (struct slot *)((char *)c + page_up(sizeof *c));
}

struct pins *
cache_pins(struct cache_data *c, unsigned lane)
{
	char *first = (char *)c + pins_at(&c->shape);

	return (struct pins *)(first + lane * page_up(sizeof(struct pins)));
}

struct lease_table *
cache_leases(struct cache_data *c)
{
	return (struct lease_table *)((char *)c + leases_at(&c->shape));
}

struct ring *
cache_ring(struct cache_data *c, unsigned lane)
{
	return (struct ring *)((char *)c + rings_at(&c->shape) + lane * ring_bytes(&c->shape));
}

void
cache_unpin(struct cache_data *c, unsigned lane)
{
	struct pins *p = cache_pins(c, lane);

	for (unsigned i = 0; i < PINS; i++)
		if (atomic_load_explicit(&p->id[i], memory_order_relaxed) != 0)
			atomic_store(&p->id[i], 0);
}

/* The pages that lie within it altogether: zero when they are looked at again. */
static void
give_back(const char *from, const char *to)
{
	uintptr_t first = page_up((uintptr_t)from), last = (uintptr_t)to & ~(PAGE - 1);

	if (first < last)
		(void)madvise((void *)first, last - first, MADV_REMOVE);
}

bool
cache_lane_free(struct cache_data *c, unsigned lane)
{
	struct ring *r = cache_ring(c, lane);
	struct pins *p = cache_pins(c, lane);

	if (atomic_load(&r->head) != atomic_load(&r->tail))
		return false;
	give_back(r->bytes, r->bytes + c->shape.ring_size);
	give_back((const char *)p, (const char *)(p + 1));
	return true;
}

bool
cache_path(char *out, size_t size, const char *dir, uint32_t file)
{
	int n = snprintf(out, size, "%s/store-%u.mdb", dir, file);

	return n > 0 && (size_t)n < size;
}

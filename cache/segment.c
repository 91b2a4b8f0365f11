/*
 * segment.c - where in the cache's memory things are:
 *
 *	| struct cache_data | slots | pins of lane 0, 1, ... | ring of lane 0, 1, ... |
 *
 * Every part takes whole pages, so that what a lane leaves behind can be given back.
 */
#include "cache/segment.h"

#include <stdio.h>

#define PAGE ((size_t)4096)

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
rings_at(const struct cache_shape *s)
{
	return pins_at(s) + s->lanes * page_up(sizeof(struct pins));
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

struct ring *
cache_ring(struct cache_data *c, unsigned lane)
{
	return (struct ring *)((char *)c + rings_at(&c->shape) + lane * ring_bytes(&c->shape));
}

bool
cache_path(char *out, size_t size, const char *dir, uint32_t file)
{
	int n = snprintf(out, size, "%s/store-%u.mdb", dir, file);

	return n > 0 && (size_t)n < size;
}

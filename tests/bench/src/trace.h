/*
 * trace.h - requests as a cache meets them, made from a seed, and what two ways to evict make of them: cache/evict.c
 * as the keeper uses it, and LRU beside it with the same room, the same pages and the same rule of what is too big.
 *
 * A request asks for an object of a population whose ranks follow Zipf's law, or, `once` of them, for one that
 * nobody asks for again. Every `drift` requests a popular object gives way to a new one. Sizes are lognormal: median
 * 8 KB, sigma 1.7, at most 50 MB. All is in the seed: a run is the same everywhere.
 */
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cache/evict.h"
#include "cache/stock.h"

#define TRACE_REQUESTS 2000000

struct trace_shape {
	double		alpha;		/* of Zipf's law */
	uint32_t	population;	/* ranks */
	double		once;		/* share of requests for what is never asked for again */
	uint32_t	drift;		/* requests; 0: none */
	uint32_t	popular;	/* any of so many first ranks drifts; 0: any rank, by its popularity */
	unsigned	percent;	/* the cache's, of the bytes of all objects */
};

struct trace {
	uint32_t	*asked;		/* object of each request */
	uint32_t	*bytes;		/* of each object */
	uint32_t	 requests, objects;
	double		 one_hit;	/* share of objects asked for once */
	uint64_t	 pages;		/* of all objects */
};

struct trace_hits { double objects, bytes; };	/* shares */

/* ---- making one ---- */

static uint64_t trace_state;

/* SplitMix64 (Steele et al., 2014). */
static inline uint64_t
trace_random(void)
{
	uint64_t z = trace_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* In [0, 1). */
static inline double
trace_uniform(void)
{
	return (double)(trace_random() >> 11) * 0x1p-53;
}

/* Box and Muller; 1 - u, since the logarithm of 0 is none. */
static inline uint32_t
trace_size(void)
{
	double normal = sqrt(-2 * log(1 - trace_uniform())) * cos(2 * M_PI * trace_uniform());
	double n = 8192 * exp(1.7 * normal);

	return n < 1 ? 1 : n > 50e6 ? 50000000 : (uint32_t)n;
}

static inline uint32_t
trace_rank(const double *sums, uint32_t n)
{
	double at = trace_uniform() * sums[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sums[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static inline uint32_t
trace_drifts(const struct trace_shape *s, const double *sums)
{
	return s->popular > 0 ? (uint32_t)(trace_uniform() * s->popular) : trace_rank(sums, s->population);
}

static inline void *
trace_memory(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		abort();
	return p;
}

static inline void
trace_draw(struct trace *t, const struct trace_shape *s, const double *sums, uint32_t *object)
{
	for (uint32_t rank = 0; rank < s->population; rank++)
		object[rank] = UINT32_MAX;
	for (uint32_t i = 0; i < t->requests; i++) {
		uint32_t rank;

		if (s->drift > 0 && i % s->drift == 0)
			object[trace_drifts(s, sums)] = UINT32_MAX;
		if (trace_uniform() < s->once) {
			t->asked[i] = t->objects++;
			continue;
		}
		rank = trace_rank(sums, s->population);
		if (object[rank] == UINT32_MAX)
			object[rank] = t->objects++;
		t->asked[i] = object[rank];
	}
}

static inline void
trace_measure(struct trace *t)
{
	uint32_t *times = trace_memory(t->objects, sizeof *times), once = 0;

	t->bytes = trace_memory(t->objects, sizeof *t->bytes);
	for (uint32_t i = 0; i < t->requests; i++)
		times[t->asked[i]]++;
	for (uint32_t i = 0; i < t->objects; i++) {
		t->bytes[i] = trace_size();
		t->pages += stock_pages(t->bytes[i]);
		once += times[i] == 1;
	}
	t->one_hit = (double)once / t->objects;
	free(times);
}

/* With a scale of n, a trace of the same kind that is n times smaller. */
static inline void
trace_init(struct trace *t, const struct trace_shape *whole, uint32_t scale, uint64_t seed)
{
	struct trace_shape small = *whole, *s = &small;
	double *sums = trace_memory(s->population, sizeof *sums), sum = 0;
	uint32_t *object = trace_memory(s->population, sizeof *object);

	s->population /= scale;
	s->popular /= scale;

	trace_state = seed;
	for (uint32_t rank = 0; rank < s->population; rank++)
		sums[rank] = sum += pow(rank + 1, -s->alpha);
	*t = (struct trace){ .requests = TRACE_REQUESTS / scale };
	t->asked = trace_memory(t->requests, sizeof *t->asked);
	trace_draw(t, s, sums, object);
	trace_measure(t);
	free(object);
	free(sums);
}

static inline void
trace_fini(struct trace *t)
{
	free(t->asked);
	free(t->bytes);
}

/* ---- through evict.c ---- */

struct trace_run {
	const struct trace *t;
	uint64_t	 room, used;		/* pages */
	uint64_t	 hits, hit_bytes, bytes;
};

static inline struct trace_hits
trace_result(const struct trace_run *r)
{
	return (struct trace_hits){
		(double)r->hits / r->t->requests, (double)r->hit_bytes / (double)r->bytes };
}

/* What is bigger than a tenth of the cache is not admitted. */
static inline uint32_t
trace_admitted(const struct trace_run *r, uint32_t object)
{
	uint32_t pages = stock_pages(r->t->bytes[object]);

	return pages * UINT64_C(10) <= r->room ? pages : 0;
}

static inline bool
trace_count(struct trace_run *r, uint32_t object, bool hit)
{
	r->bytes += r->t->bytes[object];
	if (hit) {
		r->hits++;
		r->hit_bytes += r->t->bytes[object];
	}
	return hit;
}

struct trace_keeper {
	struct trace_run run;
	struct evict	 e;
	struct slot	*slots;
	uint32_t	*slot, *object;		/* of an object; in a slot */
};

static inline void
trace_store(struct trace_keeper *k, uint32_t object, uint32_t pages)
{
	while (k->run.used + pages > k->run.room) {
		uint32_t gone = evict_victim(&k->e);

		k->run.used -= stock_pages(k->run.t->bytes[k->object[gone]]);
		k->slot[k->object[gone]] = SLOT_NONE;
	}
	/* Odd multiples are a permutation: no two objects are one ghost by accident alone. */
	k->slot[object] = evict_add(&k->e, (object + 1) * UINT32_C(2654435761), pages);
	k->object[k->slot[object]] = object;
	k->run.used += pages;
}

static inline struct trace_hits
trace_evict(const struct trace *t, unsigned percent)
{
	struct trace_keeper k = { .run = { .t = t, .room = t->pages * percent / 100 } };
	uint32_t n_slots = (uint32_t)(k.run.room / 2 + 1), pages;

	k.slots = trace_memory(n_slots, sizeof *k.slots);
	k.object = trace_memory(n_slots, sizeof *k.object);
	k.slot = trace_memory(t->objects, sizeof *k.slot);
	memset(k.slot, 0xff, t->objects * sizeof *k.slot);
	if (evict_init(&k.e, k.slots, n_slots) != 0)
		abort();
	evict_ready(&k.e);
	for (uint32_t i = 0; i < t->requests; i++) {
		uint32_t object = t->asked[i];

		if (trace_count(&k.run, object, k.slot[object] != SLOT_NONE))
			slot_use(&k.slots[k.slot[object]]);
		else if ((pages = trace_admitted(&k.run, object)) > 0)
			trace_store(&k, object, pages);
	}
	evict_fini(&k.e);
	free(k.slots);
	free(k.object);
	free(k.slot);
	return trace_result(&k.run);
}

/* ---- LRU: a list through all objects, the last element is its anchor ---- */

struct trace_lru { struct trace_run run; uint32_t *next, *prev; };	/* next == SLOT_NONE: not stored */

static inline void
trace_unlink(struct trace_lru *l, uint32_t object)
{
	l->next[l->prev[object]] = l->next[object];
	l->prev[l->next[object]] = l->prev[object];
	l->next[object] = SLOT_NONE;
}

static inline void
trace_link(struct trace_lru *l, uint32_t object)
{
	uint32_t anchor = l->run.t->objects;

	l->next[object] = l->next[anchor];
	l->prev[object] = anchor;
	l->prev[l->next[object]] = object;
	l->next[anchor] = object;
}

static inline void
trace_lru_store(struct trace_lru *l, uint32_t object, uint32_t pages)
{
	while (l->run.used + pages > l->run.room) {
		uint32_t oldest = l->prev[l->run.t->objects];

		l->run.used -= stock_pages(l->run.t->bytes[oldest]);
		trace_unlink(l, oldest);
	}
	trace_link(l, object);
	l->run.used += pages;
}

static inline struct trace_hits
trace_lru(const struct trace *t, unsigned percent)
{
	struct trace_lru l = { .run = { .t = t, .room = t->pages * percent / 100 } };
	uint32_t pages;

	l.next = trace_memory(t->objects + 1, sizeof *l.next);
	l.prev = trace_memory(t->objects + 1, sizeof *l.prev);
	memset(l.next, 0xff, t->objects * sizeof *l.next);
	l.next[t->objects] = l.prev[t->objects] = t->objects;
	for (uint32_t i = 0; i < t->requests; i++) {
		uint32_t object = t->asked[i];

		if (trace_count(&l.run, object, l.next[object] != SLOT_NONE)) {
			trace_unlink(&l, object);
			trace_link(&l, object);
		} else if ((pages = trace_admitted(&l.run, object)) > 0) {
			trace_lru_store(&l, object, pages);
		}
	}
	free(l.next);
	free(l.prev);
	return trace_result(&l.run);
}

/*
 * evict.c - two rings of slots, and a table of ghosts in which a newer one overwrites an older of the same place.
 *
 * A slot stands in one ring at a time, the unused ones in a third, so that none can overflow. One that was removed
 * stays where it is, as IN_GONE, until it is popped: given out before, its old place would pass for its new one.
 */
#include "cache/evict.h"

#include <stdlib.h>

enum place { IN_NONE, IN_SMALL, IN_MAIN, IN_GONE };

#define SMALL_SHARE	10		/* the small queue's part of all pages is one of so many */
#define GHOST_ROUNDS		2

/* ---- rings ---- */

static void
push(const struct evict *e, struct evict_queue *q, uint32_t slot)
{
	q->ring[(q->head + q->n++) & e->mask] = slot;
}

static uint32_t
pop(const struct evict *e, struct evict_queue *q)
{
	uint32_t slot = q->ring[q->head];

	q->head = (q->head + 1) & e->mask;
	q->n--;
	return slot;
}

static bool
ring_init(struct evict_queue *q, uint32_t size)
{
	q->ring = calloc(size, sizeof *q->ring);
	return q->ring != NULL;
}

int
evict_init(struct evict *e, struct slot *slots, uint32_t n_slots)
{
	uint32_t size = 1;

	while (size < n_slots)
		size *= 2;
	*e = (struct evict){ .slots = slots, .n_slots = n_slots, .mask = size - 1 };
	e->items = calloc(n_slots, sizeof *e->items);
	e->ghosts = calloc(size, sizeof *e->ghosts);
	if (e->items != NULL && e->ghosts != NULL && ring_init(&e->small, size) &&
	    ring_init(&e->main, size) && ring_init(&e->unused, size))
		return 0;
	evict_fini(e);
	return -E_NOMEM;
}

void
evict_fini(struct evict *e)
{
	free(e->items);
	free(e->ghosts);
	free(e->small.ring);
	free(e->main.ring);
	free(e->unused.ring);
	*e = (struct evict){ .slots = NULL };
}

/* ---- entering ---- */

static void
enter(struct evict *e, uint32_t slot, enum place place)
{
	struct evict_queue *q = place == IN_SMALL ? &e->small : &e->main;

	e->items[slot].place = (uint8_t)place;
	q->pages += e->items[slot].pages;
	push(e, q, slot);
}

bool
evict_restore(struct evict *e, uint32_t slot, uint32_t hash, uint32_t pages, bool recent)
{
	if (slot >= e->n_slots || e->items[slot].place != IN_NONE)
		return false;
	e->items[slot] = (struct evict_item){ .pages = pages, .hash = hash };
	enter(e, slot, recent ? IN_SMALL : IN_MAIN);
	e->held++;
	return true;
}

void
evict_ready(struct evict *e)
{
	for (uint32_t slot = 0; slot < e->n_slots; slot++)
		if (e->items[slot].place == IN_NONE)
			push(e, &e->unused, slot);
}

/*
 * Remembered as long as what left since would fit into the main queue GHOST_ROUNDS times: with once only, what becomes
 * popular while the main queue is full of what was so before leaves unseen. Hash 0 is nobody's.
 */
static bool
was_here(struct evict *e, uint32_t hash)
{
	uint64_t *ghost = &e->ghosts[hash & e->mask];
	bool known = hash != 0 && (uint32_t)*ghost == hash &&
	    (uint32_t)e->left - (uint32_t)(*ghost >> 32) <= GHOST_ROUNDS * e->main.pages;

	if (known)
		*ghost = 0;
	return known;
}

static void
remember(struct evict *e, uint32_t hash)
{
	e->ghosts[hash & e->mask] = e->left << 32 | hash;
}

uint32_t
evict_add(struct evict *e, uint32_t hash, uint32_t pages)
{
	uint32_t slot;

	if (e->unused.n == 0)
		return SLOT_NONE;
	slot = pop(e, &e->unused);
	e->items[slot] = (struct evict_item){ .pages = pages, .hash = hash };
	atomic_store_explicit(&e->slots[slot].heat, 0, memory_order_relaxed);
	enter(e, slot, was_here(e, hash) ? IN_MAIN : IN_SMALL);
	e->held++;
	return slot;
}

/* ---- leaving ---- */

void
evict_remove(struct evict *e, uint32_t slot)
{
	struct evict_item *item = &e->items[slot];

	if (item->place != IN_SMALL && item->place != IN_MAIN)
		return;
	(item->place == IN_SMALL ? &e->small : &e->main)->pages -= item->pages;
	item->place = IN_GONE;
	e->held--;
}

/* How often an object must have been used to stay. */
static unsigned
uses_needed(const struct evict *e, uint32_t pages)
{
	uint64_t mean = (e->small.pages + e->main.pages) / e->held;

	if (pages <= 2 * mean)
		return 1;
	return pages <= 8 * mean ? 2 : HEAT_MAX;
}

/* From the small queue it goes on, in the main one round again; what it was used beyond need counts there. */
static bool
stays(struct evict *e, uint32_t slot)
{
	struct evict_item *item = &e->items[slot];
	unsigned heat = atomic_load_explicit(&e->slots[slot].heat, memory_order_relaxed);
	unsigned needed = uses_needed(e, item->pages);

	if (heat < needed)
		return false;
	(item->place == IN_SMALL ? &e->small : &e->main)->pages -= item->pages;
	atomic_store_explicit(&e->slots[slot].heat,
	    item->place == IN_SMALL ? 0 : (uint8_t)(heat - needed), memory_order_relaxed);
	enter(e, slot, IN_MAIN);
	return true;
}

static struct evict_queue *
next_queue(struct evict *e)
{
	uint64_t all = e->small.pages + e->main.pages;

	if (e->small.n > 0 && (e->main.n == 0 || e->small.pages * SMALL_SHARE >= all))
		return &e->small;
	return e->main.n > 0 ? &e->main : &e->small;
}

uint32_t
evict_victim(struct evict *e)
{
	while (e->held > 0) {
		struct evict_queue *q = next_queue(e);
		uint32_t slot = pop(e, q);
		struct evict_item *item = &e->items[slot];

		if (item->place != IN_GONE) {
			if (stays(e, slot))
				continue;
			if (item->place == IN_SMALL)
				remember(e, item->hash);
			e->left += item->pages;
			evict_remove(e, slot);
			item->place = IN_NONE;
			push(e, &e->unused, slot);
			return slot;
		}
		item->place = IN_NONE;
		push(e, &e->unused, slot);
	}
	return SLOT_NONE;
}

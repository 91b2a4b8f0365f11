/*
 * dying.c - a list of ids; one look at all pins serves all of it.
 */
#include "cache/dying.h"

#include <stdlib.h>

#define ROOM_LEAST 256

void
dying_init(struct dying *d, struct store *store, struct cache_data *shared)
{
	*d = (struct dying){ .store = store, .shared = shared };
}

void
dying_fini(struct dying *d)
{
	free(d->id);
	*d = (struct dying){ .store = NULL };
}

int
dying_add(struct dying *d, uint64_t id)
{
	if (d->n == d->room) {
		unsigned room = d->room == 0 ? ROOM_LEAST : 2 * d->room;
		uint64_t *grown = realloc(d->id, room * sizeof *grown);

		if (grown == NULL)
			return -E_NOMEM;
		d->id = grown;
		d->room = room;
	}
	d->id[d->n++] = id;
	return 0;
}

void
dying_look_again(struct dying *d)
{
	d->n_held = 0;
}

/* ---- pins ---- */

static int
by_id(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

/* In place of the first id that is not less: [0, n) in order. */
static unsigned
lower_bound(const uint64_t *id, unsigned n, uint64_t x)
{
	unsigned lo = 0;

	while (n > 0) {
		unsigned half = n / 2;

		if (id[lo + half] < x) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo;
}

/* Marks what one process has pinned. */
static void
mark_lane(const struct dying *d, const struct pins *p, bool *pinned)
{
	for (unsigned i = 0; i < PINS; i++) {
		uint64_t id = atomic_load_explicit(&p->id[i], memory_order_relaxed);
		unsigned at = id == 0 ? d->n : lower_bound(d->id, d->n, id);

		if (at < d->n && d->id[at] == id)
			pinned[at] = true;
	}
}

/* A process pins nothing before it has begun its ring. */
static void
mark_all(const struct dying *d, bool *pinned)
{
	struct cache_data *c = d->shared;

	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < c->shape.lanes; i++)
		if (atomic_load_explicit(&cache_ring(c, i)->tail, memory_order_relaxed) != 0)
			mark_lane(d, cache_pins(c, i), pinned);
}

/* Those that are pinned to the front, each part in its order. */
static int
part(struct dying *d, const bool *pinned)
{
	uint64_t *held = malloc(d->n * sizeof *held);
	unsigned n_held = 0, n = 0;

	if (held == NULL)
		return -E_NOMEM;
	for (unsigned i = 0; i < d->n; i++)
		if (pinned[i])
			held[n_held++] = d->id[i];
		else
			d->id[n++] = d->id[i];
	memmove(&d->id[n_held], d->id, n * sizeof *d->id);
	memcpy(d->id, held, n_held * sizeof *held);
	free(held);
	d->n_held = n_held;
	return 0;
}

static int
judge(struct dying *d)
{
	bool *pinned;
	int rc;

	qsort(d->id, d->n, sizeof *d->id, by_id);
	d->n_held = 0;
	if (d->shared == NULL)
		return 0;
	pinned = calloc(d->n, sizeof *pinned);
	if (pinned == NULL)
		return -E_NOMEM;
	mark_all(d, pinned);
	rc = part(d, pinned);
	free(pinned);
	return rc;
}

/* ---- deleting ---- */

/* In their order, which is that of their values. */
int
dying_pass(struct dying *d, int most)
{
	unsigned gone = 0;
	int count = 0, n = 0, rc;

	if (d->n == 0)
		return 0;
	if ((rc = judge(d)) != 0)
		return rc;
	while (d->n_held + gone < d->n && count < most) {
		n = store_drop_values(d->store, d->id[d->n_held + gone], most - count);
		if (n < 0)
			return n;
		count += n;
		if (count == most)
			break;		/* perhaps it has more */
		gone++;
	}
	memmove(&d->id[d->n_held], &d->id[d->n_held + gone],
	    (d->n - d->n_held - gone) * sizeof *d->id);
	d->n -= gone;
	return count;
}

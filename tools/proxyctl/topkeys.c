/*
 * topkeys.c - a table of at most TOPKEYS_MAX keys with a hand that goes round when it is full.
 *
 * The hand looks at a few rows and takes the one with the fewest requests. A scan over a million keys so costs one
 * row each and leaves the busy ones alone.
 */
#include "tools/proxyctl/topkeys.h"

#include <stdlib.h>

#include "conf/base/map.h"
#include "conf/base/mem.h"

#define LOOK 16 /* rows the hand looks at */

struct topkeys {
	struct map by_key;
	unsigned n, hand;
	uint64_t folded; /* keys that gave way */
	struct topkey rows[TOPKEYS_MAX];
	struct topkey gone; /* the sum of those */
	struct topkey total, others;
	const struct topkey *order[TOPKEYS_MAX];
};

struct topkeys *
topkeys_new(void)
{
	return mem_alloc(sizeof(struct topkeys));
}

void
topkeys_free(struct topkeys **t)
{
	if (*t != NULL)
		map_fini(&(*t)->by_key);
	mem_free(*t);
	*t = NULL;
}

void
topkeys_clear(struct topkeys *t)
{
	map_fini(&t->by_key);
	t->by_key = (struct map)MAP_INIT;
	t->n = t->hand = 0;
	t->folded = 0;
	t->gone = t->total = (struct topkey){ 0 };
}

/* ------------------------------------------------------------------------------------------ adding */

static void
row_add(struct topkey *k, const struct journal_rec *rec)
{
	k->requests++;
	k->client_errors += rec->status >= 400 && rec->status <= 499;
	k->server_errors += rec->status >= 500;
	k->bytes += rec->sent;
	if (rec->t.total != UINT32_MAX)
		hist_add(&k->total, rec->t.total);
}

static void
row_fold(struct topkey *into, const struct topkey *from)
{
	into->requests += from->requests;
	into->client_errors += from->client_errors;
	into->server_errors += from->server_errors;
	into->bytes += from->bytes;
	hist_merge(&into->total, &from->total);
}

static struct topkey *
row_evict(struct topkeys *t)
{
	struct topkey *least = NULL;

	for (unsigned i = 0; i < LOOK; i++) {
		struct topkey *k = &t->rows[t->hand++ % TOPKEYS_MAX];

		if (least == NULL || k->requests < least->requests)
			least = k;
	}
	(void)map_del(&t->by_key, span_str(least->key));
	row_fold(&t->gone, least);
	t->folded++;
	return least;
}

/* A peer's bytes go to a terminal. */
static size_t
key_clean(char out[static TOPKEYS_KEY + 1], struct span key)
{
	size_t n = key.n < TOPKEYS_KEY ? key.n : TOPKEYS_KEY;

	for (size_t i = 0; i < n; i++)
		out[i] = key.p[i] >= 0x20 && key.p[i] < 0x7f ? key.p[i] : '?';
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
	return n;
}

void
topkeys_add(struct topkeys *t, struct span key, const struct journal_rec *rec)
{
	char clean[TOPKEYS_KEY + 1];
	size_t n = key_clean(clean, key);
	struct topkey *k = map_get(&t->by_key, span_make(clean, n));

	row_add(&t->total, rec);
	if (k == NULL) {
		k = t->n < TOPKEYS_MAX ? &t->rows[t->n++] : row_evict(t);
		*k = (struct topkey){ 0 };
		memcpy(k->key, clean, n + 1);
		if (map_put(&t->by_key, span_make(k->key, n), k) != 0)
			abort();
	}
	row_add(k, rec);
}

/* --------------------------------------------------------------------------------------- reporting */

static enum topkeys_sort sorted_by; /* for qsort */

static uint64_t
measure(const struct topkey *k)
{
	switch (sorted_by) {
	case SORT_RPS: return k->requests;
	case SORT_BYTES: return k->bytes;
	case SORT_P99: return hist_quantile(&k->total, 0.99);
	case SORT_ERRORS: return k->server_errors;
	}
	return 0;
}

/* More first; then by requests, then by name, so that a screen does not shuffle. */
static int
compare(const void *pa, const void *pb)
{
	const struct topkey *a = *(const struct topkey *const *)pa,
			    *b = *(const struct topkey *const *)pb;
	uint64_t of_a = measure(a), of_b = measure(b);

	if (of_a == of_b) {
		of_a = a->requests;
		of_b = b->requests;
	}
	return of_a == of_b ? strcmp(a->key, b->key) : of_a < of_b ? 1 : -1;
}

unsigned
topkeys_list(struct topkeys *t, enum topkeys_sort sort, unsigned n,
    const struct topkey *const **rows, const struct topkey **others, uint64_t *nothers)
{
	for (unsigned i = 0; i < t->n; i++)
		t->order[i] = &t->rows[i];
	sorted_by = sort;
	qsort(t->order, t->n, sizeof *t->order, compare);
	n = n < t->n ? n : t->n;
	t->others = t->gone;
	for (unsigned i = n; i < t->n; i++)
		row_fold(&t->others, t->order[i]);
	*rows = t->order;
	*others = &t->others;
	*nothers = t->n - n + t->folded;
	return n;
}

const struct topkey *
topkeys_total(const struct topkeys *t)
{
	return &t->total;
}

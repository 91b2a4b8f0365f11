/*
 * stock.c - the store's objects, oldest first, and the room that is kept free.
 *
 * A tenth of the map stays empty: the store needs free pages for what readers still see, and for its own trees.
 * Deleting is the dearest thing that a transaction does, so a big object leaves in parts: its entry at once, its
 * values DROP_MOST at a time.
 */
#include "cache/stock.h"

#include <stdlib.h>

enum {
	PAGE = 4096,
	CHUNK_PAGES = 4,
	DROP_MOST = 100,		/* values, of four pages mostly */
	LEAVE_MOST = 32,		/* objects at a time, when room is needed, */
	LEAVE_PAGES = 64,		/* or until so many more pages than that are gained */
	FREE_SHARE = 10,		/* one page of so many stays free */
	ID_BITS = 39,			/* of those that are believed: a store takes 40 */
	RECENT_SHARE = 10,		/* of the pages, when the queues are made anew: see evict.c */
};

uint32_t
stock_pages(uint64_t length)
{
	uint64_t chunks = length / CHUNK_PAYLOAD, rest = length % CHUNK_PAYLOAD;
	uint64_t pages = 1 + chunks * CHUNK_PAGES + (rest + PAGE - 1) / PAGE;

	return pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
}

static uint32_t
hash_of(const struct key *k)
{
	uint32_t h;

	memcpy(&h, k->b, sizeof h);
	return h;
}

/* ---- making it anew ---- */

struct row { uint64_t id; uint32_t slot, pages; struct key key; };
struct rows { struct row *v; size_t n, most; };

static int
by_id(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return (a->id > b->id) - (a->id < b->id);
}

/* Every entry that can be read becomes a row; the others go. */
static int
read_index(struct stock *s, struct rows *rows)
{
	struct store_walk w = { .begun = false };
	struct entry e;
	int rc;

	while ((rc = store_walk(s->store, &w, &e)) != 0) {
		if (rc < 0 && rc != -E_CORRUPT)
			return rc;
		if (rc < 0 || rows->n == rows->most || e.id == 0) {
			if ((rc = store_drop(s->store, &w.key)) != 0)
				return rc == -E_MISSING ? -E_CORRUPT : rc;
			continue;
		}
		rows->v[rows->n++] = (struct row){ e.id, e.slot, stock_pages(e.length), w.key };
	}
	qsort(rows->v, rows->n, sizeof rows->v[0], by_id);
	return 0;
}

static void
claim_slot(struct stock *s, const struct row *r)
{
	struct slot *slot = &s->slots[r->slot];

	s->items[r->slot] = (struct stock_item){ r->key, r->id };
	atomic_store(&slot->checked, 0);	/* by whoever read it before: the file may have changed */
	if (atomic_load(&slot->id) == r->id)
		return;
	atomic_store(&slot->heat, 0);
	atomic_store(&slot->dead, 0);
	atomic_store(&slot->id, r->id);
}

/* There may be fewer slots now; and of two objects with the same one, which cannot both be right, one goes. */
static int
fill_queues(struct stock *s, struct rows *rows)
{
	uint64_t all = 0, sum = 0;
	size_t kept = 0;

	for (size_t i = 0; i < rows->n; i++)
		all += rows->v[i].pages;
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];
		bool recent = (all - sum) * RECENT_SHARE <= all;

		sum += r->pages;
		if (evict_restore(&s->evict, r->slot, hash_of(&r->key), r->pages, recent)) {
			claim_slot(s, r);
			rows->v[kept++] = *r;
		} else {
			int rc = store_drop(s->store, &r->key);

			if (rc != 0)
				return rc;
		}
	}
	rows->n = kept;
	evict_ready(&s->evict);
	return 0;
}

/* Slots that no object has any more are nobody's: a worker must not take one for its own. */
static void
clear_slots(struct stock *s)
{
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->items[i].id == 0)
			atomic_store(&s->slots[i].id, 0);
}

/*
 * Rows and ids of values are both in order. Orphans go by and by: a map that is full because of a reader that holds
 * all free pages has no room to delete anything now.
 */
static int
find_orphans(struct stock *s, const struct rows *rows)
{
	uint64_t id = 0;
	size_t i = 0;
	int rc;

	while ((rc = store_next_id(s->store, id, &id)) == 0) {
		while (i < rows->n && rows->v[i].id < id)
			i++;
		if (id >= s->next_id)
			s->next_id = id + 1;
		if (i < rows->n && rows->v[i].id == id)
			continue;
		if ((rc = dying_add(&s->dying, id)) != 0)
			return rc;
	}
	return rc == -E_MISSING ? 0 : rc;
}

/*
 * A worker may still name an object that has left the store with the keeper before. What makes no sense there is not
 * ours, and is not believed.
 */
static void
never_again(struct stock *s)
{
	uint64_t seen = s->shared == NULL ? 0 : atomic_load(&s->shared->next_id);

	if (seen > s->next_id && seen >> ID_BITS == 0)
		s->next_id = seen;
}

static int
restore(struct stock *s, struct rows *rows)
{
	int rc = store_transaction(s->store);

	if (rc != 0)
		return rc;
	if ((rc = read_index(s, rows)) != 0 || (rc = fill_queues(s, rows)) != 0)
		return rc;
	clear_slots(s);
	if (rows->n > 0)
		s->next_id = rows->v[rows->n - 1].id + 1;
	if ((rc = find_orphans(s, rows)) != 0 || (rc = stock_look(s)) != 0)
		return rc;
	never_again(s);
	return store_commit(s->store);
}

static int
open_as(struct stock *s, struct store *store, struct slot *slots, uint32_t n_slots,
    struct cache_data *shared)
{
	struct rows rows = { .v = calloc(n_slots, sizeof *rows.v), .most = n_slots };
	int rc = -E_NOMEM;

	*s = (struct stock){
		.store = store, .slots = slots, .n_slots = n_slots, .next_id = 1, .shared = shared
	};
	dying_init(&s->dying, store, shared);
	s->items = calloc(n_slots, sizeof *s->items);
	if (rows.v != NULL && s->items != NULL && evict_init(&s->evict, slots, n_slots) == 0)
		rc = restore(s, &rows);
	free(rows.v);
	if (rc == 0)
		return 0;
	store_abort(store);
	stock_close(s);
	return rc;
}

int
stock_open(struct stock *s, struct store *store, struct slot *slots, uint32_t n_slots)
{
	return open_as(s, store, slots, n_slots, NULL);
}

int
stock_open_shared(struct stock *s, struct store *store, struct cache_data *shared)
{
	return open_as(s, store, cache_slots(shared), shared->shape.slots, shared);
}

void
stock_close(struct stock *s)
{
	evict_fini(&s->evict);
	dying_fini(&s->dying);
	free(s->items);
	*s = (struct stock){ .store = NULL };
}

int
stock_open_again(struct stock *s)
{
	struct stock was = *s;
	int rc;

	stock_close(s);
	rc = open_as(s, was.store, was.slots, was.n_slots, was.shared);
	s->evicted += was.evicted;
	return rc;
}

/* ---- in a transaction ---- */

uint64_t
stock_new_id(struct stock *s)
{
	uint64_t id = s->next_id++;

	if (s->shared != NULL)
		atomic_store(&s->shared->next_id, s->next_id);
	return id;
}

int
stock_forget(struct stock *s, uint64_t id)
{
	return dying_add(&s->dying, id);
}

int
stock_tidy(struct stock *s)
{
	int n = dying_ready(&s->dying) ? dying_pass(&s->dying, DROP_MOST) : 0;

	return n < 0 ? n : dying_ready(&s->dying);
}

/* The entry goes only if it is this object's: a damaged one may have been replaced under another slot. */
static int
leave(struct stock *s, uint32_t slot)
{
	struct stock_item was = s->items[slot];
	struct entry e;
	int rc = store_find(s->store, &was.key, &e);

	s->items[slot].id = 0;
	atomic_store(&s->slots[slot].id, 0);
	if ((rc == 0 && e.id == was.id) || rc == -E_CORRUPT)
		rc = store_drop(s->store, &was.key);
	return rc != 0 && rc != -E_MISSING ? rc : stock_forget(s, was.id);
}

static int
evict_one(struct stock *s)
{
	uint32_t slot = evict_victim(&s->evict);

	if (slot == SLOT_NONE)
		return -E_LIMIT;
	s->evicted++;
	return leave(s, slot);
}

/*
 * Values that wait for their deletion are room as well; they go before anything that could still be used. Then some
 * leave at a time, so that one look at the pins serves all of them.
 */
static int
gain(struct stock *s, uint32_t pages)
{
	uint64_t enough = s->evict.left + pages + LEAVE_PAGES;
	int rc = 0;

	if (!dying_ready(&s->dying))
		for (unsigned i = 0; i < LEAVE_MOST && s->evict.left < enough && rc == 0; i++)
			rc = evict_one(s);
	if (rc < 0 && !dying_ready(&s->dying))
		return rc;
	return stock_tidy(s);
}

int
stock_look(struct stock *s)
{
	return store_pages(s->store, &s->pages_used, &s->pages_all);
}

int
stock_make_room(struct stock *s, uint32_t pages)
{
	int rc;

	while ((rc = stock_look(s)) == 0) {
		uint64_t most = s->pages_all - s->pages_all / FREE_SHARE;

		if (pages > most)
			return -E_LIMIT;
		if (s->pages_used + pages <= most)
			return 0;
		if ((rc = gain(s, pages)) < 0)
			return rc;
	}
	return rc;
}

static bool
is_item(const struct stock *s, const struct key *key, const struct entry *e)
{
	return e->slot < s->n_slots && s->items[e->slot].id == e->id &&
	    memcmp(&s->items[e->slot].key, key, sizeof *key) == 0;
}

int
stock_drop(struct stock *s, const struct key *key)
{
	struct entry e;
	int rc = store_find(s->store, key, &e);

	if (rc == 0 && is_item(s, key, &e)) {
		evict_remove(&s->evict, e.slot);
		return leave(s, e.slot);
	}
	if (rc != 0 && rc != -E_CORRUPT)
		return rc;
	return store_drop(s->store, key);	/* damaged: its values go with its slot, or at the next opening */
}

static int
find_slot(struct stock *s, const struct key *key, uint32_t pages, uint32_t *slot)
{
	int rc = 0;

	while ((*slot = evict_add(&s->evict, hash_of(key), pages)) == SLOT_NONE && rc == 0)
		rc = evict_one(s);
	return rc;
}

int
stock_put(struct stock *s, const struct key *key, struct entry *e)
{
	int rc = stock_drop(s, key);

	if (rc != 0 && rc != -E_MISSING)
		return rc;
	if ((rc = find_slot(s, key, stock_pages(e->length), &e->slot)) != 0)
		return rc;
	s->items[e->slot] = (struct stock_item){ *key, e->id };
	atomic_store(&s->slots[e->slot].checked, 0);
	atomic_store(&s->slots[e->slot].dead, 0);
	atomic_store(&s->slots[e->slot].id, e->id);
	return store_put(s->store, key, e);
}

int
stock_renew(struct stock *s, const struct key *key, struct entry *e)
{
	struct entry found;
	int rc = store_find(s->store, key, &found);

	if (rc != 0)
		return rc;
	if (found.id != e->id || !is_item(s, key, &found))
		return -E_MISSING;
	e->slot = found.slot;
	e->length = found.length;
	return store_put(s->store, key, e);
}

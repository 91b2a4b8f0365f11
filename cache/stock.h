/*
 * stock.h - what the keeper knows of the store: what leaves when room is needed, under which key it is found, and which
 * id comes next.
 *
 * All of it is made anew from the store whenever it is opened, so nothing here has to survive a crash. What a keeper
 * that died had begun, or not quite deleted, are values that no entry names: they are found then, and go.
 *
 * Every change belongs to a transaction of the store. One that fails takes the store back, but not this memory: the
 * stock is opened again then. A full store only ever means that something older leaves, or the new is not stored.
 */
#pragma once
#include "cache/dying.h"
#include "cache/evict.h"

struct stock_item { struct key key; uint64_t id; };	/* what has a slot; id 0: nothing */

struct stock {
	struct store	*store;		/* lent: the writer */
	struct slot	*slots;		/* lent: in shared memory */
	uint32_t	 n_slots;
	struct stock_item *items;	/* by slot: shared memory is not asked, others can write there */
	struct evict	 evict;
	uint64_t	 next_id;	/* never used before */
	struct cache_data *shared;	/* lent: has the pins; NULL: there are none */
	struct dying	 dying;		/* ids that no entry names any more, with values left */
	uint64_t	 evicted;	/* objects, since it was opened */
	uint64_t	 pages_used, pages_all;	/* of the map, when it was looked at last */
};

/*
 * Reads the whole index; no transaction may be open. Entries that are damaged, or whose slot does not exist or is
 * another's, are dropped; values without an entry go by and by. Counters of use survive where a slot kept its object.
 */
int	stock_open(struct stock *, struct store *, struct slot *, uint32_t n_slots) MUST_CHECK;
/* The same with the slots of the segment; values that its processes have pinned stay until they let go. */
int	stock_open_shared(struct stock *, struct store *, struct cache_data *) MUST_CHECK;
/* The same for the store and the slots that it has: after a transaction that failed. Closed on failure. */
int	stock_open_again(struct stock *) MUST_CHECK;
void	stock_close(struct stock *);

/* ---- in a transaction of the store ---- */

/* Pages that an object of so many bytes of body takes, about. */
uint32_t stock_pages(uint64_t length);
uint64_t stock_new_id(struct stock *);
int	stock_look(struct stock *) MUST_CHECK;	/* sets pages_used and pages_all */
/* Lets the least used leave until so many more pages fit. -E_LIMIT: they never will, and nothing has left. */
int	stock_make_room(struct stock *, uint32_t pages) MUST_CHECK;
/*
 * The entry is found from the commit on, in place of what was found under its key, whose values go; e->slot is set.
 * -E_LIMIT: there is no slot.
 */
int	stock_put(struct stock *, const struct key *, struct entry *e) MUST_CHECK;
/* Another entry for the object e->id; e->slot and e->length are set. -E_MISSING: it is not found there any more. */
int	stock_renew(struct stock *, const struct key *, struct entry *e) MUST_CHECK;
int	stock_drop(struct stock *, const struct key *) MUST_CHECK;		/* -E_MISSING */
/* Values that no entry names, or will: they go by and by. */
int	stock_forget(struct stock *, uint64_t id) MUST_CHECK;
/* Some of those: 1, when there are still others that are not pinned, 0, or an error. Once a transaction is enough. */
int	stock_tidy(struct stock *) MUST_CHECK;

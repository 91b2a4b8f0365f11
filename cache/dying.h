/*
 * dying.h - objects that no entry names any more, and whose values are still there: they go unless a process has pinned
 * them (segment.h), big ones in parts.
 *
 *	a process				the keeper
 *	writes the id into its pins		takes the id from the slot
 *	fence					fence
 *	has the slot still the id?		is it pinned?
 *
 * One of the two sees the other. Who finds that the slot has lost the id copies what it needs while its transaction is
 * open; whom the keeper sees keeps the values until the pin is gone. A pin of an id that lost its slot says nothing.
 */
#pragma once
#include "cache/segment.h"
#include "cache/store.h"

struct dying {
	struct store	*store;		/* lent */
	struct cache_data *shared;	/* lent; NULL: nobody pins anything */
	uint64_t	*id;		/* those pinned first, each part in the order of ids when it was looked at */
	unsigned	 n, n_held, room;
};

void	dying_init(struct dying *, struct store *, struct cache_data *);
void	dying_fini(struct dying *);
/* Its slot has another id by now, or never had it. */
int	dying_add(struct dying *, uint64_t id) MUST_CHECK;		/* -E_NOMEM */
/* Looks at the pins once, and deletes at most so many values, in a transaction. How many there were. */
int	dying_pass(struct dying *, int most) MUST_CHECK;
/* Some that are not known to be pinned. */
static inline bool
dying_ready(const struct dying *d)
{
	return d->n > d->n_held;
}
/* Pins may be gone: those that were pinned are ready to be looked at again. */
void	dying_look_again(struct dying *);

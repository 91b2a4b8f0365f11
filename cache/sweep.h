/*
 * sweep.h - takes back the room of what was purged: some objects at a time, when the keeper has nothing else to do.
 *
 * Nobody is served these any more, whether they are still there or not.
 */
#pragma once
#include "cache/stock.h"

struct sweep {
	bool		 on;
	int64_t		 before;	/* Unix seconds: what was received then or before goes */
	struct store_walk at;
	uint64_t	 dropped;	/* objects, since it began */
};

/* From the first entry on; one that is on the way begins anew. */
void	sweep_begin(struct sweep *, int64_t before);
/*
 * One transaction of bounded size. 1: there is more; 0: it is over. Otherwise the store failed, as in intake_turn; it
 * begins anew with the next call.
 */
int	sweep_turn(struct sweep *, struct stock *) MUST_CHECK;

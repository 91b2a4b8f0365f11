/*
 * keeper.h - what the keeper does, without its loop: it has the store open for writing, takes in what workers send,
 * keeps account, and leaves a store that can be trusted.
 *
 * In the cache's directory are "lock" (held by the keeper that works: one that comes meanwhile waits), "state"
 * (statefile.h) and the store. Whatever is wrong with these ends in an empty store, or in none for a while; workers go
 * on without. It may be killed at any moment.
 */
#pragma once
#include "cache/segment.h"

struct keeper;
struct conf_cache;

/* Both are lent. NULL: out of memory. Opens nothing yet. */
struct keeper *keeper_new(const struct conf_cache *, struct cache_data *);
/* As if it were killed. */
void	keeper_free(struct keeper **);

/* One step of its work. Milliseconds until the next one is due, if nothing comes through the rings; 0: at once. */
int64_t	keeper_turn(struct keeper *, int64_t now_ms);
/* Is there something in the rings that a turn would take? */
bool	keeper_waiting(const struct keeper *);
/* Adds the lanes whose processes have to be told by an event that fills went on or ended; once. */
void	keeper_told(struct keeper *, struct lease_lanes *);
/* Says in the segment that it has to be woken (cache_wake). False: it has not, there is something already. */
bool	keeper_sleeps(struct keeper *);
void	keeper_wakes(struct keeper *);

/* Processes that read the store died: they keep its pages until it is told. */
void	keeper_reader_died(struct keeper *);
/* Where the ring of a lane ends now; and: its process wrote up to there and is dead. */
uint64_t keeper_ring_end(const struct keeper *, unsigned lane);
void	keeper_producer_gone(struct keeper *, unsigned lane, uint64_t end);

/* Takes in what the rings hold and writes all of it to the disk; at most for about so long. Then keeper_free. */
void	keeper_leave(struct keeper *, int64_t patience_ms);

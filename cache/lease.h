/*
 * lease.h - the table in shared memory by which one fetch serves everybody who asks for a key, in all workers.
 *
 * Whoever claims a key first has its lease and fetches; others wait, and are told when there is something to know: how
 * far the fill has come, and how it ended. The waker is the caller: functions say whose event to write.
 *
 * No function waits. A lease changes hands in one word, so that a process may die anywhere: what is left is undone by
 * lease_forget_lane, and nobody else is held up meanwhile. The one lock, a bucket's, is taken to enter a lease alone;
 * who does not get it fetches without one. Places are used again, and every handle knows the generation it is of.
 */
#pragma once
#include <stdatomic.h>
#include "cache/key.h"

enum {
	LEASE_BUCKETS = 4096,
	LEASE_WAYS = 4,			/* keys of one bucket at once: the next is fetched without a lease */
	LEASE_LANES = 128,		/* processes above fetch without one, too */
};

enum lease_claim {
	LEASE_MINE,			/* fetch, and lease_end; but look up once more, it may just have been stored */
	LEASE_WAIT,			/* somebody does: lease_look when woken, then lease_leave */
	LEASE_NONE,			/* no room: fetch, and tell nobody */
};

enum lease_state {
	LEASE_OPEN,
	LEASE_STORED,			/* look it up */
	LEASE_UNSHAREABLE,		/* everybody fetches for himself */
	LEASE_FAILED,			/* claim again */
};

/* Of a place: generation, holder's lane, whether it is free, and how the lease ended, in one word. */
struct lease_place {
	_Atomic uint64_t word;
	_Atomic uint64_t key[2];
	_Atomic uint64_t waiters[LEASE_LANES / 64];	/* a bit for each lane that has yet to hear the end */
	_Atomic uint64_t fill;		/* generation and number in the holder's ring */
	_Atomic uint64_t id, chunks;	/* the keeper's: of the object; generation and values that are committed */
};

struct lease_table {
	_Atomic uint32_t locks[LEASE_BUCKETS];	/* lane + 1 of who has it */
	struct lease_place places[LEASE_BUCKETS * LEASE_WAYS];
};

struct lease { uint32_t place, generation; };
struct lease_lanes { uint64_t bits[LEASE_LANES / 64]; };	/* added to, never cleared */
struct lease_progress { uint64_t id; uint32_t chunks; };	/* id 0: nothing yet; chunk 1 to `chunks` can be read */

static inline bool
lease_lane_in(const struct lease_lanes *l, unsigned lane)
{
	return lane < LEASE_LANES && (l->bits[lane / 64] >> (lane % 64) & 1) != 0;
}

/* ---- workers ---- */

/* *lease is set unless NONE. WAIT: the lane is among those to be told; once, however many of its requests wait. */
enum lease_claim lease_claim(struct lease_table *, const struct key *, unsigned lane, struct lease *);
/* The holder's response goes through its ring under this number, which is never 0. */
void	lease_fill(struct lease_table *, const struct lease *, uint32_t fill);
/* By the holder. False: it has ended before, and somebody else told those who wait. */
bool	lease_end(struct lease_table *, const struct lease *, enum lease_state, struct lease_lanes *wake);
/* By whoever waits, and by the holder whose fill the keeper ends; *progress counts while it is OPEN. */
enum lease_state lease_look(const struct lease_table *, const struct lease *, struct lease_progress *);
/* The lane, all of its requests, waits no more. */
void	lease_leave(struct lease_table *, const struct lease *, unsigned lane);

/* ---- the keeper: of fills, by what it reads in a ring; false: nobody has a lease for it ---- */

bool	lease_fill_progress(struct lease_table *, const struct key *, unsigned lane, uint32_t fill,
	    const struct lease_progress *, struct lease_lanes *wake);
bool	lease_fill_end(struct lease_table *, const struct key *, unsigned lane, uint32_t fill, enum lease_state,
	    struct lease_lanes *wake);
/* A new keeper: what its predecessor had not ended has failed. */
void	lease_forget_fills(struct lease_table *, struct lease_lanes *wake);

/* ---- the master ---- */

/* The lane's process is dead: its locks and leases are nobody's. Before the lane is given to another. */
void	lease_forget_lane(struct lease_table *, unsigned lane, struct lease_lanes *wake);
/* Leases that are open, or whose end not everybody has heard. */
unsigned lease_count(const struct lease_table *);

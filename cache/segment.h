/*
 * segment.h - the shared memory of the cache: slots, leases, rings and pins of processes, what the keeper tells all.
 *
 * One segment lives as long as there is a master, also across an upgrade. Processes are known by their lane, the number
 * that they have in the statistics too; lane 0 stands for the keeper. Rings and pins are sparse: a lane that nobody has
 * had costs address space alone.
 *
 * `state` and `file` say whether there is a store to read and which one. A reader that finds another file than the one
 * it has open opens the new one. Whoever finds damage sets CACHE_BROKEN; the keeper then begins an empty store.
 */
#pragma once
#include "cache/lease.h"
#include "cache/ring.h"
#include "cache/slot.h"
#include "conf/base/sip.h"

#define CACHE_VERSION 4

enum {
	PINS = 4096,			/* objects that one process may be sending at once, over more than one turn */
	CACHE_LANES_MAX = 1024,
};

enum cache_state {
	CACHE_CLOSED,			/* no store yet, or the disk had no room for one */
	CACHE_OPEN,
	CACHE_BROKEN,			/* damaged: nobody reads it */
};

struct conf_cache;
struct cache_shape { uint32_t slots, lanes, ring_size; };

/* Ids of objects whose bytes must stay, 0: none. Of the lane's process; the master's once that is dead. */
struct pins { _Atomic uint64_t id[PINS]; };

/* Counters and gauges of the keeper, for whoever shows them. */
struct cache_counts {
	_Atomic uint64_t objects, pages_used, pages_all;
	_Atomic uint64_t stored, dropped, aborted, renewed, purged, evicted, damaged, failed;
};

struct cache_data {
	struct cache_shape shape;
	uint32_t	 reserved;
	struct sip_key	 secret;	/* of keys; the keeper's, set before CACHE_OPEN */
	_Atomic uint32_t state;		/* enum cache_state */
	_Atomic uint32_t file;		/* number of the store's file */
	_Atomic uint32_t keeper_sleeps;	/* it waits for its event: who puts something into a ring writes one */
	_Atomic uint32_t purges;	/* everything was purged so often */
	_Atomic uint32_t purges_kept;	/* of those so many are on the disk: no restart brings anything back */
	_Atomic uint64_t next_id;	/* of objects, the keeper's: no worker has ever seen one from here on */
	_Atomic int64_t	 purged_all;	/* Unix seconds: what was received then or before is not there any more */
	_Atomic uint32_t verify_wanted, verify_done;	/* so often somebody asked for it, so often it was over */
	_Atomic uint64_t verify_looked, verify_bad;	/* entries, of the one that is under way or was last */
	uint64_t	 place;		/* cache_place of what it was made for */
	struct cache_counts counts;
};

/* What a configuration asks for, where it leaves that to us. lanes: of the processes that there may be. */
struct cache_shape cache_shape(const struct conf_cache *, unsigned lanes);
uint64_t cache_max_object(const struct conf_cache *);	/* bytes of body */
/* Of the directory and the size of its store: memory with another number is about another store. */
uint64_t cache_place(const struct conf_cache *);

size_t	cache_size(const struct cache_shape *);
/* Of memory that is all zero and has room for it. */
void	cache_init(struct cache_data *, const struct cache_shape *);
/* Does memory of so many bytes hold what its shape says? */
bool	cache_sound(const struct cache_data *, size_t bytes);

struct slot *cache_slots(struct cache_data *);
struct ring *cache_ring(struct cache_data *, unsigned lane);
struct pins *cache_pins(struct cache_data *, unsigned lane);
struct lease_table *cache_leases(struct cache_data *);

/* The lane's process is dead: what it was sending is nobody's. */
void	cache_unpin(struct cache_data *, unsigned lane);
/* Gives memory back, of a lane that no process has and gets meanwhile. False: the keeper has not read its ring yet. */
bool	cache_lane_free(struct cache_data *, unsigned lane);

/*
 * Who put something into a ring asks whether to wake the keeper, by a write to its event: nothing is lost, since either
 * this sees that it sleeps or the keeper sees what is in the ring. True once per sleep.
 */
static inline bool
cache_wake(struct cache_data *c)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&c->keeper_sleeps, memory_order_relaxed) != 0 &&
	    atomic_exchange(&c->keeper_sleeps, 0) != 0;
}

/* The store's file, into out: "<dir>/store-<number>.mdb". False: it does not fit. */
bool	cache_path(char *out, size_t size, const char *dir, uint32_t file);

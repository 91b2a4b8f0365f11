/*
 * intake.h - what comes through the rings, into the store: a response becomes an object, whole or not at all.
 *
 * One call is one transaction of bounded size. Bodies are written as they come, under an id that no entry names before
 * the END; so whatever ends a fill early, a death of the keeper included, leaves values that nobody finds, and that go.
 *
 * What workers say is judged: records that make no sense drop the fill, or all of their ring. A full store, too many
 * fills at once and bodies that are too long mean "not stored", and are counted.
 */
#pragma once
#include "cache/lease.h"
#include "cache/ring.h"
#include "cache/stock.h"

enum {
	INTAKE_FILLS = 128,		/* at once, of all rings */
	INTAKE_BYTES = 1 << 20,		/* of one transaction, about */
	INTAKE_OBJECTS = 64,		/* in one transaction, about */
	VARIANTS_MAX = 64,		/* of one URL: one more, and it begins anew */
};

struct intake_counts {
	uint64_t stored, dropped;	/* fills that ended so; dropped: by us, for whatever reason */
	uint64_t aborted;		/* by their worker, or by its death */
	uint64_t renewed, purged;
	uint64_t damaged;		/* records, or rings that had to be skipped */
	uint64_t failed;		/* transactions */
};

struct fill;
struct intake_stored { struct key primary; unsigned ring; uint32_t number; };
struct intake_end { bool due; uint64_t at; };	/* of a ring: what was begun before this position ends there */
struct intake {
	struct stock	*stock;		/* lent */
	struct ring_in	*rings;
	struct intake_end *ends;
	unsigned	 n_rings, next;	/* who is asked first: nobody starves */
	struct fill	*fills;		/* those open, packed */
	unsigned	 n_fills;
	char		*chunks;	/* a buffer for each */
	char		*head;		/* where a head record is judged, beyond the reach of workers */
	uint64_t	 max_object;	/* bytes of body */
	int64_t		 purged_all;	/* what was received then or before is not stored any more; 0: never */
	uint64_t	 under_way;	/* bytes of all fills that are open */
	struct intake_counts counts;
	struct lease_table *leases;	/* lent; NULL: nobody waits for a fill */
	struct lease_lanes wake;	/* who has to be told; the caller's, once it has told them */
	struct intake_stored stored[INTAKE_OBJECTS];	/* in this transaction: known when it is committed */
	unsigned	 n_stored;
};

/* -E_NOMEM. The rings are lent, each ring_size bytes. */
int	intake_init(struct intake *, struct stock *, struct ring *const *rings, unsigned n, uint32_t ring_size,
	    uint64_t max_object) MUST_CHECK;
void	intake_fini(struct intake *);
/*
 * The producer of ring n wrote up to `tail` and is dead: when that has been read, the fills that it left open end. One
 * that comes after it may be there already.
 */
void	intake_producer_gone(struct intake *, unsigned n, uint64_t tail);
/* Those who wait for fills hear of them from now on; what a keeper before had not ended has failed. */
void	intake_heed_leases(struct intake *, struct lease_table *);
bool	intake_waiting(const struct intake *);	/* would a turn find something? */
/*
 * 1: there is more; 0: the rings are empty. Otherwise the store failed and what was read is lost: -E_LIMIT and -E_IO
 * when the stock is good again, and the next call may work; whatever else means that the store is not to be used.
 */
int	intake_turn(struct intake *) MUST_CHECK;

/*
 * ring.h - the way of a response from a worker to the keeper: records in shared memory, one producer, one reader.
 *
 * A fill is BEGIN, any number of DATA, then END or ABORT; fills of one ring may be mixed, and a number tells them
 * apart. A record is complete before it can be seen, so a producer that dies leaves nothing torn; what it began is
 * ended by the EPOCH of whoever takes the ring next. Room for the END or ABORT of every fill that has begun is kept
 * back: a full ring only ever means that a response is not stored.
 *
 * The reader believes nothing it reads. It gives room back when what it read is safe elsewhere; a reader that dies
 * before leaves the records to the next one.
 */
#pragma once
#include <stdatomic.h>
#include "cache/entry.h"

enum {
	RING_LEAST = 1 << 19,		/* bytes: the longest head fits, whatever stands before it */
	RING_MOST = 1 << 24,
	RING_PART = 1 << 16,		/* most of one DATA record */
};

enum ring_type {
	RING_BEGIN = 1,			/* struct ring_begin, then a head record */
	RING_DATA,			/* the next bytes of the body */
	RING_END,			/* the response was complete and right: store it */
	RING_ABORT,			/* forget it */
	RING_TOUCH,			/* struct ring_begin, then a head record: of an object that a 304 renewed */
	RING_PURGE,			/* struct key */
	RING_EPOCH,			/* another producer begins: its predecessor's fills are over */
	RING_FILLER,			/* nothing, up to the ring's end */
};

struct ring_begin {
	struct key	primary;	/* of the URL */
	struct key	key;		/* to be stored under: the same, or a variant's */
	char		entry[ENTRY_SIZE];	/* what the worker knows; id, slot and length are the keeper's */
};

/* In shared memory, all zero at first; the bytes follow. */
struct ring {
	_Atomic uint64_t tail;		/* bytes ever written; producer */
	char		 pad1[56];
	_Atomic uint64_t head;		/* bytes ever given back; reader */
	char		 pad2[56];
	char		 bytes[];
};

/* ---- the producer, private to it ---- */

struct ring_out {
	struct ring	*ring;		/* lent */
	uint32_t	 size;
	uint32_t	 serial;	/* of the fill begun last */
	uint32_t	 open;		/* fills begun and not ended */
	bool		 epoch_due;	/* EPOCH found no room yet */
};

/* size is a power of two from RING_LEAST to RING_MOST. Speaks for a new producer: the old one's fills are over. */
void	ring_out_init(struct ring_out *, struct ring *, uint32_t size);
/* The fill's number; 0: no room. */
uint32_t ring_begin(struct ring_out *, const struct ring_begin *, struct span head);
/* False: no room, and the fill was aborted by that. */
bool	ring_data(struct ring_out *, uint32_t fill, struct span);
void	ring_end(struct ring_out *, uint32_t fill);
void	ring_abort(struct ring_out *, uint32_t fill);
bool	ring_touch(struct ring_out *, const struct ring_begin *, struct span head);	/* false: no room */
bool	ring_purge(struct ring_out *, const struct key *);				/* false: no room */

/* ---- the reader, private to it ---- */

struct ring_in {
	struct ring	*ring;		/* lent */
	uint32_t	 size;
	uint64_t	 at;		/* read so far */
};

struct ring_record {
	enum ring_type	 type;		/* never RING_FILLER */
	uint32_t	 fill;		/* of BEGIN, DATA, END, ABORT */
	struct ring_begin begin;	/* of BEGIN and TOUCH; PURGE sets primary alone */
	/* Body, or a head record: lent until ring_done, and a broken producer may change it under the reader. */
	struct span	 bytes;
};

void	ring_in_init(struct ring_in *, struct ring *, uint32_t size);
/* 1: a record; 0: none yet; -E_CORRUPT: what is there makes no sense, all of it was skipped, no fill goes on. */
int	ring_next(struct ring_in *, struct ring_record *) MUST_CHECK;
uint64_t ring_unread(const struct ring_in *);	/* bytes, words included */
void	ring_done(struct ring_in *);		/* what was read is safe: its room is the producer's again */

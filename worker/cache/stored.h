/*
 * stored.h - a stored object's bytes as a body source: windows of chunks that lie in the store, one writev each.
 *
 * What is at hand points into the store and is let go with the turn. A body that is not sent by then pins its object
 * and goes on by id; where that is not possible, because the object has been deleted meanwhile, the rest is copied.
 * A chunk's checksum is looked at once, by whoever reads it first.
 */
#pragma once
#include "worker/cache/cache.h"
#include "worker/req/body.h"

enum {
	STORED_WINDOW = 4,		/* chunks at hand at once */
	STORED_TURN = 16,		/* chunks in one turn, before others have theirs */
};

/* Bytes made here, then n bytes of the object from `at` on. A multipart answer has several. */
struct stored_part { struct span text; uint64_t at, n; };

struct stored {
	struct body	body;
	struct cache	*cache;
	struct entry	entry;
	struct list_node node;		/* in cache->sending, while some is left */
	const struct stored_part *parts;	/* lent; those left */
	unsigned	n_parts;
	struct stored_part part;	/* what is left of the first one */
	struct iovec	window[BODY_PIECES];
	int		first, n;	/* of window: not consumed yet */
	unsigned	chunks;		/* taken in turn `turn` */
	uint64_t	turn;
	int		pin;		/* -1: none */
	char		*copy;		/* of the rest; NULL: it is in the store */
	size_t		copy_n;
	struct loop_task more;		/* goes on in the next turn */
};

/*
 * False: the object's first bytes are not there, or damaged: nothing was begun. parts must not be empty, and lie inside
 * the object.
 */
bool	stored_init(struct stored *, struct cache *, const struct entry *, const struct stored_part *parts, unsigned n);
void	stored_fini(struct stored *);	/* idempotent; needed only after stored_init was true */
void	stored_let_go(struct stored *);	/* the turn ends: cache.c's */
void	stored_lost(struct stored *);	/* so is this: the store goes, and what is not copied with it */

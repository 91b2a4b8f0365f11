/*
 * fill.h - a response body on its way to the client that goes to the keeper as well: a body source around another one.
 *
 * What the client's side takes is put into the ring first. The response is stored only when all of it came, correctly;
 * a ring without room, a body that is too long or one that breaks ends the fill and nothing else.
 */
#pragma once
#include "worker/cache/cache.h"
#include "worker/req/body.h"

struct fill_out {
	struct body	body;
	struct body	*from;		/* lent; NULL: the response has no body, or nothing was begun */
	struct cache	*cache;
	uint32_t	number;		/* of the fill in the ring; 0: not stored, or over */
	uint64_t	length;		/* so far */
	bool		stored;		/* its end is in the ring */
};

/*
 * Begins to store a response whose body is `from` (NULL: none). False: there is no room, and nothing changed. Otherwise
 * f->body stands for `from`.
 */
bool	fill_begin(struct fill_out *, struct cache *, const struct ring_begin *, struct span head, struct body *from);
void	fill_end(struct fill_out *);	/* the request is over: what is not complete is not stored; idempotent */

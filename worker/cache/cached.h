/*
 * cached.h - one request and the cache (RFC 9111): whether the store answers it, whether what is stored must be asked
 * about first, and whether the answer that comes is stored.
 *
 * A request that the cache has nothing to do with has no struct cached. Otherwise it is in the request's arena.
 */
#pragma once
#include "worker/cache/fill.h"
#include "worker/cache/stored.h"
#include "worker/req/req.h"

struct cached {
	struct cache	*cache;
	const struct caching *how;
	struct span	text;		/* of the URL's key */
	struct directives cc;		/* of the request */
	struct lookup	found;		/* keys always; the rest is valid where `have` is, and in the arena */
	bool		have;		/* there is an object: of this turn, or pinned */
	bool		fresh_answer;	/* the answer under way comes from the store */
	bool		asking;		/* the origin was asked whether it is still right */
	uint32_t	file;		/* of the store that it is in */
	int		pin;
	int64_t		sent;		/* when the origin was asked, Unix seconds */
	const char	*why;		/* the verdict's token where the answer is not stored; NULL */
	struct stored	stored;
	struct stored_part *parts;
	struct fill_out	fill;
};

enum cached_way {
	CACHED_FETCH,			/* the origin has to be asked */
	CACHED_ANSWER,			/* an answer was made: from the store, or a refusal */
	CACHED_GO_ON,			/* nothing changed, or the answer that came is delivered */
};

/* Before the origin is asked. CACHED_FETCH or CACHED_ANSWER. */
enum cached_way cached_lookup(struct req *);
/* Its answer's head is there: CACHED_GO_ON, or CACHED_FETCH: it has to be asked again, without conditions. */
enum cached_way cached_response(struct req *);
/* It could not be asked: CACHED_ANSWER when an old answer may stand in, else CACHED_GO_ON. */
enum cached_way cached_failed(struct req *);
void	cached_end(struct req *);	/* the request is over; idempotent */

/* A host with its port as keys have it: lower case, without the port that is http's. p NULL: no memory. */
struct span cached_host(struct req *, struct span host);
/* The text of the key of another target at the request's host; p NULL: none. */
struct span cached_key(struct req *, const struct caching *, struct span target);

/* ---- cached_answer.c, for cached.c: an answer from the store ---- */

/* From the object's own head. False: its bytes are not there, and nothing was made. */
bool	cached_answer(struct req *);
/* From these fields instead, which a 304 has brought up to date. */
bool	cached_answer_with(struct req *, const struct fields *);
/* Adds Cache-Status (RFC 9211): a hit, or why it was forwarded. */
void	cached_status(struct req *, const char *forwarded);
/* The object's fields as they are stored; false: no memory. */
bool	cached_fields(struct req *, struct fields *, unsigned more);

/* ---- cached_store.c, for cached.c: an answer into the store ---- */

void	cached_store(struct req *);
/* The 304 renews the object: *merged are its fields now. */
bool	cached_renew(struct req *, struct fields *merged);
void	cached_invalidate(struct req *);

/*
 * cache.h - a worker's part in the shared cache: the store it reads, the ring through which it gives the keeper what is
 * to be stored, and the bodies that it is sending from the store.
 *
 * The store is read in a transaction that is begun when it is needed and ended with the loop's turn, so what points
 * into the store is valid for the rest of the turn. A body that takes longer pins its object, or is copied (stored.h).
 * The worker never waits for the keeper: without a store everything is a miss, with a full ring nothing is stored.
 */
#pragma once
#include "cache/lookup.h"
#include "cache/segment.h"
#include "worker/req/ctx.h"

/* What a route, or forward mode, has configured, as the policy takes it. */
struct caching {
	struct cache_rules rules;
	struct vary_rules vary;
	bool		 store;		/* false: requests pass the cache by */
	char		*scope;		/* of keys, see key.h */
	bool		 sort_query;
	const char	**drop_query;	/* then NULL; NULL: none */
};

struct cache {
	struct ctx	*x;
	struct cache_data *data;
	struct lookup_in in;		/* in.store NULL: none is open */
	uint32_t	 file;		/* number of the store that is open */
	int64_t		 again_ms;	/* it is not opened before: the last time failed */
	struct ring_out	 ring;
	struct pins	*pins;
	unsigned	 pin_next;	/* where the search for a free one begins */
	uint64_t	 max_object;	/* longer ones are not given to the keeper */
	unsigned	 refreshing;	/* objects renewed behind clients' backs now, see refresh.h */
	uint64_t	 copied;	/* bytes of bodies in copies */
	struct list	 sending;	/* struct stored: bodies not sent yet */
	struct loop_hook hook;
	bool		 told;		/* something was put into the ring in this turn */
	struct caching	*caching;	/* by route, and one more for forward mode */
};

struct cache *cache_new(struct ctx *);	/* NULL: no cache is configured */
void	cache_free(struct cache **);
/* The store, a transaction begun; NULL: there is none now. */
struct store *cache_begin(struct cache *);
/* Something in the store makes no sense: nobody reads it any more, the keeper begins another. */
void	cache_damaged(struct cache *, const char *what);
/* Something was put into the ring: the keeper will be woken at the end of the turn, if it sleeps. */
void	cache_tell(struct cache *);

/* Pins an object: the pin's number, or -1: none is free, or it has been deleted already. It stays readable then. */
int	cache_hold(struct cache *, const struct entry *);
void	cache_release(struct cache *, int pin);		/* -1: nothing */

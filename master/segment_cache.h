/*
 * segment_cache.h - the cache's segment (cache/segment.h) as the master has it: made when the first configuration asks
 * for a cache, with an event for each lane, and kept as long as there is a master.
 */
#pragma once
#include <stdbool.h>
#include "conf/base/shm.h"
#include "worker/shared/stats.h"

struct conf_cache;
struct cache_data;
struct identity;

struct segment_cache {
	struct shm	shm;		/* fd -1: there is none */
	int		*event;		/* by lane: eventfds; NULL: there is none */
	bool		*used;		/* by lane: its memory was not given back yet */
	unsigned	lanes;
	bool		taken;		/* over from an old master */
};

void	segment_cache_init(struct segment_cache *);
void	segment_cache_close(struct segment_cache *);
struct cache_data *segment_cache_data(const struct segment_cache *);	/* NULL: there is none */

/* Makes it, unless it is there. -E_CONFLICT: it is, for another cache. */
int	segment_cache_make(struct segment_cache *, const struct conf_cache *, unsigned lanes, struct errdetail *)
	    MUST_CHECK;
/*
 * The one of an old master: its descriptor (-1: none) and events, which are taken. False: it is of no use for this
 * configuration, and the log says why unless the configuration has no cache.
 */
bool	segment_cache_take(struct segment_cache *, int fd, const int *event, unsigned n, const struct conf_cache *,
	    unsigned lanes);
/* Makes the directory, if only that is missing; it and an empty one of ours are given to whom the children run as. */
int	segment_cache_directory(const struct conf_cache *, const struct identity *, struct errdetail *) MUST_CHECK;

/* A lane's process is dead, and the lane not given to another one yet. */
void	segment_cache_gone(struct segment_cache *, unsigned lane);
/* Nobody may read the store any more: a process died of it. */
void	segment_cache_broke(struct segment_cache *, const char *who);
void	segment_cache_end(struct segment_cache *);	/* its processes are to go on without a cache */
/* Gives back what lanes without a process have of its memory. */
void	segment_cache_tick(struct segment_cache *, struct stats_data *);

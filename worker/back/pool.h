/*
 * pool.h - kept connections to targets, by address (and later TLS identity), newest first.
 *
 * A conn in the pool is idle: any byte or FIN from the target closes it (SECURITY.md rows 11-16). Connections
 * older than pool_idle are closed by one sweep a second; no timer per connection.
 */
#pragma once
#include "conf/base/list.h"
#include "worker/io/conn.h"
#include "worker/shared/stats.h"

/* A client whose name was told to targets: connections that speak for it are nobody else's, and end with it. */
struct pool_owner { struct list kept; };
void	pool_owner_init(struct pool_owner *);
void	pool_owner_fini(struct pool_owner *);		/* closes what it keeps */

struct pool;
struct pool *pool_new(struct loop *, struct stats_lane *, struct errdetail *);
void	pool_free(struct pool **);
struct pool_terms {
	const struct addr *peer;
	struct pool_owner *owner;	/* NULL: it is anybody's */
	_Atomic uint32_t *count;	/* one more while it is kept; NULL, or outlives the pool; ours alone to write */
	unsigned	max_idle;	/* of the owner, or of the address */
	int64_t		idle_ms;
};
/*
 * Takes the conn: the caller vouches that nothing is unread and the last exchange was complete. Closes the oldest
 * above max_idle.
 */
void	pool_put(struct pool *, struct conn **, const struct pool_terms *);
/* The owner's, or with NULL one that is anybody's. NULL: none. Set the conn's owner before anything else. */
struct conn *pool_get(struct pool *, const struct addr *peer, struct pool_owner *);
/* How many that are anybody's a pool_get for this address could be given. */
unsigned pool_look(const struct pool *, const struct addr *peer);
void	pool_clear(struct pool *);			/* drain: closes all */

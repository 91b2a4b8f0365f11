/*
 * pool.h - kept connections to targets, by address (and later TLS identity), newest first.
 *
 * A conn in the pool is idle: any byte or FIN from the target closes it (SECURITY.md rows 11-16). Connections
 * older than pool_idle are closed by one sweep a second; no timer per connection.
 */
#pragma once
#include "worker/io/conn.h"
#include "worker/shared/stats.h"

struct pool;
struct pool *pool_new(struct loop *, struct stats_lane *, struct errdetail *);
void	pool_free(struct pool **);
/*
 * Takes the conn: the caller vouches that nothing is unread and the last exchange was complete. Closes the oldest
 * above max_idle.
 */
void	pool_put(struct pool *, struct conn **, const struct addr *peer, unsigned max_idle, int64_t idle_ms);
struct conn *pool_get(struct pool *, const struct addr *peer);	/* NULL: none; set the owner before anything else */
/* How many a pool_get for this address could be given. */
unsigned pool_look(const struct pool *, const struct addr *peer);
void	pool_clear(struct pool *);			/* drain: closes all */

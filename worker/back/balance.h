/*
 * balance.h - which endpoint of a service gets the next request, and what its outcome means for its health.
 *
 * Weights count; backups serve only when no primary is available; ejected endpoints are left out unless too
 * many are (max_ejected). `tried` lists endpoints this request failed on: they come last.
 */
#pragma once
#include "worker/shared/endpoint.h"
#include "worker/shared/stats.h"

struct balance;				/* this worker's cursors over all services of a configuration */
struct balance *balance_new(const struct conf *, struct endpoint_data *, unsigned lane, struct stats_lane *);
void	balance_free(struct balance **);

/* addr: copied under the sequence lock. */
struct pick { const struct conf_service *service; struct endpoint *endpoint; struct addr addr; };
#define BALANCE_TRIED 8
/* false: no endpoint at all (names unresolved, all drained). Counts the request as in flight on the endpoint. */
bool	balance_pick(struct balance *, const struct conf_service *, int64_t now_ms, const struct addr *tried,
	    unsigned ntried, struct pick *);
/* The same choice for a request that failed on nothing yet, and nothing moves on: pick->endpoint stays NULL. */
bool	balance_look(const struct balance *, const struct conf_service *, int64_t now_ms, struct pick *);
/* Where this worker counts its idle connections to the endpoint; NULL: nowhere. */
_Atomic uint32_t *balance_idle(const struct balance *, const struct pick *);
enum pick_outcome { PICK_OK, PICK_FAILED /* connect, reset, timeout, 502-504 by protocol */, PICK_UNUSED };
/* Once per pick; clears it. */
void	balance_done(struct balance *, struct pick *, int64_t now_ms, enum pick_outcome);

/*
 * refresh.h - renewing an object behind the back of a client that was given it stale (RFC 5861 3): the same request
 * once more, with nobody at its front.
 *
 * One worker does that for all, by a lease of the key. What cannot be begun is not: the next stale answer tries again.
 */
#pragma once
#include "worker/req/req.h"

/* r was answered from the object of r->cached, which is stale. */
void	refresh_begin(struct req *r);

/*
 * explain.h - how a request that is only explained differs from one that is served: in nothing that decides.
 *
 * It takes the same steps through the same code, with a listener to what they decide. Where they would act, they do
 * not: nothing is taken from balancer, queue or pool, nothing is dialled, counted or logged. req->explain is NULL for
 * every other request; the struct is lent by its owner for the request's life.
 */
#pragma once
#include "conf/base/addr.h"
#include "conf/http/reason.h"

struct acl_trace;
struct explain;
struct route_trace;

struct explain {
	/* Who hears the rules tried for this address of the target, NULL: for its name, or the routes for this path. */
	struct acl_trace *(*rules)(struct explain *, const struct addr *);
	struct route_trace *(*routes)(struct explain *, struct span path);
	void	(*address)(struct explain *, const struct addr *, enum reason);	/* the last word on an address */
	bool	no_dns;		/* the target's name is not resolved */
};

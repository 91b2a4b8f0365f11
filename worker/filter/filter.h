/*
 * filter.h - one feature per file behind one vtable; chains are compiled per route when a worker starts.
 *
 * A filter that is not configured for a route is not in its chain and costs nothing.
 */
#pragma once
#include "worker/req/req.h"

enum verdict { FLT_NEXT, FLT_REPLY };	/* go on | an answer was made (req_reply) */

struct filter {
	const char	*name;
	/* Its part of the configuration for this route (NULL: forward mode), or NULL: not in this chain. */
	const void	*(*configured)(const struct conf *, const struct conf_route *);
	enum verdict	(*on_request)(struct req *, const void *self);	/* NULL: not interested */
	enum verdict	(*on_response)(struct req *, const void *self);
};

struct chain;
struct chain *chain_new(const struct conf *, const struct conf_route *);	/* start-up: aborts without memory */
void	chain_free(struct chain **);
const struct chain *chain_of(const struct req *);	/* of its route, or of forward mode */
/* Names in the order they see a request, or an answer; NULL behind the last. */
const char *chain_name(const struct chain *, bool response, unsigned i);
enum verdict chain_request(const struct chain *, struct req *);
enum verdict chain_response(const struct chain *, struct req *);

#define FILTER(name) extern const struct filter filter_##name;
#include "worker/filter/filter_tbl.h"
#undef FILTER

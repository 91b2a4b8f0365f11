/*
 * retry.h - when a request may be sent again (SECURITY.md 2, retry rule) and the budget that keeps retries from
 * becoming a storm. Pure functions; time is an argument.
 */
#pragma once
#include <stdbool.h>
#include "conf/conf.h"
#include "conf/http/method.h"

struct retry_case {
	enum method	method;
	bool		wrote;			/* a byte of the request reached the upstream connection */
	bool		answered;		/* a byte of the response was seen */
	bool		reused;			/* the connection was kept from an earlier request */
	bool		body_kept;		/* there is no body, or all of it is still buffered (at most 64 KiB) */
	unsigned	tries;			/* so far */
	unsigned	max_tries;
};
bool	retry_allowed(const struct retry_case *);

/* Requests and retries of the last ten seconds, in one-second buckets. */
struct retry_budget { int64_t second; uint32_t requests[10], retries[10]; };
void	retry_count_request(struct retry_budget *, int64_t now_ms);
/* true: counted as a retry, go ahead. share of requests, and at least min per second. */
bool	retry_take(struct retry_budget *, int64_t now_ms, double share, int64_t min);

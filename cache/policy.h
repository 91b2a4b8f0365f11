/*
 * policy.h - RFC 9111 as pure functions: may this response be stored, how long is it fresh, may a stored one answer.
 *
 * No I/O, no clock, no memory: times are Unix seconds in arguments, everything else is spans of the caller's. The same
 * functions serve the request, the 304 that renews an object and `proxyctl cache explain`.
 */
#pragma once
#include "cache/directives.h"
#include "conf/http/method.h"

enum cache_verdict {
#define VERDICT(id, token, text) id,
#include "cache/verdict_tbl.h"
#undef VERDICT
	CV_MAX
};

const char *verdict_token(enum cache_verdict);
const char *verdict_text(enum cache_verdict);

/* What a route says about caching; seconds, or SECONDS_NONE where it says nothing. */
struct cache_rules {
	uint32_t ttl;			/* of a response that has no lifetime of its own */
	uint32_t ttl_min, ttl_max;	/* bounds of every lifetime */
	uint32_t grace;			/* stale-while-revalidate where the response has none */
	uint32_t keep;			/* stale-if-error where the response has none */
	bool heuristic;			/* a tenth of the time since Last-Modified, at most a day (RFC 9111 4.2.2) */
	bool store_set_cookie;
	bool obey_client;		/* no-cache, max-age, min-fresh, max-stale, only-if-cached of requests count */
};

enum {
	CF_NO_CACHE		= 1 << 0,	/* never without asking the origin */
	CF_MUST_REVALIDATE	= 1 << 1,	/* never stale, not even when the origin fails */
	CF_VALIDATOR		= 1 << 2,	/* ETag or Last-Modified */
	CF_HEURISTIC		= 1 << 3,	/* the lifetime is a guess, or the route's ttl */
};

/* What a stored object's index record keeps of its response; see lifetime_of for the seconds. */
struct lifetime {
	int64_t	 received;		/* when the response (or the 304 that renewed it) came */
	uint32_t age;			/* corrected_initial_age, RFC 9111 4.2.3 */
	uint32_t fresh_for;
	uint32_t stale_while_revalidate, stale_if_error;
	uint32_t flags;			/* CF_* */
};

struct exchange {
	enum method		 method;
	int			 status;
	const struct fields	*request, *response;
	int64_t			 sent, received;	/* the request upstream, its response's head */
};

/* CV_STORE, or the first reason against it. *life is set in both cases. */
enum cache_verdict policy_store(const struct exchange *, const struct cache_rules *, struct lifetime *life);

/* The response's own arithmetic alone, as a 304 needs it for the object it renews. */
void	lifetime_of(const struct exchange *, const struct directives *, const struct cache_rules *, struct lifetime *);
/* current_age of RFC 9111 4.2.3, at most SECONDS_MAX; a clock that went back adds nothing. */
uint32_t lifetime_age(const struct lifetime *, int64_t now);

enum use {
	USE_FRESH,		/* answer from the store */
	USE_STALE,		/* answer from the store: the client takes stale ones (max-stale) */
	USE_STALE_REFRESH,	/* answer from the store, and renew it behind the client's back */
	USE_VALIDATE,		/* ask the origin first */
	USE_UNSATISFIABLE,	/* 504: only-if-cached, and it would have to be asked */
};
enum use policy_use(const struct directives *request, const struct lifetime *, const struct cache_rules *, int64_t now);
/* May it answer although the origin did not (5xx, no connection)? RFC 9111 4.2.4, RFC 5861 4. */
bool	policy_stale_on_error(const struct directives *request, const struct lifetime *, const struct cache_rules *,
	    int64_t now);

/* An answer to this method makes stored ones of its target worthless (RFC 9111 4.4). */
bool	policy_invalidates(enum method, int status);

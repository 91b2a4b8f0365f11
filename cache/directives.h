/*
 * directives.h - Cache-Control of a message as bits and seconds (RFC 9111 5.2, RFC 5861, RFC 8246), and the field
 * that replaces it for this cache, CDN-Cache-Control (RFC 9213).
 *
 * A directive with an argument we cannot read is invalid: lifetimes are 0 then, since RFC 9111 4.2.1 would rather have
 * a response stale than fresh by mistake; max-stale and min-fresh of a request are as if absent. Unknown directives
 * are ignored. A second one of the same name is ignored too.
 */
#pragma once
#include "conf/http/field.h"

#define SECONDS_MAX UINT32_C(0x80000000)	/* RFC 9111 1.2.2: more is as much */
#define SECONDS_NONE UINT32_MAX			/* not said */

enum {
	CC_NO_STORE		= 1 << 0,
	CC_NO_CACHE		= 1 << 1,	/* without field names */
	CC_PRIVATE		= 1 << 2,	/* with or without field names: this is a shared cache */
	CC_PUBLIC		= 1 << 3,
	CC_MUST_REVALIDATE	= 1 << 4,
	CC_PROXY_REVALIDATE	= 1 << 5,
	CC_MUST_UNDERSTAND	= 1 << 6,
	CC_NO_TRANSFORM		= 1 << 7,
	CC_IMMUTABLE		= 1 << 8,
	CC_ONLY_IF_CACHED	= 1 << 9,
	CC_NO_CACHE_FIELDS	= 1 << 10,	/* no-cache="field, ..." */
	CC_TARGETED		= 1 << 11,	/* it was CDN-Cache-Control that counted */
};

struct directives {
	uint32_t set;			/* CC_* */
	/* Seconds, or SECONDS_NONE. max_stale without an argument is SECONDS_MAX. */
	uint32_t max_age, s_maxage, max_stale, min_fresh;
	uint32_t stale_while_revalidate, stale_if_error;
};

void	directives_request(struct directives *, const struct fields *);
/* A valid CDN-Cache-Control with a member takes the place of Cache-Control, and of Expires: see CC_TARGETED. */
void	directives_response(struct directives *, const struct fields *);
/* Digits only, saturated at SECONDS_MAX; SECONDS_NONE for anything else. */
uint32_t seconds_parse(struct span);

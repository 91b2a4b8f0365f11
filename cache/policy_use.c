/*
 * policy_use.c - may a stored response answer this request now (RFC 9111 4, 4.2.4, 5.2.1; RFC 5861), and which requests
 * make stored responses worthless (4.4).
 */
#include "cache/policy.h"

uint32_t
lifetime_age(const struct lifetime *life, int64_t now)
{
	uint64_t resident = now > life->received ? (uint64_t)(now - life->received) : 0;
	uint64_t age = life->age + resident;

	return age > SECONDS_MAX ? SECONDS_MAX : (uint32_t)age;
}

static const struct directives silent = { 0, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE,
	SECONDS_NONE, SECONDS_NONE };

/* The client itself asks for more than freshness. */
static bool
client_wants_validation(const struct directives *cc, const struct lifetime *life, uint32_t age)
{
	uint32_t left = life->fresh_for > age ? life->fresh_for - age : 0;

	return (cc->set & CC_NO_CACHE) != 0 || (cc->max_age != SECONDS_NONE && age > cc->max_age) ||
	    (cc->min_fresh != SECONDS_NONE && left < cc->min_fresh);
}

static enum use
use_stale(const struct directives *cc, const struct lifetime *life, uint32_t by)
{
	if ((life->flags & CF_MUST_REVALIDATE) != 0)
		return USE_VALIDATE;
	if (cc->max_stale != SECONDS_NONE && by <= cc->max_stale)
		return USE_STALE;
	return by < life->stale_while_revalidate ? USE_STALE_REFRESH : USE_VALIDATE;
}

static enum use
use(const struct directives *cc, const struct lifetime *life, uint32_t age)
{
	if ((life->flags & CF_NO_CACHE) != 0 || client_wants_validation(cc, life, age))
		return USE_VALIDATE;
	return age < life->fresh_for ? USE_FRESH : use_stale(cc, life, age - life->fresh_for);
}

enum use
policy_use(const struct directives *request, const struct lifetime *life,
    const struct cache_rules *rules, int64_t now)
{
	const struct directives *cc = rules->obey_client ? request : &silent;
	enum use u = use(cc, life, lifetime_age(life, now));

	return u == USE_VALIDATE && (cc->set & CC_ONLY_IF_CACHED) != 0 ? USE_UNSATISFIABLE : u;
}

/* A client's stale-if-error counts as the response's does: the longer of both. */
bool
policy_stale_on_error(const struct directives *request, const struct lifetime *life,
    const struct cache_rules *rules, int64_t now)
{
	const struct directives *cc = rules->obey_client ? request : &silent;
	uint32_t age = lifetime_age(life, now), window = life->stale_if_error;

	if ((life->flags & (CF_NO_CACHE | CF_MUST_REVALIDATE)) != 0 || (cc->set & CC_NO_CACHE) != 0)
		return false;
	if (cc->stale_if_error != SECONDS_NONE && cc->stale_if_error > window)
		window = cc->stale_if_error;
	return age < life->fresh_for || age - life->fresh_for < window;
}

bool
policy_invalidates(enum method m, int status)
{
	return !method_safe(m) && status >= 200 && status < 400;
}

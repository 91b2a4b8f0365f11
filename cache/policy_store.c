/*
 * policy_store.c - may a response be stored (RFC 9111 3), and what of time is remembered with it (4.2).
 */
#include "cache/policy.h"
#include "conf/http/date.h"
#include "conf/http/status.h"

#define DAY 86400
#define HEURISTIC_MAX DAY

static const char *const tokens[] = {
#define VERDICT(id, token, text) token,
#include "cache/verdict_tbl.h"
#undef VERDICT
};
static const char *const texts[] = {
#define VERDICT(id, token, text) text,
#include "cache/verdict_tbl.h"
#undef VERDICT
};

const char *
verdict_token(enum cache_verdict v)
{
	return tokens[v];
}

const char *
verdict_text(enum cache_verdict v)
{
	return texts[v];
}

static uint32_t
saturate(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > SECONDS_MAX ? SECONDS_MAX : (uint32_t)seconds;
}

/* ---- time ---- */

/* False when the field is absent, stands there twice, or is no date. */
static bool
date_of(const struct fields *f, enum hname id, int64_t now, int64_t *out)
{
	return fields_count(f, id) == 1 && date_parse(fields_value(f, id), now, out) == 0;
}

/* The first member counts; what is not all digits is as if absent. */
static uint32_t
age_field(const struct fields *f)
{
	struct list_iter it = list_iter_init(f, H_AGE);
	struct span member;
	uint32_t age = list_iter_next(&it, &member) ? seconds_parse(member) : SECONDS_NONE;

	return age == SECONDS_NONE ? 0 : age;
}

static uint32_t
initial_age(const struct exchange *x)
{
	int64_t date = x->received;
	uint32_t apparent, corrected;

	if (date_of(x->response, H_DATE, x->received, &date) && date > x->received)
		date = x->received;
	apparent = saturate(x->received - date);
	corrected = saturate((int64_t)age_field(x->response) + saturate(x->received - x->sent));
	return apparent > corrected ? apparent : corrected;
}

/* What the response says itself; SECONDS_NONE when it says nothing. */
static uint32_t
explicit_lifetime(const struct exchange *x, const struct directives *cc)
{
	int64_t date = x->received, expires;

	if (cc->s_maxage != SECONDS_NONE)
		return cc->s_maxage;
	if (cc->max_age != SECONDS_NONE)
		return cc->max_age;
	if ((cc->set & CC_TARGETED) != 0 || !fields_has(x->response, H_EXPIRES))
		return SECONDS_NONE;
	if (!date_of(x->response, H_EXPIRES, x->received, &expires))
		return 0;		/* RFC 9111 5.3: an invalid date is in the past */
	date_of(x->response, H_DATE, x->received, &date);
	return saturate(expires - date);
}

/* RFC 9110 15.1 */
static bool
heuristically_cacheable(int status)
{
	switch (status) {
	case 200: case 203: case 204: case 206: case 300: case 301: case 308:
	case 404: case 405: case 410: case 414: case 501:
		return true;
	}
	return false;
}

static bool
may_guess(const struct exchange *x, const struct directives *cc)
{
	return heuristically_cacheable(x->status) || (cc->set & CC_PUBLIC) != 0;
}

static uint32_t
guessed_lifetime(const struct exchange *x, const struct cache_rules *rules)
{
	int64_t modified, date = x->received;

	if (rules->ttl != SECONDS_NONE)
		return rules->ttl;
	if (!rules->heuristic || !date_of(x->response, H_LAST_MODIFIED, x->received, &modified))
		return SECONDS_NONE;
	date_of(x->response, H_DATE, x->received, &date);
	return saturate(date - modified) / 10 > HEURISTIC_MAX ? HEURISTIC_MAX :
								saturate(date - modified) / 10;
}

static uint32_t
bounded(uint32_t seconds, const struct cache_rules *rules)
{
	if (rules->ttl_min != SECONDS_NONE && seconds < rules->ttl_min)
		seconds = rules->ttl_min;
	return rules->ttl_max != SECONDS_NONE && seconds > rules->ttl_max ? rules->ttl_max :
									    seconds;
}

static uint32_t
flags_of(const struct fields *f, const struct directives *cc)
{
	uint32_t flags = 0;

	if ((cc->set & (CC_NO_CACHE | CC_NO_CACHE_FIELDS)) != 0)
		flags |= CF_NO_CACHE;
	/* RFC 9111 5.2.2.10: s-maxage implies proxy-revalidate. */
	if ((cc->set & (CC_MUST_REVALIDATE | CC_PROXY_REVALIDATE)) != 0 ||
	    cc->s_maxage != SECONDS_NONE)
		flags |= CF_MUST_REVALIDATE;
	if (fields_has(f, H_ETAG) || fields_has(f, H_LAST_MODIFIED))
		flags |= CF_VALIDATOR;
	return flags;
}

static uint32_t
said_or(uint32_t said, uint32_t otherwise)
{
	if (said != SECONDS_NONE)
		return said;
	return otherwise == SECONDS_NONE ? 0 : otherwise;
}

void
lifetime_of(const struct exchange *x, const struct directives *cc, const struct cache_rules *rules,
    struct lifetime *life)
{
	uint32_t seconds = explicit_lifetime(x, cc);

	*life = (struct lifetime){ .received = x->received,
		.age = initial_age(x),
		.flags = flags_of(x->response, cc),
		.stale_while_revalidate = said_or(cc->stale_while_revalidate, rules->grace) };
	if (seconds == SECONDS_NONE) {
		life->flags |= CF_HEURISTIC;
		seconds = may_guess(x, cc) ? guessed_lifetime(x, rules) : SECONDS_NONE;
	}
	life->fresh_for = bounded(seconds == SECONDS_NONE ? 0 : seconds, rules);
	/* What was never fresh was not meant to be used again: a route does not make it so. */
	life->stale_if_error = said_or(cc->stale_if_error, life->fresh_for > 0 ? rules->keep : 0);
}

/* ---- storing ---- */

static bool
known_status(int status)
{
	return strcmp(status_text(status), "Unknown") != 0;
}

static bool
shareable(const struct exchange *x, const struct directives *cc)
{
	return !fields_has(x->request, H_AUTHORIZATION) || cc->s_maxage != SECONDS_NONE ||
	    (cc->set & (CC_PUBLIC | CC_MUST_REVALIDATE)) != 0;
}

/* RFC 9111 5.2.2.3: must-understand with a status we know takes no-store away. */
static enum cache_verdict
forbidden_by_response(const struct exchange *x, const struct directives *cc)
{
	bool understand = (cc->set & CC_MUST_UNDERSTAND) != 0;

	if (understand && !known_status(x->status))
		return CV_NOT_UNDERSTOOD;
	if ((cc->set & CC_NO_STORE) != 0 && !understand)
		return CV_NO_STORE;
	if ((cc->set & CC_PRIVATE) != 0)
		return CV_PRIVATE;
	if (!shareable(x, cc))
		return CV_AUTHORIZATION;
	return fields_list_has(x->response, H_VARY, "*") ? CV_VARY : CV_STORE;
}

static enum cache_verdict
forbidden_by_request(const struct exchange *x)
{
	struct directives cc;

	if (x->method != M_GET)
		return CV_METHOD;
	directives_request(&cc, x->request);
	return (cc.set & CC_NO_STORE) != 0 ? CV_REQUEST_NO_STORE : CV_STORE;
}

static bool
useful(const struct lifetime *life)
{
	return life->fresh_for > life->age || (life->flags & CF_VALIDATOR) != 0 ||
	    life->stale_while_revalidate > 0 || life->stale_if_error > 0;
}

enum cache_verdict
policy_store(const struct exchange *x, const struct cache_rules *rules, struct lifetime *life)
{
	struct directives cc;
	enum cache_verdict v;

	directives_response(&cc, x->response);
	lifetime_of(x, &cc, rules, life);
	if ((v = forbidden_by_request(x)) != CV_STORE ||
	    (v = forbidden_by_response(x, &cc)) != CV_STORE)
		return v;
	if (x->status < 200 || x->status == 304 || x->status == 206)
		return x->status == 206 ? CV_PARTIAL : CV_STATUS;
	if (!rules->store_set_cookie && fields_has(x->response, H_SET_COOKIE))
		return CV_SET_COOKIE;
	if ((life->flags & CF_HEURISTIC) != 0 && !may_guess(x, &cc))
		return CV_STATUS;
	return useful(life) ? CV_STORE : CV_USELESS;
}

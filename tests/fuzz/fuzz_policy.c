/*
 * fuzz_policy.c - any bytes as the fields that say whether a response is stored and may answer.
 *
 * What a response or its request forbids is not stored, whatever else is said; lifetimes and ages stay within
 * bounds, and what is stale stays so. Nothing depends on the order of fields of different names, nor on whether a
 * list came in one line or in one for each member.
 *
 *	struct given, then lines: a letter that picks the name, upper case for the request, then the value
 */
#include <stdlib.h>

#include "cache/policy.h"
#include "tests/fuzz/message.h"

#define CLOCK	(INT64_C(1) << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const response_names[] = { "Cache-Control", "CDN-Cache-Control", "Expires",
	"Date", "Age", "Last-Modified", "ETag", "Vary", "Set-Cookie", "Pragma" };
static const char *const request_names[] = { "Cache-Control", "Pragma", "Authorization", "Cookie" };

struct given {
	uint8_t	 method, flags;
	uint16_t status;
	uint32_t ttl, ttl_min, ttl_max, grace, keep, travelled;
	uint64_t received, now;
};

static const struct names of_request = { request_names, ARRAY_LEN(request_names) };
static const struct names of_response = { response_names, ARRAY_LEN(response_names) };

/* Is there a member of that name, with or without an argument? */
static bool
says(const struct fields *f, enum hname id, const char *word)
{
	struct list_iter it = list_iter_init(f, id);
	struct span member;

	while (list_iter_next(&it, &member)) {
		ptrdiff_t eq = span_find(member, '=');

		if (span_ieq_str(eq < 0 ? member : span_make(member.p, (size_t)eq), word))
			return true;
	}
	return false;
}

/* ---- storing ---- */

static bool
response_forbids(const struct exchange *x)
{
	const struct fields *f = x->response;

	if (fields_has(f, H_CDN_CACHE_CONTROL))		/* another field counts, perhaps */
		return false;
	return says(f, H_CACHE_CONTROL, "private") ||
	    (says(f, H_CACHE_CONTROL, "no-store") && !says(f, H_CACHE_CONTROL, "must-understand"));
}

static bool
forbidden(const struct exchange *x, const struct cache_rules *rules)
{
	if (x->method != M_GET || x->status < 200 || x->status == 206 || x->status == 304)
		return true;
	if (says(x->request, H_CACHE_CONTROL, "no-store") || response_forbids(x))
		return true;
	if (fields_list_has(x->response, H_VARY, "*"))
		return true;
	return !rules->store_set_cookie && fields_has(x->response, H_SET_COOKIE);
}

static void
check_lifetime(const struct lifetime *life, const struct cache_rules *rules)
{
	require(life->age <= SECONDS_MAX && life->stale_while_revalidate <= SECONDS_MAX &&
	    life->stale_if_error <= SECONDS_MAX && life->fresh_for <= SECONDS_MAX);
	require(rules->ttl_max == SECONDS_NONE || life->fresh_for <= rules->ttl_max);
}

static bool
same_lifetime(const struct lifetime *a, const struct lifetime *b)
{
	return a->received == b->received && a->age == b->age && a->fresh_for == b->fresh_for &&
	    a->stale_while_revalidate == b->stale_while_revalidate &&
	    a->stale_if_error == b->stale_if_error && a->flags == b->flags;
}

static void
check_same(struct exchange x, const struct fields *response, const struct cache_rules *rules,
    enum cache_verdict v, const struct lifetime *life)
{
	struct lifetime other;

	x.response = response;
	require(policy_store(&x, rules, &other) == v && same_lifetime(&other, life));
}

/* Names in the opposite order; the lines of one name stay in theirs. */
static void
turn_round(struct message *out, const struct fields *f)
{
	for (size_t i = ARRAY_LEN(response_names); i-- > 0;)
		for (unsigned n = 0; n < f->n; n++)
			if (span_eq_str(f->v[n].name, response_names[i]))
				add(out, SPLIT, response_names[i], f->v[n].value);
}

/* False: a field of which not every line was split would be another. */
static bool
split(struct message *out, const struct fields *f)
{
	struct list_iter it = list_iter_init(f, H_CACHE_CONTROL);
	struct span member;
	unsigned members = 0;

	for (unsigned n = 0; n < f->n; n++)
		if (f->v[n].id != H_CACHE_CONTROL)
			add(out, SPLIT, f->v[n].name.p, f->v[n].value);
	while (list_iter_next(&it, &member) && members++ < SPLIT - LINES)
		add(out, SPLIT, "Cache-Control", member);
	return members <= SPLIT - LINES;
}

static void
check_storing(const struct exchange *x, const struct cache_rules *rules, struct lifetime *life)
{
	static struct message turned, members;
	enum cache_verdict v = policy_store(x, rules, life);

	require(v < CV_MAX);
	require(v != CV_STORE || !forbidden(x, rules));
	check_lifetime(life, rules);
	turned.f = members.f = (struct fields){ .n = 0 };
	turn_round(&turned, x->response);
	check_same(*x, &turned.f, rules, v, life);
	if (split(&members, x->response))
		check_same(*x, &members.f, rules, v, life);
}

/* ---- using ---- */

static bool
answers(enum use u)
{
	return u == USE_FRESH || u == USE_STALE || u == USE_STALE_REFRESH;
}

static void
check_use(const struct directives *cc, const struct lifetime *life, const struct cache_rules *rules,
    int64_t now)
{
	uint32_t age = lifetime_age(life, now);
	enum use u = policy_use(cc, life, rules, now);
	bool on_error = policy_stale_on_error(cc, life, rules, now);

	require(age <= SECONDS_MAX && age >= life->age);
	require(lifetime_age(life, now + 1) >= age);
	require(u != USE_FRESH || age < life->fresh_for);
	require((life->flags & CF_NO_CACHE) == 0 || (!answers(u) && !on_error));
	require((life->flags & CF_MUST_REVALIDATE) == 0 ||
	    (u != USE_STALE && u != USE_STALE_REFRESH && !on_error));
	require(
	    u != USE_UNSATISFIABLE || (rules->obey_client && (cc->set & CC_ONLY_IF_CACHED) != 0));
	if (!answers(u))
		require(!answers(policy_use(cc, life, rules, now + 1)));
	if (age >= life->fresh_for)
		require(policy_use(cc, life, rules, now + 1) != USE_FRESH);
}

/* Only the route decides what a client may ask of the cache. */
static void
check_deaf(
    const struct directives *cc, const struct lifetime *life, struct cache_rules rules, int64_t now)
{
	static const struct directives silent = { 0, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE,
		SECONDS_NONE, SECONDS_NONE, SECONDS_NONE };

	rules.obey_client = false;
	require(policy_use(cc, life, &rules, now) == policy_use(&silent, life, &rules, now));
}

/* ---- the input ---- */

static uint32_t
seconds(uint32_t v)
{
	return v > SECONDS_MAX ? SECONDS_NONE : v;
}

static struct cache_rules
rules_of(const struct given *g)
{
	return (struct cache_rules){ .ttl = seconds(g->ttl), .ttl_min = seconds(g->ttl_min),
		.ttl_max = seconds(g->ttl_max), .grace = seconds(g->grace), .keep = seconds(g->keep),
		.heuristic = (g->flags & 1) != 0, .store_set_cookie = (g->flags & 2) != 0,
		.obey_client = (g->flags & 4) != 0 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message request, response;
	struct given g;
	struct cache_rules rules;
	struct lifetime life;
	struct directives cc;
	struct exchange x = { .request = &request.f, .response = &response.f };

	if (size < sizeof g)
		return 0;
	memcpy(&g, data, sizeof g);
	request.f = response.f = (struct fields){ .n = 0 };
	read_lines(span_make((const char *)data + sizeof g, size - sizeof g), &request, &of_request,
	    &response, &of_response);
	rules = rules_of(&g);
	x.method = g.method == 0 ? M_GET : (enum method)(g.method % M_MAX);
	x.status = 100 + g.status % 500;
	x.received = (int64_t)(g.received % CLOCK);
	x.sent = x.received - g.travelled % 3600;
	check_storing(&x, &rules, &life);
	directives_request(&cc, &request.f);
	check_use(&cc, &life, &rules, (int64_t)(g.now % CLOCK));
	check_deaf(&cc, &life, rules, (int64_t)(g.now % CLOCK));
	return 0;
}

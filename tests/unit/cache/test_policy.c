/* test_policy.c - RFC 9111 by tables: storing, lifetimes, ages, use, staleness, invalidation. */
#include "tests/unit/unit.h"
#include "cache/policy.h"
#include "conf/http/date.h"

#include <stdio.h>

#define NOW INT64_C(1800000000)

static struct field rooms[2][16];
static struct fields sets[2];
static struct lifetime life;
static const struct cache_rules plain = { SECONDS_NONE, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE,
	SECONDS_NONE, false, false, true };

/* "Name: value|Name: value"; a value "@-60" is the date 60 s before NOW. */
static const struct fields *
head(int which, const char *text)
{
	static char dates[16][DATE_LEN];
	static int used;
	struct fields *f = &sets[which];
	struct span rest = span_str(text), line;

	*f = (struct fields){ .v = rooms[which], .size = 16 };
	while (span_split(&rest, '|', &line)) {
		ptrdiff_t colon = span_find(line, ':');
		struct span value;

		if (colon < 0)
			continue;
		value = span_trim(span_make(line.p + colon + 1, line.n - (size_t)colon - 1));
		if (value.n > 0 && value.p[0] == '@') {
			char *d = dates[used++ % 16];

			date_format(d, NOW + strtol(value.p + 1, NULL, 10));
			value = span_make(d, DATE_LEN);
		}
		ck_assert_ptr_nonnull(
		    fields_add(f, span_make(line.p, (size_t)colon), value, SPAN_NONE));
	}
	return f;
}

static struct exchange
exchange(const char *request, int status, const char *response)
{
	return (struct exchange){ M_GET, status, head(0, request), head(1, response), NOW, NOW };
}

static enum cache_verdict
store(const char *request, int status, const char *response, const struct cache_rules *rules)
{
	struct exchange x = exchange(request, status, response);

	return policy_store(&x, rules, &life);
}

START_TEST(what_is_stored_and_what_decides)
{
	static const struct {
		const char *request;
		int status;
		const char *response;
		enum cache_verdict v;
	} rows[] = {
		{ "", 200, "Cache-Control: max-age=60", CV_STORE },
		{ "", 200, "", CV_USELESS },
		{ "", 200, "ETag: \"a\"", CV_STORE },
		{ "", 200, "Cache-Control: max-age=0", CV_USELESS },
		{ "", 200, "Cache-Control: max-age=0, stale-while-revalidate=5", CV_STORE },
		{ "", 200, "Expires: @60|Date: @0", CV_STORE },
		{ "", 200, "Expires: 0", CV_USELESS },
		{ "", 302, "ETag: \"a\"", CV_STATUS },
		{ "", 302, "ETag: \"a\"|Cache-Control: public", CV_STORE },
		{ "", 302, "Cache-Control: max-age=1", CV_STORE },
		{ "", 599, "Cache-Control: max-age=1", CV_STORE },
		{ "", 404, "Last-Modified: @-9", CV_STORE },
		{ "", 500, "Last-Modified: @-9", CV_STATUS },
		{ "", 206, "Cache-Control: max-age=60", CV_PARTIAL },
		{ "", 304, "Cache-Control: max-age=60", CV_STATUS },
		{ "", 103, "Cache-Control: max-age=60", CV_STATUS },
		{ "Cache-Control: no-store", 200, "Cache-Control: max-age=60", CV_REQUEST_NO_STORE },
		{ "Cache-Control: no-cache", 200, "Cache-Control: max-age=60", CV_STORE },
		{ "", 200, "Cache-Control: no-store, max-age=60", CV_NO_STORE },
		{ "", 200, "Cache-Control: private, max-age=60", CV_PRIVATE },
		{ "", 200, "Cache-Control: private=\"x\", max-age=60", CV_PRIVATE },
		{ "", 200, "Cache-Control: no-cache, max-age=60", CV_STORE },
		{ "", 200, "Cache-Control: no-store, must-understand, max-age=60", CV_STORE },
		{ "", 599, "Cache-Control: no-store, must-understand, max-age=60", CV_NOT_UNDERSTOOD },
		{ "", 599, "Cache-Control: must-understand, max-age=60", CV_NOT_UNDERSTOOD },
		{ "Authorization: x", 200, "Cache-Control: max-age=60", CV_AUTHORIZATION },
		{ "Authorization: x", 200, "Cache-Control: max-age=60, public", CV_STORE },
		{ "Authorization: x", 200, "Cache-Control: s-maxage=60", CV_STORE },
		{ "Authorization: x", 200, "Cache-Control: max-age=60, must-revalidate", CV_STORE },
		{ "Authorization: x", 200, "Cache-Control: max-age=60, proxy-revalidate", CV_AUTHORIZATION },
		{ "", 200, "Cache-Control: max-age=60|Set-Cookie: a=b", CV_SET_COOKIE },
		{ "", 200, "Cache-Control: max-age=60|Vary: a, *", CV_VARY },
		{ "", 200, "Cache-Control: max-age=60|Vary: a|Vary: , *", CV_VARY },
		{ "", 200, "Cache-Control: max-age=60|Vary: a, b", CV_STORE },
		{ "", 200, "Cache-Control: no-store|CDN-Cache-Control: max-age=60", CV_STORE },
		{ "", 200, "Cache-Control: max-age=60|CDN-Cache-Control: no-store", CV_NO_STORE },
		{ "", 200, "Cache-Control: max-age=60|Age: 61", CV_USELESS },
	};
	struct cache_rules cookies = plain;
	struct exchange x = exchange("", 200, "Cache-Control: max-age=60");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum cache_verdict v = store(
		    rows[i].request, rows[i].status, rows[i].response, &plain);

		ck_assert_msg(v == rows[i].v, "%d %s: %s", rows[i].status, rows[i].response,
		    verdict_token(v));
	}
	cookies.store_set_cookie = true;
	ck_assert_int_eq(
	    store("", 200, "Cache-Control: max-age=60|Set-Cookie: a=b", &cookies), CV_STORE);
	x.method = M_POST;
	ck_assert_int_eq(policy_store(&x, &plain, &life), CV_METHOD);
	ck_assert_ptr_nonnull(strstr(verdict_text(CV_VARY), "never"));
}
END_TEST

START_TEST(lifetimes)
{
	static const struct { const char *response; uint32_t seconds; bool guess; } rows[] = {
		{ "Cache-Control: max-age=60, s-maxage=30", 30, false },
		{ "Cache-Control: max-age=60|Expires: @9000|Date: @0", 60, false },
		{ "Expires: @9000|Date: @-1000", 10000, false },	/* of the response's own clock */
		{ "Expires: @90", 90, false },
		{ "Expires: @-10|Date: @-20", 10, false },
		{ "Expires: @10|Date: @20", 0, false },
		{ "Expires: @90|Expires: @90", 0, false },
		{ "Expires: tomorrow", 0, false },
		{ "Cache-Control: max-age=x|Expires: @90|Date: @0", 0, false },
		{ "CDN-Cache-Control: no-cache|Expires: @90|Date: @0", 0, true },
		{ "Last-Modified: @-5000|Date: @0", 0, true },
		{ "Cache-Control: max-age=99999999999", SECONDS_MAX, false },
	};
	struct cache_rules rules = plain;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		store("", 200, rows[i].response, &plain);
		ck_assert_msg(life.fresh_for == rows[i].seconds &&
			((life.flags & CF_HEURISTIC) != 0) == rows[i].guess,
		    "%s: %u", rows[i].response, life.fresh_for);
	}
	rules.heuristic = true;
	store("", 200, "Last-Modified: @-5000|Date: @0", &rules);
	ck_assert_uint_eq(life.fresh_for, 500);
	store("", 200, "Last-Modified: @-500000000|Date: @0", &rules);
	ck_assert_uint_eq(life.fresh_for, 86400);
	store("", 200, "Last-Modified: @5000|Date: @0", &rules);
	ck_assert_uint_eq(life.fresh_for, 0);
	store("", 500, "Last-Modified: @-5000|Date: @0", &rules);
	ck_assert_uint_eq(life.fresh_for, 0);
}
END_TEST

START_TEST(a_route_bounds_lifetimes_and_fills_silence)
{
	struct cache_rules rules = plain;

	rules.ttl = 100, rules.ttl_min = 10, rules.ttl_max = 1000, rules.grace = 7, rules.keep = 8;
	ck_assert_int_eq(store("", 200, "", &rules), CV_STORE);
	ck_assert_uint_eq(life.fresh_for, 100);
	ck_assert_uint_eq(life.stale_while_revalidate, 7);
	ck_assert_uint_eq(life.stale_if_error, 8);
	store("", 200, "Cache-Control: max-age=1, stale-while-revalidate=0, stale-if-error=1",
	    &rules);
	ck_assert_uint_eq(life.fresh_for, 10);
	ck_assert_uint_eq(life.stale_while_revalidate, 0);
	ck_assert_uint_eq(life.stale_if_error, 1);
	store("", 200, "Cache-Control: max-age=9999", &rules);
	ck_assert_uint_eq(life.fresh_for, 1000);
	ck_assert_int_eq(store("", 200, "Cache-Control: no-store", &rules), CV_NO_STORE);
	ck_assert_int_eq(store("", 500, "", &rules), CV_STATUS);
}
END_TEST

START_TEST(a_route_keeps_for_errors_what_was_fresh_once)
{
	struct cache_rules rules = plain;

	rules.keep = 3600;
	ck_assert_int_eq(store("", 200, "Cache-Control: max-age=1", &rules), CV_STORE);
	ck_assert_uint_eq(life.stale_if_error, 3600);
	ck_assert_int_eq(store("", 200, "", &rules), CV_USELESS);
	ck_assert_uint_eq(life.stale_if_error, 0);
	ck_assert_int_eq(store("", 200, "Cache-Control: max-age=0", &rules), CV_USELESS);
	ck_assert_int_eq(
	    store("", 200, "Cache-Control: max-age=0, stale-if-error=9", &rules), CV_STORE);
	ck_assert_uint_eq(life.stale_if_error, 9);
}
END_TEST

START_TEST(ages_add_up_and_saturate)
{
	static const struct {
		const char *response;
		int delay;
		uint32_t age;
	} rows[] = { { "", 0, 0 }, { "Age: 30", 0, 30 }, { "Age: 30", 5, 35 },
		{ "Date: @-20", 0, 20 }, { "Date: @-20|Age: 30", 5, 35 },
		{ "Date: @-90|Age: 30", 5, 90 }, { "Date: @60", 0, 0 }, { "Age: 7200, 0", 0, 7200 },
		{ "Age: 0, 7200", 0, 0 }, { "Age: 0|Age: 7200", 0, 0 }, { "Age: 7200.0", 0, 0 },
		{ "Age: -7200", 0, 0 }, { "Age: abc", 0, 0 }, { "Age: 7200;foo=bar", 0, 0 },
		{ "Age: 2147483648", 0, SECONDS_MAX },
		{ "Age: 99999999999999999999", 9, SECONDS_MAX }, { "Date: garbage|Age: 3", 0, 3 } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct exchange x = exchange("", 200, rows[i].response);

		x.sent -= rows[i].delay;
		policy_store(&x, &plain, &life);
		ck_assert_msg(life.age == rows[i].age, "%s: %u", rows[i].response, life.age);
	}
	life = (struct lifetime){ .received = NOW, .age = 10 };
	ck_assert_uint_eq(lifetime_age(&life, NOW + 5), 15);
	ck_assert_uint_eq(lifetime_age(&life, NOW - 3600), 10);
	ck_assert_uint_eq(lifetime_age(&life, INT64_MAX), SECONDS_MAX);
	life.age = SECONDS_MAX;
	ck_assert_uint_eq(lifetime_age(&life, NOW + 5), SECONDS_MAX);
}
END_TEST

/* The use of a response by a request `after` seconds. */
static enum use
use(const char *response, const char *request, int after, const struct cache_rules *rules)
{
	struct directives cc;

	store("", 200, response, rules);
	directives_request(&cc, head(0, request));
	return policy_use(&cc, &life, rules, NOW + after);
}

START_TEST(what_a_stored_response_may_answer)
{
	static const char
	    *const M60 = "Cache-Control: max-age=60",
		   *const SWR = "Cache-Control: max-age=60, stale-while-revalidate=30";
	static const char
	    *const MUST = "Cache-Control: max-age=60, must-revalidate, stale-while-revalidate=30";
	const struct {
		const char *response, *request;
		int after;
		enum use u;
	} rows[] = {
		{ M60, "", 59, USE_FRESH },
		{ M60, "", 60, USE_VALIDATE },
		{ SWR, "", 60, USE_STALE_REFRESH },
		{ SWR, "", 89, USE_STALE_REFRESH },
		{ SWR, "", 90, USE_VALIDATE },
		{ MUST, "", 60, USE_VALIDATE },
		{ "Cache-Control: s-maxage=60, stale-while-revalidate=30", "", 61, USE_VALIDATE },
		{ "Cache-Control: max-age=60, no-cache", "", 1, USE_VALIDATE },
		{ "Cache-Control: max-age=60, no-cache=\"x\"", "", 1, USE_VALIDATE },
		{ M60, "Cache-Control: no-cache", 1, USE_VALIDATE },
		{ M60, "Pragma: no-cache", 1, USE_VALIDATE },
		{ M60, "Cache-Control: max-age=10", 10, USE_FRESH },
		{ M60, "Cache-Control: max-age=10", 11, USE_VALIDATE },
		{ M60, "Cache-Control: min-fresh=10", 50, USE_FRESH },
		{ M60, "Cache-Control: min-fresh=10", 51, USE_VALIDATE },
		{ M60, "Cache-Control: max-stale", 999, USE_STALE },
		{ M60, "Cache-Control: max-stale=10", 70, USE_STALE },
		{ M60, "Cache-Control: max-stale=10", 71, USE_VALIDATE },
		{ MUST, "Cache-Control: max-stale", 61, USE_VALIDATE },
		{ M60, "Cache-Control: only-if-cached", 1, USE_FRESH },
		{ M60, "Cache-Control: only-if-cached", 61, USE_UNSATISFIABLE },
		{ SWR, "Cache-Control: only-if-cached", 61, USE_STALE_REFRESH },
		{ M60, "Cache-Control: only-if-cached, no-cache", 1, USE_UNSATISFIABLE },
	};
	struct cache_rules deaf = plain;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum use u = use(rows[i].response, rows[i].request, rows[i].after, &plain);

		ck_assert_msg(u == rows[i].u, "%s / %s + %d: %d", rows[i].response, rows[i].request,
		    rows[i].after, (int)u);
	}
	deaf.obey_client = false;
	ck_assert_int_eq(use(M60, "Cache-Control: no-cache", 1, &deaf), USE_FRESH);
	ck_assert_int_eq(use(M60, "Cache-Control: only-if-cached", 61, &deaf), USE_VALIDATE);
}
END_TEST

static bool
on_error(const char *response, const char *request, int after)
{
	struct directives cc;

	store("", 200, response, &plain);
	directives_request(&cc, head(0, request));
	return policy_stale_on_error(&cc, &life, &plain, NOW + after);
}

START_TEST(a_failing_origin_is_hidden_within_bounds)
{
	static const char *const SIE = "Cache-Control: max-age=60, stale-if-error=30";

	ck_assert(on_error(SIE, "", 89));
	ck_assert(!on_error(SIE, "", 90));
	ck_assert(on_error(SIE, "Cache-Control: stale-if-error=100", 159));
	ck_assert(!on_error("Cache-Control: max-age=60", "", 61));
	ck_assert(on_error("Cache-Control: max-age=60", "Cache-Control: max-age=1", 30));
	ck_assert(
	    !on_error("Cache-Control: max-age=60, stale-if-error=30, must-revalidate", "", 61));
	ck_assert(
	    !on_error("Cache-Control: max-age=60, stale-if-error=30, proxy-revalidate", "", 61));
	ck_assert(!on_error("Cache-Control: s-maxage=60, stale-if-error=30", "", 61));
	ck_assert(!on_error("Cache-Control: max-age=60, stale-if-error=30, no-cache", "", 1));
	ck_assert(!on_error(SIE, "Cache-Control: no-cache", 1));
}
END_TEST

START_TEST(unsafe_and_unknown_methods_invalidate_when_they_succeed)
{
	ck_assert(policy_invalidates(M_POST, 200) && policy_invalidates(M_PUT, 204) &&
	    policy_invalidates(M_DELETE, 303));
	ck_assert(policy_invalidates(M_OTHER, 200));
	ck_assert(!policy_invalidates(M_POST, 404) && !policy_invalidates(M_POST, 500) &&
	    !policy_invalidates(M_PUT, 100));
	ck_assert(!policy_invalidates(M_GET, 200) && !policy_invalidates(M_HEAD, 200) &&
	    !policy_invalidates(M_OPTIONS, 200));
}
END_TEST

UNIT_MAIN("cache/policy", what_is_stored_and_what_decides, lifetimes,
    a_route_bounds_lifetimes_and_fills_silence, a_route_keeps_for_errors_what_was_fresh_once,
    ages_add_up_and_saturate, what_a_stored_response_may_answer,
    a_failing_origin_is_hidden_within_bounds,
    unsafe_and_unknown_methods_invalidate_when_they_succeed)

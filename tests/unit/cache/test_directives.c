/* test_directives.c - Cache-Control and CDN-Cache-Control: each directive, bad arguments, precedence. */
#include "tests/unit/unit.h"
#include "cache/directives.h"
#include "tests/unit/cache/pairs.h"

static struct directives cc;

#define RESPONSE(...)	directives_response(&cc, FIELDS(__VA_ARGS__))
#define REQUEST(...)	directives_request(&cc, FIELDS(__VA_ARGS__))

START_TEST(each_directive_has_its_place)
{
	RESPONSE("Cache-Control",
	    "No-Store, private=\"a, b\", PUBLIC, must-revalidate , proxy-revalidate,,immutable",
	    "cache-control",
	    "must-understand, no-transform, only-if-cached, max-age=1,s-maxage=2, stale-while-revalidate=3,"
	    "stale-if-error=4, max-stale=5, unknown=\"no-cache, max-age=9\"");
	ck_assert_uint_eq(cc.set,
	    CC_NO_STORE | CC_PRIVATE | CC_PUBLIC | CC_MUST_REVALIDATE | CC_PROXY_REVALIDATE |
		CC_IMMUTABLE | CC_MUST_UNDERSTAND | CC_NO_TRANSFORM);
	ck_assert_uint_eq(cc.max_age, 1);
	ck_assert_uint_eq(cc.s_maxage, 2);
	ck_assert_uint_eq(cc.stale_while_revalidate, 3);
	ck_assert_uint_eq(cc.stale_if_error, 4);
	ck_assert_uint_eq(cc.max_stale, SECONDS_NONE);
	REQUEST("Cache-Control",
	    "only-if-cached, max-stale, min-fresh=7, public, s-maxage=1, nothing-to-see-here");
	ck_assert_uint_eq(cc.set, CC_ONLY_IF_CACHED);
	ck_assert_uint_eq(cc.max_stale, SECONDS_MAX);
	ck_assert_uint_eq(cc.min_fresh, 7);
	ck_assert_uint_eq(cc.s_maxage, SECONDS_NONE);
	RESPONSE("X", "y");
	ck_assert_uint_eq(cc.set, 0);
	ck_assert_uint_eq(cc.max_age, SECONDS_NONE);
}
END_TEST

START_TEST(no_cache_with_names_is_told_apart)
{
	RESPONSE("Cache-Control", "no-cache=\"set-cookie\"");
	ck_assert_uint_eq(cc.set, CC_NO_CACHE_FIELDS);
	RESPONSE("Cache-Control", "no-cache");
	ck_assert_uint_eq(cc.set, CC_NO_CACHE);
	RESPONSE("Cache-Control", "no-cache=");
	ck_assert_uint_eq(cc.set, CC_NO_CACHE);
}
END_TEST

START_TEST(pragma_speaks_only_when_cache_control_does_not)
{
	REQUEST("Pragma", "foo, No-Cache");
	ck_assert_uint_eq(cc.set, CC_NO_CACHE);
	REQUEST("Pragma", "no-cache", "Cache-Control", "max-age=5");
	ck_assert_uint_eq(cc.set, 0);
	RESPONSE("Pragma", "no-cache");
	ck_assert_uint_eq(cc.set, 0);
}
END_TEST

START_TEST(seconds_are_digits_and_saturate)
{
	static const struct {
		const char *value;
		uint32_t seconds;
	} rows[] = { { "max-age=0", 0 }, { "max-age=007", 7 }, { "max-age=\"3600\"", 3600 },
		{ "max-age=2147483648", SECONDS_MAX }, { "max-age=99999999999", SECONDS_MAX },
		{ "max-age=18446744073709551617", SECONDS_MAX },
		{ "max-age=3600, max-age=1", 3600 }, { "max-age=1, max-age=3600", 1 },
		{ "MAX-AGE=5", 5 }, { "x, max-age=5", 5 },
		/* what cannot be read is stale, what is no directive is nothing */
		{ "max-age=-3600", 0 }, { "max-age=3600.0", 0 }, { "max-age='3600'", 0 },
		{ "max-age=", 0 }, { "max-age", 0 }, { "max-age= 3600", 0 }, { "max-age=\"", 0 },
		{ "max-age=3600a", 0 }, { "max-age =3600", SECONDS_NONE },
		{ "max-age:3600", SECONDS_NONE }, { "xmax-age=3600", SECONDS_NONE },
		{ "max-agex=3600", SECONDS_NONE } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		RESPONSE("Cache-Control", rows[i].value);
		ck_assert_msg(cc.max_age == rows[i].seconds, "%s: %u", rows[i].value, cc.max_age);
	}
	REQUEST("Cache-Control", "max-stale=x, min-fresh=-1");
	ck_assert_uint_eq(cc.max_stale, SECONDS_NONE);
	ck_assert_uint_eq(cc.min_fresh, SECONDS_NONE);
}
END_TEST

START_TEST(a_targeted_field_takes_the_place_of_cache_control)
{
	RESPONSE("Cache-Control", "no-store, max-age=1", "CDN-Cache-Control",
	    "max-age=10000, must-revalidate;x=1");
	ck_assert_uint_eq(cc.set, CC_TARGETED | CC_MUST_REVALIDATE);
	ck_assert_uint_eq(cc.max_age, 10000);
	RESPONSE("CDN-Cache-Control", "private=\"x\", no-cache, no-store=?0");
	ck_assert_uint_eq(cc.set, CC_TARGETED | CC_PRIVATE | CC_NO_CACHE);
	RESPONSE("CDN-Cache-Control", "no-cache=\"x\", max-age=2147483648, max-age=99999999999");
	ck_assert_uint_eq(cc.set, CC_TARGETED | CC_NO_CACHE_FIELDS);
	ck_assert_uint_eq(cc.max_age, SECONDS_MAX);
	RESPONSE("CDN-Cache-Control", "unknown=(1 2), max-age=1, max-age=2");
	ck_assert_uint_eq(cc.max_age, 2);
}
END_TEST

START_TEST(a_targeted_field_that_is_wrong_is_as_if_absent)
{
	static const char *const bad[] = { "", "max-age=\"10000\"", "max-age=10000.5", "max-age=-1",
		"max-age", "no-store=5", "max-age=1,", "max-age=&", "MAX-AGE=5", "no-store=(1)",
		"private=:eA==:" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		RESPONSE("CDN-Cache-Control", bad[i], "Cache-Control", "max-age=77");
		ck_assert_msg(
		    cc.set == 0 && cc.max_age == 77, "%s: %x %u", bad[i], cc.set, cc.max_age);
	}
}
END_TEST

UNIT_MAIN("cache/directives", each_directive_has_its_place, no_cache_with_names_is_told_apart,
    pragma_speaks_only_when_cache_control_does_not, seconds_are_digits_and_saturate,
    a_targeted_field_takes_the_place_of_cache_control,
    a_targeted_field_that_is_wrong_is_as_if_absent)

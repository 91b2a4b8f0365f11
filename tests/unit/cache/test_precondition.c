/* test_precondition.c - entity tags, If-None-Match, If-Modified-Since, If-Range. */
#include "tests/unit/unit.h"
#include "cache/precondition.h"
#include "tests/unit/cache/pairs.h"

#define NOW INT64_C(1800000000)
#define LM "Sun, 06 Nov 1994 08:49:37 GMT"
#define LM_TIME INT64_C(784111777)

static bool
not_modified(const char *etag, const char *const *request)
{
	struct validators v = { span_str(etag), LM_TIME, LM_TIME + 9 };

	return precondition_not_modified(fields_of(request), &v, NOW);
}

#define NM(etag, ...)	not_modified(etag, (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(entity_tags_by_the_grammar)
{
	static const char *const good[] = { "\"\"", "\"a\"", "W/\"a,b\"", "\"\\\"",
		"\"\xc3\xa4\"" };
	static const char *const bad[] = { "", "\"", "a", "'a'", "w/\"a\"", "W/a", "\"a\"b",
		"\"a b\"", "\"a\"\"", "\"\t\"", "W/ \"a\"" };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ck_assert_msg(etag_valid(span_str(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!etag_valid(span_str(bad[i])), "%s", bad[i]);
	ck_assert(etag_same_weakly(SPAN("W/\"1\""), SPAN("\"1\"")) &&
	    etag_same_weakly(SPAN("W/\"1\""), SPAN("W/\"1\"")));
	ck_assert(!etag_same_weakly(SPAN("W/\"1\""), SPAN("W/\"2\"")) &&
	    !etag_same_weakly(SPAN("1"), SPAN("1")));
	ck_assert(etag_same_strongly(SPAN("\"1\""), SPAN("\"1\"")) &&
	    !etag_same_strongly(SPAN("W/\"1\""), SPAN("W/\"1\"")));
	ck_assert(!etag_same_strongly(SPAN("W/\"1\""), SPAN("\"1\"")));
}
END_TEST

START_TEST(validators_are_taken_only_when_valid_and_alone)
{
	struct validators v = validators_of(
	    FIELDS("ETag", "\"a\"", "Last-Modified", LM, "Date", LM), NOW);

	ck_assert(span_eq_str(v.etag, "\"a\""));
	ck_assert_int_eq(v.modified, LM_TIME);
	ck_assert_int_eq(v.date, LM_TIME);
	v = validators_of(FIELDS("ETag", "a", "Last-Modified", "x", "Date", LM, "Date", LM), NOW);
	ck_assert_ptr_null(v.etag.p);
	ck_assert_int_eq(v.modified, DATE_NONE);
	ck_assert_int_eq(v.date, NOW);
	ck_assert_ptr_null(validators_of(FIELDS("ETag", "\"a\"", "ETag", "\"a\""), NOW).etag.p);
}
END_TEST

START_TEST(if_none_match)
{
	ck_assert(NM("\"a\"", "If-None-Match", "\"a\""));
	ck_assert(NM("\"a\"", "If-None-Match", "W/\"a\""));
	ck_assert(NM("W/\"a\"", "If-None-Match", "\"x,y\", \"a\""));
	ck_assert(NM("\"a\"", "If-None-Match", "\"b\"", "If-None-Match", "\"a\""));
	ck_assert(NM(NULL, "If-None-Match", "*"));
	ck_assert(!NM("\"a\"", "If-None-Match", "\"b\""));
	ck_assert(!NM("\"a\"", "If-None-Match", "a"));
	ck_assert(!NM(NULL, "If-None-Match", "\"a\""));
	/* and it silences the date */
	ck_assert(!NM("\"a\"", "If-None-Match", "\"b\"", "If-Modified-Since", LM));
}
END_TEST

START_TEST(if_modified_since)
{
	struct validators dated = { SPAN_NONE, DATE_NONE, LM_TIME };

	ck_assert(NM(NULL, "If-Modified-Since", LM));
	ck_assert(NM(NULL, "If-Modified-Since", "Sun, 06 Nov 1994 08:49:38 GMT"));
	ck_assert(!NM(NULL, "If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"));
	ck_assert(!NM(NULL, "If-Modified-Since", "yesterday"));
	ck_assert(!NM(NULL, "X", "y"));
	ck_assert(precondition_not_modified(FIELDS("If-Modified-Since", LM), &dated, NOW));
	ck_assert(!precondition_not_modified(
	    FIELDS("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"), &dated, NOW));
}
END_TEST

START_TEST(if_range)
{
	struct validators v = { SPAN("\"a\""), LM_TIME, LM_TIME + 1 },
			  weak = { SPAN("W/\"a\""), LM_TIME, LM_TIME };

	ck_assert(precondition_range(FIELDS("Range", "bytes=0-"), &v, NOW));
	ck_assert(precondition_range(FIELDS("If-Range", "\"a\""), &v, NOW));
	ck_assert(!precondition_range(FIELDS("If-Range", "\"b\""), &v, NOW));
	ck_assert(!precondition_range(FIELDS("If-Range", "W/\"a\""), &weak, NOW));
	ck_assert(precondition_range(FIELDS("If-Range", LM), &v, NOW));
	ck_assert(
	    !precondition_range(FIELDS("If-Range", "Sun, 06 Nov 1994 08:49:38 GMT"), &v, NOW));
	ck_assert(!precondition_range(FIELDS("If-Range", LM), &weak, NOW));	/* changed within the second */
	ck_assert(!precondition_range(FIELDS("If-Range", "a"), &v, NOW));
	ck_assert(!precondition_range(FIELDS("If-Range", "\"a\"", "If-Range", "\"a\""), &v, NOW));
}
END_TEST

UNIT_MAIN("cache/precondition", entity_tags_by_the_grammar,
    validators_are_taken_only_when_valid_and_alone, if_none_match, if_modified_since, if_range)

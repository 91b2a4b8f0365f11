/* test_date.c - three formats in, one out. */
#include <stdio.h>
#include <time.h>
#include "tests/unit/unit.h"
#include "conf/http/date.h"

#define NOW 1700000000	/* November 2023 */

START_TEST(the_three_formats_are_read)
{
	static const struct { const char *text; int64_t t; } rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 }, { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 }, { "Sun Nov 16 08:49:37 1994", 784975777 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 }, { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
		{ "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 }, { "Thu, 18 Aug 2050 02:01:18 GMT", 2544400878 },
		{ "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 }, { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
		{ "sun, 06 nov 1994 08:49:37 gmt", 784111777 }, { "SUN, 06 NOV 1994 08:49:37 GMT", 784111777 },
		{ "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 }, { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
		{ "Monday, 01-Jan-73 00:00:00 GMT", 3250454400 }, { "Tuesday, 01-Jan-74 00:00:00 GMT", 126230400 },
		{ "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200 },
	};
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(date_parse(span_str(rows[i].text), NOW, &t) == 0, "%s", rows[i].text);
		ck_assert_msg(t == rows[i].t, "%s: %lld", rows[i].text, (long long)t);
	}
}
END_TEST

START_TEST(anything_else_is_no_date)
{
	static const char *const rows[] = {
		"", "0", "-1", "784111777", "now", "Sun", "Sun,", "Sunday", "Sunday,", "Sun ",
		"Sun 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 AEST",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT",
		"Sun, 06  Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994  08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1900 00:00:00 GMT",
		"Sun, 29 Feb 2023 00:00:00 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Foo, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Sunday 06-Nov-94 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 1994 GMT",
		"Sun Nov  6 08:49:37 94", "Sun Nov   6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT, x",
		"1994-11-06T08:49:37Z", "Sund, 06 Nov 1994 08:49:37 GMT",
	};
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(date_parse(span_str(rows[i]), NOW, &t) == -E_SYNTAX, "%s", rows[i]);
	ck_assert_int_eq(date_parse(SPAN("Sun, 06 Nov 1994 08:49:37\0GMT"), NOW, &t), -E_SYNTAX);
	ck_assert_int_eq(date_parse(SPAN_NONE, NOW, &t), -E_SYNTAX);
}
END_TEST

START_TEST(what_is_written_is_what_the_c_library_would_write_and_reads_back)
{
	for (int64_t t = -5000000000; t < 30000000000; t += 12345677) {
		char out[DATE_LEN], want[64];
		time_t tt = (time_t)t;
		struct tm tm;
		int64_t back;

		date_format(out, t);
		strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&tt, &tm));
		ck_assert_msg(
		    span_eq_str(span_make(out, DATE_LEN), want), "%.29s, not %s", out, want);
		ck_assert_int_eq(date_parse(span_make(out, DATE_LEN), NOW, &back), 0);
		ck_assert_int_eq(back, t);
	}
}
END_TEST

START_TEST(times_beyond_the_format_become_its_ends)
{
	char out[DATE_LEN];

	date_format(out, INT64_MAX);
	ck_assert(span_eq_str(span_make(out, DATE_LEN), "Fri, 31 Dec 9999 23:59:59 GMT"));
	date_format(out, INT64_MIN);
	ck_assert(span_eq_str(span_make(out, DATE_LEN), "Sat, 01 Jan 0000 00:00:00 GMT"));
}
END_TEST

UNIT_MAIN("conf/http/date", the_three_formats_are_read, anything_else_is_no_date,
    what_is_written_is_what_the_c_library_would_write_and_reads_back,
    times_beyond_the_format_become_its_ends)

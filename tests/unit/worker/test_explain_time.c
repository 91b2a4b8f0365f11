#include "tests/unit/unit.h"
#include "worker/explain_time.c"

#define NOON 1785153600		/* Monday 2026-07-27 12:00:00 UTC */

static void
expect(const char *zone, const char *text, const char *shown)
{
	char out[EXPLAIN_TIME_TEXT];
	int64_t at = 0;

	ck_assert_int_eq(setenv("TZ", zone, 1), 0);
	tzset();
	ck_assert_int_eq(explain_time(text, NOON, &at, NULL), 0);
	explain_time_text(at, out);
	ck_assert_str_eq(out, shown);
}

START_TEST(days_hours_and_dates_are_local)
{
	expect("UTC", "Mon 09:00", "Mon 2026-07-27 09:00:00");
	expect("UTC", "sun 23:59", "Sun 2026-08-02 23:59:00");
	expect("UTC", "TUE 00:00:05", "Tue 2026-07-28 00:00:05");
	expect("UTC", " 07:30 ", "Mon 2026-07-27 07:30:00");
	expect("UTC", "2024-02-29 09:00", "Thu 2024-02-29 09:00:00");
	expect("<+14>-14", "Mon 09:00", "Mon 2026-08-03 09:00:00");	/* it is Tuesday there */
	expect("<-10>10", "02:00", "Mon 2026-07-27 02:00:00");
}
END_TEST

START_TEST(the_moment_is_the_one_of_the_zone)
{
	int64_t at = 0;

	ck_assert_int_eq(setenv("TZ", "<-10>10", 1), 0);
	tzset();
	ck_assert_int_eq(explain_time("02:00", NOON, &at, NULL), 0);
	ck_assert_int_eq(at, NOON);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
	static const char *const bad[] = { "", " ", "now", "Mon", "09", "24:00", "09:60", "9:00:60",
		"9:00:00:00", "Monday 09:00", "Mon Tue 09:00", "2026-13-01 09:00",
		"2026-00-01 09:00", "2026-01-00 09:00", "2026-02-30 09:00", "2026-04-31 09:00",
		"1969-12-31 09:00", "2026-01-01", "2026-1 09:00", "-1:00", "Mon 09:00 x",
		"99999999999-01-01 09:00" };
	struct errdetail ed;
	int64_t at;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		ed = (struct errdetail){ 0 };
		ck_assert_msg(explain_time(bad[i], NOON, &at, &ed) != 0, "'%s' passed", bad[i]);
		ck_assert_ptr_nonnull(strchr(ed.text, '\''));
	}
}
END_TEST

UNIT_MAIN("worker/explain_time", days_hours_and_dates_are_local, the_moment_is_the_one_of_the_zone,
    what_is_no_time_is_refused)

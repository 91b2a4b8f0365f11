#include "conf/base/units.h"
#include "tests/unit/unit.h"

struct row { const char *text; int rc; int64_t out; };

static void
check_rows(
    const struct row *rows, size_t n, int (*parse)(int64_t *, const char *, struct errdetail *))
{
	for (size_t i = 0; i < n; i++) {
		struct errdetail ed = { 0 };
		int64_t v = 0;

		ck_assert_msg(parse(&v, rows[i].text, &ed) == rows[i].rc, "'%s'", rows[i].text);
		ck_assert_int_eq(v, rows[i].out);
		ck_assert_int_eq(ed.code, rows[i].rc);
	}
}

START_TEST(durations_need_a_unit)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "000", 0, 0 }, { "0s", 0, 0 }, { "250ms", 0, 250 }, { "10s", 0, 10000 },
		{ "5m", 0, 300000 }, { "1h", 0, 3600000 }, { "1d", 0, 86400000 },
		{ "10", -E_SYNTAX, 0 }, { "", -E_SYNTAX, 0 }, { "s", -E_SYNTAX, 0 },
		{ "-1s", -E_SYNTAX, 0 }, { "+1s", -E_SYNTAX, 0 }, { "1.5s", -E_SYNTAX, 0 },
		{ "10 s", -E_SYNTAX, 0 }, { " 10s", -E_SYNTAX, 0 }, { "10S", -E_SYNTAX, 0 },
		{ "10sec", -E_SYNTAX, 0 }, { "1h30m", -E_SYNTAX, 0 },
		{ "9223372036854775807ms", 0, INT64_MAX },
		{ "9223372036854775808ms", -E_RANGE, 0 }, { "9223372036854775807s", -E_RANGE, 0 },
		{ "106751991167d", 0, INT64_C(106751991167) * 86400000 },
		{ "106751991168d", -E_RANGE, 0 }, { "99999999999999999999", -E_SYNTAX, 0 },
	};

	check_rows(rows, ARRAY_LEN(rows), units_msec);
}
END_TEST

START_TEST(sizes_are_powers_of_1024)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "512", 0, 512 }, { "64k", 0, 65536 }, { "64K", 0, 65536 },
		{ "64KiB", 0, 65536 }, { "2m", 0, 2097152 }, { "2MiB", 0, 2097152 },
		{ "1GiB", 0, 1073741824 }, { "1g", 0, 1073741824 },
		{ "64KB", -E_SYNTAX, 0 }, { "64kib", -E_SYNTAX, 0 }, { "", -E_SYNTAX, 0 },
		{ "k", -E_SYNTAX, 0 }, { "-1", -E_SYNTAX, 0 }, { "1 k", -E_SYNTAX, 0 },
		{ "9223372036854775807", 0, INT64_MAX }, { "9223372036854775808", -E_RANGE, 0 },
		{ "8589934591GiB", 0, INT64_C(8589934591) << 30 }, { "8589934592GiB", -E_RANGE, 0 },
	};

	check_rows(rows, ARRAY_LEN(rows), units_size);
}
END_TEST

START_TEST(percentages_are_fractions_of_one)
{
	static const struct { const char *text; int rc; double out; } rows[] = {
		{ "20%", 0, 0.2 }, { "0%", 0, 0 }, { "100%", 0, 1 }, { "0.5%", 0, 0.005 },
		{ "99.9%", 0, 0.999 }, { "100.0%", 0, 1 },
		{ "101%", -E_RANGE, 0 }, { "100.01%", -E_RANGE, 0 }, { "20", -E_SYNTAX, 0 },
		{ "%", -E_SYNTAX, 0 }, { ".5%", -E_SYNTAX, 0 }, { "5.%", -E_SYNTAX, 0 },
		{ "", -E_SYNTAX, 0 }, { "-1%", -E_SYNTAX, 0 }, { "20 %", -E_SYNTAX, 0 },
		{ "20%%", -E_SYNTAX, 0 }, { "1.2.3%", -E_SYNTAX, 0 },
		{ "0.0000000000000001%", -E_RANGE, 0 }, { "9999999999999999%", -E_RANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double v = 0;

		ck_assert_msg(
		    units_percent(&v, rows[i].text, NULL) == rows[i].rc, "'%s'", rows[i].text);
		ck_assert(v == rows[i].out);
	}
}
END_TEST

START_TEST(errors_say_what_to_write)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "10", "write \"10s\" for seconds" },
		{ "10sec", "as in \"250ms\" or \"10s\"" },
	};
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_int_ne(units_msec(&v, rows[i].text, &ed), 0);
		ck_assert_msg(strstr(ed.text, rows[i].want) != NULL, "%s", ed.text);
	}
}
END_TEST

START_TEST(printed_text_is_the_shortest_exact_one)
{
	static const struct { int64_t v; const char *msec, *size; } rows[] = {
		{ 0, "0", "0" }, { 1, "1ms", "1" }, { 1000, "1s", "1000" }, { 1500, "1500ms", "1500" },
		{ 10000, "10s", "10000" }, { 60000, "1m", "60000" }, { 90000, "90s", "90000" },
		{ 86400000, "1d", "84375KiB" }, { 1024, "1024ms", "1KiB" },
		{ 2097152, "2097152ms", "2MiB" }, { 1073741824, "1073741824ms", "1GiB" },
		{ INT64_MAX, "9223372036854775807ms", "9223372036854775807" },
	};
	char buf[32];
	int64_t back;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_str_eq(units_msec_text(rows[i].v, buf), rows[i].msec);
		ck_assert_int_eq(units_msec(&back, buf, NULL), 0);
		ck_assert_int_eq(back, rows[i].v);
		ck_assert_str_eq(units_size_text(rows[i].v, buf), rows[i].size);
		ck_assert_int_eq(units_size(&back, buf, NULL), 0);
		ck_assert_int_eq(back, rows[i].v);
	}
}
END_TEST

UNIT_MAIN("conf/base/units", durations_need_a_unit, sizes_are_powers_of_1024,
    percentages_are_fractions_of_one, errors_say_what_to_write,
    printed_text_is_the_shortest_exact_one)

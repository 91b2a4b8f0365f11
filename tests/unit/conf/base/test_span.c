#include "conf/base/span.h"
#include "tests/unit/unit.h"

START_TEST(comparing_without_case_folds_ascii_only)
{
	static const struct { const char *a, *b; bool eq, starts, ends; } rows[] = {
		{ "", "", true, true, true },
		{ "Host", "hOST", true, true, true },
		{ "Content-Type", "content", false, true, false },
		{ "www.Example.COM", ".example.com", false, false, true },
		{ "a", "ab", false, false, false },
		{ "abc", "", false, true, true },
		{ "@", "`", false, false, false },
		{ "[", "{", false, false, false },
		{ "\xc4", "\xe4", false, false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span a = span_str(rows[i].a), b = span_str(rows[i].b);

		ck_assert_int_eq(span_ieq(a, b), rows[i].eq);
		ck_assert_int_eq(span_ieq_str(a, rows[i].b), rows[i].eq);
		ck_assert_int_eq(span_istarts(a, b), rows[i].starts);
		ck_assert_int_eq(span_iends(a, b), rows[i].ends);
	}
	ck_assert(span_ieq(SPAN_NONE, SPAN("")));
	ck_assert(span_iends(SPAN_NONE, SPAN_NONE));
}
END_TEST

START_TEST(trim_takes_blanks_off_both_ends_only)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "", "" }, { " ", "" }, { " \t \t", "" }, { "a", "a" },
		{ "\t a b \t", "a b" }, { "\ra\n", "\ra\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert(span_eq_str(span_trim(span_str(rows[i].in)), rows[i].out));
	ck_assert_uint_eq(span_trim(SPAN_NONE).n, 0);
}
END_TEST

START_TEST(split_yields_every_part_and_empty_ones)
{
	static const struct { const char *in; const char *parts[5]; } rows[] = {
		{ "", { "" } }, { "a", { "a" } }, { "a,b", { "a", "b" } },
		{ ",", { "", "" } }, { "a,,b,", { "a", "", "b", "" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span rest = span_str(rows[i].in), part;
		size_t n = 0;

		for (; span_split(&rest, ',', &part); n++)
			ck_assert(span_eq_str(part, rows[i].parts[n]));
		ck_assert_ptr_null(rows[i].parts[n]);
	}
}
END_TEST

START_TEST(numbers_are_digits_only_and_bounded)
{
	static const struct { const char *in; uint64_t max; int rc; uint64_t out; } rows[] = {
		{ "0", 10, 0, 0 }, { "10", 10, 0, 10 }, { "11", 10, -E_RANGE, 0 },
		{ "007", 10, 0, 7 }, { "", 10, -E_SYNTAX, 0 }, { "+1", 10, -E_SYNTAX, 0 },
		{ "-1", 10, -E_SYNTAX, 0 }, { " 1", 10, -E_SYNTAX, 0 }, { "1 ", 10, -E_SYNTAX, 0 },
		{ "0x1", 10, -E_SYNTAX, 0 }, { "1_0", 10, -E_SYNTAX, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -E_RANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -E_RANGE, 0 },
		{ "99999999999999999999999x", UINT64_MAX, -E_SYNTAX, 0 },
		{ "36893488147419103233", UINT64_MAX, -E_RANGE, 0 },	/* 2^65 + 1 */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		ck_assert_int_eq(span_to_u64(span_str(rows[i].in), rows[i].max, &v), rows[i].rc);
		ck_assert_uint_eq(v, rows[i].out);
	}
}
END_TEST

START_TEST(hexadecimal_numbers_take_both_cases)
{
	static const struct { const char *in; uint64_t max; int rc; uint64_t out; } rows[] = {
		{ "ff", 255, 0, 255 }, { "FF", 255, 0, 255 }, { "100", 255, -E_RANGE, 0 },
		{ "g", 255, -E_SYNTAX, 0 }, { "0x1", 255, -E_SYNTAX, 0 }, { "", 255, -E_SYNTAX, 0 },
		{ "ffffffffffffffff", UINT64_MAX, 0, UINT64_MAX },
		{ "10000000000000000", UINT64_MAX, -E_RANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		ck_assert_int_eq(
		    span_hex_to_u64(span_str(rows[i].in), rows[i].max, &v), rows[i].rc);
		ck_assert_uint_eq(v, rows[i].out);
	}
}
END_TEST

START_TEST(find_gives_the_first_index)
{
	ck_assert_int_eq(span_find(SPAN("a:b:c"), ':'), 1);
	ck_assert_int_eq(span_find(SPAN("abc"), ':'), -1);
	ck_assert_int_eq(span_find(SPAN_NONE, ':'), -1);
}
END_TEST

START_TEST(hash_depends_on_bytes_and_seed)
{
	ck_assert_uint_eq(span_hash(SPAN(""), 0), 2166136261u);
	ck_assert_uint_eq(span_hash(SPAN("a"), 0), 0xe40c292cu);
	ck_assert_uint_ne(span_hash(SPAN("a"), 0), span_hash(SPAN("a"), 1));
}
END_TEST

UNIT_MAIN("conf/base/span", comparing_without_case_folds_ascii_only,
    trim_takes_blanks_off_both_ends_only, split_yields_every_part_and_empty_ones,
    numbers_are_digits_only_and_bounded, hexadecimal_numbers_take_both_cases,
    find_gives_the_first_index, hash_depends_on_bytes_and_seed)

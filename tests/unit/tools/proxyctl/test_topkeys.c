#include "tests/unit/unit.h"
#include <stdio.h>
#include "tools/proxyctl/topkeys.h"

static struct topkeys *keys;

static void
add(const char *key, unsigned status, uint64_t sent, uint32_t us)
{
	struct journal_rec rec = { .status = (uint16_t)status, .sent = sent, .t.total = us };

	topkeys_add(keys, span_str(key), &rec);
}

static unsigned
list(enum topkeys_sort sort, unsigned n, const struct topkey *const **rows)
{
	const struct topkey *others;
	uint64_t nothers;

	return topkeys_list(keys, sort, n, rows, &others, &nothers);
}

START_TEST(rows_come_in_the_order_asked_for)
{
	static const struct {
		enum topkeys_sort sort;
		const char *first;
	} rows[] = { { SORT_RPS, "often" }, { SORT_BYTES, "big" }, { SORT_P99, "slow" },
		{ SORT_ERRORS, "broken" } };
	const struct topkey *const *got;

	keys = topkeys_new();
	for (unsigned i = 0; i < 10; i++)
		add("often", 200, 1, 100);
	add("big", 200, 1000000, 100);
	add("slow", 404, 1, 1000000);
	add("broken", 502, 1, 100);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_uint_eq(list(rows[i].sort, 10, &got), 4);
		ck_assert_str_eq(got[0]->key, rows[i].first);
	}
	ck_assert_uint_eq(topkeys_total(keys)->requests, 13);
	ck_assert_uint_eq(topkeys_total(keys)->client_errors, 1);
	ck_assert_uint_eq(topkeys_total(keys)->server_errors, 1);
	topkeys_free(&keys);
}
END_TEST

START_TEST(what_is_in_no_row_is_with_the_others)
{
	const struct topkey *const *rows, *others;
	uint64_t nothers;

	keys = topkeys_new();
	add("a", 200, 10, 1);
	add("a", 200, 10, 1);
	add("b", 200, 20, 1);
	add("c", 500, 30, 1);
	ck_assert_uint_eq(topkeys_list(keys, SORT_RPS, 1, &rows, &others, &nothers), 1);
	ck_assert_uint_eq(nothers, 2);
	ck_assert_uint_eq(others->requests, 2);
	ck_assert_uint_eq(others->bytes, 50);
	ck_assert_uint_eq(others->server_errors, 1);
	topkeys_clear(keys);
	ck_assert_uint_eq(topkeys_list(keys, SORT_RPS, 1, &rows, &others, &nothers), 0);
	ck_assert_uint_eq(nothers, 0);
	ck_assert_uint_eq(topkeys_total(keys)->requests, 0);
	topkeys_free(&keys);
}
END_TEST

/* 100 000 keys seen once, and in between one that comes often. */
START_TEST(a_scan_of_keys_neither_grows_nor_hides_the_busy_one)
{
	const struct topkey *const *rows, *others;
	uint64_t nothers, sum = 0;
	unsigned n;

	keys = topkeys_new();
	for (unsigned i = 0; i < 100000; i++) {
		char key[32];

		snprintf(key, sizeof key, "scan-%u", i);
		add(key, 200, 1, 10);
		if (i % 100 == 0)
			add("busy", 200, 1, 10);
	}
	n = topkeys_list(keys, SORT_RPS, TOPKEYS_MAX, &rows, &others, &nothers);
	ck_assert_uint_eq(n, TOPKEYS_MAX);
	ck_assert_str_eq(rows[0]->key, "busy");
	ck_assert_uint_ge(rows[0]->requests, 900);
	for (unsigned i = 0; i < n; i++)
		sum += rows[i]->requests;
	ck_assert_uint_eq(sum + others->requests, 101000);
	ck_assert_uint_eq(others->total.count + sum, 101000);
	ck_assert_uint_ge(nothers, 100000 - TOPKEYS_MAX);
	topkeys_free(&keys);
}
END_TEST

START_TEST(keys_are_printable_and_bounded)
{
	const struct topkey *const *rows;
	char longest[1000];

	keys = topkeys_new();
	add("a\x1b[31m\xc2\x9b\x7f\n", 200, 1, 1);
	ck_assert_uint_eq(list(SORT_RPS, 1, &rows), 1);
	ck_assert_str_eq(rows[0]->key, "a?[31m????");
	topkeys_clear(keys);
	topkeys_add(keys, SPAN_NONE, &(struct journal_rec){ 0 });
	ck_assert_uint_eq(list(SORT_RPS, 1, &rows), 1);
	ck_assert_str_eq(rows[0]->key, "-");
	topkeys_clear(keys);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	add(longest, 200, 1, 1);
	ck_assert_uint_eq(list(SORT_RPS, 1, &rows), 1);
	ck_assert_uint_eq(strlen(rows[0]->key), TOPKEYS_KEY);
	topkeys_free(&keys);
}
END_TEST

UNIT_MAIN("tools/proxyctl/topkeys", rows_come_in_the_order_asked_for,
    what_is_in_no_row_is_with_the_others, a_scan_of_keys_neither_grows_nor_hides_the_busy_one,
    keys_are_printable_and_bounded)

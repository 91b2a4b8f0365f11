#include <stdio.h>
#include "conf/base/map.h"
#include "tests/unit/unit.h"

#define MANY 5000

static char keys[MANY][16];

static void
make_keys(void)
{
	for (int i = 0; i < MANY; i++)
		(void)snprintf(keys[i], sizeof keys[i], "k%d", i);
}

static void
put(struct map *m, int i)
{
	ck_assert_int_eq(map_put(m, span_str(keys[i]), keys[i]), 0);
}

START_TEST(what_was_put_is_found_until_deleted)
{
	struct map m = MAP_INIT;

	make_keys();
	ck_assert_ptr_null(map_get(&m, SPAN("k1")));
	ck_assert_ptr_null(map_del(&m, SPAN("k1")));
	for (int i = 0; i < MANY; i++)
		put(&m, i);
	ck_assert_uint_eq(m.used, MANY);
	for (int i = 0; i < MANY; i += 2)
		ck_assert_ptr_eq(map_del(&m, span_str(keys[i])), keys[i]);
	for (int i = 0; i < MANY; i++)
		ck_assert_ptr_eq(map_get(&m, span_str(keys[i])), i % 2 ? keys[i] : NULL);
	ck_assert_uint_eq(m.used, MANY / 2);
	map_fini(&m);
	ck_assert_uint_eq(m.size, 0);
}
END_TEST

START_TEST(same_key_is_replaced_and_empty_key_is_a_key)
{
	struct map m = MAP_INIT;
	int a, b;

	ck_assert_int_eq(map_put(&m, SPAN("x"), &a), 0);
	ck_assert_int_eq(map_put(&m, SPAN("x"), &b), 0);
	ck_assert_ptr_eq(map_get(&m, SPAN("x")), &b);
	ck_assert_uint_eq(m.used, 1);
	ck_assert_int_eq(map_put(&m, SPAN_NONE, &a), 0);
	ck_assert_ptr_eq(map_get(&m, SPAN("")), &a);
	map_fini(&m);
}
END_TEST

START_TEST(tombstones_do_not_grow_the_table)
{
	struct map m = MAP_INIT;

	make_keys();
	for (int i = 0; i < MANY; i++) {
		put(&m, i);
		ck_assert_ptr_nonnull(map_del(&m, span_str(keys[i])));
	}
	ck_assert_uint_eq(m.size, 16);
	ck_assert_uint_eq(m.used, 0);
	map_fini(&m);
}
END_TEST

START_TEST(current_entry_may_be_deleted_while_iterating)
{
	struct map m = MAP_INIT;
	uint32_t pos = 0, seen = 0;
	struct span key;
	void *value;

	make_keys();
	for (int i = 0; i < 100; i++)
		put(&m, i);
	while (map_next(&m, &pos, &key, &value)) {
		ck_assert_ptr_eq(key.p, value);
		ck_assert_ptr_eq(map_del(&m, key), value);
		seen++;
	}
	ck_assert_uint_eq(seen, 100);
	ck_assert_uint_eq(m.used, 0);
	map_fini(&m);
}
END_TEST

UNIT_MAIN("conf/base/map", what_was_put_is_found_until_deleted,
    same_key_is_replaced_and_empty_key_is_a_key, tombstones_do_not_grow_the_table,
    current_entry_may_be_deleted_while_iterating)

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

/* Made once with an independent implementation of SipHash-1-3: key 00..0f, message 00, 01, .. n-1. */
START_TEST(hash_is_siphash_1_3)
{
	static const struct { size_t n; uint64_t hash; } rows[] = {
		{ 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 },
		{ 7, 0xd3927d989bb11140 }, { 8, 0x369095118d299a8e },
		{ 9, 0x25a48eb36c063de4 }, { 15, 0xd320d86d2a519956 },
		{ 16, 0xcc4fdd1a7d908b66 }, { 63, 0x9d199062b7bbb3a8 },
	};
	uint8_t key[16], msg[64];

	for (size_t i = 0; i < 64; i++)
		msg[i] = (uint8_t)i;
	memcpy(key, msg, sizeof key);
	map_seed(key);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_uint_eq(map_hash(span_make((char *)msg, rows[i].n)), rows[i].hash);
}
END_TEST

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

UNIT_MAIN("conf/base/map", hash_is_siphash_1_3, what_was_put_is_found_until_deleted,
    same_key_is_replaced_and_empty_key_is_a_key, tombstones_do_not_grow_the_table,
    current_entry_may_be_deleted_while_iterating)

/* test_stock.c - what leaves for what comes, and that store and stock say the same after all that can happen. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "cache/stock.c"
#include "tests/unit/cache/place.h"

#define MIB (1024 * 1024)

enum { SLOTS = 6000 };

static struct store *store;
static struct store_conf conf = { .path = path, .size = 32 * MIB, .readers = 3 };
static struct slot slots[SLOTS];
static struct stock stock;

static void
open_stock(void)
{
	struct errdetail ed = { 0 };

	ck_assert_int_eq(store_open_writer(&store, &conf, &ed), 0);
	ck_assert_int_eq(stock_open(&stock, store, slots, SLOTS), 0);
}

static void
setup(void)
{
	place_make();
	open_stock();
}

static void
close_stock(void)
{
	stock_close(&stock);
	store_close(&store);
}

static void
teardown(void)
{
	close_stock();
	place_remove();
}

/* As a keeper that died finds it. */
static void
open_again(void)
{
	close_stock();
	open_stock();
}

static void
put_values(uint64_t id, uint32_t chunks)
{
	char *room;

	ck_assert_int_eq(store_room(store, id, 0, 300, &room), 0);
	memset(room, 'h', 300);
	for (uint32_t n = 1; n <= chunks; n++) {
		ck_assert_int_eq(store_room(store, id, n, CHUNK_SIZE, &room), 0);
		memset(room, 'b', CHUNK_SIZE);
	}
}

static void
begin(void)
{
	ck_assert_int_eq(store_transaction(store), 0);
}

static void
commit(void)
{
	ck_assert_int_eq(store_commit(store), 0);
}

static struct entry
put(uint32_t n, uint32_t chunks)
{
	uint64_t length = (uint64_t)chunks * CHUNK_PAYLOAD;
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .length = length };
	struct key k = key_number(n);

	begin();
	ck_assert_int_eq(stock_make_room(&stock, stock_pages(length)), 0);
	e.id = stock_new_id(&stock);
	put_values(e.id, chunks);
	ck_assert_int_eq(stock_put(&stock, &k, &e), 0);
	commit();
	return e;
}

static bool
there(uint32_t n)
{
	struct entry e;

	return find_in(store, n, &e) == 0;
}

static int
drop(uint32_t n)
{
	struct key k = key_number(n);
	int rc;

	begin();
	rc = stock_drop(&stock, &k);
	commit();
	return rc;
}

/* Every entry's slot is its own and has its values; every value has an entry, once the dying are gone. */
static void
expect_sound(void)
{
	struct store_walk w = { .begun = false };
	uint64_t used, all, id = 0;
	unsigned entries = 0, ids = 0;
	struct span head;
	struct entry e;

	begin();
	while (stock_tidy(&stock) > 0)
		;
	while (store_walk(store, &w, &e) == 1) {
		entries++;
		ck_assert_uint_lt(e.slot, SLOTS);
		ck_assert_uint_eq(stock.items[e.slot].id, e.id);
		ck_assert_uint_eq(atomic_load(&slots[e.slot].id), e.id);
		ck_assert_mem_eq(&stock.items[e.slot].key, &w.key, sizeof w.key);
		ck_assert_uint_lt(e.id, stock.next_id);
		ck_assert_int_eq(store_value(store, e.id, 0, &head), 0);
	}
	while (store_next_id(store, id, &id) == 0)
		ids++;
	ck_assert_uint_eq(ids, entries);
	ck_assert_uint_eq(stock.evict.held, entries);
	ck_assert_int_eq(store_pages(store, &used, &all), 0);
	ck_assert_uint_le(used, all - all / FREE_SHARE + 8);
	commit();
}

START_TEST(an_object_is_found_and_its_slot_names_it)
{
	struct entry put_e, e;

	setup();
	put_e = put(1, 3);
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert_uint_eq(e.id, put_e.id);
	ck_assert_uint_eq(atomic_load(&slots[e.slot].id), e.id);
	ck_assert(!there(2));
	ck_assert_int_eq(drop(2), -E_MISSING);
	ck_assert_int_eq(drop(1), 0);
	ck_assert(!there(1));
	ck_assert_uint_eq(atomic_load(&slots[e.slot].id), 0);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(what_is_stored_again_takes_the_place_of_what_was_there)
{
	struct entry was, e;

	setup();
	was = put(1, 3);
	put(1, 5);
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert_uint_gt(e.id, was.id);
	ck_assert_uint_eq(e.length, 5 * CHUNK_PAYLOAD);
	expect_sound();
	teardown();
}
END_TEST

/* Some times what the map holds; one object is used all the time. */
START_TEST(a_full_store_lets_the_unused_leave_and_keeps_the_used)
{
	struct entry e;

	setup();
	e = put(0, 2);
	for (uint32_t n = 1; n <= 4000; n++) {
		slot_use(&slots[e.slot]);
		put(n, n % 12);
	}
	ck_assert(there(0) && there(4000) && !there(1));
	ck_assert_uint_gt(stock.evicted, 2000);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(more_objects_than_slots_make_the_oldest_leave)
{
	setup();
	for (uint32_t n = 0; n < SLOTS + 10; n++)
		put(n, 0);
	ck_assert_uint_eq(stock.evict.held, SLOTS);
	ck_assert_uint_eq(stock.evicted, 10);
	ck_assert(!there(0) && there(SLOTS + 9));
	expect_sound();
	teardown();
}
END_TEST

START_TEST(nothing_leaves_for_what_never_fits)
{
	setup();
	put(1, 1);
	begin();
	ck_assert_int_eq(stock_make_room(&stock, 8000), -E_LIMIT);
	ck_assert_int_eq(stock_make_room(&stock, 7000), 0);
	commit();
	ck_assert(there(1));
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_big_object_leaves_in_parts)
{
	struct key k = key_number(1);
	uint64_t used, before, all;

	setup();
	put(1, 210);
	begin();
	ck_assert_int_eq(store_pages(store, &before, &all), 0);
	ck_assert_int_eq(stock_drop(&stock, &k), 0);
	ck_assert_int_eq(store_pages(store, &used, &all), 0);
	ck_assert_uint_le(before - used, DROP_MOST * CHUNK_PAGES + 8);
	commit();
	ck_assert(!there(1));
	begin();
	ck_assert_int_eq(stock_tidy(&stock), 1);
	ck_assert_int_eq(stock_tidy(&stock), 1);
	ck_assert_int_eq(stock_tidy(&stock), 0);
	ck_assert_int_eq(stock_tidy(&stock), 0);
	commit();
	expect_sound();
	teardown();
}
END_TEST

START_TEST(what_is_dying_goes_before_anything_is_evicted)
{
	setup();
	put(1, 1);
	for (uint32_t n = 2; n <= 9; n++)
		put(n, 210);
	ck_assert_int_eq(drop(2), 0);
	ck_assert_uint_eq(stock.dying.n, 1);
	put(10, 270);
	ck_assert(there(1) && there(3) && there(10));
	ck_assert_uint_eq(stock.evicted, 0);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_keeper_that_comes_after_knows_what_there_is_and_how_much_it_was_used)
{
	struct entry a, b, e;

	setup();
	a = put(1, 2);
	b = put(2, 2);
	slot_use(&slots[a.slot]);
	slot_use(&slots[a.slot]);
	atomic_store(&slots[b.slot].id, 77);		/* another boot's, or nonsense */
	atomic_store(&slots[b.slot].heat, 3);
	atomic_store(&slots[5000].id, 99);
	open_again();
	ck_assert_uint_eq(atomic_load(&slots[a.slot].heat), 2);
	ck_assert_uint_eq(atomic_load(&slots[b.slot].heat), 0);
	ck_assert_uint_eq(atomic_load(&slots[5000].id), 0);
	ck_assert(there(1) && there(2));
	e = put(3, 0);
	ck_assert_uint_gt(e.id, b.id);
	expect_sound();
	teardown();
}
END_TEST

/* Values of a fill that never ended; the id of one is higher than that of any object. */
START_TEST(values_without_an_entry_go_when_it_is_opened)
{
	struct entry a, b;

	setup();
	a = put(1, 1);
	begin();
	put_values(a.id + 1, 150);
	put_values(a.id + 2, 3);
	commit();
	stock.next_id = a.id + 3;
	b = put(2, 1);
	begin();
	put_values(b.id + 5, 0);
	commit();
	open_again();
	ck_assert(there(1) && there(2));
	ck_assert_uint_eq(stock.next_id, b.id + 6);
	expect_sound();
	teardown();
}
END_TEST

static void
put_raw(uint32_t n, uint64_t id, uint32_t slot)
{
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .id = id, .slot = slot };
	struct key k = key_number(n);

	begin();
	put_values(id, 0);
	ck_assert_int_eq(store_put(store, &k, &e), 0);
	commit();
}

START_TEST(entries_that_cannot_be_right_go_when_it_is_opened)
{
	setup();
	put_raw(1, 5, 9);
	put_raw(2, 6, 9);			/* the same slot */
	put_raw(3, 7, SLOTS);			/* no such slot: there were more */
	put_raw(4, 8, UINT32_MAX);
	put_raw(5, 9, 10);
	open_again();
	ck_assert(!there(3) && !there(4) && there(5));
	ck_assert_int_eq(there(1) + there(2), 1);
	expect_sound();
	teardown();
}
END_TEST

/* Somebody broke the entry while it was served: the new object is found, and the old one's slot does it no harm. */
START_TEST(an_entry_that_is_not_the_slots_is_replaced_and_never_takes_the_new_one_along)
{
	struct entry a, b, e;
	struct key k = key_number(1);

	setup();
	a = put(1, 1);
	e = a;
	e.slot = UINT32_MAX;
	begin();
	ck_assert_int_eq(store_put(store, &k, &e), 0);
	commit();
	b = put(1, 1);
	ck_assert_uint_ne(b.slot, a.slot);
	begin();
	ck_assert_int_eq(evict_one(&stock), 0);		/* the oldest: a */
	commit();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert_uint_eq(e.id, b.id);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(workers_that_write_into_slots_cannot_make_others_leave)
{
	struct entry a, b;

	setup();
	a = put(1, 1);
	b = put(2, 1);
	atomic_store(&slots[a.slot].id, b.id);
	ck_assert_int_eq(drop(1), 0);
	ck_assert(there(2));
	expect_sound();
	teardown();
}
END_TEST

START_TEST(an_entry_is_renewed_only_while_it_is_the_same_object)
{
	struct entry a, e;
	struct key k = key_number(1);

	setup();
	a = put(1, 2);
	e = (struct entry){ .kind = ENTRY_OBJECT, .status = 200, .id = a.id };
	e.life.fresh_for = 77;
	begin();
	ck_assert_int_eq(stock_renew(&stock, &k, &e), 0);
	commit();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert(e.life.fresh_for == 77 && e.slot == a.slot && e.length == a.length);
	put(1, 2);
	e.id = a.id;
	begin();
	ck_assert_int_eq(stock_renew(&stock, &k, &e), -E_MISSING);
	k = key_number(9);
	ck_assert_int_eq(stock_renew(&stock, &k, &e), -E_MISSING);
	commit();
	expect_sound();
	teardown();
}
END_TEST

/* Anything in any order, and a death now and then, with or without what was not committed. */
START_TEST(store_and_stock_agree_whatever_happened)
{
	uint32_t x = 12345;

	setup();
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t n;

		x = x * 1664525 + 1013904223;
		n = (x >> 8) % 900;
		if ((x >> 24) < 180)
			put(n, (x >> 16) % 12);
		else if ((x >> 24) < 240)
			drop(n);
		else if ((x >> 24) < 250)
			open_again();
		else {
			begin();
			ck_assert_int_eq(stock_make_room(&stock, 300), 0);
			put_values(stock_new_id(&stock), 20);
			if ((x >> 24) < 253)
				commit();
			else
				store_abort(store);
			open_again();
		}
		if (i % 100 == 0)
			expect_sound();
	}
	expect_sound();
	ck_assert_uint_gt(stock.evicted, 0);
	teardown();
}
END_TEST

UNIT_MAIN("cache/stock", an_object_is_found_and_its_slot_names_it,
    what_is_stored_again_takes_the_place_of_what_was_there,
    a_full_store_lets_the_unused_leave_and_keeps_the_used,
    more_objects_than_slots_make_the_oldest_leave, nothing_leaves_for_what_never_fits,
    a_big_object_leaves_in_parts, what_is_dying_goes_before_anything_is_evicted,
    a_keeper_that_comes_after_knows_what_there_is_and_how_much_it_was_used,
    values_without_an_entry_go_when_it_is_opened, entries_that_cannot_be_right_go_when_it_is_opened,
    an_entry_that_is_not_the_slots_is_replaced_and_never_takes_the_new_one_along,
    workers_that_write_into_slots_cannot_make_others_leave,
    an_entry_is_renewed_only_while_it_is_the_same_object, store_and_stock_agree_whatever_happened)

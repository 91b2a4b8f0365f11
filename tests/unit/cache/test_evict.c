/* test_evict.c - who leaves first, what is remembered, sizes, restarts, and hits beside a plain queue. */
#include "tests/unit/unit.h"

#include <math.h>

#include "cache/evict.h"

enum { SLOTS = 4096 };

static struct slot slots[SLOTS];
static struct evict e;

static void
setup(uint32_t n)
{
	memset(slots, 0, sizeof slots);
	ck_assert_int_eq(evict_init(&e, slots, n), 0);
	evict_ready(&e);
}

static void
use(uint32_t slot, unsigned times)
{
	while (times-- > 0)
		slot_use(&slots[slot]);
}

START_TEST(whoever_was_never_used_leaves_in_the_order_of_coming)
{
	setup(8);
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_uint_eq(evict_add(&e, i + 1, 1), i);
	ck_assert_uint_eq(evict_add(&e, 9, 1), SLOT_NONE);
	use(2, 1);
	ck_assert_uint_eq(evict_victim(&e), 0);
	ck_assert_uint_eq(evict_victim(&e), 1);
	ck_assert_uint_eq(evict_victim(&e), 3);		/* 2 went on to the main queue */
	ck_assert_uint_eq(evict_add(&e, 9, 1), 0);
	ck_assert_uint_eq(e.held, 6);
	evict_fini(&e);
}
END_TEST

START_TEST(whoever_comes_back_soon_is_not_on_trial_again)
{
	setup(42);
	for (uint32_t i = 0; i < 40; i++)
		use(evict_add(&e, 100 + i, 1), i < 36);
	ck_assert_uint_eq(evict_victim(&e), 36);
	ck_assert_uint_eq(e.main.n, 36);
	ck_assert_uint_eq(evict_add(&e, 136, 1), 40);
	ck_assert_uint_eq(e.main.n, 37);
	ck_assert_uint_eq(evict_add(&e, 500, 1), 41);
	ck_assert_uint_eq(e.small.n, 4);
	/* once more: it is no ghost any longer */
	ck_assert_uint_eq(evict_add(&e, 136, 1), 36);
	ck_assert_uint_eq(e.main.n, 37);
	evict_fini(&e);
}
END_TEST

/* One object of so many pages before one of a page that nobody used, and sixty well used ones: does it leave first? */
static bool
leaves(uint32_t pages, unsigned uses)
{
	uint32_t slot;

	setup(64);
	use(evict_add(&e, 1000, pages), uses);
	evict_add(&e, 1001, 1);
	for (uint32_t i = 0; i < 60; i++)
		use(evict_add(&e, i + 1, 1), 3);
	slot = evict_victim(&e);
	evict_fini(&e);
	return slot == 0;
}

START_TEST(a_big_object_must_be_used_more_often)
{
	ck_assert(leaves(1, 0) && !leaves(1, 1));
	ck_assert(leaves(4, 1) && !leaves(4, 2));
	ck_assert(leaves(400, 2) && !leaves(400, 3));
}
END_TEST

START_TEST(what_was_removed_leaves_no_trace_and_its_slot_comes_back)
{
	setup(4);
	for (uint32_t i = 0; i < 4; i++)
		evict_add(&e, i + 1, 10);
	evict_remove(&e, 0);
	evict_remove(&e, 0);
	ck_assert_uint_eq(e.small.pages, 30);
	ck_assert_uint_eq(e.held, 3);
	ck_assert_uint_eq(evict_add(&e, 9, 1), SLOT_NONE);	/* not before its turn */
	ck_assert_uint_eq(evict_victim(&e), 1);
	ck_assert_uint_eq(evict_add(&e, 9, 1), 0);
	ck_assert_uint_eq(evict_add(&e, 9, 1), 1);
	while (evict_victim(&e) != SLOT_NONE)
		;
	ck_assert_uint_eq(e.held, 0);
	ck_assert_uint_eq(e.small.pages + e.main.pages, 0);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_ne(evict_add(&e, i + 1, 1), SLOT_NONE);
	evict_fini(&e);
}
END_TEST

START_TEST(a_restart_puts_everything_where_it_was)
{
	memset(slots, 0, sizeof slots);
	ck_assert_int_eq(evict_init(&e, slots, 4), 0);
	ck_assert(evict_restore(&e, 2, 1, 5, false));
	ck_assert(evict_restore(&e, 1, 2, 5, true));
	ck_assert(!evict_restore(&e, 2, 3, 5, false));
	ck_assert(!evict_restore(&e, 4, 3, 5, false));
	evict_ready(&e);
	ck_assert_uint_eq(evict_add(&e, 7, 1), 0);
	ck_assert_uint_eq(evict_add(&e, 8, 1), 3);
	ck_assert_uint_eq(evict_add(&e, 9, 1), SLOT_NONE);
	ck_assert_uint_eq(evict_victim(&e), 1);
	evict_fini(&e);
}
END_TEST

/* ---- a trace: Zipf's law among KEYS objects, and every third request for something nobody asks for again ---- */

enum { KEYS = 20000, REQUESTS = 400000, ROOM = 1000 };

static double cumulated[KEYS];
static uint64_t state;

static double
random_unit(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.0;
}

static uint32_t
draw(uint32_t i)
{
	double at = random_unit() * cumulated[KEYS - 1];
	uint32_t low = 0, high = KEYS - 1;

	if (i % 3 == 0)
		return KEYS + i;
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (cumulated[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned
hits_of_a_plain_queue(void)
{
	static uint32_t ring[ROOM];
	static bool there[KEYS + REQUESTS];
	unsigned hits = 0, at = 0;

	state = 1;
	memset(ring, 0xff, sizeof ring);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint32_t k = draw(i);

		hits += there[k];
		if (there[k])
			continue;
		if (ring[at] != UINT32_MAX)
			there[ring[at]] = false;
		ring[at] = k;
		there[k] = true;
		at = (at + 1) % ROOM;
	}
	return hits;
}

static unsigned
hits_of_ours(void)
{
	static uint32_t slot_of[KEYS + REQUESTS], key_in[ROOM];
	unsigned hits = 0;

	state = 1;
	setup(ROOM);
	memset(slot_of, 0xff, sizeof slot_of);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint32_t k = draw(i), slot = slot_of[k];

		if (slot != SLOT_NONE) {
			hits++;
			slot_use(&slots[slot]);
			continue;
		}
		if (e.held == ROOM)
			slot_of[key_in[evict_victim(&e)]] = SLOT_NONE;
		slot = evict_add(&e, k * 2654435761u | 1, 1);
		slot_of[k] = slot;
		key_in[slot] = k;
	}
	evict_fini(&e);
	return hits;
}

START_TEST(it_hits_more_than_a_plain_queue)
{
	unsigned ours, plain;

	for (uint32_t i = 0; i < KEYS; i++)
		cumulated[i] = (i > 0 ? cumulated[i - 1] : 0) + 1 / pow(i + 1, 0.9);
	plain = hits_of_a_plain_queue();
	ours = hits_of_ours();
	ck_assert_msg(ours > plain + plain / 4, "%u of %u, plain %u", ours, REQUESTS, plain);
}
END_TEST

UNIT_MAIN("cache/evict", whoever_was_never_used_leaves_in_the_order_of_coming,
    whoever_comes_back_soon_is_not_on_trial_again, a_big_object_must_be_used_more_often,
    what_was_removed_leaves_no_trace_and_its_slot_comes_back,
    a_restart_puts_everything_where_it_was, it_hits_more_than_a_plain_queue)

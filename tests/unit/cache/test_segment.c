/* test_segment.c - nothing in the cache's memory lies over anything else, and what a lane leaves is given back. */
#include "tests/unit/unit.h"

#include <sys/stat.h>

#include "cache/segment.c"
#include "conf/base/shm.h"
#include "conf/conf.h"

#define KIB 1024
#define MIB (1024 * KIB)

static struct shm shm;
static struct cache_data *cache;
static const struct cache_shape shape = { .slots = 1000, .lanes = 5, .ring_size = RING_LEAST };

static void
setup(void)
{
	ck_assert_int_eq(shm_create(&shm, "cache", CACHE_VERSION, cache_size(&shape), NULL), 0);
	cache = shm.data;
	cache_init(cache, &shape);
}

static void
teardown(void)
{
	shm_close(&shm);
}

/* Pages of the segment that are there. */
static size_t
resident(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(shm.fd, &st), 0);
	return (size_t)st.st_blocks * 512 / PAGE;
}

START_TEST(parts_stand_behind_each_other_and_end_where_the_memory_ends)
{
	const char *end;

	setup();
	ck_assert((char *)cache_slots(cache) >= (char *)(cache + 1));
	end = (const char *)(cache_slots(cache) + shape.slots);
	for (unsigned i = 0; i < shape.lanes; i++) {
		ck_assert((const char *)cache_pins(cache, i) >= end);
		end = (const char *)(cache_pins(cache, i) + 1);
	}
	ck_assert((const char *)cache_leases(cache) >= end);
	ck_assert_uint_eq((uintptr_t)cache_leases(cache) % 64, 0);
	end = (const char *)(cache_leases(cache) + 1);
	for (unsigned i = 0; i < shape.lanes; i++) {
		ck_assert((const char *)cache_ring(cache, i) >= end);
		ck_assert_uint_eq((uintptr_t)cache_ring(cache, i) % 64, 0);
		end = (const char *)cache_ring(cache, i)->bytes + shape.ring_size;
	}
	ck_assert(end <= (const char *)cache + cache_size(&shape));
	teardown();
}
END_TEST

START_TEST(memory_that_is_not_what_its_shape_says_is_refused)
{
	static const struct cache_shape odd[] = {
		{ 0, 5, RING_LEAST },
		{ 1000, 0, RING_LEAST },
		{ 1000, CACHE_LANES_MAX + 1, RING_LEAST },
		{ 1000, 5, RING_LEAST / 2 },
		{ 1000, 5, RING_LEAST + 8 },
		{ 1000, 5, RING_MOST * 2 },
		{ 2000, 5, RING_LEAST },
	};

	setup();
	ck_assert(cache_sound(cache, shm.size));
	ck_assert(!cache_sound(cache, shm.size - 1));
	ck_assert(!cache_sound(cache, 8));
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		cache_init(cache, &odd[i]);
		ck_assert_msg(!cache_sound(cache, shm.size), "row %zu", i);
	}
	teardown();
}
END_TEST

START_TEST(what_is_not_configured_follows_from_the_size)
{
	struct conf_cache c = { .path = "/a", .size = 64 * MIB, .ring = 8 * MIB };
	uint64_t place = cache_place(&c);

	ck_assert_uint_eq(cache_shape(&c, 7).slots, 32768);
	ck_assert_uint_eq(cache_shape(&c, 7).lanes, 7);
	ck_assert_uint_eq(cache_shape(&c, 7).ring_size, 8 * MIB);
	ck_assert_uint_eq(cache_max_object(&c), 64 * MIB / 20);
	c.size = (int64_t)1 << 40;
	ck_assert_uint_eq(cache_max_object(&c), 64 * MIB);
	ck_assert_uint_ne(cache_place(&c), place);
	c.size = 64 * MIB;
	c.path = "/b";
	ck_assert_uint_ne(cache_place(&c), place);
	c.objects = 5;
	c.max_object = 9;
	ck_assert_uint_eq(cache_shape(&c, 7).slots, 5);
	ck_assert_uint_eq(cache_max_object(&c), 9);
}
END_TEST

START_TEST(a_lane_that_was_read_gives_its_memory_back_and_goes_on_where_it_was)
{
	struct ring_out out;
	struct ring_in in;
	struct ring_record rec;
	struct ring_begin begin = { .primary = { { 1 } } };
	static char bytes[60 * KIB];
	size_t before;
	uint32_t fill;

	setup();
	memset(bytes, 'x', sizeof bytes);
	ring_in_init(&in, cache_ring(cache, 3), shape.ring_size);
	atomic_store(&cache_pins(cache, 3)->id[PINS - 1], 7);
	before = resident();
	ring_out_init(&out, cache_ring(cache, 3), shape.ring_size);
	fill = ring_begin(&out, &begin, SPAN_NONE);
	for (int i = 0; i < 5; i++)
		ck_assert(ring_data(&out, fill, span_make(bytes, sizeof bytes)));
	ring_end(&out, fill);
	ck_assert_uint_gt(resident(), before + 70);
	ck_assert(!cache_lane_free(cache, 3));
	ck_assert_uint_gt(resident(), before + 70);
	while (ring_next(&in, &rec) == 1)
		;
	ring_done(&in);
	cache_unpin(cache, 3);
	ck_assert_uint_eq(atomic_load(&cache_pins(cache, 3)->id[PINS - 1]), 0);
	ck_assert(cache_lane_free(cache, 3));
	ck_assert_uint_le(resident(), before + 2);
	ring_out_init(&out, cache_ring(cache, 3), shape.ring_size);	/* the lane's next owner */
	ck_assert_int_eq(ring_next(&in, &rec), 1);
	ck_assert_int_eq(rec.type, RING_EPOCH);
	teardown();
}
END_TEST

START_TEST(a_sleeping_keeper_is_woken_once)
{
	setup();
	ck_assert(!cache_wake(cache));
	atomic_store(&cache->keeper_sleeps, 1);
	ck_assert(cache_wake(cache));
	ck_assert(!cache_wake(cache));
	teardown();
}
END_TEST

START_TEST(a_path_that_does_not_fit_is_none)
{
	const char *volatile dirs[] = { "/c", "/a/longer/one" };	/* or the compiler sees it, and warns */
	char room[20];

	ck_assert(cache_path(room, sizeof room, dirs[0], 12));
	ck_assert_str_eq(room, "/c/store-12.mdb");
	ck_assert(!cache_path(room, sizeof room, dirs[1], 12));
}
END_TEST

UNIT_MAIN("cache/segment", parts_stand_behind_each_other_and_end_where_the_memory_ends,
    memory_that_is_not_what_its_shape_says_is_refused,
    what_is_not_configured_follows_from_the_size,
    a_lane_that_was_read_gives_its_memory_back_and_goes_on_where_it_was,
    a_sleeping_keeper_is_woken_once, a_path_that_does_not_fit_is_none)

/* test_intake.c - two workers' rings into one store: what is whole is found, what is not leaves nothing behind. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/intake.c"
#include "tests/unit/cache/pairs.h"
#include "tests/unit/cache/place.h"

#define MIB (1024 * 1024)

enum { SLOTS = 1000, MAX_OBJECT = 1 * MIB };

static struct store *store;
static struct store_conf conf = { .path = path, .size = 32 * MIB, .readers = 3 };
static struct slot slots[SLOTS];
static struct stock stock;
static struct ring *rings[2];
static struct ring_out out[2];
static struct intake intake;
static char bytes[MAX_OBJECT + 1];
static const char *varying = "accept";

static void
open_keeper(void)
{
	struct errdetail ed = { 0 };

	ck_assert_int_eq(store_open_writer(&store, &conf, &ed), 0);
	ck_assert_int_eq(stock_open(&stock, store, slots, SLOTS), 0);
	ck_assert_int_eq(intake_init(&intake, &stock, rings, 2, RING_LEAST, MAX_OBJECT), 0);
}

static void
close_keeper(void)
{
	intake_fini(&intake);
	stock_close(&stock);
	store_close(&store);
}

static void
setup(void)
{
	place_make();
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31 + i / 251);
	for (unsigned i = 0; i < 2; i++) {
		rings[i] = mmap(NULL, sizeof(struct ring) + RING_LEAST, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ck_assert_ptr_ne(rings[i], MAP_FAILED);
		ring_out_init(&out[i], rings[i], RING_LEAST);
	}
	open_keeper();
}

static void
teardown(void)
{
	close_keeper();
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(munmap(rings[i], sizeof(struct ring) + RING_LEAST), 0);
	place_remove();
}

static size_t
head(char room[static 1024], const char *names)
{
	struct head h = { .key = SPAN("api http://a/b"), .names = span_str(names) };

	return head_write(room, 1024, &h, 200, FIELDS("Content-Type", "text/plain"));
}

/* variant: of the URL `url` by the fields `varying`; equal to url: there are none. */
static uint32_t
begin(unsigned w, uint32_t url, uint32_t variant, uint32_t generation)
{
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .generation = generation };
	struct ring_begin b = { .primary = key_number(url), .key = key_number(variant) };
	char room[1024];
	size_t n = head(room, variant == url ? "" : varying);

	e.life.fresh_for = 60;
	entry_write(b.entry, &e);
	return ring_begin(&out[w], &b, span_make(room, n));
}

static void
run(void)
{
	int rc;

	while ((rc = intake_turn(&intake)) == 1)
		;
	ck_assert_int_eq(rc, 0);
}

/* A whole response from worker w; false: the ring had no room. */
static bool
store_as(unsigned w, uint32_t url, uint32_t variant, uint32_t generation, size_t n)
{
	uint32_t fill = begin(w, url, variant, generation);

	if (fill == 0 || !ring_data(&out[w], fill, span_make(bytes, n)))
		return false;
	ring_end(&out[w], fill);
	return true;
}

static bool
there(uint32_t n)
{
	struct entry e;

	return find_in(store, n, &e) == 0;
}

/* The object's bytes are the first n of `bytes`, in sealed chunks. */
static void
expect_object(uint32_t url, size_t n)
{
	struct span value, payload;
	struct entry e;
	struct head h;
	size_t at = 0;

	ck_assert_int_eq(find_in(store, url, &e), 0);
	ck_assert_uint_eq(e.length, n);
	ck_assert_int_eq(store_transaction(store), 0);
	ck_assert_int_eq(store_value(store, e.id, 0, &value), 0);
	ck_assert_int_eq(head_read(&h, value), 0);
	for (uint32_t i = 1; at < n; i++) {
		ck_assert_int_eq(store_value(store, e.id, i, &value), 0);
		ck_assert_int_eq(chunk_read(value, true, &payload), 0);
		ck_assert(at + payload.n == n || payload.n == CHUNK_PAYLOAD);
		ck_assert_mem_eq(payload.p, bytes + at, payload.n);
		at += payload.n;
	}
	ck_assert_uint_eq(at, n);
	n = (n + CHUNK_PAYLOAD - 1) / CHUNK_PAYLOAD;
	ck_assert_int_eq(store_value(store, e.id, (uint32_t)n + 1, &value), -E_MISSING);
	store_abort(store);
}

/* No value is left that no entry names, once all fills are over. */
static void
expect_sound(void)
{
	struct store_walk w = { .begun = false };
	unsigned entries = 0, ids = 0;
	uint64_t id = 0;
	struct entry e;

	ck_assert_uint_eq(intake.n_fills, 0);
	ck_assert_uint_eq(intake.under_way, 0);
	ck_assert_int_eq(store_transaction(store), 0);
	while (store_walk(store, &w, &e) == 1)
		entries++;
	while (store_next_id(store, id, &id) == 0)
		ids++;
	store_abort(store);
	ck_assert_uint_eq(ids, entries);
	ck_assert_uint_eq(stock.evict.held, entries);
}

START_TEST(a_response_becomes_an_object)
{
	static const size_t sizes[] = { 0, 1, 5000, CHUNK_PAYLOAD - 1, CHUNK_PAYLOAD,
		CHUNK_PAYLOAD + 1, 3 * CHUNK_PAYLOAD, 200000 };

	setup();
	for (uint32_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ck_assert(store_as(i % 2, 100 + i, 100 + i, 0, sizes[i]));
		run();
		expect_object(100 + i, sizes[i]);
	}
	ck_assert_uint_eq(intake.counts.stored, ARRAY_LEN(sizes));
	ck_assert_uint_eq(intake.counts.dropped, 0);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(nothing_is_found_before_the_end_and_mixed_fills_stay_apart)
{
	uint32_t a, b;

	setup();
	a = begin(0, 1, 1, 0);
	b = begin(0, 2, 2, 0);
	for (size_t at = 0; at < 100000; at += 1000) {
		ck_assert(ring_data(&out[0], a, span_make(bytes + at, 1000)));
		ck_assert(ring_data(&out[0], b, span_make(bytes + at, 1000)));
		run();
	}
	ck_assert(!there(1) && !there(2));
	ring_end(&out[0], b);
	run();
	ck_assert(!there(1));
	expect_object(2, 100000);
	ring_end(&out[0], a);
	run();
	expect_object(1, 100000);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_fill_that_ends_takes_no_byte_of_others_along)
{
	uint32_t a, b, c;

	setup();
	a = begin(0, 1, 1, 0);
	b = begin(0, 2, 2, 0);
	ck_assert(ring_data(&out[0], b, span_make(bytes, 5000)));
	ring_abort(&out[0], a);
	c = begin(0, 3, 3, 0);
	ck_assert(ring_data(&out[0], c, span_make(bytes + 777, 6000)));
	ring_end(&out[0], b);
	ring_end(&out[0], c);
	run();
	expect_object(2, 5000);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_number_that_is_in_use_ends_the_fill_that_had_it)
{
	uint32_t a;

	setup();
	a = begin(0, 1, 1, 0);
	ck_assert(ring_data(&out[0], a, span_make(bytes, 50000)));
	out[0].serial--;
	ck_assert_uint_eq(begin(0, 2, 2, 0), a);
	ck_assert(ring_data(&out[0], a, span_make(bytes, 100)));
	ring_end(&out[0], a);
	run();
	ck_assert(!there(1));
	expect_object(2, 100);
	ck_assert_uint_eq(intake.counts.dropped, 1);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(what_is_aborted_or_left_by_the_dead_leaves_nothing)
{
	uint32_t a, b, c;

	setup();
	a = begin(0, 1, 1, 0);
	b = begin(0, 2, 2, 0);
	c = begin(1, 3, 3, 0);
	ck_assert(ring_data(&out[0], a, span_make(bytes, 50000)));
	ck_assert(ring_data(&out[0], b, span_make(bytes, 50000)));
	ck_assert(ring_data(&out[1], c, span_make(bytes, 50000)));
	run();
	ring_abort(&out[0], a);
	ring_out_init(&out[0], rings[0], RING_LEAST);	/* another worker has the ring now */
	ck_assert(store_as(0, 4, 4, 0, 10));
	ring_end(&out[1], c);
	run();
	ck_assert(!there(1) && !there(2) && there(3) && there(4));
	ck_assert_uint_eq(intake.counts.aborted, 2);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_keeper_that_dies_within_a_fill_leaves_nothing_and_the_next_goes_on)
{
	uint32_t a;

	setup();
	ck_assert(store_as(1, 9, 9, 0, 20000));
	a = begin(0, 1, 1, 0);
	ck_assert(ring_data(&out[0], a, span_make(bytes, 200000)));
	run();
	close_keeper();
	open_keeper();
	ck_assert(ring_data(&out[0], a, span_make(bytes, 1000)));
	ring_end(&out[0], a);
	ck_assert(store_as(0, 2, 2, 0, 1000));
	run();
	ck_assert(!there(1));
	expect_object(2, 1000);
	expect_object(9, 20000);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(too_long_and_too_many_are_not_stored)
{
	uint32_t fills[INTAKE_FILLS + 1];

	setup();
	fills[0] = begin(0, 1, 1, 0);
	for (size_t at = 0; at < sizeof bytes; at += 65536) {
		size_t n = sizeof bytes - at < 65536 ? sizeof bytes - at : 65536;

		ck_assert(ring_data(&out[0], fills[0], span_make(bytes + at, n)));
		run();
	}
	ring_end(&out[0], fills[0]);
	run();
	ck_assert(!there(1));
	ck_assert_uint_eq(intake.counts.dropped, 1);
	for (uint32_t i = 0; i <= INTAKE_FILLS; i++)
		fills[i] = begin(0, 1000 + i, 1000 + i, 0);
	for (uint32_t i = 0; i <= INTAKE_FILLS; i++)
		ring_end(&out[0], fills[i]);
	run();
	ck_assert_uint_eq(intake.counts.dropped, 2);
	ck_assert(there(1000) && !there(1000 + INTAKE_FILLS));
	expect_sound();
	teardown();
}
END_TEST

/* However many big ones come at once: what is stored already does not leave for what may never end. */
START_TEST(fills_under_way_never_take_all_the_room)
{
	setup();
	ck_assert(store_as(1, 7, 7, 0, 1000));
	run();
	for (uint32_t i = 0; i < 60; i++) {
		uint32_t fill = begin(0, 100 + i, 100 + i, 0);

		for (size_t at = 0; at + 65536 < MAX_OBJECT; at += 65536) {
			if (!ring_data(&out[0], fill, span_make(bytes + at, 65536)))
				break;
			run();
		}
	}
	ck_assert(there(7));
	ck_assert_uint_eq(stock.evicted, 0);
	ring_out_init(&out[0], rings[0], RING_LEAST);
	run();
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_full_store_goes_on_with_the_newest)
{
	setup();
	for (uint32_t i = 1; i <= 600; i++) {
		ck_assert(store_as(i % 2, i, i, 0, 200000));
		run();
	}
	ck_assert(there(600) && !there(1));
	ck_assert_uint_eq(intake.counts.stored, 600);
	ck_assert_uint_eq(intake.counts.failed, 0);
	expect_object(600, 200000);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(variants_are_reached_through_their_url)
{
	struct entry e;

	setup();
	ck_assert(store_as(0, 1, 11, 5, 100));
	ck_assert(store_as(1, 1, 12, 5, 200));
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert(e.kind == ENTRY_VARY && e.generation == 5 && e.length == 2);
	expect_object(11, 100);
	expect_object(12, 200);
	ck_assert(store_as(0, 1, 13, 6, 300));	/* another generation: the old ones are out of reach */
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert(e.kind == ENTRY_VARY && e.generation == 6 && e.length == 1);
	varying = "cookie";			/* and so does another Vary */
	ck_assert(store_as(0, 1, 14, 6, 300));
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert(e.kind == ENTRY_VARY && e.generation == 6 && e.length == 1);
	ck_assert(store_as(0, 1, 1, 0, 400));	/* and then none at all */
	run();
	expect_object(1, 400);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_url_with_too_many_variants_begins_anew)
{
	struct entry e;

	setup();
	for (uint32_t i = 0; i < VARIANTS_MAX; i++)
		ck_assert(store_as(0, 1, 100 + i, 5, 10));
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert_uint_eq(e.length, VARIANTS_MAX);
	ck_assert(store_as(0, 1, 99, 5, 10));
	run();
	ck_assert(!there(1) && !there(99));
	ck_assert_uint_eq(intake.counts.dropped, 1);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_purge_takes_what_is_stored_and_what_is_under_way)
{
	struct key k = key_number(1);
	uint32_t a, b;

	setup();
	ck_assert(store_as(0, 1, 1, 0, 100));
	a = begin(0, 1, 1, 0);
	b = begin(0, 2, 2, 0);
	run();
	ck_assert(there(1));
	ck_assert(ring_purge(&out[1], &k));
	run();
	ring_end(&out[0], a);
	ring_end(&out[0], b);
	ck_assert(ring_purge(&out[1], &k));	/* nothing is there */
	run();
	ck_assert(!there(1) && there(2));
	ck_assert_uint_eq(intake.counts.purged, 1);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(a_renewal_changes_head_and_times_and_no_byte_of_the_body)
{
	struct ring_begin b = { .primary = key_number(1), .key = key_number(1) };
	char room[1024];
	struct entry e;
	size_t n = head(room, "");

	setup();
	ck_assert(store_as(0, 1, 1, 0, 50000));
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	e.life.fresh_for = 999;
	entry_write(b.entry, &e);
	ck_assert(ring_touch(&out[1], &b, span_make(room, n)));
	run();
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	ck_assert_uint_eq(e.life.fresh_for, 999);
	expect_object(1, 50000);
	ck_assert(store_as(0, 1, 1, 0, 60000));
	ck_assert(ring_touch(&out[0], &b, span_make(room, n)));	/* of the old one */
	run();
	expect_object(1, 60000);
	ck_assert_uint_eq(intake.counts.renewed, 1);
	expect_sound();
	teardown();
}
END_TEST

START_TEST(nonsense_from_a_worker_drops_its_fills_alone)
{
	struct ring_begin b = { .primary = key_number(1), .key = key_number(1) };
	struct entry e = { .kind = ENTRY_VARY, .status = 200 };
	char room[1024];
	uint32_t other, fill;
	size_t n = head(room, "");

	setup();
	other = begin(1, 5, 5, 0);
	ck_assert_uint_ne(ring_begin(&out[0], &b, span_make(room, n)), 0);	/* no entry */
	entry_write(b.entry, &e);
	ck_assert_uint_ne(ring_begin(&out[0], &b, span_make(room, n)), 0);	/* a worker makes no such */
	e.kind = ENTRY_OBJECT;
	entry_write(b.entry, &e);
	ck_assert_uint_ne(ring_begin(&out[0], &b, span_make(room, n - 1)), 0);	/* no head */
	ck_assert_uint_ne(ring_begin(&out[0], &b, span_make(room, head(room, "accept"))), 0);
	run();
	ck_assert_uint_eq(intake.counts.damaged, 4);
	fill = begin(0, 2, 2, 0);
	run();
	atomic_fetch_add(&rings[0]->tail, 8);		/* whatever stood there */
	run();
	ck_assert_uint_eq(intake.counts.damaged, 5);
	ring_end(&out[0], fill);
	ring_end(&out[1], other);
	run();
	ck_assert(!there(1) && !there(2) && there(5));
	expect_sound();
	teardown();
}
END_TEST

static uint32_t
draw(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

/* As a broken worker writes them, whose every byte may be wrong: no such thing makes the store, or the keeper, fail. */
START_TEST(damaged_records_never_stop_the_keeper)
{
	uint32_t x = 4711;

	setup();
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t from = atomic_load(&rings[0]->tail), n;

		for (uint32_t i = 0; i < 3; i++)
			(void)store_as(0, draw(&x) % 40, draw(&x) % 40, draw(&x) % 3,
			    draw(&x) % 9000);
		n = atomic_load(&rings[0]->tail) - from;
		for (uint32_t i = draw(&x) % 6; i > 0; i--)
			rings[0]->bytes[(from + draw(&x) % n) & (RING_LEAST - 1)] ^=
			    (char)(1 << draw(&x) % 8);
		run();
	}
	ck_assert_uint_gt(intake.counts.damaged, 100);
	ck_assert_uint_gt(intake.counts.stored, 1000);
	ck_assert_uint_eq(intake.counts.failed, 0);
	ring_out_init(&out[0], rings[0], RING_LEAST);
	ck_assert(store_as(0, 7, 7, 0, 3000));
	run();
	expect_object(7, 3000);
	expect_sound();
	teardown();
}
END_TEST

/* Nothing of a transaction that fails is there afterwards, and what comes then is stored. */
START_TEST(a_transaction_that_fails_loses_its_fills_and_no_more)
{
	uint32_t a;

	setup();
	ck_assert(store_as(0, 1, 1, 0, 1000));
	run();
	a = begin(0, 2, 2, 0);
	ck_assert(ring_data(&out[0], a, span_make(bytes, 100000)));
	run();
	ck_assert_int_eq(store_transaction(store), 0);
	ck_assert_int_eq(start_over(&intake, -E_LIMIT), -E_LIMIT);
	ring_end(&out[0], a);
	ck_assert(store_as(0, 3, 3, 0, 1000));
	run();
	ck_assert(there(1) && !there(2) && there(3));
	ck_assert(intake.counts.failed == 1 && intake.counts.dropped == 1);
	expect_sound();
	teardown();
}
END_TEST

static _Noreturn void
work_for_ever(unsigned w)
{
	for (uint32_t i = 0;; i++)
		(void)store_as(w, i % 50 + w * 50, i % 50 + w * 50, 0, i % 7 * 9000);
}

/* Workers are killed at any moment, and the keeper's process state is lost between: every object found is whole. */
START_TEST(whoever_is_killed_no_object_is_ever_half)
{
	setup();
	for (unsigned round = 0; round < 20; round++) {
		uint64_t stored = intake.counts.stored;
		pid_t pid = fork();

		if (pid == 0) {
			ring_out_init(&out[round % 2], rings[round % 2], RING_LEAST);
			work_for_ever(round % 2);
		}
		ck_assert_int_gt(pid, 0);
		while (intake.counts.stored < stored + 30)
			ck_assert_int_ge(intake_turn(&intake), 0);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		if (round % 3 == 0) {
			close_keeper();
			open_keeper();
		}
		run();
		for (uint32_t i = 0; i < 100; i++) {
			struct entry e;

			if (find_in(store, i, &e) == 0)
				expect_object(i, e.length);
		}
	}
	for (unsigned w = 0; w < 2; w++)
		ring_out_init(&out[w], rings[w], RING_LEAST);
	run();
	expect_sound();
	teardown();
}
END_TEST

UNIT_MAIN("cache/intake", a_response_becomes_an_object,
    nothing_is_found_before_the_end_and_mixed_fills_stay_apart,
    a_fill_that_ends_takes_no_byte_of_others_along,
    a_number_that_is_in_use_ends_the_fill_that_had_it,
    what_is_aborted_or_left_by_the_dead_leaves_nothing,
    a_keeper_that_dies_within_a_fill_leaves_nothing_and_the_next_goes_on,
    too_long_and_too_many_are_not_stored, fills_under_way_never_take_all_the_room,
    a_full_store_goes_on_with_the_newest, variants_are_reached_through_their_url,
    a_url_with_too_many_variants_begins_anew, a_purge_takes_what_is_stored_and_what_is_under_way,
    a_renewal_changes_head_and_times_and_no_byte_of_the_body,
    nonsense_from_a_worker_drops_its_fills_alone, damaged_records_never_stop_the_keeper,
    a_transaction_that_fails_loses_its_fills_and_no_more,
    whoever_is_killed_no_object_is_ever_half)

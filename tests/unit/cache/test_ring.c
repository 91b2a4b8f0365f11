/* test_ring.c - what goes in comes out in order, at every offset of the ring, and nobody's death or nonsense hurts. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/ring.c"

#define SIZE RING_LEAST

static struct ring *ring;
static struct ring_out out;
static struct ring_in in;
static struct ring_record rec;
static char bytes[RING_PART * 2];

static void
setup(void)
{
	ring = mmap(NULL, sizeof *ring + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	ck_assert_ptr_ne(ring, MAP_FAILED);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31 + i / 251);
	ring_out_init(&out, ring, SIZE);
	ring_in_init(&in, ring, SIZE);
	ck_assert_int_eq(ring_next(&in, &rec), 1);
	ck_assert_int_eq(rec.type, RING_EPOCH);
	ring_done(&in);
}

static void
teardown(void)
{
	ck_assert_int_eq(munmap(ring, sizeof *ring + SIZE), 0);
}

static struct ring_begin
begin_of(uint8_t n)
{
	struct ring_begin b = { .primary = { { n } }, .key = { { n, 1 } } };

	memset(b.entry, n, sizeof b.entry);
	return b;
}

static uint32_t
begin(uint8_t n, size_t head)
{
	struct ring_begin b = begin_of(n);

	return ring_begin(&out, &b, span_make(bytes, head));
}

static void
expect(enum ring_type type, uint32_t fill)
{
	ck_assert_int_eq(ring_next(&in, &rec), 1);
	ck_assert_int_eq(rec.type, type);
	ck_assert_uint_eq(rec.fill, fill);
}

static void
expect_bytes(const char *p, size_t n)
{
	ck_assert_uint_eq(rec.bytes.n, n);
	ck_assert_mem_eq(rec.bytes.p, p, n);
}

/* Everything of one fill's body, however it was cut. */
static void
expect_body(uint32_t fill, size_t n)
{
	for (size_t at = 0; at < n; at += rec.bytes.n) {
		expect(RING_DATA, fill);
		expect_bytes(bytes + at, rec.bytes.n);
	}
}

/* Moves the ring's positions on by a multiple of 8. */
static void
advance(uint64_t n)
{
	atomic_store(&ring->tail, atomic_load(&ring->tail) + n);
	in.at += n;
	ring_done(&in);
}

START_TEST(a_fill_comes_out_as_it_went_in)
{
	struct ring_begin b = begin_of(7);
	uint32_t fill;

	setup();
	fill = ring_begin(&out, &b, span_make(bytes, 300));
	ck_assert_uint_ne(fill, 0);
	ck_assert(ring_data(&out, fill, span_make(bytes, 1001)));
	ring_end(&out, fill);
	expect(RING_BEGIN, fill);
	ck_assert_mem_eq(&rec.begin, &b, sizeof b);
	expect_bytes(bytes, 300);
	expect_body(fill, 1001);
	expect(RING_END, fill);
	ck_assert_int_eq(ring_next(&in, &rec), 0);
	ck_assert_uint_eq(ring_unread(&in), 0);
	teardown();
}
END_TEST

START_TEST(fills_may_be_mixed)
{
	uint32_t a, b;

	setup();
	a = begin(1, 10);
	b = begin(2, 0);
	ck_assert(a != 0 && b != 0 && a != b);
	ck_assert(ring_data(&out, b, span_make(bytes, 5)));
	ck_assert(ring_data(&out, a, span_make(bytes, 6)));
	ring_abort(&out, b);
	ring_end(&out, a);
	expect(RING_BEGIN, a);
	expect(RING_BEGIN, b);
	expect_bytes(bytes, 0);
	expect_body(b, 5);
	expect_body(a, 6);
	expect(RING_ABORT, b);
	expect(RING_END, a);
	teardown();
}
END_TEST

START_TEST(renewals_and_purges_are_records_of_their_own)
{
	struct ring_begin b = begin_of(3);

	setup();
	ck_assert(ring_touch(&out, &b, span_make(bytes, 77)));
	ck_assert(ring_purge(&out, &b.primary));
	expect(RING_TOUCH, 0);
	ck_assert_mem_eq(&rec.begin, &b, sizeof b);
	expect_bytes(bytes, 77);
	expect(RING_PURGE, 0);
	ck_assert_mem_eq(&rec.begin.primary, &b.primary, sizeof b.primary);
	teardown();
}
END_TEST

/* Each start of the last stretch of a lap, with a head and a body that do not fit before its end. */
START_TEST(records_come_out_whole_at_every_offset_of_the_lap)
{
	setup();
	for (uint64_t left = 8; left <= 1024; left += 8) {
		uint32_t fill;

		advance(lap_left(&out, tail_of(&out)) + SIZE - left);
		fill = begin((uint8_t)left, 501);
		ck_assert_uint_ne(fill, 0);
		ck_assert(ring_data(&out, fill, span_make(bytes, 1003)));
		ring_end(&out, fill);
		expect(RING_BEGIN, fill);
		ck_assert_uint_eq(rec.begin.primary.b[0], (uint8_t)left);
		expect_bytes(bytes, 501);
		expect_body(fill, 1003);
		expect(RING_END, fill);
		ck_assert_int_eq(ring_next(&in, &rec), 0);
		ring_done(&in);
	}
	teardown();
}
END_TEST

START_TEST(a_body_goes_round_many_laps)
{
	uint32_t fill;

	setup();
	fill = begin(1, 9);
	expect(RING_BEGIN, fill);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert(ring_data(&out, fill, span_make(bytes, sizeof bytes - i)));
		expect_body(fill, sizeof bytes - i);
		ring_done(&in);
	}
	ring_end(&out, fill);
	expect(RING_END, fill);
	teardown();
}
END_TEST

START_TEST(a_full_ring_aborts_the_fill_and_still_tells_the_ends_of_all)
{
	uint32_t a, b, c;
	unsigned ends = 0;

	setup();
	a = begin(1, 0);
	b = begin(2, 0);
	c = begin(3, 0);
	while (ring_data(&out, a, span_make(bytes, 1000)))
		;
	while (ring_data(&out, b, span_make(bytes, 8)))
		;
	ck_assert_uint_eq(begin(4, 0), 0);
	ring_end(&out, c);
	ck_assert_uint_eq(out.open, 0);
	while (ring_next(&in, &rec) == 1) {
		ends += rec.type == RING_END && rec.fill == c;
		ends += rec.type == RING_ABORT && (rec.fill == a || rec.fill == b);
	}
	ck_assert_uint_eq(ends, 3);
	ring_done(&in);
	ck_assert_uint_ne(begin(4, 0), 0);
	teardown();
}
END_TEST

START_TEST(room_comes_back_only_when_the_reader_is_done)
{
	uint32_t fill;

	setup();
	fill = begin(1, 0);
	while (ring_data(&out, fill, span_make(bytes, RING_PART)))
		;
	while (ring_next(&in, &rec) == 1)
		;
	fill = begin(2, HEAD_MAX);
	ck_assert_uint_eq(fill, 0);
	ring_done(&in);
	ck_assert_uint_ne(begin(2, HEAD_MAX), 0);
	teardown();
}
END_TEST

START_TEST(the_longest_head_fits_an_empty_ring_wherever_it_stands)
{
	struct ring_begin b = begin_of(1);
	char *head = calloc(1, HEAD_MAX + 1);

	setup();
	ck_assert_ptr_nonnull(head);
	for (uint64_t step = 8; step < SIZE; step = step * 3 & ~UINT64_C(7)) {
		uint32_t fill = ring_begin(&out, &b, span_make(head, HEAD_MAX));

		ck_assert_uint_ne(fill, 0);
		expect(RING_BEGIN, fill);
		ck_assert_uint_eq(rec.bytes.n, HEAD_MAX);
		ring_abort(&out, fill);
		expect(RING_ABORT, fill);
		advance(step);
	}
	ck_assert_uint_eq(ring_begin(&out, &b, span_make(head, HEAD_MAX + 1)), 0);
	free(head);
	teardown();
}
END_TEST

/* A reader that dies before it is done leaves everything to the next one. */
START_TEST(the_next_reader_reads_again_what_was_not_done)
{
	uint32_t fill;

	setup();
	fill = begin(1, 20);
	expect(RING_BEGIN, fill);
	ring_done(&in);
	ring_end(&out, fill);
	expect(RING_END, fill);
	ring_in_init(&in, ring, SIZE);
	expect(RING_END, fill);
	teardown();
}
END_TEST

START_TEST(a_new_producer_says_so_before_anything_else)
{
	uint32_t fill;

	setup();
	fill = begin(1, 20);
	ring_out_init(&out, ring, SIZE);
	expect(RING_BEGIN, fill);
	fill = begin(2, 0);
	ck_assert_uint_ne(fill, 0);
	expect(RING_EPOCH, 0);
	expect(RING_BEGIN, fill);
	ck_assert_uint_eq(rec.begin.primary.b[0], 2);
	teardown();
}
END_TEST

START_TEST(an_epoch_that_found_no_room_comes_when_there_is_some)
{
	struct ring_begin b = begin_of(1);
	uint64_t tail;

	setup();
	tail = tail_of(&out);
	atomic_store(&ring->tail, tail + SIZE);
	ring_out_init(&out, ring, SIZE);
	ck_assert_uint_eq(begin(1, 0), 0);
	ck_assert(!ring_touch(&out, &b, SPAN_NONE) && !ring_purge(&out, &b.primary));
	in.at = tail + SIZE;
	ring_done(&in);
	ck_assert_uint_ne(begin(1, 0), 0);
	expect(RING_EPOCH, 0);
	expect(RING_BEGIN, 1);
	teardown();
}
END_TEST

static _Noreturn void
produce_for_ever(void)
{
	for (;;) {
		uint32_t fill = begin(5, 100);

		if (fill == 0)
			continue;
		if (ring_data(&out, fill, span_make(bytes, 3000)))
			ring_end(&out, fill);
	}
}

/* Reads what there is; how many fills ended well, each with all of its bytes in order. */
static unsigned
judge_fills(size_t *got)
{
	unsigned whole = 0;
	int rc;

	while ((rc = ring_next(&in, &rec)) == 1) {
		if (rec.type == RING_BEGIN || rec.type == RING_EPOCH) {
			*got = 0;
		} else if (rec.type == RING_DATA) {
			expect_bytes(bytes + *got, rec.bytes.n);
			*got += rec.bytes.n;
		} else if (rec.type == RING_END) {
			ck_assert_uint_eq(*got, 3000);
			whole++;
		}
	}
	ck_assert_int_eq(rc, 0);
	ring_done(&in);
	return whole;
}

/* Killed again and again in the midst of it: whatever can be seen is whole, and the next one goes on. */
START_TEST(a_killed_producer_leaves_nothing_torn)
{
	size_t got = 0;

	setup();
	for (unsigned round = 0; round < 100; round++) {
		unsigned whole = 0;
		pid_t pid = fork();

		if (pid == 0) {
			ring_out_init(&out, ring, SIZE);
			produce_for_ever();
		}
		ck_assert_int_gt(pid, 0);
		while (whole < 20 + round)
			whole += judge_fills(&got);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		judge_fills(&got);
	}
	teardown();
}
END_TEST

START_TEST(nonsense_is_skipped_and_the_ring_goes_on)
{
	static const struct word words[] = {
		{ 0, 0 },						/* no type */
		{ 9u << 24, 0 },					/* nor this */
		{ (uint32_t)RING_DATA << 24, 1 },			/* an empty part */
		{ (uint32_t)RING_DATA << 24 | (RING_PART + 1), 1 },	/* too long a part */
		{ (uint32_t)RING_BEGIN << 24 | 1000, 1 },		/* beyond what was written */
		{ (uint32_t)RING_BEGIN << 24 | 8, 1 },			/* too short */
		{ (uint32_t)RING_TOUCH << 24 | 8, 1 },
		{ (uint32_t)RING_END << 24 | 8, 1 },			/* too long */
		{ (uint32_t)RING_PURGE << 24 | 8, 1 },
		{ (uint32_t)RING_FILLER << 24 | 8, 1 },			/* not to the end */
	};

	setup();
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		uint64_t tail = tail_of(&out);
		uint32_t fill;

		memcpy(ring->bytes + (tail & (SIZE - 1)), &words[i], sizeof words[i]);
		atomic_store(&ring->tail, tail + 16);
		ck_assert_int_eq(ring_next(&in, &rec), -E_CORRUPT);
		ck_assert_int_eq(ring_next(&in, &rec), 0);
		ring_done(&in);
		fill = begin(1, 3);
		expect(RING_BEGIN, fill);
		ring_abort(&out, fill);
		expect(RING_ABORT, fill);
		ring_done(&in);
	}
	teardown();
}
END_TEST

/* Left there by an earlier lap, or by a producer that is broken. */
START_TEST(a_record_never_goes_on_behind_the_end)
{
	struct word w = { (uint32_t)RING_BEGIN << 24 | 1000, 1 };

	setup();
	advance(lap_left(&out, tail_of(&out)) + SIZE - 512);
	memcpy(ring->bytes + SIZE - 512, &w, sizeof w);
	atomic_store(&ring->tail, tail_of(&out) + 2048);
	ck_assert_int_eq(ring_next(&in, &rec), -E_CORRUPT);
	teardown();
}
END_TEST

START_TEST(wild_positions_are_survived)
{
	static const uint64_t tails[] = { 5, SIZE + 1, 1 << 30, UINT64_MAX, UINT64_MAX - 7 };

	setup();
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		atomic_store(&ring->tail, atomic_load(&ring->tail) + tails[i]);
		for (unsigned n = 0; ring_next(&in, &rec) != 0; n++)
			ck_assert_uint_lt(n, SIZE / 8 + 1);
		ck_assert_uint_le(ring_unread(&in), SIZE);
		ring_done(&in);
		ring_out_init(&out, ring, SIZE);
		for (unsigned n = 0; ring_next(&in, &rec) != 0; n++)
			ck_assert_uint_lt(n, SIZE / 8 + 1);
		ring_done(&in);
		ck_assert_uint_ne(begin(1, 0), 0);
		while (ring_next(&in, &rec) == 1 && rec.type != RING_BEGIN)
			;
		ck_assert_int_eq(rec.type, RING_BEGIN);
	}
	ring_done(&in);
	ck_assert_uint_ne(begin(1, 0), 0);
	atomic_store(&ring->tail, tail_of(&out) + (1 << 30));
	ck_assert_int_eq(ring_next(&in, &rec), -E_CORRUPT);	/* although a record stands there */
	atomic_store(&ring->head, 3);
	ring_in_init(&in, ring, SIZE);
	ck_assert_uint_eq(in.at, 0);
	teardown();
}
END_TEST

START_TEST(numbers_of_fills_never_are_zero)
{
	setup();
	out.serial = UINT32_MAX;
	ck_assert_uint_eq(begin(1, 0), 1);
	teardown();
}
END_TEST

UNIT_MAIN("cache/ring", a_fill_comes_out_as_it_went_in, fills_may_be_mixed,
    renewals_and_purges_are_records_of_their_own, records_come_out_whole_at_every_offset_of_the_lap,
    a_body_goes_round_many_laps, a_full_ring_aborts_the_fill_and_still_tells_the_ends_of_all,
    room_comes_back_only_when_the_reader_is_done,
    the_longest_head_fits_an_empty_ring_wherever_it_stands,
    the_next_reader_reads_again_what_was_not_done, a_new_producer_says_so_before_anything_else,
    an_epoch_that_found_no_room_comes_when_there_is_some, a_killed_producer_leaves_nothing_torn,
    nonsense_is_skipped_and_the_ring_goes_on, a_record_never_goes_on_behind_the_end,
    wild_positions_are_survived, numbers_of_fills_never_are_zero)

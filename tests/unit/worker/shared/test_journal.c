#include "tests/unit/unit.h"
#include <stdio.h>
#include "worker/shared/journal.c"

static struct journal_ring *
ring_new(void)
{
	return calloc(1, sizeof(struct journal_ring));
}

/* A record whose target is `n` bytes of one letter and whose status numbers it. */
static bool
ring_put(struct journal_ring *r, unsigned number, size_t n)
{
	static char text[JOURNAL_URI];
	struct span s[JS_MAX] = { [JS_METHOD] = SPAN("GET") };
	struct journal_rec rec = { .status = (uint16_t)number };

	memset(text, 'a' + (int)(number % 26), sizeof text);
	s[JS_TARGET] = span_make(text, n);
	return journal_write(r, &rec, s);
}

static void
view_expect(const struct journal_view *v, unsigned number, size_t n)
{
	ck_assert_uint_eq(v->rec.status, number & 0xffff);
	ck_assert(span_eq_str(v->s[JS_METHOD], "GET"));
	ck_assert_uint_eq(v->s[JS_TARGET].n, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(v->s[JS_TARGET].p[i], 'a' + (int)(number % 26));
}

START_TEST(record_comes_back_as_written)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;

	ck_assert(!journal_next(r, buf, &v));
	ck_assert(ring_put(r, 7, 33));
	ck_assert(journal_next(r, buf, &v));
	view_expect(&v, 7, 33);
	ck_assert(!journal_next(r, buf, &v));
	free(r);
}
END_TEST

START_TEST(strings_are_cut_to_their_limits)
{
	struct journal_ring *r = ring_new();
	char text[3000], buf[JOURNAL_RECORD];
	struct span s[JS_MAX];
	struct journal_rec rec = { 0 };
	struct journal_view v;

	memset(text, 'x', sizeof text);
	for (unsigned i = 0; i < JS_MAX; i++)
		s[i] = span_make(text, sizeof text);
	ck_assert(journal_write(r, &rec, s));
	ck_assert(journal_next(r, buf, &v));
	for (unsigned i = 0; i < JS_MAX; i++)
		ck_assert_uint_eq(v.s[i].n, i == JS_TARGET ? JOURNAL_URI : JOURNAL_TEXT);
	free(r);
}
END_TEST

START_TEST(full_ring_drops_and_counts_and_takes_again_when_read)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;
	unsigned n = 0, got = 0;

	while (ring_put(r, n, 500))
		n++;
	ck_assert_uint_eq(r->dropped, 1);
	ck_assert(!ring_put(r, n, 500));
	ck_assert_uint_eq(r->dropped, 2);
	ck_assert_uint_ge(n, JOURNAL_RING / 640 - 1);
	ck_assert(journal_next(r, buf, &v));
	view_expect(&v, got++, 500);
	ck_assert(ring_put(r, n++, 400));
	for (; journal_next(r, buf, &v); got++)
		ck_assert_uint_eq(v.rec.status, got);
	ck_assert_uint_eq(got, n);
	free(r);
}
END_TEST

/* Every distance of the head from the ring's end, in steps of the alignment. */
START_TEST(record_at_the_end_is_whole_at_every_offset)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;

	for (unsigned back = 8; back <= 1024; back += 8) {
		uint64_t at = 3 * (uint64_t)JOURNAL_RING - back, cursor = at, lost = 0;

		memset(r, 0xa5, sizeof *r);
		r->head = r->tail = at;
		ck_assert(ring_put(r, back, 300));
		ck_assert(ring_put(r, back + 1, 301));
		for (unsigned i = 0; i < 2; i++) {
			ck_assert(journal_observe(r, &cursor, buf, &v, &lost));
			view_expect(&v, back + i, 300 + i);
		}
		for (unsigned i = 0; i < 2; i++) {
			ck_assert(journal_next(r, buf, &v));
			view_expect(&v, back + i, 300 + i);
		}
		ck_assert(!journal_next(r, buf, &v));
		ck_assert(!journal_observe(r, &cursor, buf, &v, &lost));
		ck_assert_uint_eq(lost, 0);
		ck_assert_uint_eq(cursor, r->head);
	}
	free(r);
}
END_TEST

START_TEST(overrun_observer_is_told_and_continues_at_a_whole_record)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;
	uint64_t cursor = 0, lost = 0;
	unsigned n = 0, first;

	ck_assert(ring_put(r, n++, 100));
	ck_assert(journal_observe(r, &cursor, buf, &v, &lost));
	while (r->head < 5 * (uint64_t)JOURNAL_RING / 2) {
		r->tail = r->head;
		ck_assert(ring_put(r, n, 100 + n % 1000));
		n++;
	}
	ck_assert(journal_observe(r, &cursor, buf, &v, &lost));
	ck_assert_uint_gt(lost, JOURNAL_RING);
	first = v.rec.status;
	ck_assert_uint_lt(first, n - 1);
	for (unsigned i = first;; i++) {
		view_expect(&v, i, 100 + i % 1000);
		if (!journal_observe(r, &cursor, buf, &v, &lost)) {
			ck_assert_uint_eq(i, n - 1);
			break;
		}
	}
	free(r);
}
END_TEST

START_TEST(new_observer_finds_most_of_the_last_lap)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;
	uint64_t lost = 0;

	for (unsigned n = 0; r->head < 4 * (uint64_t)JOURNAL_RING; n++) {
		uint64_t cursor = 0;

		r->tail = r->head;
		ck_assert(ring_put(r, n, n * 7 % 2000));
		if (r->head < JOURNAL_RING || n % 50 != 0)
			continue;
		ck_assert(journal_observe(r, &cursor, buf, &v, &lost));
		ck_assert_uint_ge(r->head - cursor, JOURNAL_RING - 2 * SECTOR - MARGIN);
		view_expect(&v, v.rec.status, v.rec.status * 7 % 2000);
	}
	free(r);
}
END_TEST

START_TEST(cursor_ahead_of_the_ring_comes_back)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;
	uint64_t cursor = 1 << 30, lost = 0;

	ck_assert(ring_put(r, 1, 10));
	ck_assert(journal_observe(r, &cursor, buf, &v, &lost));
	view_expect(&v, 1, 10);
	ck_assert_uint_eq(lost, 0);
	free(r);
}
END_TEST

/* Each word of a record's head in turn gets values that no writer gives. */
START_TEST(damaged_record_empties_the_ring_and_the_next_is_read)
{
	static const uint32_t bad[] = { 0, 1, 4, 100, 105, 8200, 1 << 20, 0x80000000u, UINT32_MAX };
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;

	for (size_t at = 0; at < sizeof(struct journal_rec); at += 4)
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			uint64_t cursor = r->head, lost = 0;
			size_t pos = r->head & MASK;

			if (pos > JOURNAL_RING / 2)
				r->head = r->tail = cursor = pos = 0;
			ck_assert(ring_put(r, 3, 40));
			memcpy(r->data + pos + at, &bad[i], sizeof bad[i]);
			(void)journal_observe(r, &cursor, buf, &v, &lost);
			(void)journal_next(r, buf, &v);
			ck_assert_uint_eq(cursor, r->head);
			ck_assert_uint_eq(r->tail, r->head);
			ck_assert(ring_put(r, 4, 50));
			ck_assert(journal_next(r, buf, &v));
			view_expect(&v, 4, 50);
		}
	free(r);
}
END_TEST

START_TEST(damaged_positions_heal)
{
	static const uint64_t heads[] = { 1, 13, JOURNAL_RING + 8, UINT64_MAX, UINT64_MAX - 6,
		1ull << 63 };
	char buf[JOURNAL_RECORD];
	struct journal_view v;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct journal_ring *r = ring_new();

		r->head = heads[i];
		ck_assert(!journal_next(r, buf, &v));
		for (unsigned k = 0; k < 3; k++) {
			(void)ring_put(r, k, 20);
			(void)journal_next(r, buf, &v);
		}
		ck_assert(ring_put(r, 9, 20));
		ck_assert(journal_next(r, buf, &v));
		view_expect(&v, 9, 20);
		free(r);
	}
}
END_TEST

START_TEST(reset_keeps_what_is_unread)
{
	struct journal_ring *r = ring_new();
	char buf[JOURNAL_RECORD];
	struct journal_view v;

	ck_assert(ring_put(r, 5, 11));
	journal_reset(r);
	ck_assert(journal_next(r, buf, &v));
	view_expect(&v, 5, 11);
	r->head = 3;
	journal_reset(r);
	ck_assert_uint_eq(r->head, r->tail);
	free(r);
}
END_TEST

UNIT_MAIN("worker/shared/journal", record_comes_back_as_written, strings_are_cut_to_their_limits,
    full_ring_drops_and_counts_and_takes_again_when_read,
    record_at_the_end_is_whole_at_every_offset,
    overrun_observer_is_told_and_continues_at_a_whole_record,
    new_observer_finds_most_of_the_last_lap, cursor_ahead_of_the_ring_comes_back,
    damaged_record_empties_the_ring_and_the_next_is_read, damaged_positions_heal,
    reset_keeps_what_is_unread)

/* test_h1_write.c - pieces of a head: what merges, what is written, and that failure sticks. */
#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/http/h1_write.h"

static struct arena arena;

static struct h1_out
out_of(unsigned max, size_t text)
{
	struct h1_out o;

	arena_init(&arena, NULL, 0, 0);
	h1_out_init(&o, &arena, max, text);
	return o;
}

static void
check_text(const struct h1_out *o, const char *want)
{
	char got[4096];
	size_t n = 0;

	ck_assert(!o->failed);
	for (unsigned i = 0; i < o->n; i++) {
		memcpy(got + n, o->iov[i].iov_base, o->iov[i].iov_len);
		n += o->iov[i].iov_len;
	}
	ck_assert_uint_eq(n, o->len);
	ck_assert_msg(span_eq_str(span_make(got, n), want), "%.*s", (int)n, got);
}

START_TEST(touching_pieces_are_one)
{
	static const char head[] = "A: 1\r\nB: 2\r\nC: 3\r\n";
	struct h1_out o = out_of(8, 64);

	h1_out_lent(&o, span_make(head, 6));
	h1_out_lent(&o, span_make(head + 6, 6));
	h1_out_lent(&o, SPAN_NONE);
	ck_assert_uint_eq(o.n, 1);
	h1_out_lent(&o, span_make(head + 6, 6));
	ck_assert_uint_eq(o.n, 2);
	check_text(&o, "A: 1\r\nB: 2\r\nB: 2\r\n");
	arena_fini(&arena);
}
END_TEST

START_TEST(made_bytes_are_one_piece_until_the_area_is_full)
{
	struct h1_out o = out_of(8, 16);

	h1_out_text(&o, SPAN("0123456789"));
	h1_out_u64(&o, 123456);
	ck_assert_uint_eq(o.n, 1);
	h1_out_text(&o, SPAN("x"));
	h1_out_end(&o);
	check_text(&o, "0123456789123456x\r\n");
	arena_fini(&arena);
}
END_TEST

START_TEST(a_text_larger_than_any_area_gets_its_own)
{
	static char large[2000];
	struct h1_out o = out_of(8, 16);

	memset(large, 'y', sizeof large);
	h1_out_text(&o, span_make(large, sizeof large));
	ck_assert(!o.failed);
	ck_assert_uint_eq(o.len, sizeof large);
	arena_fini(&arena);
}
END_TEST

START_TEST(numbers_are_decimal)
{
	struct h1_out o = out_of(8, 64);

	h1_out_u64(&o, 0);
	h1_out_text(&o, SPAN(" "));
	h1_out_u64(&o, UINT64_MAX);
	check_text(&o, "0 18446744073709551615");
	arena_fini(&arena);
}
END_TEST

START_TEST(a_status_line_has_our_own_phrase)
{
	struct h1_out o = out_of(8, 64);

	h1_out_status(&o, 404);
	h1_out_status(&o, 799);
	h1_out_end(&o);
	check_text(&o, "HTTP/1.1 404 Not Found\r\nHTTP/1.1 799 Unknown\r\n\r\n");
	arena_fini(&arena);
}
END_TEST

START_TEST(unchanged_fields_leave_as_received_and_dropped_ones_do_not)
{
	static const char head[] = "A: 1\r\nB:2\r\nC:  3\r\nD: 4\r\n";
	struct field v[8];
	struct fields f = { .v = v, .size = 8 };
	struct h1_out o = out_of(8, 64);

	fields_add(&f, SPAN("A"), SPAN("1"), span_make(head, 6));
	fields_add(&f, SPAN("B"), SPAN("2"), span_make(head + 6, 5));
	fields_add(&f, SPAN("C"), SPAN("3"), span_make(head + 11, 7))->flags = FIELD_DROP;
	fields_add(&f, SPAN("D"), SPAN("4"), span_make(head + 18, 6));
	fields_add(&f, SPAN("Via"), SPAN("1.1 x"), SPAN_NONE);
	fields_add(&f, SPAN("E"), span_make("", 0), SPAN_NONE);
	h1_out_fields(&o, &f);
	h1_out_end(&o);
	ck_assert_uint_eq(o.n, 3);
	check_text(&o, "A: 1\r\nB:2\r\nD: 4\r\nVia: 1.1 x\r\nE: \r\n\r\n");
	arena_fini(&arena);
}
END_TEST

START_TEST(a_full_list_fails_once_and_for_all)
{
	struct h1_out o = out_of(1, 64);

	h1_out_lent(&o, SPAN("a"));
	h1_out_text(&o, SPAN("b"));
	ck_assert(o.failed);
	h1_out_text(&o, SPAN("c"));
	h1_out_field(&o, SPAN("N"), SPAN("v"));
	h1_out_status(&o, 200);
	ck_assert_uint_eq(o.n, 1);
	ck_assert_uint_eq(o.len, 1);
	arena_fini(&arena);
}
END_TEST

START_TEST(an_arena_at_its_cap_is_a_failure_and_no_crash)
{
	static char first[256];
	struct h1_out o;

	arena_init(&arena, first, sizeof first, 1);
	h1_out_init(&o, &arena, 4, 64);
	ck_assert(!o.failed);
	for (int i = 0; i < 10; i++)
		h1_out_field(&o, SPAN("Name"), SPAN("some value of a field"));
	ck_assert(o.failed);
	h1_out_init(&o, &arena, 1000, 64);
	ck_assert(o.failed);
	h1_out_end(&o);
	arena_fini(&arena);
}
END_TEST

UNIT_MAIN("worker/http/h1_write", touching_pieces_are_one,
    made_bytes_are_one_piece_until_the_area_is_full, a_text_larger_than_any_area_gets_its_own,
    numbers_are_decimal, a_status_line_has_our_own_phrase,
    unchanged_fields_leave_as_received_and_dropped_ones_do_not,
    a_full_list_fails_once_and_for_all, an_arena_at_its_cap_is_a_failure_and_no_crash)

#include "worker/io/buf.c"
#include "tests/unit/unit.h"

static void
fill(struct buf *b, const char *text)
{
	memcpy(b->data + b->w, text, strlen(text));
	b->w += (uint32_t)strlen(text);
}

START_TEST(a_buffer_given_back_is_the_next_one_handed_out_and_empty)
{
	struct buf *b = buf_try_get(BUF_SMALL), *same = b, *large;

	ck_assert_ptr_nonnull(b);
	fill(b, "left over");
	buf_put(&b);
	ck_assert_ptr_null(b);
	large = buf_try_get(BUF_LARGE);
	ck_assert_ptr_ne(large, same);
	b = buf_try_get(BUF_SMALL);
	ck_assert_ptr_eq(b, same);
	ck_assert_uint_eq(buf_unread(b), 0);
	ck_assert_uint_eq(buf_room(b), BUF_SMALL);
	buf_put(&b);
	buf_put(&large);
	buf_put(&large);		/* NULL: nothing */
	buf_drain_pool();
}
END_TEST

START_TEST(unusual_sizes_do_not_stay_in_the_pool)
{
	struct buf *b = buf_try_get(100);

	ck_assert_uint_eq(b->size, 100);
	buf_put(&b);
	ck_assert_uint_eq(small_slab.idle + large_slab.idle, 0);
}
END_TEST

START_TEST(the_pool_keeps_no_more_than_its_share)
{
	static struct buf *all[300];

	for (int i = 0; i < 300; i++)
		ck_assert_ptr_nonnull(all[i] = buf_try_get(BUF_SMALL));
	for (int i = 0; i < 300; i++)
		buf_put(&all[i]);
	ck_assert_uint_eq(small_slab.idle, small_slab.keep);
	buf_drain_pool();
	ck_assert_uint_eq(small_slab.idle, 0);
}
END_TEST

START_TEST(growing_and_compacting_keep_the_unread_bytes)
{
	struct buf *b = buf_try_get(16);

	fill(b, "0123456789abcdef");
	b->r = 10;
	ck_assert_ptr_nonnull(buf_try_grow(&b, 32));
	ck_assert_uint_eq(b->size, 32);
	ck_assert(span_eq_str(buf_span(b), "abcdef"));
	fill(b, "g");
	b->r = 3;
	buf_compact(b);
	ck_assert_uint_eq(b->r, 0);
	ck_assert(span_eq_str(buf_span(b), "defg"));
	buf_compact(b);
	ck_assert(span_eq_str(buf_span(b), "defg"));
	ck_assert_uint_eq(buf_room(b), 28);
	buf_put(&b);
}
END_TEST

UNIT_MAIN("worker/io/buf", a_buffer_given_back_is_the_next_one_handed_out_and_empty,
    unusual_sizes_do_not_stay_in_the_pool, the_pool_keeps_no_more_than_its_share,
    growing_and_compacting_keep_the_unread_bytes)

#include <string.h>
#include "conf/base/arena.h"
#include "tests/unit/unit.h"

START_TEST(allocations_are_aligned_and_do_not_overlap)
{
	_Alignas(16) char first[256];
	struct arena a;
	char *last = NULL;

	arena_init(&a, first + 1, sizeof first - 1, 0);		/* a lent block may begin anywhere */
	for (size_t n = 0; n < 200; n++) {
		char *p = arena_try_alloc(&a, n);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert_ptr_ne(p, last);
		memset(p, 0xee, n);
		last = p;
	}
	ck_assert_uint_gt(a.total, 0);
	arena_fini(&a);
}
END_TEST

START_TEST(first_block_serves_without_malloc)
{
	_Alignas(16) char first[64];
	struct arena a;

	arena_init(&a, first, sizeof first, 0);
	ck_assert_ptr_eq(arena_try_alloc(&a, 48), first);
	ck_assert_ptr_eq(arena_try_alloc(&a, 16), first + 48);
	ck_assert_uint_eq(a.total, 0);
	ck_assert_ptr_nonnull(arena_try_alloc(&a, 1));
	ck_assert_uint_gt(a.total, 0);
	arena_reset(&a);
	ck_assert_uint_eq(a.total, 0);
	ck_assert_ptr_eq(arena_try_alloc(&a, 1), first);
	arena_fini(&a);
}
END_TEST

START_TEST(cap_is_never_exceeded_and_used_to_the_end)
{
	struct arena a;
	size_t got = 0;

	arena_init(&a, NULL, 0, 10000);
	ck_assert_ptr_null(arena_try_alloc(&a, 10000));		/* the block's head counts too */
	ck_assert_ptr_nonnull(arena_try_alloc(&a, 9000));
	while (arena_try_alloc(&a, 16) != NULL)
		got += 16;
	ck_assert_uint_le(a.total, 10000);
	ck_assert_uint_gt(got, 0);
	ck_assert_ptr_null(arena_try_zalloc(&a, 500));
	ck_assert_ptr_null(arena_try_copy(&a, SPAN("longer than sixteen bytes")).p);
	ck_assert_ptr_null(arena_try_printf(&a, "%0100d", 1).p);
	arena_reset(&a);
	ck_assert_ptr_nonnull(arena_try_alloc(&a, 500));
	arena_fini(&a);
}
END_TEST

START_TEST(absurd_sizes_fail_instead_of_wrapping)
{
	struct arena a;

	arena_init(&a, NULL, 0, 1 << 20);
	ck_assert_ptr_null(arena_try_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_try_alloc(&a, SIZE_MAX - 15));
	ck_assert_ptr_null(arena_try_alloc(&a, SIZE_MAX / 2));
	ck_assert_uint_eq(a.total, 0);
	arena_fini(&a);
}
END_TEST

START_TEST(large_allocation_does_not_waste_the_block_in_use)
{
	struct arena a;
	char *p, *q;

	arena_init(&a, NULL, 0, 0);
	p = arena_try_alloc(&a, 16);
	ck_assert_ptr_nonnull(arena_try_alloc(&a, 100000));
	q = arena_try_alloc(&a, 16);
	ck_assert_ptr_eq(q, p + 16);
	arena_fini(&a);
}
END_TEST

START_TEST(copies_are_terminated)
{
	struct arena a;
	struct span s;

	arena_init(&a, NULL, 0, 0);
	s = arena_try_copy(&a, span_make("abcdef", 3));
	ck_assert_str_eq(s.p, "abc");
	ck_assert_uint_eq(s.n, 3);
	s = arena_try_copy(&a, SPAN_NONE);
	ck_assert_str_eq(s.p, "");
	s = arena_try_printf(&a, "%s-%d", "x", 42);
	ck_assert_str_eq(s.p, "x-42");
	ck_assert_uint_eq(s.n, 4);
	ck_assert_str_eq(arena_strdup(&a, "dup"), "dup");
	ck_assert_int_eq(*(char *)arena_alloc(&a, 1), 0);
	arena_fini(&a);
}
END_TEST

UNIT_MAIN("conf/base/arena", allocations_are_aligned_and_do_not_overlap,
    first_block_serves_without_malloc, cap_is_never_exceeded_and_used_to_the_end,
    absurd_sizes_fail_instead_of_wrapping, large_allocation_does_not_waste_the_block_in_use,
    copies_are_terminated)

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conf/base/mem.h"
#include "tests/unit/unit.h"

/* AddressSanitizer ends at a size that is too large unless it is told to answer as malloc does. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

START_TEST(memory_comes_zeroed_and_zero_bytes_are_an_object)
{
	char *p = mem_alloc(64), *q = mem_array(0, 8), *r = mem_grow(NULL, 0);

	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(p[i], 0);
	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_nonnull(r);
	mem_free(p);
	mem_free(q);
	mem_free(r);
	mem_free(NULL);
}
END_TEST

START_TEST(pages_given_back_bit_by_bit_are_those_of_the_object_alone)
{
	static const size_t sizes[] = { 1, 4096, 300000, (3u << 20) + 5 };
	char *before, *p, *after;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		before = memset(malloc(400000), 'b', 400000);
		p = memset(malloc(sizes[i]), 'p', sizes[i]);
		after = memset(malloc(400000), 'a', 400000);
		mem_free_gently(p, sizes[i]);
		for (size_t j = 0; j < 400000; j++)
			ck_assert(before[j] == 'b' && after[j] == 'a');
		free(before);
		free(after);
	}
	mem_free_gently(NULL, 0);
}
END_TEST

START_TEST(grown_memory_keeps_its_contents)
{
	char *p = mem_strdup("abc");

	p = mem_grow(p, 100000);
	ck_assert_str_eq(p, "abc");
	mem_free(p);
}
END_TEST

START_TEST(reserve_is_spent_once_and_filled_up_again)
{
	ck_assert(!mem_again(1));
	ck_assert(mem_reserve(4096));
	ck_assert(mem_again(1));
	ck_assert(!mem_again(1));
	mem_trim();
	ck_assert(mem_again(1));
	ck_assert(mem_reserve(0));
	mem_trim();
	ck_assert(!mem_again(1));
	ck_assert(mem_headroom(1 << 20));
	ck_assert(!mem_headroom(SIZE_MAX / 2));
}
END_TEST

START_TEST(memory_that_is_out_ends_the_process_with_a_failure_and_no_signal)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		mem_free(mem_array(1, SIZE_MAX / 2));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
}
END_TEST

START_TEST(slab_reuses_up_to_keep_and_counts)
{
	static struct slab s = SLAB_INIT("things", char[100], 2);
	void *p[4];

	for (int i = 0; i < 4; i++) {
		p[i] = slab_try_get(&s);
		ck_assert_ptr_nonnull(p[i]);
		memset(p[i], i, 100);
	}
	ck_assert_uint_eq(s.used, 4);
	for (int i = 0; i < 4; i++)
		slab_put(&s, p[i]);
	ck_assert_uint_eq(s.used, 0);
	ck_assert_uint_eq(s.idle, 2);
	p[2] = slab_try_get(&s);
	ck_assert_ptr_eq(p[2], p[1]);
	memset(p[2], 7, 100);
	ck_assert_uint_eq(s.idle, 1);
	slab_put(&s, p[2]);
	slab_put(&s, NULL);
	slab_drain(&s);
	ck_assert_uint_eq(s.idle, 0);
	ck_assert_ptr_null(s.free_list);
}
END_TEST

START_TEST(slab_of_objects_smaller_than_a_pointer_works)
{
	static struct slab s = SLAB_INIT("bytes", char, 1);
	void *p = slab_try_get(&s), *q;

	slab_put(&s, p);
	q = slab_try_get(&s);
	ck_assert_ptr_eq(p, q);
	slab_put(&s, q);
	slab_drain(&s);
}
END_TEST

START_TEST(what_lay_idle_between_two_looks_goes_and_what_was_used_stays)
{
	static struct slab s = SLAB_INIT("burst", char[100], 8);
	void *p[6];

	for (int i = 0; i < 6; i++)
		p[i] = slab_try_get(&s);
	for (int i = 0; i < 6; i++)
		slab_put(&s, p[i]);
	ck_assert(mem_trim());
	ck_assert_uint_eq(s.idle, 6);		/* all were in use since the look before */
	for (int i = 0; i < 2; i++)
		p[i] = slab_try_get(&s);
	for (int i = 0; i < 2; i++)
		slab_put(&s, p[i]);
	ck_assert(mem_trim());
	ck_assert_uint_eq(s.idle, 2);		/* never more than two were needed */
	ck_assert(!mem_trim());
	ck_assert_uint_eq(s.idle, 0);
	ck_assert_ptr_null(s.free_list);
}
END_TEST

UNIT_MAIN("conf/base/mem", pages_given_back_bit_by_bit_are_those_of_the_object_alone,
    memory_comes_zeroed_and_zero_bytes_are_an_object, grown_memory_keeps_its_contents,
    reserve_is_spent_once_and_filled_up_again,
    memory_that_is_out_ends_the_process_with_a_failure_and_no_signal,
    slab_reuses_up_to_keep_and_counts, slab_of_objects_smaller_than_a_pointer_works,
    what_lay_idle_between_two_looks_goes_and_what_was_used_stays)

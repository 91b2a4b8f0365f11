#include "conf/base/mem.h"
#include "conf/base/str.h"
#include "tests/unit/unit.h"

START_TEST(pieces_are_joined_and_terminated)
{
	struct str s = STR_INIT;

	str_add(&s, SPAN("ab"));
	str_adds(&s, "cd");
	str_addc(&s, 'e');
	str_printf(&s, "%d", 42);
	str_adds(&s, "");
	str_add(&s, SPAN_NONE);
	str_adds(&s, NULL);
	ck_assert_str_eq(s.data, "abcde42");
	ck_assert_uint_eq(s.len, 7);
	str_clear(&s);
	ck_assert_str_eq(s.data, "");
	str_fini(&s);
	ck_assert_ptr_null(s.data);
	ck_assert_uint_eq(str_span(&s).n, 0);
}
END_TEST

START_TEST(growth_keeps_every_byte)
{
	struct str s = STR_INIT;

	for (int i = 0; i < 5000; i++)
		str_printf(&s, "%04d", i);
	ck_assert_uint_eq(s.len, 20000);
	ck_assert_int_eq(memcmp(s.data + 4 * 4321, "4321", 4), 0);
	ck_assert(!s.cut);
	str_fini(&s);
}
END_TEST

START_TEST(cap_stops_appending_and_sets_cut)
{
	struct str s = { .cap = 5 };

	str_adds(&s, "abcde");
	ck_assert(!s.cut);
	str_addc(&s, 'f');
	ck_assert(s.cut);
	ck_assert_str_eq(s.data, "abcde");
	str_clear(&s);
	ck_assert(!s.cut);
	str_printf(&s, "%s", "12345678");
	ck_assert_str_eq(s.data, "12345");
	ck_assert_uint_eq(s.len, 5);
	ck_assert(s.cut);
	str_fini(&s);
	ck_assert_uint_eq(s.cap, 5);
}
END_TEST

START_TEST(taken_memory_is_the_callers_and_never_null)
{
	struct str s = STR_INIT;
	char *p = str_take(&s);

	ck_assert_str_eq(p, "");
	mem_free(p);
	str_adds(&s, "mine");
	p = str_take(&s);
	ck_assert_str_eq(p, "mine");
	ck_assert_ptr_null(s.data);
	ck_assert_uint_eq(s.len, 0);
	mem_free(p);
}
END_TEST

UNIT_MAIN("conf/base/str", pieces_are_joined_and_terminated, growth_keeps_every_byte,
    cap_stops_appending_and_sets_cut, taken_memory_is_the_callers_and_never_null)

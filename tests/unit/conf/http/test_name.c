/* test_name.c - every row of the table is found, in any case, and nothing else is. */
#include "tests/unit/unit.h"
#include "conf/http/name.c"

START_TEST(every_name_is_found_in_any_case)
{
	char text[32];

	for (unsigned id = 1; id < H_MAX; id++) {
		size_t n = strlen(name_text((enum hname)id));

		memcpy(text, name_text((enum hname)id), n);
		ck_assert_int_eq(name_find(span_make(text, n)), id);
		for (size_t i = 0; i < n; i++) {
			if (text[i] >= 'a' && text[i] <= 'z')
				text[i] ^= 0x20;
			ck_assert_int_eq(name_find(span_make(text, n)), id);
		}
	}
}
END_TEST

START_TEST(a_name_with_one_other_byte_is_another_name)
{
	char text[32];

	for (unsigned id = 1; id < H_MAX; id++) {
		size_t n = strlen(name_text((enum hname)id));

		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 256; c++) {
				enum hname found;

				memcpy(text, name_text((enum hname)id), n);
				if ((c | 0x20) == text[i] && (c == text[i] || c >= 'A'))
					continue;
				text[i] = (char)c;
				found = name_find(span_make(text, n));
				ck_assert_msg(found == H_OTHER ||
					span_ieq_str(span_make(text, n), name_text(found)),
				    "%s with byte %d at %zu", name_text((enum hname)id), c, i);
				ck_assert_int_ne(found, id);
			}
	}
}
END_TEST

START_TEST(the_table_is_sorted_by_length_then_alphabet)
{
	for (unsigned id = 2; id < H_MAX; id++) {
		const char *a = name_text((enum hname)(id - 1)), *b = name_text((enum hname)id);

		ck_assert_msg(strlen(a) < strlen(b) || (strlen(a) == strlen(b) && strcmp(a, b) < 0),
		    "%s, %s", a, b);
	}
}
END_TEST

START_TEST(odd_lengths_are_no_name)
{
	static const char zeros[300];

	ck_assert_int_eq(name_find(SPAN_NONE), H_OTHER);
	for (size_t n = 0; n < sizeof zeros; n++)
		ck_assert_int_eq(name_find(span_make(zeros, n)), H_OTHER);
}
END_TEST

START_TEST(unknown_ids_have_no_text_and_no_flags)
{
	ck_assert_str_eq(name_text(H_OTHER), "");
	ck_assert_str_eq(name_text(H_MAX), "");
	ck_assert_uint_eq(name_flags(H_OTHER), 0);
	ck_assert_uint_eq(name_flags(H_MAX), 0);
}
END_TEST

START_TEST(row19_the_protected_set_is_complete)
{
	static const enum hname ids[] = {
		H_HOST,
		H_CONTENT_LENGTH,
		H_TRANSFER_ENCODING,
		H_FORWARDED,
		H_VIA,
		H_AUTHORIZATION,
		H_COOKIE,
		H_X_FORWARDED_FOR,
		H_X_FORWARDED_HOST,
		H_X_FORWARDED_PORT,
		H_X_FORWARDED_PROTO,
		H_X_FORWARDED_BY,
		H_X_FORWARDED_PREFIX,
		H_X_FORWARDED_CLIENT_CERT,
		H_X_REAL_IP,
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ck_assert_msg(name_flags(ids[i]) & HN_PROTECTED, "%s", name_text(ids[i]));
}
END_TEST

UNIT_MAIN("conf/http/name", every_name_is_found_in_any_case,
    a_name_with_one_other_byte_is_another_name, the_table_is_sorted_by_length_then_alphabet,
    odd_lengths_are_no_name, unknown_ids_have_no_text_and_no_flags,
    row19_the_protected_set_is_complete)

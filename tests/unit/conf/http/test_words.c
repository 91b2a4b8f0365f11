/* test_words.c - methods, status codes and reasons: small tables by number. */
#include "tests/unit/unit.h"
#include "conf/http/method.h"
#include "conf/http/reason.h"
#include "conf/http/status.h"

START_TEST(methods_are_found_by_their_exact_name)
{
	for (unsigned m = M_OTHER + 1; m < M_MAX; m++)
		ck_assert_int_eq(method_find(span_str(method_text((enum method)m))), m);
	ck_assert_int_eq(method_find(SPAN("get")), M_OTHER);
	ck_assert_int_eq(method_find(SPAN("GETX")), M_OTHER);
	ck_assert_int_eq(method_find(SPAN("GE")), M_OTHER);
	ck_assert_int_eq(method_find(SPAN("")), M_OTHER);
	ck_assert_str_eq(method_text(M_OTHER), "");
}
END_TEST

START_TEST(safe_methods_are_idempotent_and_unknown_ones_are_neither)
{
	for (unsigned m = 0; m < M_MAX; m++)
		ck_assert(!method_safe((enum method)m) || method_idempotent((enum method)m));
	ck_assert(method_safe(M_GET) && method_safe(M_HEAD) && method_idempotent(M_PUT));
	ck_assert(
	    !method_safe(M_DELETE) && !method_idempotent(M_POST) && !method_idempotent(M_PATCH));
	ck_assert(!method_safe(M_OTHER) && !method_idempotent(M_OTHER));
}
END_TEST

START_TEST(status_codes_have_the_registered_phrase)
{
	ck_assert_str_eq(status_text(200), "OK");
	ck_assert_str_eq(status_text(413), "Content Too Large");
	ck_assert_str_eq(status_text(511), "Network Authentication Required");
	ck_assert_str_eq(status_text(299), "Unknown");
	ck_assert_str_eq(status_text(999), "Unknown");
	ck_assert_str_eq(status_text(-1), "Unknown");
}
END_TEST

START_TEST(informational_and_two_others_have_no_body)
{
	for (int code = 100; code < 1000; code++)
		ck_assert_int_eq(status_no_body(code), code < 200 || code == 204 || code == 304);
}
END_TEST

START_TEST(every_reason_has_a_token_of_its_own_and_a_known_status)
{
	for (unsigned a = 0; a < R_MAX; a++) {
		int status = reason_status((enum reason)a);

		ck_assert(strlen(reason_token((enum reason)a)) > 0 &&
		    strlen(reason_text((enum reason)a)) > 0);
		ck_assert(
		    status == 0 || status == 499 || strcmp(status_text(status), "Unknown") != 0);
		for (unsigned b = 0; b < a; b++)
			ck_assert_str_ne(
			    reason_token((enum reason)a), reason_token((enum reason)b));
	}
	ck_assert(reason_closes(R_BARE_LF) && !reason_closes(R_DENIED));
	ck_assert_int_eq(reason_status(R_TARGET_LONG), 414);
}
END_TEST

START_TEST(numbers_outside_the_list_are_internal_errors)
{
	ck_assert_str_eq(reason_token(R_MAX), "internal");
	ck_assert_int_eq(reason_status(R_MAX), 500);
}
END_TEST

UNIT_MAIN("conf/http/words", methods_are_found_by_their_exact_name,
    safe_methods_are_idempotent_and_unknown_ones_are_neither,
    status_codes_have_the_registered_phrase, informational_and_two_others_have_no_body,
    every_reason_has_a_token_of_its_own_and_a_known_status,
    numbers_outside_the_list_are_internal_errors)

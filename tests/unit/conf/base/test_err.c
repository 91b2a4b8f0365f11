#include <errno.h>
#include <string.h>
#include "conf/base/err.h"
#include "tests/unit/unit.h"

START_TEST(every_code_has_a_text)
{
	for (int i = 0; i < E_MAX; i++) {
		ck_assert_ptr_nonnull(err_text(-i));
		ck_assert_str_ne(err_text(-i), "unknown error");
	}
	ck_assert_str_eq(err_text(-E_MAX), "unknown error");
	ck_assert_str_eq(err_text(1), "unknown error");
	ck_assert_str_eq(err_text(-E_NOMEM), "out of memory");
}
END_TEST

START_TEST(first_cause_wins)
{
	struct errdetail ed = { 0 };

	ck_assert_int_eq(err_set(&ed, -E_RANGE, "port %d", 70000), -E_RANGE);
	ck_assert_int_eq(err_set(&ed, -E_SYNTAX, "later"), -E_SYNTAX);
	errno = ENOENT;
	ck_assert_int_eq(err_sys(&ed, "later still"), -E_SYS);
	ck_assert_int_eq(ed.code, -E_RANGE);
	ck_assert_str_eq(ed.text, "port 70000");
}
END_TEST

START_TEST(detail_may_be_absent)
{
	ck_assert_int_eq(err_set(NULL, -E_IO, "nobody reads this"), -E_IO);
	errno = EPERM;
	ck_assert_int_eq(err_sys(NULL, "nor this"), -E_SYS);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(system_error_is_appended_and_errno_survives)
{
	struct errdetail ed = { 0 };

	errno = ENOENT;
	ck_assert_int_eq(err_sys(&ed, "open %s", "/x"), -E_SYS);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(ed.text, "open /x: No such file or directory");
}
END_TEST

START_TEST(long_text_is_cut_and_terminated)
{
	struct errdetail ed = { 0 };
	char big[2000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	errno = EIO;
	ck_assert_int_eq(err_sys(&ed, "%s", big), -E_SYS);
	ck_assert_uint_eq(strlen(ed.text), sizeof ed.text - 1);
}
END_TEST

UNIT_MAIN("conf/base/err", every_code_has_a_text, first_cause_wins, detail_may_be_absent,
    system_error_is_appended_and_errno_survives, long_text_is_cut_and_terminated)

#include "tests/unit/unit.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "worker/shared/report.c"

static struct report_area *
area_new(void)
{
	return mmap(NULL, sizeof(struct report_area), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

START_TEST(text_is_appended_until_full)
{
	static struct report_area a;
	static char big[REPORT_TEXT];

	report_add("nowhere");
	report_set_area(&a);
	report_add("conn 7 ");
	report_add_u64("bytes", 18446744073709551615ull);
	ck_assert_uint_eq(a.pid, (uint32_t)getpid());
	ck_assert_int_eq(memcmp(a.text, "conn 7 bytes=18446744073709551615 ", a.used), 0);
	memset(big, 'x', sizeof big - 1);
	report_add(big);
	report_add(big);
	ck_assert_uint_eq(a.used, REPORT_TEXT);
	a.used = UINT32_MAX;
	report_add("y");
	ck_assert_uint_eq(a.used, UINT32_MAX);
}
END_TEST

static void
dump(void)
{
	report_add_u64("requests", 3);
}

static void
deep(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	if (here[0] == 0)
		deep(here);
	above[1] = here[0];
}

static int
die_by(int how, struct report_area *a)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		report_set_area(a);
		report_install(dump);
		if (how == 0)
			raise(SIGSEGV);
		else if (how == 1)
			ASSERT(how == 0);
		else
			deep((volatile char[2]){ 0, 0 });
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFSIGNALED(status));
	a->text[a->used < REPORT_TEXT ? a->used : REPORT_TEXT - 1] = '\0';
	return WTERMSIG(status);
}

START_TEST(dying_process_tells_why_and_dies_of_it)
{
	struct report_area *a = area_new();

	ck_assert_int_eq(die_by(0, a), SIGSEGV);
	ck_assert_ptr_nonnull(strstr(a->text, "signal=11 "));
	ck_assert_ptr_nonnull(strstr(a->text, "requests=3 "));
}
END_TEST

START_TEST(failed_assertion_is_in_the_report)
{
	struct report_area *a = area_new();

	ck_assert_int_eq(die_by(1, a), SIGABRT);
	ck_assert_ptr_nonnull(strstr(a->text, "how == 0"));
	ck_assert_ptr_nonnull(strstr(a->text, "signal=6 "));
}
END_TEST

START_TEST(exhausted_stack_leaves_a_report_too)
{
	struct report_area *a = area_new();

	ck_assert_int_eq(die_by(2, a), SIGSEGV);
	ck_assert_ptr_nonnull(strstr(a->text, "requests=3 "));
}
END_TEST

UNIT_MAIN("worker/shared/report", text_is_appended_until_full,
    dying_process_tells_why_and_dies_of_it, failed_assertion_is_in_the_report,
    exhausted_stack_leaves_a_report_too)

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conf/base/assert.h"
#include "conf/base/log.h"
#include "tests/unit/unit.h"

static char *shared;

static void
on_fail_copy(const char *what)
{
	strncat(shared, what, 200);
}

static void
on_fail_again(const char *what)
{
	strncat(shared, what, 200);
	NEVER("again");
}

static int
die_with_hook(void (*hook)(const char *))
{
	int status;
	pid_t pid;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		log_open(open("/dev/null", O_WRONLY), "test");
		assert_on_fail(hook);
		ASSERT(1 + 1 == 3);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(failure_runs_the_hook_and_aborts)
{
	int status = die_with_hook(on_fail_copy);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(shared, "1 + 1 == 3"));
	ck_assert_ptr_nonnull(strstr(shared, "test_assert.c"));
}
END_TEST

START_TEST(failure_inside_the_hook_aborts_at_once)
{
	int status = die_with_hook(on_fail_again);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(shared, "1 + 1 == 3"));
	ck_assert_ptr_null(strstr(shared, "again"));
}
END_TEST

START_TEST(failure_without_a_hook_aborts)
{
	int status = die_with_hook(NULL);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

START_TEST(soft_failure_counts_each_time_and_logs_once_a_place)
{
	uint64_t before = assert_soft_count();
	char text[4096];
	int fd[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(fd, O_NONBLOCK), 0);
	log_open(fd[1], "test");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(SOFT(i > 9), 1);
	ck_assert_int_eq(SOFT(1 == 1), 0);
	ck_assert_uint_eq(assert_soft_count(), before + 3);
	n = read(fd[0], text, sizeof text - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "i > 9"));
	ck_assert_ptr_eq(strchr(text, '\n'), text + n - 1);
}
END_TEST

START_TEST(object_with_its_magic_passes)
{
	struct thing { uint32_t magic; } t = { 0x1234 };

	ASSERT_OBJ(&t, 0x1234);
}
END_TEST

UNIT_MAIN("conf/base/assert", failure_runs_the_hook_and_aborts,
    failure_inside_the_hook_aborts_at_once, failure_without_a_hook_aborts,
    soft_failure_counts_each_time_and_logs_once_a_place, object_with_its_magic_passes)

#include <fcntl.h>
#include <string.h>
#include "conf/base/wire.h"
#include "tests/unit/unit.h"
#include "worker/back/list_helper.c"

static struct loop loop;
static struct list_helper helper;
static struct { unsigned said, ended; bool late, silent; uint32_t word; char why[128]; } got;

static void
said(void *owner, const char *buf, size_t len, int fd)
{
	struct wire w;
	uint16_t type;

	ck_assert_ptr_eq(owner, &got);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(wire_read_init(&w, (char *)(uintptr_t)buf, len, &type), 0);
	got.word = wire_get_u32(&w);
	got.said++;
}

static void
ended(void *owner, const char *why, bool late)
{
	ck_assert_ptr_eq(owner, &got);
	ck_assert(!list_helper_busy(&helper));
	got.ended++;
	got.late = late;
	got.silent = why != NULL;
	snprintf(got.why, sizeof got.why, "%s", why == NULL ? "" : why);
}

static int
tell_policy(void *owner UNUSED, int pipe)
{
	char buf[16];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, 1);
	wire_put_u32(&w, (uint32_t)sched_getscheduler(0));
	return wire_send(pipe, &w, -1);
}

static int
say_nothing(void *owner UNUSED, int pipe UNUSED)
{
	return 3;
}

static int
never_end(void *owner UNUSED, int pipe UNUSED)
{
	while (pause() != 0)
		continue;
	return 0;
}

static void
setup(void)
{
	memset(&got, 0, sizeof got);
	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	list_helper_init(&helper, &loop, &got, said, ended);
}

static void
run(enum list_weight weight, int64_t max_ms, list_job_f *job)
{
	ck_assert_int_eq(list_helper_start(&helper, weight, max_ms, job), 0);
	ck_assert(list_helper_busy(&helper));
	while (got.ended == 0)
		loop_turn(&loop, 10);
}

static void
teardown(void)
{
	list_helper_fini(&helper);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	loop_fini(&loop);
}

START_TEST(a_gentle_one_runs_where_nobody_else_does_and_a_firm_one_may_insist)
{
	setup();
	run(LIST_GENTLE, 60000, tell_policy);
	ck_assert_uint_eq(got.said, 1);
	ck_assert_uint_eq(got.word, SCHED_IDLE);
	ck_assert(!got.silent && !got.late);
	got.ended = 0;
	run(LIST_FIRM, 60000, tell_policy);
	ck_assert_uint_eq(got.word, SCHED_BATCH);
	teardown();
}
END_TEST

START_TEST(one_that_dies_silently_says_why)
{
	setup();
	run(LIST_FIRM, 60000, say_nothing);
	ck_assert_uint_eq(got.said, 0);
	ck_assert(got.silent && !got.late);
	ck_assert_str_eq(got.why, "the helper that compiles it ended with status 3");
	teardown();
}
END_TEST

START_TEST(one_that_takes_too_long_is_killed_and_called_late)
{
	setup();
	run(LIST_GENTLE, 30, never_end);
	ck_assert(got.silent && got.late);
	ck_assert_str_eq(got.why, "the helper that compiles it was killed by signal 9");
	teardown();
}
END_TEST

START_TEST(one_at_work_goes_with_its_owner)
{
	setup();
	ck_assert_int_eq(list_helper_start(&helper, LIST_GENTLE, 60000, never_end), 0);
	teardown();
	ck_assert_uint_eq(got.ended, 0);
}
END_TEST

UNIT_MAIN("worker/back/list_helper",
    a_gentle_one_runs_where_nobody_else_does_and_a_firm_one_may_insist,
    one_that_dies_silently_says_why, one_that_takes_too_long_is_killed_and_called_late,
    one_at_work_goes_with_its_owner)

/*
 * The verdict over a configuration: whatever becomes of the child that checks it, there is one.
 */
#include "master/judge.c"

#include <string.h>

#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

static struct judgement verdict;
static struct errdetail ed;

/* What a child that ended so, and wrote this, is taken for. */
static int
finish(const char *answer_text, int status)
{
	struct judge j = {
		.source.fd = -1, .answer.cap = ANSWER_MAX, .status = status, .reaped = true
	};

	str_adds(&j.answer, answer_text);
	judgement_fini(&verdict);
	ed = (struct errdetail){ 0 };
	return judge_finish(&j, &verdict, &ed);
}

static int
judge_text(const char *text)
{
	struct conf_source src;
	int rc;

	ck_assert_int_eq(conf_source_text(&src, "t.conf", span_str(text), NULL), 0);
	judgement_fini(&verdict);
	rc = judge_now(&src, &verdict, &ed);
	conf_source_fini(&src);
	return rc;
}

START_TEST(good_and_bad_files_are_told_apart)
{
	ck_assert_int_eq(judge_text(FORWARD), 0);
	ck_assert_uint_eq(verdict.errors, 0);
	ck_assert_int_eq(judge_text(FORWARD "nonsense = 1;\nmore = 2;\n"), 0);
	ck_assert_uint_eq(verdict.errors, 2);
	ck_assert_ptr_nonnull(strstr(str_span(&verdict.problems).p, "t.conf:2: "));
	judgement_fini(&verdict);
}
END_TEST

START_TEST(the_difference_to_what_serves_comes_along)
{
	struct conf *current = load_good(FORWARD);
	struct conf_source src;
	struct judge j;

	ck_assert_int_eq(
	    conf_source_text(&src, "t.conf", SPAN(FORWARD "process = { workers = 7; };"), NULL), 0);
	ck_assert_int_eq(judge_start(&j, &src, current, NULL), 0);
	ck_assert_int_eq(fcntl(j.source.fd, F_SETFL, 0), 0);
	judge_read(&j);
	ck_assert(j.ended);
	ck_assert_int_eq(waitpid(j.pid, &j.status, 0), j.pid);
	ck_assert_int_eq(judge_finish(&j, &verdict, NULL), 0);
	ck_assert_uint_ge(verdict.changes, 1);
	ck_assert_ptr_nonnull(strstr(str_span(&verdict.diff).p, "process.workers"));
	judgement_fini(&verdict);
	conf_source_fini(&src);
	conf_free(&current);
}
END_TEST

START_TEST(a_child_that_does_not_end_well_is_a_reason)
{
	static const struct { int status; const char *says; } rows[] = {
		{ SIGXCPU, "took more than 10 s" }, { SIGSEGV, "signal 11 (Segmentation fault)" },
		{ SIGKILL, "signal 9" }, { 3 << 8, "status 3" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_lt(finish("{\"errors\":0}", rows[i].status), 0);
		ck_assert_msg(strstr(ed.text, rows[i].says) != NULL, "row %zu: %s", i, ed.text);
	}
}
END_TEST

START_TEST(an_answer_that_is_none_is_a_reason)
{
	static const char *const rows[] = { "", "{", "nonsense", "{\"errors\":0" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(finish(rows[i], 0) < 0 && ed.text[0] != '\0', "row %zu", i);
}
END_TEST

/* The child may be anything by then: its numbers are not believed. */
START_TEST(numbers_out_of_bounds_count_as_none)
{
	ck_assert_int_eq(
	    finish("{\"errors\":-1,\"warnings\":99999999999,\"changes\":\"x\",\"restart\":7}", 0),
	    0);
	ck_assert(verdict.errors == 0 && verdict.warnings == 0 && verdict.changes == 0);
	ck_assert_str_eq(verdict.restart, "");
	ck_assert_int_eq(finish("{\"errors\":2,\"warnings\":3,\"restart\":\"name\"}", 0), 0);
	ck_assert(verdict.errors == 2 && verdict.warnings == 3);
	ck_assert_str_eq(verdict.restart, "name");
	judgement_fini(&verdict);
}
END_TEST

START_TEST(a_child_that_is_killed_is_no_verdict)
{
	struct conf_source src;
	struct judge j;
	bool killed;

	ck_assert_int_eq(conf_source_text(&src, "t.conf", SPAN(FORWARD), NULL), 0);
	ck_assert_int_eq(judge_start(&j, &src, NULL, NULL), 0);
	ck_assert_int_eq(kill(j.pid, SIGSTOP), 0);
	judge_kill(&j);
	ck_assert_int_eq(waitpid(j.pid, &j.status, 0), j.pid);
	j.reaped = true;
	judge_kill(&j);			/* of a process that is no more: nobody is killed */
	judge_read(&j);
	killed = WIFSIGNALED(j.status);	/* it may have been faster */
	ck_assert_int_eq(judge_finish(&j, &verdict, &ed) < 0, killed);
	judgement_fini(&verdict);
	conf_source_fini(&src);
}
END_TEST

UNIT_MAIN("master/judge", good_and_bad_files_are_told_apart,
    the_difference_to_what_serves_comes_along, a_child_that_does_not_end_well_is_a_reason,
    an_answer_that_is_none_is_a_reason, numbers_out_of_bounds_count_as_none,
    a_child_that_is_killed_is_no_verdict)

/*
 * Lists taken anew because somebody asks: one verdict, when every worker judges by what came of it.
 */
#include "master/list_reload.c"

#include "tests/unit/master/list_bench.h"

static struct json *heard;
static unsigned calls;

static void
on_done(void *owner, struct json *lists)
{
	ck_assert_ptr_eq(owner, &calls);
	json_free(&heard);
	heard = lists;
	calls++;
}

static int
reload(const char *name)
{
	return list_store_reload(&m, name, on_done, &calls, NULL);
}

static const char *
text_of(size_t i, const char *key)
{
	return json_str(json_get(json_at(heard, i), key), "none");
}

static void
setup(void)
{
	bench_open();
	bench_fill();
	bench_take_all();
}

static void
teardown(void)
{
	bench_close();
	json_free(&heard);
}

START_TEST(the_verdict_comes_when_every_worker_took_the_list)
{
	setup();
	bench_file(ads_path, "two.example\nthree.example\n");
	ck_assert_int_eq(reload("ads"), 0);
	ck_assert_uint_eq(calls, 0);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 0);
	bench_taken(0, bench_index("ads"), bench_entry("ads")->serial);
	ck_assert_uint_eq(calls, 0);
	bench_taken(1, bench_index("ads"), bench_entry("ads")->serial);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 1);
	ck_assert_str_eq(text_of(0, "name"), "ads");
	ck_assert_str_eq(text_of(0, "state"), "ok");
	ck_assert_str_eq(text_of(0, "error"), "none");
	ck_assert_int_eq(json_int(json_get(json_at(heard, 0), "entries"), 0), 2);
	teardown();
}
END_TEST

START_TEST(without_a_name_all_are_taken_even_when_nothing_changed)
{
	setup();
	ck_assert_int_eq(reload(NULL), 0);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 0);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 1);		/* the bytes were the same: no worker is asked */
	ck_assert_uint_eq(json_len(heard), 2);
	teardown();
}
END_TEST

START_TEST(a_file_that_is_gone_is_the_verdict_at_once)
{
	setup();
	unlink(ads_path);
	ck_assert_int_eq(reload("ads"), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(text_of(0, "state"), "old");
	ck_assert_ptr_nonnull(strstr(text_of(0, "error"), "No such file"));
	teardown();
}
END_TEST

/* What is being compiled may have been read before the question. */
START_TEST(a_list_at_work_is_compiled_once_more)
{
	setup();
	ck_assert_int_eq(reload("ads"), 0);
	ck_assert_int_eq(reload("ads"), 0);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 1);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 2);
	ck_assert(!bench_compile());
	teardown();
}
END_TEST

START_TEST(unknown_names_and_too_many_askers_are_refused)
{
	struct errdetail ed = { 0 };

	setup();
	ck_assert_int_eq(list_store_reload(&m, "none", on_done, &calls, &ed), -E_UNKNOWN);
	ck_assert_str_eq(ed.text, "there is no list \"none\" that an acl names");
	for (unsigned i = 0; i < RELOADS_MAX; i++)
		ck_assert_int_eq(reload("ads"), 0);
	ck_assert_int_eq(reload("ads"), -E_LIMIT);
	teardown();
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(who_is_forgotten_is_not_told)
{
	setup();
	ck_assert_int_eq(reload("ads"), 0);
	list_store_forget(&m, &calls);
	ck_assert(bench_compile());
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(m.lists.reloads.count, 0);
	teardown();
}
END_TEST

START_TEST(a_worker_that_does_not_answer_delays_no_verdict_for_ever)
{
	struct list_reload *r;

	setup();
	bench_file(ads_path, "two.example\n");
	ck_assert_int_eq(reload("ads"), 0);
	ck_assert(bench_compile());
	r = LIST_ENTRY(list_first(&m.lists.reloads), struct list_reload, node);
	r->asked_ms -= PATIENCE_MS + 1;
	list_store_tick(&m);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(text_of(0, "error"), "not every worker has told that it took the list");
	teardown();
}
END_TEST

START_TEST(a_list_that_goes_meanwhile_is_not_waited_for)
{
	setup();
	ck_assert_int_eq(reload(NULL), 0);
	list_remove(&m.generations, &gen.node);
	list_store_drop(&m);
	list_store_tick(&m);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 0);
	teardown();
}
END_TEST

START_TEST(people_see_every_list_in_use_and_its_state)
{
	setup();
	heard = list_store_json(&m);
	ck_assert_uint_eq(json_len(heard), 2);
	ck_assert_str_eq(text_of(bench_index("ads"), "kind"), "domains");
	ck_assert_str_eq(text_of(bench_index("drop"), "kind"), "addresses");
	ck_assert_str_eq(text_of(bench_index("ads"), "file"), ads_path);
	json_free(&heard);
	ck_assert_int_eq(reload("ads"), 0);
	heard = list_store_json(&m);
	ck_assert_str_eq(text_of(bench_index("ads"), "state"), "compiling");
	teardown();
}
END_TEST

UNIT_MAIN("master/list_reload", the_verdict_comes_when_every_worker_took_the_list,
    without_a_name_all_are_taken_even_when_nothing_changed,
    a_file_that_is_gone_is_the_verdict_at_once, a_list_at_work_is_compiled_once_more,
    unknown_names_and_too_many_askers_are_refused, who_is_forgotten_is_not_told,
    a_worker_that_does_not_answer_delays_no_verdict_for_ever,
    a_list_that_goes_meanwhile_is_not_waited_for, people_see_every_list_in_use_and_its_state)

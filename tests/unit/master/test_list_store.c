/*
 * Entries of lists: which must be compiled before a generation starts, which stay, which go.
 */
#include "master/list_store.c"

#include "tests/unit/master/list_bench.h"

START_TEST(a_generation_waits_for_every_list_without_an_image)
{
	bench_open();
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	ck_assert_uint_eq(m.lists.entries.count, 2);
	ck_assert_uint_eq(gen.lists_wait, 3);
	ck_assert(!list_store_ready(&gen));
	ck_assert_int_eq(bench_source(&(uint32_t){ 0 }, &(struct list_stamp){ 0 }), -2);	/* the tick sends */
	bench_close();
}
END_TEST

START_TEST(images_of_unchanged_files_start_a_generation_at_once)
{
	bench_open();
	bench_fill();
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	ck_assert(list_store_ready(&gen));
	bench_file(ads_path, "another.example\n");
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	ck_assert_uint_eq(gen.lists_wait, LIST_BIT(bench_index("ads")));
	gen.lists_wait = 0;
	unlink(drop_path);		/* gone is another state, too */
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	ck_assert_uint_eq(gen.lists_wait, 3);
	bench_close();
}
END_TEST

START_TEST(an_entry_goes_with_the_last_generation_that_uses_it)
{
	struct generation next = { .number = 2 };
	struct conf_list *ads;

	bench_open();
	bench_fill();
	list_store_drop(&m);
	ck_assert_uint_eq(m.lists.entries.count, 2);
	next.conf = bench_conf();
	ads = &next.conf->lists[bench_index("ads")];
	ads->max_entries++;		/* everything the image depends on tells lists apart */
	list_push(&m.generations, &next.node);
	ck_assert_int_eq(list_store_plan(&m, &next), 0);
	ck_assert_uint_eq(next.lists_wait, LIST_BIT(ads->index));
	ck_assert_uint_eq(m.lists.entries.count, 3);
	list_remove(&m.generations, &gen.node);
	list_store_drop(&m);
	ck_assert_uint_eq(m.lists.entries.count, 2);
	ck_assert_ptr_null(bench_entry("ads"));
	ck_assert_ptr_nonnull(list_entry_find(&m, ads));
	conf_free(&next.conf);
	bench_close();
}
END_TEST

START_TEST(lists_that_nobody_uses_are_not_kept)
{
	bench_open();
	gen.conf->lists[bench_index("drop")].used = false;
	bench_fill();
	ck_assert_uint_eq(m.lists.entries.count, 1);
	bench_close();
}
END_TEST

START_TEST(a_worker_is_greeted_with_images_an_agent_with_stamps)
{
	struct list_stamp stamp;
	uint32_t index;

	bench_open();
	bench_fill();
	bench_take_all();
	list_store_greet(&children[0]);
	ck_assert_uint_ne(bench_image(0, &index), 0);
	ck_assert_uint_ne(bench_image(0, &index), 0);
	ck_assert_uint_eq(bench_image(0, &index), 0);
	ck_assert_uint_eq(children[0].lists_due, 3);
	list_store_greet(&children[BENCH_AGENT]);
	ck_assert_int_eq(bench_source(&index, &stamp), -1);
	ck_assert(list_stamp_eq(&stamp, &list_entry_at(&children[BENCH_AGENT], index)->stamp));
	ck_assert_int_eq(bench_source(&index, &stamp), -1);
	ck_assert_int_eq(bench_source(&index, &stamp), -2);
	bench_close();
}
END_TEST

START_TEST(an_agent_that_dies_leaves_its_work_to_the_next)
{
	struct list_stamp stamp;
	uint32_t index;
	int fd;

	bench_open();
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	list_store_tick(&m);
	while ((fd = bench_source(&index, &stamp)) >= 0)
		close(fd);
	list_store_tick(&m);
	ck_assert_int_eq(bench_source(&index, &stamp), -2);	/* one agent at a time */
	seats[BENCH_AGENT].child = NULL;
	list_store_left(&children[BENCH_AGENT]);
	list_store_tick(&m);
	ck_assert_int_eq(bench_source(&index, &stamp), -2);
	seats[BENCH_AGENT].child = &children[BENCH_AGENT];
	list_store_tick(&m);
	ck_assert(bench_compile() && bench_compile() && !bench_compile());
	bench_close();
}
END_TEST

UNIT_MAIN("master/list_store", a_generation_waits_for_every_list_without_an_image,
    images_of_unchanged_files_start_a_generation_at_once,
    an_entry_goes_with_the_last_generation_that_uses_it, lists_that_nobody_uses_are_not_kept,
    a_worker_is_greeted_with_images_an_agent_with_stamps,
    an_agent_that_dies_leaves_its_work_to_the_next)

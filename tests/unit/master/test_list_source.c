/*
 * From a file to an image in force: who opens it, what is refused, and that the old image stays.
 */
#include "master/list_source.c"

#include "tests/unit/master/list_bench.h"

static void
want(uint32_t index, unsigned from)
{
	char buf[64];
	uint16_t type;
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST_WANT);
	wire_put_u32(&w, index);
	ck_assert_int_eq(wire_read_init(&w, buf, w.at, &type), 0);
	list_store_want(&children[from], &w);
}

/* A result of the agent's for "ads" whose image is this descriptor. */
static void
result(bool ok, uint64_t bytes, uint64_t digest, int image, const char *why)
{
	struct list_done d = { .index = bench_index("ads"), .ok = ok, .why = span_str(why),
		.report = { .entries = bytes != 0, .bytes = bytes, .digest = digest } };

	bench_entry("ads")->busy = &children[BENCH_AGENT];
	bench_done(&d, image);
}

START_TEST(a_changed_file_becomes_a_new_image_for_every_worker)
{
	uint32_t index, first;

	bench_open();
	bench_fill();
	bench_take_all();
	first = bench_entry("ads")->serial;
	bench_file(ads_path, "one.example\ntwo.example\n");
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert(bench_compile());
	ck_assert_uint_gt(bench_entry("ads")->serial, first);
	ck_assert_uint_eq(bench_entry("ads")->report.entries, 2);
	for (unsigned i = 0; i < BENCH_WORKERS; i++) {
		ck_assert_uint_eq(bench_image(i, &index), bench_entry("ads")->serial);
		ck_assert_uint_eq(index, bench_index("ads"));
		ck_assert_uint_eq(bench_image(i, &index), 0);
	}
	bench_close();
}
END_TEST

START_TEST(the_same_bytes_in_another_file_are_no_new_image)
{
	uint32_t serial;
	struct list_stamp stamp;

	bench_open();
	bench_fill();
	bench_take_all();
	serial = bench_entry("ads")->serial;
	stamp = bench_entry("ads")->stamp;
	unlink(ads_path);
	bench_file(ads_path, "one.example\n");
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert(bench_compile());
	ck_assert_uint_eq(bench_entry("ads")->serial, serial);
	ck_assert(!list_stamp_eq(&bench_entry("ads")->stamp, &stamp));
	ck_assert_uint_eq(bench_image(0, &(uint32_t){ 0 }), 0);
	bench_close();
}
END_TEST

START_TEST(what_looks_changed_and_is_not_is_not_compiled)
{
	struct list_stamp stamp;
	uint32_t index;

	bench_open();
	bench_fill();
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert_int_eq(bench_source(&index, &stamp), -1);
	ck_assert(list_stamp_eq(&stamp, &bench_entry("ads")->stamp));
	ck_assert_ptr_null(bench_entry("ads")->busy);
	bench_close();
}
END_TEST

START_TEST(a_file_that_vanishes_leaves_the_image_and_says_so)
{
	int image;

	bench_open();
	bench_fill();
	image = bench_entry("ads")->image;
	unlink(ads_path);
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert_int_eq(bench_source(&(uint32_t){ 0 }, &(struct list_stamp){ 0 }), -2);
	ck_assert_ptr_nonnull(strstr(bench_entry("ads")->trouble, "No such file"));
	ck_assert_int_eq(bench_entry("ads")->image, image);
	ck_assert_int_eq(mkdir(ads_path, 0700), 0);
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert_ptr_nonnull(strstr(bench_entry("ads")->trouble, "not a regular file"));
	rmdir(ads_path);
	bench_close();
}
END_TEST

/* Its folder is moved: that leaves every part of the file's stamp. */
START_TEST(a_file_that_comes_back_as_it_was_ends_the_trouble)
{
	char aside[sizeof folder + 8];

	bench_open();
	bench_fill();
	(void)snprintf(aside, sizeof aside, "%s.aside", folder);
	ck_assert_int_eq(rename(folder, aside), 0);
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert_str_ne(bench_entry("ads")->trouble, "");
	ck_assert_int_eq(rename(aside, folder), 0);
	want(bench_index("ads"), BENCH_AGENT);
	ck_assert_str_eq(bench_entry("ads")->trouble, "");
	ck_assert(!bench_compile());
	bench_close();
}
END_TEST

START_TEST(a_bad_result_leaves_the_image_as_it_was)
{
	static const struct {
		bool ok;
		uint64_t bytes;
		bool image;
		const char *why, *says;
	} rows[] = {
		{ false, 9, false, "3 lines were not understood", "3 lines were not understood" },
		{ true, 0, true, "", "the file is empty" },
		{ true, 9, false, "", "list's image" },		/* no descriptor came */
		{ true, 9, true, "", "not sealed" },
	};
	uint32_t serial;

	bench_open();
	bench_fill();
	serial = bench_entry("ads")->serial;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		result(rows[i].ok, rows[i].bytes, 77,
		    rows[i].image ? memfd_create("no", MFD_CLOEXEC) : -1, rows[i].why);
		ck_assert_msg(strstr(bench_entry("ads")->trouble, rows[i].says) != NULL,
		    "row %zu: %s", i, bench_entry("ads")->trouble);
		ck_assert_uint_eq(bench_entry("ads")->serial, serial);
		ck_assert_ptr_null(bench_entry("ads")->busy);
	}
	bench_close();
}
END_TEST

START_TEST(what_nobody_asked_the_sender_for_is_passed_over)
{
	uint32_t rounds;
	uint16_t type;
	struct wire w;
	int fd;

	bench_open();
	bench_fill();
	rounds = bench_entry("ads")->rounds;
	bench_take_all();
	want(bench_index("ads"), 0);			/* a worker has no say */
	ck_assert(!bench_hear(0, &w, &type, &fd));
	want(gen.conf->nlists, BENCH_AGENT);		/* no such list */
	bench_done(&(struct list_done){ .index = bench_index("ads"), .ok = false }, -1);	/* busy with nobody */
	bench_done(&(struct list_done){ .index = 1000, .ok = false }, -1);
	ck_assert_uint_eq(bench_entry("ads")->rounds, rounds);
	ck_assert_str_eq(bench_entry("ads")->trouble, "");
	ck_assert_int_eq(bench_source(&(uint32_t){ 0 }, &(struct list_stamp){ 0 }), -2);
	bench_close();
}
END_TEST

START_TEST(an_agent_without_a_link_is_tried_again)
{
	bench_open();
	bench_fill();
	close(children[BENCH_AGENT].link.fd);
	children[BENCH_AGENT].link.fd = -1;
	list_entry_compile(bench_entry("ads"), &children[BENCH_AGENT]);
	ck_assert(bench_entry("ads")->again);
	ck_assert_ptr_null(bench_entry("ads")->busy);
	close(far[BENCH_AGENT]);
	bench_link(BENCH_AGENT);
	list_store_tick(&m);
	ck_assert(!bench_entry("ads")->again);
	ck_assert(bench_compile());
	bench_close();
}
END_TEST

START_TEST(the_last_list_lets_its_generation_go_on)
{
	bench_open();
	gen.nworkers = 0;			/* what follows is supervision's part */
	seats[0].role = ROLE_AGENT;
	children[BENCH_AGENT].seat = &seats[0];
	seats[0].child = &children[BENCH_AGENT];
	list_remove(&m.children, &children[0].node);
	list_remove(&m.children, &children[1].node);
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	list_store_tick(&m);
	m.cycle.next = &gen;
	m.cycle.state = CYCLE_STARTING;
	ck_assert(bench_compile());
	ck_assert(!list_store_ready(&gen));
	ck_assert(bench_compile());
	ck_assert(list_store_ready(&gen));
	bench_close();
}
END_TEST

UNIT_MAIN("master/list_source", a_changed_file_becomes_a_new_image_for_every_worker,
    the_same_bytes_in_another_file_are_no_new_image, what_looks_changed_and_is_not_is_not_compiled,
    a_file_that_vanishes_leaves_the_image_and_says_so,
    a_file_that_comes_back_as_it_was_ends_the_trouble, a_bad_result_leaves_the_image_as_it_was,
    what_nobody_asked_the_sender_for_is_passed_over, an_agent_without_a_link_is_tried_again,
    the_last_list_lets_its_generation_go_on)

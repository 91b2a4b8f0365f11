/*
 * The messages about lists: what was put comes out, and what is short or long is no message.
 */
#include "worker/shared/list_link.h"

#include "tests/unit/unit.h"
#include "worker/shared/env.h"

static char buf[512];

static const struct list_stamp stamp = { 1, UINT64_MAX, 3, 4, 5 };

/* What was written, to be read; cut to this many bytes less. */
static void
turn(struct wire *w, size_t less, uint16_t want)
{
	uint16_t type;

	ck_assert_int_eq(wire_done(w), 0);
	ck_assert_int_eq(wire_read_init(w, buf, w->at - less, &type), 0);
	ck_assert_uint_eq(type, want);
}

static void
put_done(struct wire *w)
{
	const struct list_done d = { .index = 63, .ok = true, .stamp = stamp,
		.report = { 6, 7, 8, 9, 10, 11, 12 }, .why = SPAN("a reason") };

	wire_write_init(w, buf, sizeof buf, LINK_LIST_DONE);
	list_put_done(w, &d);
}

START_TEST(a_source_comes_out_as_it_was_put)
{
	struct list_stamp got;
	uint32_t index;
	struct wire w;

	for (size_t less = 0; less < 2; less++) {
		wire_write_init(&w, buf, sizeof buf, LINK_LIST_SOURCE);
		list_put_source(&w, 7, &stamp);
		turn(&w, less, LINK_LIST_SOURCE);
		ck_assert_int_eq(list_get_source(&w, &index, &got), less == 0 ? 0 : -E_TRUNCATED);
		ck_assert_uint_eq(index, 7);
		ck_assert_int_eq(list_stamp_eq(&got, &stamp), less == 0);
	}
}
END_TEST

START_TEST(a_result_comes_out_as_it_was_put)
{
	struct list_done d;
	struct wire w;

	put_done(&w);
	turn(&w, 0, LINK_LIST_DONE);
	ck_assert_int_eq(list_get_done(&w, &d), 0);
	ck_assert(d.index == 63 && d.ok && list_stamp_eq(&d.stamp, &stamp));
	ck_assert(
	    d.report.entries == 6 && d.report.bad == 7 && d.report.lines == 8 && d.report.ms == 9);
	ck_assert(d.report.bytes == 10 && d.report.image_bytes == 11 && d.report.digest == 12);
	ck_assert(span_eq_str(d.why, "a reason"));
}
END_TEST

START_TEST(a_cut_result_is_no_result)
{
	struct list_done d;
	struct wire w;

	put_done(&w);
	for (size_t less = 1, all = w.at - sizeof(uint16_t); less <= all; less++) {
		put_done(&w);
		turn(&w, less, LINK_LIST_DONE);
		ck_assert_msg(list_get_done(&w, &d) == -E_TRUNCATED, "%zu bytes less", less);
	}
}
END_TEST

START_TEST(bytes_behind_a_message_are_no_message)
{
	uint32_t index, serial;
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST);
	list_put_image(&w, 1, 2);
	turn(&w, 0, LINK_LIST);
	ck_assert_int_eq(list_get_image(&w, &index, &serial), 0);
	ck_assert(index == 1 && serial == 2);
	wire_write_init(&w, buf, sizeof buf, LINK_LIST);
	list_put_image(&w, 1, 2);
	wire_put_u32(&w, 3);
	turn(&w, 0, LINK_LIST);
	ck_assert_int_eq(list_get_image(&w, &index, &serial), -E_PROTO);
}
END_TEST

START_TEST(every_part_of_a_stamp_tells_files_apart)
{
	const struct stat st = {
		.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = { 4, 5 }, .st_ctim = { 6, 7 }
	};
	const struct list_stamp a = list_stamp_of(&st);
	const struct list_stamp others[] = {
		{ 9, a.ino, a.size, a.mtime_ns, a.ctime_ns },
		{ a.dev, 9, a.size, a.mtime_ns, a.ctime_ns },
		{ a.dev, a.ino, 9, a.mtime_ns, a.ctime_ns },
		{ a.dev, a.ino, a.size, a.mtime_ns + 1, a.ctime_ns },
		{ a.dev, a.ino, a.size, a.mtime_ns, a.ctime_ns + 1 },
	};

	ck_assert_uint_eq(a.mtime_ns, 4000000005u);
	ck_assert_uint_eq(a.ctime_ns, 6000000007u);
	ck_assert(list_stamp_eq(&a, &a));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_msg(!list_stamp_eq(&a, &others[i]), "part %zu", i);
}
END_TEST

UNIT_MAIN("worker/shared/list_link", a_source_comes_out_as_it_was_put,
    a_result_comes_out_as_it_was_put, a_cut_result_is_no_result,
    bytes_behind_a_message_are_no_message, every_part_of_a_stamp_tells_files_apart)

/*
 * The images a worker judges by: complete or not, swapped between two events, and kept when a new one is bad.
 */
#include "worker/mode/list_set.c"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/conf/load_text.h"
#include "tests/unit/lib/drive.h"
#include "worker/shared/env.h"

static const char text[] = FORWARD
    "lists = { ads = { file = \"/etc/passwd\"; kind = \"domains\"; };\n"
    "          drop = { file = \"/etc/passwd\"; kind = \"addresses\"; };\n"
    "          idle = { file = \"/etc/passwd\"; kind = \"domains\"; }; };\n"
    "acls = { a = { domain = [ \"@ads\" ]; }; b = { dst = \"@drop\"; }; };\n"
    "rules = ( { id = \"no\"; deny = true; all = [ \"a\" ]; }, { id = \"nor\"; deny = true; all = [ \"b\" ]; } );\n";

static struct conf *conf;
static struct loop loop;
static struct list_set *set;
static unsigned takes;
static uint32_t taken_index, taken_serial;

static void
on_taken(void *owner, uint32_t index, uint32_t serial)
{
	ck_assert_ptr_eq(owner, &takes);
	takes++;
	taken_index = index;
	taken_serial = serial;
}

static void
setup(void)
{
	conf = load_good(text);
	drive_start(&loop);
	takes = 0;
	set = list_set_new(conf, &loop, on_taken, &takes);
}

static void
teardown(void)
{
	list_set_free(&set);
	ck_assert_ptr_null(set);
	drive_end(&loop);
	conf_free(&conf);
}

static uint32_t
index_of(const char *name)
{
	for (uint32_t i = 0; i < conf->nlists; i++)
		if (strcmp(conf->lists[i].name, name) == 0)
			return i;
	ck_abort_msg("no list %s", name);
}

static int
image_of(enum list_kind kind, const char *lines)
{
	const struct conf_list like = { .name = "x",
		.path = "x",
		.kind = kind,
		.syntax = LIST_PLAIN,
		.match = LIST_SUFFIX,
		.max_bytes = 4096,
		.max_entries = 100 };
	int file = memfd_create("list", MFD_CLOEXEC), image;
	struct list_report report;

	ck_assert_int_eq(write(file, lines, strlen(lines)), (ssize_t)strlen(lines));
	ck_assert_int_eq(list_compile(&like, file, &image, &report, NULL), 0);
	close(file);
	return image;
}

/* fd is closed, as the worker does. */
static void
offer(uint32_t index, uint32_t serial, int fd)
{
	char buf[64];
	uint16_t type;
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST);
	list_put_image(&w, index, serial);
	ck_assert_int_eq(wire_read_init(&w, buf, w.at, &type), 0);
	list_set_offer(set, &w, fd);
	if (fd >= 0)
		close(fd);
}

static bool
finds(const char *list, const char *name)
{
	struct list_hit hit;

	return list_find_name(&list_set_images(set)[index_of(list)], span_str(name), &hit);
}

/* How many images this process has mapped. */
static unsigned
mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "proxyd-list") != NULL;
	ck_assert_int_eq(fclose(f), 0);
	return n;
}

START_TEST(a_set_is_complete_with_every_list_an_acl_names)
{
	setup();
	ck_assert(!list_set_complete(set));
	offer(index_of("ads"), 1, image_of(LIST_DOMAINS, "one.example\n"));
	loop_turn(&loop, 0);
	ck_assert(!list_set_complete(set));
	offer(index_of("drop"), 2, image_of(LIST_ADDRESSES, "10.0.0.0/8\n"));
	ck_assert(!list_set_complete(set));
	loop_turn(&loop, 0);
	ck_assert(list_set_complete(set));	/* nobody asks for "idle" */
	teardown();
}
END_TEST

START_TEST(an_image_takes_its_place_between_two_events)
{
	setup();
	offer(index_of("ads"), 7, image_of(LIST_DOMAINS, "one.example\n"));
	ck_assert(!finds("ads", "one.example"));
	ck_assert_uint_eq(takes, 0);
	loop_turn(&loop, 0);
	ck_assert(finds("ads", "one.example"));
	ck_assert(takes == 1 && taken_serial == 7 && taken_index == index_of("ads"));
	loop_turn(&loop, 0);
	ck_assert_uint_eq(takes, 1);
	teardown();
}
END_TEST

START_TEST(of_two_images_in_one_turn_the_later_is_taken_and_told)
{
	setup();
	offer(index_of("ads"), 1, image_of(LIST_DOMAINS, "one.example\n"));
	offer(index_of("ads"), 2, image_of(LIST_DOMAINS, "two.example\n"));
	loop_turn(&loop, 0);
	ck_assert(finds("ads", "two.example") && !finds("ads", "one.example"));
	ck_assert(takes == 1 && taken_serial == 2);
	ck_assert_uint_eq(mapped(), 1);
	teardown();
	ck_assert_uint_eq(mapped(), 0);
}
END_TEST

START_TEST(what_is_no_image_leaves_the_old_one)
{
	setup();
	offer(index_of("ads"), 1, image_of(LIST_DOMAINS, "one.example\n"));
	loop_turn(&loop, 0);
	offer(index_of("ads"), 2, memfd_create("nothing", MFD_CLOEXEC));
	offer(index_of("ads"), 3, image_of(LIST_ADDRESSES, "10.0.0.0/8\n"));
	offer(index_of("ads"), 4, -1);
	offer(conf->nlists, 5, image_of(LIST_DOMAINS, "two.example\n"));
	loop_turn(&loop, 0);
	ck_assert_uint_eq(takes, 1);
	ck_assert(finds("ads", "one.example"));
	teardown();
}
END_TEST

START_TEST(an_offer_that_was_not_taken_goes_with_the_set)
{
	setup();
	offer(index_of("ads"), 1, image_of(LIST_DOMAINS, "one.example\n"));
	teardown();		/* a turn of its loop follows */
	ck_assert_uint_eq(takes, 0);
	ck_assert_uint_eq(mapped(), 0);
}
END_TEST

UNIT_MAIN("worker/mode/list_set", a_set_is_complete_with_every_list_an_acl_names,
    an_image_takes_its_place_between_two_events,
    of_two_images_in_one_turn_the_later_is_taken_and_told, what_is_no_image_leaves_the_old_one,
    an_offer_that_was_not_taken_goes_with_the_set)

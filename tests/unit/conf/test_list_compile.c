/*
 * A list's file into its image: what is refused, what is counted, and that nobody can change what comes out.
 */
#include "conf/list_compile.c"

#include <stdio.h>
#include <string.h>

#include "conf/base/list_image.h"
#include "tests/unit/unit.h"

static struct conf_list list;
static struct list_report report;
static struct errdetail ed;
static int image;

static void
setup(enum list_kind kind)
{
	list = (struct conf_list){ .name = "ads", .path = "/etc/ads.txt", .kind = kind,
		.syntax = LIST_PLAIN, .match = LIST_SUFFIX, .max_bytes = 4096, .max_entries = 4 };
	ed = (struct errdetail){ 0 };
	image = -1;
}

static int
file_of(const char *text)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static int
compile(const char *text)
{
	int fd = file_of(text), rc = list_compile(&list, fd, &image, &report, &ed);

	close(fd);
	return rc;
}

/* Refused with this code, these words, and no image. */
static void
refused(int rc, int want, const char *words)
{
	ck_assert_int_eq(rc, want);
	ck_assert_int_eq(image, -1);
	ck_assert_msg(strstr(ed.text, words) != NULL, "says: %s, wants: %s", ed.text, words);
}

START_TEST(an_image_finds_what_the_file_names)
{
	struct list_image im;
	struct list_hit hit;

	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile("one.example\n# why\ntwo.example\n"), 0);
	ck_assert_uint_eq(report.entries, 2);
	ck_assert_uint_eq(report.bad, 0);
	ck_assert_uint_eq(report.lines, 3);
	ck_assert_uint_eq(report.bytes, 30);
	ck_assert_int_eq(list_image_open(&im, image, LIST_DOMAINS, NULL), 0);
	ck_assert_uint_eq(im.head->size, report.image_bytes);
	ck_assert_uint_eq(im.head->digest, report.digest);
	ck_assert(list_find_name(&im, SPAN("www.two.example"), &hit));
	ck_assert_uint_eq(hit.line, 3);
	ck_assert(!list_find_name(&im, SPAN("three.example"), &hit));
	list_image_close(&im);
	close(image);
}
END_TEST

START_TEST(addresses_are_a_kind_of_their_own)
{
	struct list_image im;
	struct list_hit hit;
	struct addr a;

	setup(LIST_ADDRESSES);
	ck_assert_int_eq(compile("10.0.0.0/8\n2001:db8::/32\n"), 0);
	ck_assert_int_eq(list_image_open(&im, image, LIST_DOMAINS, NULL), -E_PROTO);
	ck_assert_int_eq(list_image_open(&im, image, LIST_ADDRESSES, NULL), 0);
	ck_assert_int_eq(addr_parse(&a, "10.1.2.3:1", NULL), 0);
	ck_assert(list_find_addr(&im, &a, &hit));
	ck_assert_uint_eq(hit.line, 1);
	list_image_close(&im);
	close(image);
}
END_TEST

START_TEST(nobody_can_change_an_image)
{
	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile("one.example\n"), 0);
	ck_assert_int_eq(pwrite(image, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(image, 0), -1);
	ck_assert_int_eq(fcntl(image, F_ADD_SEALS, F_SEAL_SHRINK), -1);
	close(image);
}
END_TEST

START_TEST(the_same_bytes_have_the_same_digest)
{
	uint64_t first;

	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile("one.example\n"), 0);
	first = report.digest;
	close(image);
	ck_assert_int_eq(compile("one.example\n"), 0);
	ck_assert_uint_eq(report.digest, first);
	close(image);
	ck_assert_int_eq(compile("one.exampl\n"), 0);
	ck_assert_uint_ne(report.digest, first);
	close(image);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_list)
{
	struct list_image im;
	struct list_hit hit;

	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile(""), 0);
	ck_assert_uint_eq(report.entries, 0);
	ck_assert_int_eq(list_image_open(&im, image, LIST_DOMAINS, NULL), 0);
	ck_assert(!list_find_name(&im, SPAN("one.example"), &hit));
	list_image_close(&im);
	close(image);
}
END_TEST

START_TEST(a_limit_says_which_key_to_raise)
{
	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile("a.x\nb.x\nc.x\nd.x\n"), 0);
	close(image);
	refused(compile("a.x\nb.x\nc.x\nd.x\ne.x\n"), -E_LIMIT,
	    "/etc/ads.txt: more than 4 entries: raise max_entries of list \"ads\"");
	setup(LIST_DOMAINS);
	list.max_bytes = 4;
	ck_assert_int_eq(compile("a.x\n"), 0);
	close(image);
	refused(compile("a.xy\n"), -E_LIMIT,
	    "5 bytes are more than max_bytes of list \"ads\": raise it");
}
END_TEST

START_TEST(more_bad_lines_than_entries_are_another_kind_of_file)
{
	setup(LIST_DOMAINS);
	ck_assert_int_eq(compile("a.x\na..b\n"), 0);
	ck_assert_uint_eq(report.bad, 1);
	close(image);
	refused(compile("a.x\na..b\n<html>\n"), -E_SYNTAX,
	    "2 lines were not understood and 1 entries were");
	ck_assert_ptr_nonnull(strstr(ed.text, "kind \"domains\""));
	setup(LIST_ADDRESSES);
	refused(compile("a.x\n"), -E_SYNTAX, "kind \"addresses\"");
}
END_TEST

/* The first of them one by one, then their number. */
START_TEST(a_file_of_nonsense_does_not_fill_the_log)
{
	static char said[65536];
	char text[1024];
	size_t n = 0, lines = 0;
	int log = memfd_create("log", MFD_CLOEXEC), saved = dup(STDERR_FILENO);

	setup(LIST_DOMAINS);
	for (unsigned i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%u..x\n", i);
	dup2(log, STDERR_FILENO);
	ck_assert_int_eq(compile(text), -E_SYNTAX);
	dup2(saved, STDERR_FILENO);
	ck_assert_int_ge(pread(log, said, sizeof said - 1, 0), 0);
	for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, BAD_LOGGED + 1);
	ck_assert_ptr_nonnull(strstr(said, "list ads: /etc/ads.txt:10: "));
	ck_assert_ptr_null(strstr(said, "/etc/ads.txt:11: "));
	ck_assert_ptr_nonnull(strstr(said, "100 of 100 lines were not understood"));
	close(log);
	close(saved);
}
END_TEST

START_TEST(what_is_not_a_file_is_refused)
{
	int pipe_fd[2], fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	setup(LIST_DOMAINS);
	refused(list_compile(&list, fd, &image, &report, &ed), -E_IO, "not a regular file");
	close(fd);
	ck_assert_int_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
	setup(LIST_DOMAINS);
	refused(list_compile(&list, pipe_fd[0], &image, &report, &ed), -E_IO, "not a regular file");
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	setup(LIST_DOMAINS);
	refused(list_compile(&list, -1, &image, &report, &ed), -E_SYS, "/etc/ads.txt");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told_with_its_name)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);	/* fstat works, reading does not */

	setup(LIST_DOMAINS);
	list.max_bytes = INT64_MAX;
	refused(list_compile(&list, fd, &image, &report, &ed), -E_SYS, "/etc/ads.txt");
	close(fd);
}
END_TEST

UNIT_MAIN("conf/list_compile", an_image_finds_what_the_file_names,
    addresses_are_a_kind_of_their_own, nobody_can_change_an_image,
    the_same_bytes_have_the_same_digest, an_empty_file_is_an_empty_list,
    a_limit_says_which_key_to_raise, more_bad_lines_than_entries_are_another_kind_of_file,
    a_file_of_nonsense_does_not_fill_the_log, what_is_not_a_file_is_refused,
    a_file_that_cannot_be_read_is_told_with_its_name)

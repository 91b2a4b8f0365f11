#include <stdio.h>
#include <unistd.h>
#include "conf/base/str.h"
#include "tests/unit/unit.h"
#include "worker/back/hosts.c"

static void
check(const struct hosts *h, const char *name, const char *want)
{
	struct addr list[8];
	unsigned n = hosts_find(h, span_str(name), list, ARRAY_LEN(list));
	struct str text = STR_INIT;
	char one[ADDR_TEXT];

	for (unsigned i = 0; i < n; i++)
		str_printf(&text, "%s%s", i == 0 ? "" : " ", addr_ip_text(&list[i], one));
	ck_assert(span_eq_str(str_span(&text), want));
	str_fini(&text);
}

START_TEST(names_and_aliases_have_their_addresses_in_order)
{
	static const char text[] = "127.0.0.1\tlocalhost\n"
				   "# 10.0.0.9 commented\n"
				   "::1 localhost ip6-localhost # the other\r\n"
				   "  10.0.0.1   Db.Example.  db\t\n"
				   "\n"
				   "10.0.0.2 db\n"
				   "10.0.0.3\n"
				   "10.0.0 short\n"
				   "fe80::1%lo zone\n"
				   "10.0.0.4 last";
	struct hosts *h = hosts_parse(span_str(text));

	ck_assert_ptr_nonnull(h);
	check(h, "localhost", "127.0.0.1 ::1");
	check(h, "ip6-localhost", "::1");
	check(h, "db.example", "10.0.0.1");
	check(h, "db", "10.0.0.1 10.0.0.2");
	check(h, "last", "10.0.0.4");
	check(h, "commented", "");
	check(h, "the", "");
	check(h, "short", "");
	check(h, "zone", "");
	check(h, "", "");
	hosts_free(&h);
	ck_assert_ptr_null(h);
}
END_TEST

START_TEST(no_more_than_asked_are_given)
{
	struct hosts *h = hosts_parse(SPAN("10.0.0.1 a\n10.0.0.2 a\n10.0.0.3 a\n"));
	struct addr list[2];

	ck_assert_uint_eq(hosts_find(h, SPAN("a"), list, 2), 2);
	hosts_free(&h);
}
END_TEST

START_TEST(a_file_that_is_not_there_holds_no_names)
{
	struct hosts *h = hosts_read("/nonexistent/hosts");

	ck_assert_ptr_nonnull(h);
	check(h, "localhost", "");
	hosts_free(&h);
}
END_TEST

START_TEST(a_file_is_read)
{
	char path[] = "/tmp/hosts-XXXXXX";
	int fd = mkstemp(path);
	struct hosts *h;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "10.0.0.1 a\n", 11), 11);
	close(fd);
	h = hosts_read(path);
	unlink(path);
	check(h, "a", "10.0.0.1");
	hosts_free(&h);
}
END_TEST

UNIT_MAIN("worker/back/hosts", names_and_aliases_have_their_addresses_in_order,
    no_more_than_asked_are_given, a_file_that_is_not_there_holds_no_names, a_file_is_read)

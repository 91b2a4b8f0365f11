#include <stdio.h>
#include <unistd.h>
#include "conf/base/arena.h"
#include "conf/base/map.h"
#include "conf/base/str.h"
#include "tests/unit/unit.h"

/* The n-th allocation of hosts.c fails; 0: none does. */
static unsigned fail_at, allocations;
#define FAILS() (++allocations == fail_at)
#define calloc(n, size) (FAILS() ? NULL : calloc(n, size))
#define malloc(size) (FAILS() ? NULL : malloc(size))
#define arena_try_zalloc(a, n) (FAILS() ? NULL : arena_try_zalloc(a, n))
#define arena_try_alloc(a, n) (FAILS() ? NULL : arena_try_alloc(a, n))
#define map_put(m, key, value) (FAILS() ? -E_NOMEM : map_put(m, key, value))
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

START_TEST(without_memory_there_are_no_names_and_nothing_is_kept)
{
	struct hosts *h;

	for (fail_at = 1;; fail_at++) {
		allocations = 0;
		h = hosts_parse(SPAN("10.0.0.1 a b\n10.0.0.2 a\n"));
		if (h != NULL)
			break;
	}
	ck_assert_uint_eq(fail_at - 1, 1 + 3 + 3 + 2);	/* itself; entry, name and place of a and b; a has its place */
	check(h, "a", "10.0.0.1 10.0.0.2");
	hosts_free(&h);
	allocations = 0;
	fail_at = 1;
	ck_assert_ptr_null(hosts_read("/etc/hosts"));
}
END_TEST

UNIT_MAIN("worker/back/hosts", without_memory_there_are_no_names_and_nothing_is_kept,
    names_and_aliases_have_their_addresses_in_order, no_more_than_asked_are_given,
    a_file_that_is_not_there_holds_no_names, a_file_is_read)

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "tests/unit/unit.h"
#include "worker/back/list_watch.c"

static struct conf_list list = { .name = "names",
	.path = "/nonexistent/names",
	.kind = LIST_DOMAINS, .max_bytes = 1 << 24,
	.max_entries = 1 << 20,
	.refresh_ms = 3600000,
	.used = true };
static struct conf conf = { .lists = &list, .nlists = 1 };
static struct loop loop;
static struct list_watch *watch;
static int master;

static void
setup(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	master = pair[0];
	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	watch = list_watch_new(&loop, &conf, pair[1]);
}

static void
teardown(void)
{
	int link = watch->link;

	list_watch_free(&watch);
	loop_fini(&loop);
	close(link);
	close(master);
}

/* A source as the master sends it: so many lines, of which the watch knows none, or an earlier state. */
static void
give_source(unsigned lines, bool known)
{
	int fd = memfd_create("names", MFD_CLOEXEC);
	struct list_stamp stamp = { .ino = 7, .mtime_ns = 1 };
	char buf[256], line[32];
	struct wire w;
	uint16_t type;

	for (unsigned i = 0; i < lines; i++) {
		int n = snprintf(line, sizeof line, "www.name-number-%08u.test\n", i);

		ck_assert_int_eq(write(fd, line, (size_t)n), n);
		stamp.size += (uint64_t)n;
	}
	watch->files[0].known.ino = known ? 6 : 0;
	wire_write_init(&w, buf, sizeof buf, LINK_LIST_SOURCE);
	list_put_source(&w, 0, &stamp);
	w = (struct wire){ .buf = buf, .size = w.at };
	ck_assert_int_eq(wire_read_init(&w, buf, w.size, &type), 0);
	list_watch_source(watch, &w, fd);
}

static bool
done(uint32_t *entries)
{
	char buf[WIRE_MAX];
	struct list_done d;
	struct wire w;
	size_t len;
	uint16_t type;
	int fd;

	if (wire_recv(master, buf, sizeof buf, &len, &fd) != 0)
		return false;
	ck_assert_int_eq(wire_read_init(&w, buf, len, &type), 0);
	ck_assert_uint_eq(type, LINK_LIST_DONE);
	ck_assert_int_eq(list_get_done(&w, &d), 0);
	ck_assert(d.ok && fd >= 0);
	close(fd);
	*entries = d.report.entries;
	return true;
}

START_TEST(a_long_list_in_force_is_compiled_gently_others_firmly)
{
	static const struct { unsigned lines; bool known, firm; } rows[] = {
		{ 20000, true, false }, { 20000, false, true }, { 20, true, true },
	};
	uint32_t entries = 0;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		setup();
		give_source(rows[i].lines, rows[i].known);
		ck_assert_ptr_eq(watch->compiled, &watch->files[0]);
		ck_assert_int_eq(watch->files[0].firm, rows[i].firm);
		while (list_helper_busy(&watch->helper))
			loop_turn(&loop, 10);
		ck_assert(done(&entries));
		ck_assert_uint_eq(entries, rows[i].lines);
		teardown();
	}
}
END_TEST

START_TEST(what_was_too_gentle_is_begun_anew_and_firmly)
{
	uint32_t entries = 0;

	setup();
	give_source(20000, true);
	watch->helper.late = true;		/* as its timer does */
	ck_assert_int_eq(kill(watch->helper.pid, SIGKILL), 0);
	while (!watch->files[0].firm)
		loop_turn(&loop, 10);
	ck_assert(list_helper_busy(&watch->helper));
	while (!done(&entries))
		loop_turn(&loop, 10);
	ck_assert_uint_eq(entries, 20000);
	while (list_helper_busy(&watch->helper))
		loop_turn(&loop, 10);
	ck_assert(!watch->files[0].firm && watch->files[0].source == -1);
	teardown();
}
END_TEST

START_TEST(a_source_that_comes_on_the_heels_of_a_result_is_compiled_too)
{
	uint32_t entries = 0;

	setup();
	give_source(30, true);
	while (!watch->helper.told)
		loop_turn(&loop, 10);
	ck_assert(done(&entries) && list_helper_busy(&watch->helper));
	give_source(40, true);
	while (!done(&entries))
		loop_turn(&loop, 10);
	ck_assert_uint_eq(entries, 40);
	teardown();
}
END_TEST

START_TEST(a_helper_and_not_the_agent_lets_go_of_an_old_image_last)
{
	struct pollfd end = { .events = POLLIN };
	int ends[2];

	setup();
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	end.fd = ends[0];
	list_watch_old(watch, ends[1]);
	ck_assert_int_eq(fcntl(ends[1], F_GETFD), -1);
	ck_assert_uint_eq(watch->nolds, 0);
	ck_assert(list_helper_busy(&watch->helper));
	while (list_helper_busy(&watch->helper))
		loop_turn(&loop, 10);
	ck_assert_int_eq(poll(&end, 1, 10000), 1);
	ck_assert((end.revents & POLLHUP) != 0);
	close(ends[0]);
	teardown();
}
END_TEST

UNIT_MAIN("worker/back/list_watch", a_long_list_in_force_is_compiled_gently_others_firmly,
    what_was_too_gentle_is_begun_anew_and_firmly,
    a_source_that_comes_on_the_heels_of_a_result_is_compiled_too,
    a_helper_and_not_the_agent_lets_go_of_an_old_image_last)

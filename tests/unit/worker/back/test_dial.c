#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conf/base/mem.h"
#include "tests/unit/unit.h"
#include "worker/back/dial.c"

static struct loop loop;
static struct dial d;
static struct stats_lane *lane;
static unsigned done, allowed;
static enum reason result;

static void
on_done(struct dial *self, enum reason why)
{
	ck_assert_ptr_eq(self, &d);
	ck_assert(!self->busy);
	done++;
	result = why;
}

static void
setup(void)
{
	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	lane = mem_alloc(sizeof *lane);
	d = (struct dial){ .done = on_done };
	done = allowed = 0;
	result = R_MAX;
}

static void
teardown(void)
{
	conn_free(&d.conn);
	loop_turn(&loop, 0);
	ck_assert_uint_eq(loop.timers.n, 0);
	mem_free(lane);
	loop_fini(&loop);
}

static struct addr
address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	return a;
}

/* Binds an address of loopback; listening with backlog, or not at all below 0. Fills in the port. */
static int
bind_local(struct addr *a, const char *text, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*a = address(text);
	ck_assert_int_eq(bind(fd, &a->u.sa, a->len), 0);
	if (backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &a->len), 0);
	return fd;
}

/* A listener whose queue is full drops every SYN, as an address behind a black hole would. */
struct hole { int fd, fill[8]; };

static void
hole_open(struct hole *h, struct addr *a)
{
	h->fd = bind_local(a, "127.0.0.1:0", 0);
	for (unsigned i = 0; i < ARRAY_LEN(h->fill); i++) {
		h->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(h->fill[i], &a->u.sa, a->len);
	}
	usleep(20000);
}

static void
hole_close(struct hole *h)
{
	for (unsigned i = 0; i < ARRAY_LEN(h->fill); i++)
		close(h->fill[i]);
	close(h->fd);
}

static int64_t
run(const struct addr *list, unsigned n, int64_t timeout)
{
	int64_t start = loop.now_ms;

	dial_start(&d, &loop, lane, list, n, timeout);
	while (done == 0 && loop.now_ms - start < 10000)
		loop_turn(&loop, 100);
	ck_assert_uint_eq(done, 1);
	return loop.now_ms - start;
}

static enum reason
not_the_first(struct dial *self UNUSED, const struct addr *a)
{
	allowed++;
	return addr_port(a) == 1 ? R_ADDRESS_DENIED : R_NONE;
}

START_TEST(a_look_finds_the_address_dialled_first_and_dials_nothing)
{
	struct addr list[] = { address("127.0.0.1:1"), address("127.0.0.1:2"),
		address("127.0.0.1:3") };

	setup();
	d.allow = not_the_first;
	ck_assert_int_eq(dial_look(&d, list, 3), R_NONE);
	ck_assert_uint_eq(addr_port(&d.peer), 2);
	ck_assert_uint_eq(allowed, 2);
	ck_assert_int_eq(dial_look(&d, list, 1), R_ADDRESS_DENIED);
	ck_assert_int_eq(dial_look(&d, list, 0), R_CONNECT_FAILED);
	ck_assert(!d.busy && done == 0);
	teardown();
}
END_TEST

START_TEST(the_first_address_that_answers_wins)
{
	struct addr a;
	int fd;

	setup();
	fd = bind_local(&a, "127.0.0.1:0", 8);
	run(&a, 1, 1000);
	ck_assert_int_eq(result, R_NONE);
	ck_assert(conn_connected(d.conn));
	ck_assert(addr_eq(&d.peer, &a));
	ck_assert_uint_eq(lane->counter[C_UP_CONNECTS], 1);
	close(fd);
	teardown();
}
END_TEST

START_TEST(a_refused_address_is_followed_at_once_by_the_next)
{
	struct addr list[2];
	int refused, good;

	setup();
	refused = bind_local(&list[0], "127.0.0.1:0", -1);
	good = bind_local(&list[1], "127.0.0.2:0", 8);
	ck_assert_int_lt(run(list, 2, 3000), ATTEMPT_DELAY_MS);
	ck_assert_int_eq(result, R_NONE);
	ck_assert(addr_eq(&d.peer, &list[1]));
	ck_assert_uint_eq(lane->counter[C_UP_CONNECT_FAILS], 1);
	close(refused);
	close(good);
	teardown();
}
END_TEST

START_TEST(all_refused_is_connect_failed)
{
	struct addr list[3];
	int fds[3];

	setup();
	for (unsigned i = 0; i < 3; i++)
		fds[i] = bind_local(&list[i], "127.0.0.1:0", -1);
	run(list, 3, 3000);
	ck_assert_int_eq(result, R_CONNECT_FAILED);
	ck_assert_ptr_null(d.conn);
	ck_assert_uint_eq(lane->counter[C_UP_CONNECT_FAILS], 3);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	teardown();
}
END_TEST

START_TEST(a_black_hole_costs_the_attempt_delay)
{
	struct addr list[2];
	struct hole hole;
	int64_t took;
	int good;

	setup();
	hole_open(&hole, &list[0]);
	good = bind_local(&list[1], "127.0.0.2:0", 8);
	took = run(list, 2, 3000);
	ck_assert_int_eq(result, R_NONE);
	ck_assert(addr_eq(&d.peer, &list[1]));
	ck_assert_int_ge(took, ATTEMPT_DELAY_MS - 10);
	ck_assert_int_le(took, ATTEMPT_DELAY_MS + 200);
	hole_close(&hole);
	close(good);
	teardown();
}
END_TEST

START_TEST(two_black_holes_do_not_hide_a_third_address)
{
	struct addr list[3];
	struct hole hole;
	int good;

	setup();
	hole_open(&hole, &list[0]);
	list[1] = list[0];
	good = bind_local(&list[2], "127.0.0.2:0", 8);
	ck_assert_int_le(run(list, 3, 2000), 1300);
	ck_assert_int_eq(result, R_NONE);
	ck_assert(addr_eq(&d.peer, &list[2]));
	hole_close(&hole);
	close(good);
	teardown();
}
END_TEST

START_TEST(the_deadline_ends_it)
{
	struct addr a;
	struct hole hole;
	int64_t took;

	setup();
	hole_open(&hole, &a);
	took = run(&a, 1, 300);
	ck_assert_int_eq(result, R_CONNECT_TIMEOUT);
	ck_assert_int_ge(took, 290);
	ck_assert_int_le(took, 500);
	hole_close(&hole);
	teardown();
}
END_TEST

static enum reason
allow_only_2(struct dial *self UNUSED, const struct addr *a)
{
	allowed++;
	return a->u.in4.sin_addr.s_addr == htonl(0x7f000002) ? R_NONE : R_ADDRESS_DENIED;
}

START_TEST(an_address_that_is_not_allowed_is_never_dialled)
{
	struct addr list[2];
	int denied, good;

	setup();
	denied = bind_local(&list[0], "127.0.0.1:0", 8);
	good = bind_local(&list[1], "127.0.0.2:0", 8);
	d.allow = allow_only_2;
	run(list, 2, 1000);
	ck_assert_int_eq(result, R_NONE);
	ck_assert(addr_eq(&d.peer, &list[1]));
	ck_assert_uint_eq(allowed, 2);
	ck_assert(fcntl(denied, F_SETFL, O_NONBLOCK) == 0 && accept(denied, NULL, NULL) < 0);
	close(denied);
	close(good);
	teardown();
}
END_TEST

START_TEST(nothing_allowed_tells_the_refusal_before_it_returns)
{
	struct addr list[2] = { address("127.0.0.1:9"), address("127.0.0.3:9") };

	setup();
	d.allow = allow_only_2;
	dial_start(&d, &loop, lane, list, 2, 1000);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(result, R_ADDRESS_DENIED);
	ck_assert_uint_eq(lane->counter[C_UP_CONNECT_FAILS], 0);
	teardown();
}
END_TEST

START_TEST(a_failed_connect_outweighs_a_refusal)
{
	struct addr list[2] = { address("127.0.0.1:9") };
	int refused;

	setup();
	refused = bind_local(&list[1], "127.0.0.2:0", -1);
	d.allow = allow_only_2;
	run(list, 2, 1000);
	ck_assert_int_eq(result, R_CONNECT_FAILED);
	close(refused);
	teardown();
}
END_TEST

START_TEST(no_address_at_all_fails)
{
	setup();
	dial_start(&d, &loop, lane, NULL, 0, 1000);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(result, R_CONNECT_FAILED);
	teardown();
}
END_TEST

START_TEST(it_dials_from_the_source_of_the_family)
{
	struct addr a, source = address("127.0.0.9:0"), from;
	int fd, client;

	setup();
	fd = bind_local(&a, "127.0.0.1:0", 8);
	d.source4 = &source;
	run(&a, 1, 1000);
	ck_assert_int_eq(result, R_NONE);
	from.len = sizeof from.u;
	client = accept(fd, &from.u.sa, &from.len);
	ck_assert_int_ge(client, 0);
	ck_assert_uint_eq(ntohl(from.u.in4.sin_addr.s_addr), 0x7f000009);
	close(client);
	close(fd);
	teardown();
}
END_TEST

START_TEST(nothing_is_called_after_cancel)
{
	struct addr a;
	struct hole hole;

	setup();
	hole_open(&hole, &a);
	dial_start(&d, &loop, lane, &a, 1, 100);
	loop_turn(&loop, 0);
	dial_cancel(&d);
	dial_cancel(&d);
	for (unsigned i = 0; i < 4; i++)
		loop_turn(&loop, 50);
	ck_assert_uint_eq(done, 0);
	hole_close(&hole);
	teardown();
}
END_TEST

/* A full queue of a UNIX socket is an answer at once where TCP would wait. */
START_TEST(a_unix_socket_whose_queue_is_full_is_waited_for)
{
	char text[64];
	struct addr a;
	int fill[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(text, sizeof text, "unix:/tmp/test_dial.%d", (int)getpid());
	a = address(text);
	ck_assert_int_eq(bind(fd, &a.u.sa, a.len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (unsigned i = 0; i < ARRAY_LEN(fill); i++) {
		fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], &a.u.sa, a.len);
	}
	setup();
	dial_start(&d, &loop, lane, &a, 1, 5000);
	loop_turn(&loop, 30);
	ck_assert_uint_eq(done, 0);
	close(accept(fd, NULL, NULL));
	for (unsigned i = 0; i < 100 && done == 0; i++)
		loop_turn(&loop, 50);
	ck_assert_int_eq(result, R_NONE);
	ck_assert_ptr_nonnull(d.conn);
	teardown();
	setup();
	dial_start(&d, &loop, lane, &a, 1, 60);		/* full again: until the deadline */
	for (unsigned i = 0; i < 100 && done == 0; i++)
		loop_turn(&loop, 50);
	ck_assert_int_eq(result, R_CONNECT_TIMEOUT);
	teardown();
	unlink(a.u.un.sun_path);
	setup();
	dial_start(&d, &loop, lane, &a, 1, 60);
	ck_assert_int_eq(result, R_CONNECT_FAILED);
	teardown();
	for (unsigned i = 0; i < ARRAY_LEN(fill); i++)
		close(fill[i]);
	close(fd);
}
END_TEST

UNIT_MAIN("worker/back/dial", a_look_finds_the_address_dialled_first_and_dials_nothing,
    the_first_address_that_answers_wins, a_refused_address_is_followed_at_once_by_the_next,
    all_refused_is_connect_failed, a_black_hole_costs_the_attempt_delay,
    two_black_holes_do_not_hide_a_third_address, the_deadline_ends_it,
    an_address_that_is_not_allowed_is_never_dialled,
    nothing_allowed_tells_the_refusal_before_it_returns, a_failed_connect_outweighs_a_refusal,
    no_address_at_all_fails, it_dials_from_the_source_of_the_family, nothing_is_called_after_cancel,
    a_unix_socket_whose_queue_is_full_is_waited_for)

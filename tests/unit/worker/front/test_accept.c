/* Connections from real listening sockets: in batches, without descriptors, in an overload, and at the end. */
#include "worker/front/accept.c"

#include <netinet/in.h>
#include <sys/resource.h>

#include "tests/unit/unit.h"
#include "worker/front/porter.h"
#include "worker/front/session_priv.h"

#define MANY 40

static struct conf_listener listener;
static struct conf conf = { .listeners = &listener, .nlisteners = 1,
	.overload = { .delay_ms = 100, .interval_ms = 1000 },
	.timeouts = { .head_ms = 10000, .keepalive_ms = 60000, .keepalive_requests = 1000,
	    .keepalive_age_ms = 3600000 } };
static struct listen_fd listens[2];
static struct env env = { .conf = &conf, .listens = listens, .nlistens = 2 };
static struct stats_lane *lane;
static struct ctx x;
static struct acceptor *acceptor;
static int clients[2 * MANY];
static unsigned nclients;

static int
listen_here(struct addr *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(addr_parse(at, "127.0.0.1:0", NULL), 0);
	ck_assert_int_eq(bind(fd, &at->u.sa, at->len), 0);
	ck_assert_int_eq(getsockname(fd, &at->u.sa, &at->len), 0);
	ck_assert_int_eq(listen(fd, 2 * MANY), 0);
	return fd;
}

static void
setup(void)
{
	lane = mem_alloc(sizeof *lane);
	x = (struct ctx){ .env = &env, .conf = &conf, .stats = lane, .max_sessions = 1000 };
	ck_assert_int_eq(loop_init(&x.loop, NULL), 0);
	list_init(&x.sessions);
	for (unsigned i = 0; i < 2; i++) {
		listens[i] = (struct listen_fd){ .slot = i };
		listens[i].fd = listen_here(&listens[i].addr);
	}
	acceptor = acceptor_new(&x, NULL);
	ck_assert_ptr_nonnull(acceptor);
	ck_assert_int_eq(acceptor_serve(acceptor, 0), 0);
	ck_assert_int_eq(acceptor_serve(acceptor, 0), 0);	/* again: nothing new */
}

static void
teardown(void)
{
	for (unsigned i = 0; i < nclients; i++)
		close(clients[i]);
	x.shed.on = false;
	while (!list_empty(&x.sessions))
		session_close(LIST_ENTRY(list_first(&x.sessions), struct session, node));
	porter_free(&x.porter);
	acceptor_free(&acceptor);
	acceptor_free(&acceptor);
	for (unsigned i = 0; i < 2; i++)
		close(listens[i].fd);
	loop_fini(&x.loop);
	buf_drain_pool();
	mem_free(lane);
}

/* Connected means that the kernel has it in its queue. 0, or what connect said. */
static int
come(unsigned slot)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	clients[nclients++] = fd;
	return connect(fd, &listens[slot].addr.u.sa, listens[slot].addr.len) == 0 ? 0 : errno;
}

static void
come_many(unsigned slot, unsigned n)
{
	while (n-- > 0)
		ck_assert_int_eq(come(slot), 0);
}

/* What new sessions do with their sockets is not looked at here. */
static void
overload(bool on)
{
	if (x.porter == NULL)
		x.porter = porter_new(&x, acceptor);
	x.shed.on = on;
}

START_TEST(a_batch_is_taken_a_turn_and_the_rest_in_the_next)
{
	setup();
	come_many(0, 2 * BATCH + 6);
	loop_turn(&x.loop, 1000);		/* as an event and as a task */
	ck_assert_uint_eq(x.sessions.count, 2 * BATCH);
	ck_assert(x.loop.behind);
	loop_turn(&x.loop, 0);
	ck_assert_uint_eq(x.sessions.count, 2 * BATCH + 6);
	ck_assert(!x.loop.behind);
	come_many(1, 1);			/* a slot nobody serves here */
	loop_turn(&x.loop, 0);
	ck_assert_uint_eq(x.sessions.count, 2 * BATCH + 6);
	teardown();
}
END_TEST

START_TEST(in_an_overload_connections_wait_in_the_kernel_until_they_are_asked_for)
{
	setup();
	ck_assert_int_eq(acceptor_serve(acceptor, 1), 0);
	overload(true);
	come_many(0, 5);
	come_many(1, 5);
	loop_turn(&x.loop, 1000);
	ck_assert_uint_eq(x.sessions.count, 0);
	ck_assert(!x.loop.behind);		/* which is not its lag */
	ck_assert(acceptor_take(acceptor, 3));
	ck_assert_uint_eq(x.sessions.count, 3);
	ck_assert(acceptor_take(acceptor, 5));	/* from both doors */
	ck_assert_uint_eq(x.sessions.count, 8);
	ck_assert(!acceptor_take(acceptor, 9));
	ck_assert_uint_eq(x.sessions.count, 10);
	ck_assert(!acceptor_take(acceptor, 9));
	come_many(0, 2);
	loop_turn(&x.loop, 1000);
	ck_assert_uint_eq(x.sessions.count, 10);
	overload(false);
	acceptor_resume(acceptor);
	ck_assert_uint_eq(x.sessions.count, 12);
	teardown();
}
END_TEST

/* The last descriptor is given up to tell a client by closing. */
START_TEST(without_descriptors_a_client_is_closed_on_and_accepting_rests)
{
	struct rlimit all, few;
	char byte;
	int next;

	setup();
	come_many(0, 3);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	next = dup(0);
	close(next);
	few = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = all.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	loop_turn(&x.loop, 1000);
	ck_assert_uint_eq(x.sessions.count, 0);
	ck_assert(acceptor->resting);
	ck_assert_int_eq(recv(clients[0], &byte, 1, 0), 0);
	ck_assert_int_eq(acceptor->reserve >= 0, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_int_eq(come(0), 0);
	while (acceptor->resting)
		loop_turn(&x.loop, 1000);
	loop_turn(&x.loop, 0);
	ck_assert_uint_ge(x.sessions.count, 2);	/* 3, but valgrind closes what it has no number for */
	teardown();
}
END_TEST

START_TEST(who_leaves_a_shared_socket_takes_what_woke_it_and_no_more)
{
	setup();
	listens[1].shared = true;
	ck_assert_int_eq(acceptor_serve(acceptor, 1), 0);
	come_many(1, MANY);
	acceptor_leave(acceptor, 1);
	ck_assert_uint_eq(x.sessions.count, MANY);
	come_many(1, 1);
	loop_turn(&x.loop, 0);
	ck_assert_uint_eq(x.sessions.count, MANY);
	come_many(0, 1);
	acceptor_leave(acceptor, 0);		/* it has a queue of its own: who adopts it will take it */
	ck_assert_uint_eq(x.sessions.count, MANY);
	teardown();
}
END_TEST

START_TEST(who_stops_takes_what_has_come_and_lets_go_of_the_sockets)
{
	struct listen_fd held[2];

	setup();
	overload(true);
	come_many(0, 3);
	acceptor_stop(acceptor);
	ck_assert_uint_eq(x.sessions.count, 3);
	ck_assert_int_eq(come(0), ECONNREFUSED);
	ck_assert_int_eq(come(1), ECONNREFUSED);
	for (unsigned i = 0; i < 2; i++)
		listens[i].fd = listen_here(&held[i].addr);	/* for teardown to close */
	teardown();
}
END_TEST

UNIT_MAIN("worker/front/accept", a_batch_is_taken_a_turn_and_the_rest_in_the_next,
    in_an_overload_connections_wait_in_the_kernel_until_they_are_asked_for,
    without_descriptors_a_client_is_closed_on_and_accepting_rests,
    who_leaves_a_shared_socket_takes_what_woke_it_and_no_more,
    who_stops_takes_what_has_come_and_lets_go_of_the_sockets)

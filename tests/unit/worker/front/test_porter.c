/* Who is let in during an overload, and who waits. Time is that of the test, bytes come through pairs of sockets. */
#include "worker/front/porter.c"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define MANY 40

static struct conf_listener listener;
static struct conf conf = { .listeners = &listener, .nlisteners = 1,
	.overload = { .delay_ms = 100, .interval_ms = 1000 },
	.timeouts = { .head_ms = 10000, .keepalive_ms = 60000, .keepalive_requests = 1000,
	    .keepalive_age_ms = 3600000 } };
static struct env env = { .conf = &conf };
static struct stats_lane *lane;
static struct ctx x;
static struct acceptor *acceptor;
static struct porter *porter;
static struct session *sessions[MANY];
static int clients[MANY];

static void
setup(void)
{
	lane = mem_alloc(sizeof *lane);
	x = (struct ctx){ .env = &env, .conf = &conf, .stats = lane, .max_sessions = 1000 };
	ck_assert_int_eq(loop_init(&x.loop, NULL), 0);
	list_init(&x.sessions);
	list_init(&x.reqs);
	x.request_limits = (struct h1_limits){ .max_head = 4096, .max_field = 4096,
		.max_target = 4096, .max_fields = 50 };
	acceptor = acceptor_new(&x, NULL);
	ck_assert_ptr_nonnull(acceptor);
	porter = x.porter = porter_new(&x, acceptor);
}

static void
teardown(void)
{
	for (unsigned i = 0; i < MANY; i++)
		if (clients[i] > 0)
			close(clients[i]);
	while (!list_empty(&x.sessions))
		session_close(LIST_ENTRY(list_first(&x.sessions), struct session, node));
	ck_assert_uint_eq(lane->counter[C_CONNS_HELD], 0);
	ck_assert_uint_eq(lane->counter[C_CONNS_IDLE], 0);
	ck_assert_uint_eq(x.shed.refused, 0);
	porter_free(&x.porter);
	acceptor_free(&acceptor);
	loop_fini(&x.loop);
	buf_drain_pool();
	mem_free(lane);
}

/* A client connects. */
static void
come(unsigned i)
{
	struct addr peer;
	int fds[2];

	ck_assert_int_eq(addr_parse(&peer, "192.0.2.1:4000", NULL), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	clients[i] = fds[1];
	session_start(&x, &listener, fds[0], &peer);
	sessions[i] = LIST_ENTRY(list_last(&x.sessions), struct session, node);
}

/* It sends less than a head, so that who has read it waits for more. */
static void
ask(unsigned i)
{
	ck_assert_int_eq(write(clients[i], "GET /", 5), 5);
}

/* One who was served before. */
static void
come_again(unsigned i)
{
	come(i);
	loop_turn(&x.loop, 0);
	sessions[i]->requests = 1;
	ck_assert_int_eq(sessions[i]->state, SESS_IDLE);
}

static void
begin(uint32_t room)
{
	x.shed = (struct shed){ .on = true, .room = room };
	porter_turn(porter);
}

/* A turn later, as the worker would end it, of which everybody held has waited age_ms. */
static void
turn(uint32_t room, int64_t credit_us, int64_t age_ms)
{
	loop_turn(&x.loop, 0);
	for (unsigned i = 0; i < MANY; i++)
		if (sessions[i] != NULL && sessions[i]->state == SESS_HELD)
			sessions[i]->due_ms = x.loop.now_ms - age_ms;
	x.shed.room = room;
	x.shed.credit_us = credit_us;
	x.shed.cpu_us = 0;
	porter_turn(porter);
	loop_turn(&x.loop, 0);
}

static uint32_t
count(unsigned first, unsigned behind, enum session_state state)
{
	uint32_t n = 0;

	for (unsigned i = first; i < behind; i++)
		n += sessions[i]->state == state;
	return n;
}

/* Every worker can bear SHED_FLOOR requests; these are on their way already. */
static struct list_node busy[SHED_FLOOR];

static void
be_busy(void)
{
	for (unsigned i = 0; i < SHED_FLOOR; i++)
		list_push(&x.reqs, &busy[i]);
}

START_TEST(what_a_kept_connection_asks_stays_unread_until_there_is_room)
{
	setup();
	be_busy();
	come_again(0);
	begin(0);
	ask(0);
	turn(0, 0, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HELD);
	ck_assert_uint_eq(conn_bytes_in(sessions[0]->conn), 0);
	ck_assert_uint_eq(lane->counter[C_CONNS_HELD], 1);
	ck_assert_uint_eq(lane->counter[C_CONNS_IDLE], 0);
	turn(1, 0, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HEAD);
	ck_assert_uint_eq(conn_bytes_in(sessions[0]->conn), 5);
	teardown();
}
END_TEST

START_TEST(a_worker_that_does_little_lets_everybody_in)
{
	setup();
	come_again(0);
	begin(0);
	ask(0);
	turn(0, 0, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HEAD);
	teardown();
}
END_TEST

START_TEST(a_new_connection_without_a_byte_is_watched_and_not_read)
{
	setup();
	be_busy();
	begin(0);
	come(0);
	ck_assert_int_eq(sessions[0]->state, SESS_HELD);
	turn(1, 0, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_IDLE);
	ck_assert(sessions[0]->watched);
	ask(0);
	loop_turn(&x.loop, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HELD);
	ck_assert_uint_eq(conn_bytes_in(sessions[0]->conn), 0);
	teardown();
}
END_TEST

START_TEST(who_was_served_goes_first_and_of_others_one_a_turn)
{
	setup();
	be_busy();
	for (unsigned i = 0; i < 10; i++)
		come_again(i);
	begin(0);
	for (unsigned i = 10; i < 20; i++)
		come(i);
	for (unsigned i = 0; i < 20; i++)
		ask(i);
	turn(6, 0, 0);
	ck_assert_uint_eq(count(0, 10, SESS_HEAD), 6);
	ck_assert_uint_eq(count(10, 20, SESS_HEAD), 1);
	ck_assert_int_eq(sessions[19]->state, SESS_HEAD);	/* the newest */
	turn(6, 0, 0);
	ck_assert_uint_eq(count(0, 10, SESS_HEAD), 10);
	ck_assert_uint_eq(count(10, 20, SESS_HEAD), 3);
	ck_assert_int_eq(sessions[17]->state, SESS_HEAD);
	teardown();
}
END_TEST

START_TEST(as_many_are_refused_as_there_is_credit_for_and_none_that_just_came)
{
	setup();
	be_busy();
	begin(0);
	for (unsigned i = 0; i < 10; i++)
		come(i);
	for (unsigned i = 0; i < 10; i++)
		ask(i);
	turn(0, 100, 4);
	ck_assert_uint_eq(count(0, 10, SESS_HEAD), 1);		/* the one a turn */
	ck_assert(!x.shed.pressed);
	turn(0, 100, 5);
	ck_assert_uint_eq(porter->refusals, 5);
	ck_assert_uint_eq(count(0, 10, SESS_HEAD), 7);
	ck_assert(x.shed.pressed);				/* who waits keeps the episode going */
	ck_assert_int_lt(x.shed.credit_us, 100);		/* it was measured and paid */
	ck_assert_uint_gt(porter->began_us, 0);
	ck_assert(sessions[4]->refused);
	ck_assert(!sessions[8]->refused);
	ck_assert_uint_eq(x.shed.refused, 5);
	ck_assert_uint_eq(x.shed.demand, SHED_FLOOR + 5);	/* 3 held are others than the 5, and still fewer */
	ck_assert_int_eq(sessions[2]->state, SESS_HELD);
	ck_assert_int_eq(sessions[3]->state, SESS_HEAD);
	teardown();
}
END_TEST

START_TEST(who_waited_as_long_as_a_head_may_take_is_told_without_credit)
{
	setup();
	be_busy();
	come_again(0);
	begin(0);
	ask(0);
	turn(0, 0, 0);
	turn(0, 0, 9999);
	ck_assert_int_eq(sessions[0]->state, SESS_HELD);
	turn(0, 0, 10000);
	ck_assert_int_eq(sessions[0]->state, SESS_HEAD);
	ck_assert(sessions[0]->refused);
	teardown();
}
END_TEST

START_TEST(at_its_end_everybody_is_read_as_before)
{
	setup();
	be_busy();
	for (unsigned i = 0; i < 4; i++)
		come_again(i);
	begin(0);
	come(4);
	ask(0);
	ask(4);
	turn(0, 0, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HELD);
	ck_assert(sessions[1]->watched);
	x.shed.on = false;
	porter_turn(porter);
	for (unsigned i = 0; i < 2; i++)
		loop_turn(&x.loop, 0);
	ck_assert_int_eq(sessions[0]->state, SESS_HEAD);
	ck_assert_int_eq(sessions[4]->state, SESS_HEAD);
	ck_assert(!sessions[1]->watched);
	ask(1);
	loop_turn(&x.loop, 0);
	ck_assert_int_eq(sessions[1]->state, SESS_HEAD);
	teardown();
}
END_TEST

START_TEST(who_is_killed_while_it_waits_is_forgotten)
{
	setup();
	be_busy();
	come_again(0);
	begin(0);
	ask(0);
	turn(0, 0, 0);
	ck_assert_uint_eq(lane->counter[C_CONNS_HELD], 1);
	session_kill(sessions[0]);
	sessions[0] = NULL;
	ck_assert_uint_eq(lane->counter[C_CONNS_HELD], 0);
	turn(10, 0, 0);
	ck_assert(list_empty(&x.sessions));
	teardown();
}
END_TEST

UNIT_MAIN("worker/front/porter", what_a_kept_connection_asks_stays_unread_until_there_is_room,
    a_worker_that_does_little_lets_everybody_in,
    a_new_connection_without_a_byte_is_watched_and_not_read,
    who_was_served_goes_first_and_of_others_one_a_turn,
    as_many_are_refused_as_there_is_credit_for_and_none_that_just_came,
    who_waited_as_long_as_a_head_may_take_is_told_without_credit,
    at_its_end_everybody_is_read_as_before, who_is_killed_while_it_waits_is_forgotten)

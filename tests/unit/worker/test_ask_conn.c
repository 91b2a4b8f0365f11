/*
 * Many connections are killed a turn's worth at a time; who comes meanwhile is not meant.
 */
#include "worker/front/session.h"

#define session_kill kill_noted
static void kill_noted(struct session *);
#include "worker/ask_conn.c"
#undef session_kill

#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/mem.h"
#include "tests/unit/unit.h"
#include "worker/shared/sheet.h"

#define MANY 350

static struct ctx x;
static struct env env;
static struct stats_lane lane;
static struct asks all;
static struct session sessions[MANY + 1];
static unsigned killed;
static int master;

static void
kill_noted(struct session *s)
{
	list_remove(&x.sessions, &s->node);
	killed++;
}

static void
come(unsigned i, const char *client)
{
	struct addr a;

	sessions[i] = (struct session){ .x = &x, .id = i + 1 };
	ck_assert_int_eq(addr_parse(&a, client, NULL), 0);
	sessions[i].peer = addr_pack(&a);
	list_push(&x.sessions, &sessions[i].node);
}

static void
ask_kill(const char *args)
{
	char buf[256];
	struct wire w, r;
	uint16_t type;

	wire_write_init(&w, buf, sizeof buf, LINK_ASK);
	wire_put_u32(&w, 7);
	wire_put_span(&w, SPAN("conn kill"));
	wire_put_span(&w, span_str(args));
	ck_assert_int_eq(wire_read_init(&r, buf, w.at, &type), 0);
	asks_take(&all, &r);
}

/* How many were killed, as the master is told; -1: it is not told yet. */
static int64_t
told(void)
{
	char buf[WIRE_MAX];
	struct json *doc;
	int64_t n;
	size_t len;
	int fd;

	if (wire_recv(master, buf, sizeof buf, &len, &fd) != 0)
		return -1;
	doc = sheet_read(fd, NULL);
	n = json_int(json_get(doc, "killed"), -2);
	json_free(&doc);
	close(fd);
	return n;
}

START_TEST(many_are_killed_over_turns_and_those_who_come_meanwhile_are_not)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	env.link = pair[0];
	master = pair[1];
	x.env = &env;
	x.stats = &lane;
	ck_assert_int_eq(loop_init(&x.loop, NULL), 0);
	list_init(&x.sessions);
	asks_init(&all, &x);
	for (unsigned i = 0; i < MANY; i++)
		come(i, i % 7 == 3 ? "192.0.2.1:1" : "127.0.0.2:1");
	ask_kill("{\"client\":\"127.0.0.2\"}");
	for (unsigned turns = 1; turns <= 3; turns++) {
		ck_assert_int_eq(told(), -1);
		asks_run(&all);
		ck_assert_uint_eq(killed, turns * KILL_TURN < 300 ? turns * KILL_TURN : 300);
		ck_assert_int_eq(list_linked(&all.wake.node), 1);
		if (turns == 1)
			come(MANY, "127.0.0.2:2");
	}
	asks_run(&all);
	ck_assert_int_eq(told(), 300);
	ck_assert_uint_eq(x.sessions.count, MANY - 300 + 1);
	ck_assert(list_empty(&all.waiting) && list_empty(&all.open));
	asks_fini(&all);
	loop_fini(&x.loop);
	close(env.link);
	close(master);
}
END_TEST

UNIT_MAIN("worker/ask_conn", many_are_killed_over_turns_and_those_who_come_meanwhile_are_not)

/*
 * Questions to workers: every asker hears once, whatever the workers do.
 */
#include "master/ask.c"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/lib/drive.h"

#define WORKERS 3

static struct master m;
static struct generation gens[2];
static struct seat seats[WORKERS];
static struct child children[WORKERS];
static int far[WORKERS];	/* the workers' ends */
static struct json *heard;
static unsigned calls;

/* Two workers of the generation that serves and one that drains. */
static void
setup(void)
{
	memset(&m, 0, sizeof m);
	ck_assert_int_eq(loop_init(&m.loop, NULL), 0);
	list_init(&m.children);
	ask_init(&m);
	gens[0].number = 1;
	gens[1].number = 2;
	m.current = &gens[1];
	for (unsigned i = 0; i < WORKERS; i++) {
		int pair[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
		seats[i] = (struct seat){ .master = &m, .role = ROLE_WORKER, .slot = i,
			.gen = &gens[i == 2 ? 0 : 1] };
		children[i] = (struct child){ .master = &m, .seat = &seats[i], .pid = 100 + (int)i,
			.link.fd = pair[0], .state = i == 2 ? CHILD_DRAINING : CHILD_READY };
		far[i] = pair[1];
		list_push(&m.children, &children[i].node);
	}
	heard = NULL;
	calls = 0;
}

static void
teardown(void)
{
	ask_fini(&m);
	for (unsigned i = 0; i < WORKERS; i++) {
		close(children[i].link.fd);
		close(far[i]);
	}
	json_free(&heard);
	loop_fini(&m.loop);
}

static void
on_done(void *owner, struct json *answers)
{
	ck_assert_ptr_eq(owner, &calls);
	json_free(&heard);
	heard = answers;
	calls++;
}

/* The ticket of the question this worker got; 0: none. */
static uint32_t
asked(unsigned i)
{
	char buf[WIRE_MAX];
	struct wire w;
	uint16_t type;
	uint32_t ticket;
	size_t len;
	int fd;

	if (wire_recv(far[i], buf, sizeof buf, &len, &fd) != 0)
		return 0;
	ck_assert_int_eq(wire_read_init(&w, buf, len, &type), 0);
	ck_assert_int_eq(type, LINK_ASK);
	ticket = wire_get_u32(&w);
	ck_assert(span_eq_str(wire_get_span(&w), "verb"));
	ck_assert(span_eq_str(wire_get_span(&w), "{\"a\":1}"));
	ck_assert_int_eq(wire_done(&w), 0);
	return ticket;
}

/* What supervision does with a LINK_TELL of this child. */
static void
tell(unsigned i, uint32_t ticket, bool ok, const char *doc)
{
	struct json *j = json_parse(span_str(doc), NULL);
	char buf[64];
	struct wire w, r;
	uint16_t type;
	int fd;

	ck_assert_int_eq(sheet_write(j, &fd, NULL), 0);
	wire_write_init(&w, buf, sizeof buf, LINK_TELL);
	wire_put_u32(&w, ticket);
	wire_put_u32(&w, ok);
	ck_assert_int_eq(wire_read_init(&r, buf, w.at, &type), 0);
	ask_told(&children[i], &r, fd);
	close(fd);
	json_free(&j);
}

static struct json *
args(void)
{
	struct json *o = json_obj();

	json_set_int(o, "a", 1);
	return o;
}

static void
ask_all(int64_t limit_ms)
{
	ask_workers(&m, ASK_ALL, "verb", args(), limit_ms, on_done, &calls);
}

static const char *
error_of(size_t i)
{
	return json_str(json_get(json_at(heard, i), "error"), "none");
}

START_TEST(all_are_asked_and_heard_together)
{
	uint32_t ticket;

	setup();
	ask_all(ASK_MS);
	ticket = asked(0);
	ck_assert_uint_ne(ticket, 0);
	ck_assert(asked(1) == ticket && asked(2) == ticket);
	tell(2, ticket, true, "{\"x\":2}");
	tell(0, ticket, false, "{\"error\":\"no\"}");
	ck_assert_uint_eq(calls, 0);
	tell(1, ticket, true, "{\"x\":1}");
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 3);
	ck_assert_int_eq(json_int(json_get(json_at(heard, 0), "pid"), 0), 102);
	ck_assert_int_eq(json_int(json_get(json_at(heard, 0), "generation"), 0), 1);
	ck_assert_int_eq(
	    json_int(json_get(json_get(json_at(heard, 0), "data"), "x"), 0), 2);
	ck_assert_str_eq(error_of(1), "no");
	ck_assert_int_eq(json_int(json_get(json_at(heard, 2), "slot"), 0), 1);
	teardown();
}
END_TEST

START_TEST(one_or_the_current_ones_can_be_asked)
{
	setup();
	ask_workers(&m, ASK_CURRENT, "verb", args(), ASK_MS, on_done, &calls);
	ck_assert(asked(0) != 0 && asked(1) != 0 && asked(2) == 0);
	ask_workers(&m, ASK_ONE, "verb", args(), ASK_MS, on_done, &calls);
	ck_assert(asked(0) != 0 && asked(1) == 0 && asked(2) == 0);
	children[0].state = CHILD_STARTING;
	ask_workers(&m, ASK_ONE, "verb", args(), ASK_MS, on_done, &calls);
	ck_assert(asked(0) == 0 && asked(1) != 0 && asked(2) == 0);
	teardown();
}
END_TEST

START_TEST(who_dies_is_not_waited_for)
{
	uint32_t ticket;

	setup();
	ask_all(ASK_MS);
	ticket = asked(0);
	tell(0, ticket, true, "{}");
	ask_left(&children[1]);
	ask_left(&children[2]);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(error_of(1), "it ended before it answered");
	tell(1, ticket, true, "{}");	/* said after all: nobody listens */
	ck_assert_uint_eq(calls, 1);
	teardown();
}
END_TEST

START_TEST(who_is_silent_is_told_of_in_time)
{
	uint32_t ticket;

	setup();
	ask_all(5);
	ticket = asked(0);
	tell(0, ticket, true, "{}");
	DRIVE_UNTIL(&m.loop, calls == 1);
	ck_assert_uint_eq(json_len(heard), 3);
	ck_assert_str_eq(error_of(0), "none");
	ck_assert_str_eq(error_of(2), "it did not answer in time");
	tell(1, ticket, true, "{}");
	ck_assert_uint_eq(calls, 1);
	teardown();
}
END_TEST

START_TEST(nonsense_changes_nothing)
{
	char buf[8] = { 0 };
	struct wire w;
	uint32_t ticket;
	uint16_t type;

	setup();
	ask_all(ASK_MS);
	ticket = asked(0);
	tell(0, ticket + 1, true, "{}");
	ck_assert_int_eq(wire_read_init(&w, buf, 4, &type), 0);
	ask_told(&children[0], &w, -1);		/* cut off */
	ck_assert_uint_eq(calls, 0);
	tell(0, ticket, true, "{}");
	tell(0, ticket, true, "{}");		/* twice */
	tell(1, ticket, true, "{}");
	ck_assert_uint_eq(calls, 0);
	tell(2, ticket, false, "[]");
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 3);
	ck_assert_str_eq(error_of(2), "it gave no reason");
	teardown();
}
END_TEST

START_TEST(an_answer_without_a_sheet_is_an_error)
{
	char buf[64];
	struct wire w, r;
	uint16_t type;

	setup();
	ask_workers(&m, ASK_ONE, "verb", args(), ASK_MS, on_done, &calls);
	wire_write_init(&w, buf, sizeof buf, LINK_TELL);
	wire_put_u32(&w, asked(0));
	wire_put_u32(&w, 1);
	ck_assert_int_eq(wire_read_init(&r, buf, w.at, &type), 0);
	ask_told(&children[0], &r, -1);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(error_of(0), "the answer is no sealed file");
	teardown();
}
END_TEST

START_TEST(a_forgotten_asker_hears_nothing)
{
	uint32_t ticket;

	setup();
	ask_all(1);
	ticket = asked(0);
	ask_forget(&m, &calls);
	tell(0, ticket, true, "{}");
	drive(&m.loop, 3);
	ck_assert_uint_eq(calls, 0);
	ck_assert(list_empty(&m.asks.questions));
	teardown();
}
END_TEST

START_TEST(nobody_to_ask_is_an_answer_too)
{
	setup();
	children[0].state = children[1].state = CHILD_STOPPING;
	ask_workers(&m, ASK_CURRENT, "verb", NULL, ASK_MS, on_done, &calls);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 0);
	teardown();
}
END_TEST

START_TEST(open_questions_have_a_bound)
{
	setup();
	for (unsigned i = 0; i < OPEN_MAX; i++) {
		ask_workers(&m, ASK_ONE, "verb", args(), ASK_MS, on_done, &calls);
		ck_assert_uint_ne(asked(0), 0);
	}
	ck_assert_uint_eq(calls, 0);
	ask_workers(&m, ASK_ONE, "verb", args(), ASK_MS, on_done, &calls);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(asked(0), 0);
	teardown();
}
END_TEST

START_TEST(arguments_too_long_for_a_message_reach_nobody)
{
	static char lengthy[WIRE_MAX];
	struct json *o = json_obj();

	setup();
	memset(lengthy, 'x', sizeof lengthy - 1);
	json_set_str(o, "a", lengthy);
	ask_workers(&m, ASK_CURRENT, "verb", o, ASK_MS, on_done, &calls);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(json_len(heard), 2);
	ck_assert_str_eq(error_of(0), err_text(-E_LIMIT));
	teardown();
}
END_TEST

UNIT_MAIN("master/ask", all_are_asked_and_heard_together, one_or_the_current_ones_can_be_asked,
    who_dies_is_not_waited_for, who_is_silent_is_told_of_in_time, nonsense_changes_nothing,
    an_answer_without_a_sheet_is_an_error, a_forgotten_asker_hears_nothing,
    nobody_to_ask_is_an_answer_too, open_questions_have_a_bound,
    arguments_too_long_for_a_message_reach_nobody)

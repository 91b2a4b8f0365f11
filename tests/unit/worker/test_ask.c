/*
 * What the master asks is answered from the end of a turn, at once or later; nonsense is not.
 */
#include "worker/ask.c"

#include <sys/socket.h>

#include "tests/unit/lib/drive.h"

static struct ctx x;
static struct env env;
static struct stats_lane lane;
static struct asks all;
static int master;	/* its end of the link */

static void
setup(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	env.link = pair[0];
	master = pair[1];
	x.env = &env;
	x.stats = &lane;
	list_init(&x.sessions);
	asks_init(&all, &x);
}

static void
teardown(void)
{
	asks_fini(&all);
	close(env.link);
	close(master);
}

static void
put(uint32_t ticket, const char *verb, const char *args)
{
	char buf[WIRE_MAX];
	struct wire w, r;
	uint16_t type;

	wire_write_init(&w, buf, sizeof buf, LINK_ASK);
	wire_put_u32(&w, ticket);
	wire_put_span(&w, span_str(verb));
	wire_put_span(&w, span_str(args));
	ck_assert_int_eq(wire_read_init(&r, buf, w.at, &type), 0);
	asks_take(&all, &r);
}

/* The next answer, NULL: none. */
static struct json *
told(uint32_t *ticket, uint32_t *ok)
{
	char buf[WIRE_MAX];
	struct json *doc;
	struct wire w;
	uint16_t type;
	size_t len;
	int fd;

	if (wire_recv(master, buf, sizeof buf, &len, &fd) != 0)
		return NULL;
	ck_assert_int_eq(wire_read_init(&w, buf, len, &type), 0);
	ck_assert_int_eq(type, LINK_TELL);
	*ticket = wire_get_u32(&w);
	*ok = wire_get_u32(&w);
	ck_assert_int_eq(wire_done(&w), 0);
	doc = sheet_read(fd, NULL);
	ck_assert_ptr_nonnull(doc);
	close(fd);
	return doc;
}

static void
expect(uint32_t ticket, uint32_t ok, const char *text)
{
	uint32_t t = 0, o = 7;
	struct json *doc = told(&t, &o);
	struct str out = STR_INIT;

	ck_assert_ptr_nonnull(doc);
	json_dump(doc, false, &out);
	ck_assert_uint_eq(t, ticket);
	ck_assert_uint_eq(o, ok);
	ck_assert_str_eq(out.data, text);
	str_fini(&out);
	json_free(&doc);
}

START_TEST(an_answer_waits_for_the_end_of_the_turn)
{
	uint32_t t, ok;

	setup();
	put(7, "conn ls", "{\"limit\":1}");
	ck_assert_ptr_null(told(&t, &ok));
	asks_run(&all);
	expect(7, 1, "{\"conns\":[],\"left_out\":0}");
	ck_assert_ptr_null(told(&t, &ok));
	ck_assert(list_empty(&all.open));
	teardown();
}
END_TEST

START_TEST(a_refusal_says_why)
{
	setup();
	put(1, "conn ls", "{\"client\":\"10.0.0.0/40\"}");
	put(2, "conn kill", "{}");
	put(3, "nothing", "{}");
	asks_run(&all);
	expect(3, 0, "{\"error\":\"this worker does not know the question\"}");
	for (uint32_t i = 1; i <= 2; i++) {
		uint32_t ticket = 0, ok = 7;
		struct json *doc = told(&ticket, &ok);

		ck_assert_uint_eq(ticket, i);
		ck_assert_uint_eq(ok, 0);
		ck_assert_ptr_nonnull(json_get(doc, "error"));
		json_free(&doc);
	}
	teardown();
}
END_TEST

START_TEST(an_ask_may_be_answered_later_or_never)
{
	struct ask *a;
	uint32_t t, ok;

	setup();
	for (uint32_t i = 1; i <= 2; i++)
		put(i, "conn ls", "{}");
	a = LIST_ENTRY(list_shift(&all.waiting), struct ask, node);
	list_push(&all.open, &a->node);		/* as a verb that keeps it */
	ask_answer(a, json_obj());
	expect(1, 1, "{}");
	asks_fini(&all);
	ck_assert_ptr_null(told(&t, &ok));
	ck_assert(list_empty(&all.waiting) && list_empty(&all.open));
	teardown();
}
END_TEST

START_TEST(asks_have_a_bound)
{
	setup();
	for (uint32_t i = 1; i <= ASKS_MAX; i++)
		put(i, "conn ls", "{}");
	put(1000, "conn ls", "{}");
	expect(1000, 0, "{\"error\":\"too many questions at a time\"}");
	teardown();
}
END_TEST

START_TEST(nonsense_is_not_answered)
{
	uint32_t t, ok;

	setup();
	put(1, "conn ls", "{");
	put(2, "conn ls", "");
	asks_run(&all);
	ck_assert_ptr_null(told(&t, &ok));
	teardown();
}
END_TEST

START_TEST(an_answer_too_long_becomes_a_refusal)
{
	struct json *o = json_obj();
	struct ask *a;
	char *text;

	setup();
	text = calloc(1, SHEET_MAX + 1);
	memset(text, 'x', SHEET_MAX);
	json_set_str(o, "x", text);
	put(5, "conn ls", "{}");
	a = LIST_ENTRY(list_shift(&all.waiting), struct ask, node);
	list_push(&all.open, &a->node);
	ask_answer(a, o);
	expect(5, 0, "{\"error\":\"the answer is longer than 4194304 bytes\"}");
	free(text);
	teardown();
}
END_TEST

UNIT_MAIN("worker/ask", an_answer_waits_for_the_end_of_the_turn, a_refusal_says_why,
    an_ask_may_be_answered_later_or_never, asks_have_a_bound, nonsense_is_not_answered,
    an_answer_too_long_becomes_a_refusal)

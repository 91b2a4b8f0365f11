#include "tests/unit/lib/drive.h"
#include "conf/base/mem.h"
#include "worker/req/h1_source.h"

static const struct h1_limits limits = { 65536, 16384, 8192, 100, false };
static struct loop l;
static struct conn *c;
static int peer;
static struct arena arena;
static struct h1_source s;
static unsigned readies;
static struct span got;			/* payload consumed */
static char got_bytes[1 << 17];

static void
on_ready(struct body *b)
{
	(void)b;
	readies++;
}

static void
on_event(struct conn *cc, enum conn_event ev, void *owner)
{
	(void)cc;
	(void)owner;
	if (s.body.ops == NULL)
		return;
	if (ev == CONN_DATA && s.body.state == BODY_OPEN)
		h1_source_data(&s);
	else if (ev == CONN_DATA)
		conn_pause(c);
	else if (ev == CONN_EOF && s.body.state == BODY_OPEN)
		h1_source_eof(&s);
	else if (ev == CONN_ERROR)
		h1_source_fail(&s, R_UPSTREAM_RESET);
}

static void
start(void)
{
	int fd[2];

	drive_start(&l);
	drive_pair(fd);
	peer = fd[1];
	c = conn_new(&l, fd[0], on_event, NULL);
	arena_init(&arena, NULL, 0, 1 << 20);
	s.body.ops = NULL;
	got = span_make(got_bytes, 0);
	readies = 0;
}

static void
stop(void)
{
	conn_free(&c);
	close(peer);
	arena_fini(&arena);
	drive_end(&l);
}

static void
begin(enum h1_body kind, uint64_t length, bool response, uint64_t limit)
{
	h1_source_init(&s, c, kind, length, response, &arena, &limits, limit);
	s.body.ready = on_ready;
}

/* What a sink does when its side takes up to n bytes. */
static void
take(size_t n)
{
	for (;;) {
		struct span p = body_peek(&s.body);

		p.n = p.n < n ? p.n : n;
		if (p.n == 0)
			break;
		ck_assert_uint_le(got.n + p.n, sizeof got_bytes);
		memcpy(got_bytes + got.n, p.p, p.n);
		got.n += p.n;
		n -= p.n;
		body_consume(&s.body, p.n);
	}
	if (n > 0)
		body_want(&s.body);
}

static void
run_until_settled(void)
{
	for (int i = 0; i < 6; i++) {
		take(SIZE_MAX);
		loop_turn(&l, 0);
	}
	take(SIZE_MAX);
}

struct row {
	enum h1_body kind;
	uint64_t length;
	const char *bytes;
	bool fin;
	enum body_state state;
	enum reason why;
	const char *payload, *behind;
};

static void
check_row(const struct row *row, size_t cut)
{
	size_t n = strlen(row->bytes);

	start();
	begin(row->kind, row->length, false, UINT64_MAX);
	if (cut > 0)
		drive_put(peer, span_make(row->bytes, cut));
	run_until_settled();
	if (n > cut)
		drive_put(peer, span_make(row->bytes + cut, n - cut));
	run_until_settled();
	if (row->fin)
		ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	run_until_settled();
	ck_assert_msg(
	    s.body.state == row->state, "%s, cut at %zu: state %d", row->bytes, cut, s.body.state);
	ck_assert_msg(row->state != BODY_FAILED || s.body.why == row->why, "%s, cut at %zu: %s",
	    row->bytes, cut, reason_token(s.body.why));
	ck_assert_msg(span_eq_str(got, row->payload), "%s, cut at %zu: payload %.*s", row->bytes,
	    cut, SPAN_ARG(got));
	ck_assert_uint_eq(s.body.moved, got.n);
	ck_assert(body_done(&s.body) == (row->state == BODY_END));
	if (row->behind != NULL) {
		s.body.ops = NULL;		/* its owner goes on without it */
		conn_resume(c);
		drive(&l, 2);
		ck_assert_msg(span_eq_str(conn_peek(c), row->behind), "%s, cut at %zu: behind %.*s",
		    row->bytes, cut, SPAN_ARG(conn_peek(c)));
	}
	stop();
}

START_TEST(payload_is_the_same_wherever_the_bytes_are_cut)
{
	static const struct row rows[] = {
		{ H1_LENGTH, 5, "helloGET / next", false, BODY_END, 0, "hello", "GET / next" },
		{ H1_LENGTH, 0, "GET / next", false, BODY_END, 0, "", "GET / next" },
		{ H1_LENGTH, 9, "hello", true, BODY_FAILED, R_BODY_TRUNCATED, "hello", NULL },
		{ H1_LENGTH, 9, "hello", false, BODY_OPEN, 0, "hello", NULL },
		{ H1_CHUNKED, 0, "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\nGET", false, BODY_END,
		    0, "hello world", "GET" },
		{ H1_CHUNKED, 0, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\nGET",
		    false, BODY_END, 0, "abcd", "GET" },
		{ H1_CHUNKED, 0, "0\r\n\r\nGET", false, BODY_END, 0, "", "GET" },
		{ H1_CHUNKED, 0, "5\r\nhello\r\n", true, BODY_FAILED, R_BODY_TRUNCATED, "hello",
		    NULL },
		{ H1_CLOSE, 0, "until the end", true, BODY_END, 0, "until the end", NULL },
		{ H1_CLOSE, 0, "", true, BODY_END, 0, "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 0; cut <= strlen(rows[i].bytes); cut++)
			check_row(&rows[i], cut);
}
END_TEST

START_TEST(bytes_unread_before_the_source_began_count)
{
	start();
	conn_resume(c);
	drive_put(peer, SPAN("3\r\nabc\r\n0\r\n\r\nGET"));
	drive(&l, 3);
	begin(H1_CHUNKED, 0, false, UINT64_MAX);
	take(SIZE_MAX);
	ck_assert_int_eq(s.body.state, BODY_END);
	ck_assert(span_eq_str(got, "abc"));
	ck_assert(span_eq_str(conn_peek(c), "GET"));
	stop();
}
END_TEST

/* The receiver's last chunk then leaves with the payload; a limit is judged before that. */
START_TEST(a_last_chunk_that_came_with_the_payload_ends_the_body_at_once)
{
	static const struct { uint64_t limit; enum body_state state; } rows[] = {
		{ 3, BODY_END }, { 2, BODY_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		start();
		conn_resume(c);
		drive_put(peer, SPAN("3\r\nabc\r\n0\r\n\r\nGET"));
		drive(&l, 3);
		begin(H1_CHUNKED, 0, false, rows[i].limit);
		ck_assert_int_eq(s.body.state, rows[i].state);
		ck_assert(span_eq_str(body_peek(&s.body), "abc"));
		ck_assert(!body_done(&s.body));
		body_consume(&s.body, 2);
		ck_assert(span_eq_str(body_peek(&s.body), "c"));
		body_consume(&s.body, 1);
		ck_assert(body_done(&s.body) == (rows[i].state == BODY_END));
		if (rows[i].state == BODY_END)
			ck_assert(span_eq_str(conn_peek(c), "GET"));
		stop();
	}
}
END_TEST

START_TEST(trailers_are_kept_when_the_buffer_is_gone)
{
	start();
	begin(H1_CHUNKED, 0, false, UINT64_MAX);
	drive_put(peer, SPAN("3\r\nabc\r\n0\r\nX-Sum: 7\r\nX-More: yes\r\n\r\n"));
	run_until_settled();
	ck_assert_int_eq(s.body.state, BODY_END);
	ck_assert_ptr_nonnull(s.body.trailers);
	ck_assert_uint_eq(s.body.trailers->n, 2);
	ck_assert_uint_eq(conn_peek(c).n, 0);
	ck_assert(span_eq_str(s.body.trailers->v[0].name, "X-Sum"));
	ck_assert(span_eq_str(s.body.trailers->v[1].value, "yes"));
	stop();
}
END_TEST

/* The read buffer of a client holds 16 KiB, a trailer section may have 64. */
START_TEST(a_trailer_section_larger_than_the_buffer_is_read)
{
	char line[200];

	start();
	begin(H1_CHUNKED, 0, false, UINT64_MAX);
	drive_put(peer, SPAN("1\r\na\r\n0\r\n"));
	for (int i = 0; i < 31; i++) {
		drive_put(peer, SPAN("X-Long: "));
		memset(line, 'v', sizeof line);
		for (int n = 0; n < 4; n++)
			drive_put(peer, span_make(line, sizeof line));
		drive_put(peer, SPAN("\r\n"));
	}
	drive_put(peer, SPAN("\r\n"));
	run_until_settled();
	ck_assert_msg(
	    s.body.state == BODY_END, "state %d, unread %zu", s.body.state, conn_peek(c).n);
	ck_assert_uint_eq(s.body.trailers->n, 31);
	ck_assert_uint_gt(conn_bytes_in(c), BUF_SMALL);
	stop();
}
END_TEST

START_TEST(more_payload_than_the_limit_fails_and_nothing_more_is_read)
{
	start();
	begin(H1_CHUNKED, 0, false, 8);
	drive_put(peer, SPAN("4\r\nabcd\r\n4\r\nefgh\r\n"));
	run_until_settled();
	ck_assert_int_eq(s.body.state, BODY_OPEN);
	drive_put(peer, SPAN("1\r\ni\r\n0\r\n\r\n"));
	run_until_settled();
	ck_assert_int_eq(s.body.state, BODY_FAILED);
	ck_assert_int_eq(s.body.why, R_BODY_LARGE);
	ck_assert(conn_paused(c));
	stop();
}
END_TEST

/* SECURITY.md row 4: the size is judged when it is read, not when its bytes have come. */
START_TEST(a_chunk_that_announces_more_than_the_limit_fails_at_once)
{
	static const struct { const char *bytes; enum reason why; } rows[] = {
		{ "5\r\n", R_BODY_LARGE }, { "2\r\nab\r\n3\r\n", R_BODY_LARGE },
		{ "50", R_BODY_LARGE },		/* whatever follows */
		{ "4\r\n", R_NONE }, { "2\r\nab\r\n2\r\n", R_NONE },
		{ "5g", R_CHUNK_SIZE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		start();
		begin(H1_CHUNKED, 0, false, 4);
		drive_put(peer, span_str(rows[i].bytes));
		run_until_settled();
		ck_assert_msg(s.body.state == (rows[i].why == R_NONE ? BODY_OPEN : BODY_FAILED),
		    "row %zu", i);
		ck_assert_msg(s.body.state == BODY_OPEN || s.body.why == rows[i].why, "row %zu: %d",
		    i, (int)s.body.why);
		stop();
	}
}
END_TEST

START_TEST(a_response_with_bad_chunks_is_the_upstreams_fault)
{
	start();
	begin(H1_CHUNKED, 0, true, UINT64_MAX);
	drive_put(peer, SPAN("2\r\nokzz"));
	run_until_settled();
	ck_assert_int_eq(s.body.state, BODY_FAILED);
	ck_assert_int_eq(s.body.why, R_RESPONSE_CHUNK);
	ck_assert(span_eq_str(got, "ok"));
	stop();
}
END_TEST

/* Rows for a sink that is blocked while the rest of the message and its end arrive. */
static void
check_slow_sink(enum h1_body kind, uint64_t length, struct span first, struct span second,
    bool reset, enum body_state state, const char *payload)
{
	int fd[2];

	start();
	conn_free(&c);
	close(peer);
	drive_tcp_pair(fd);
	peer = fd[1];
	c = conn_new(&l, fd[0], on_event, NULL);
	begin(kind, length, true, UINT64_MAX);
	body_want(&s.body);
	drive_put(peer, first);
	DRIVE_UNTIL(&l, readies > 0);
	take(1);
	drive_put(peer, second);
	for (int64_t end = l.now_ms + 10; l.now_ms < end;)
		loop_turn(&l, 5);
	if (reset)
		drive_reset(peer);
	else
		close(peer);
	peer = dup(0);
	for (int64_t end = l.now_ms + 30; l.now_ms < end;)
		loop_turn(&l, 5);
	take(SIZE_MAX);
	ck_assert_msg(s.body.state == state, "kind %d: state %d, %s", kind, s.body.state,
	    reason_token(s.body.why));
	ck_assert_msg(span_eq_str(got, payload), "kind %d: %.*s", kind, SPAN_ARG(got));
	stop();
}

START_TEST(the_end_of_a_stream_waits_for_what_a_slow_sink_has_not_taken)
{
	check_slow_sink(H1_CLOSE, 0, SPAN("hello "), SPAN("world"), false, BODY_END, "hello world");
	check_slow_sink(
	    H1_LENGTH, 11, SPAN("hello "), SPAN("world"), false, BODY_END, "hello world");
	check_slow_sink(
	    H1_LENGTH, 12, SPAN("hello "), SPAN("world"), false, BODY_FAILED, "hello world");
	check_slow_sink(H1_CHUNKED, 0, SPAN("6\r\nhello \r\n"), SPAN("5\r\nworld\r\n0\r\n\r\n"),
	    false, BODY_END, "hello world");
	check_slow_sink(H1_CHUNKED, 0, SPAN("6\r\nhello \r\n"), SPAN("5\r\nworld\r\n"), false,
	    BODY_FAILED, "hello world");
}
END_TEST

START_TEST(a_reset_does_not_take_back_what_arrived_complete)
{
	check_slow_sink(
	    H1_LENGTH, 11, SPAN("hello "), SPAN("world"), true, BODY_END, "hello world");
	check_slow_sink(H1_CHUNKED, 0, SPAN("6\r\nhello \r\n"), SPAN("5\r\nworld\r\n0\r\n\r\n"),
	    true, BODY_END, "hello world");
	check_slow_sink(
	    H1_CLOSE, 0, SPAN("hello "), SPAN("world"), true, BODY_FAILED, "hello world");
}
END_TEST

START_TEST(framing_without_payload_does_not_count_as_an_answer_to_waiting)
{
	start();
	begin(H1_CHUNKED, 0, false, UINT64_MAX);
	body_want(&s.body);
	ck_assert_int_ne(s.wait_since, 0);
	for (const char *p = "5;ext=val\r\n"; *p != '\0'; p++) {
		drive_put(peer, span_make(p, 1));
		drive(&l, 2);
		ck_assert_msg(s.wait_since != 0, "forgotten at %s", p);
	}
	ck_assert_uint_eq(readies, 0);
	drive_put(peer, SPAN("h"));
	drive(&l, 2);
	ck_assert_int_eq(s.wait_since, 0);
	ck_assert_uint_eq(readies, 1);
	stop();
}
END_TEST

START_TEST(a_full_buffer_pauses_the_peer_until_the_sink_takes)
{
	static char big[100000];
	size_t sent;

	start();
	memset(big, 'x', sizeof big);
	begin(H1_LENGTH, sizeof big, false, UINT64_MAX);
	sent = (size_t)write(peer, big, sizeof big);
	ck_assert_uint_gt(sent, 2 * BUF_SMALL);
	body_want(&s.body);
	drive(&l, 10);
	ck_assert_uint_eq(conn_bytes_in(c), BUF_SMALL);
	for (int i = 0; i < 100 && got.n < sizeof big; i++) {
		take(SIZE_MAX);
		drive(&l, 2);
		if (sent < sizeof big)
			sent += (size_t)write(peer, big + sent, sizeof big - sent);
	}
	ck_assert_uint_eq(got.n, sizeof big);
	ck_assert_int_eq(s.body.state, BODY_END);
	stop();
}
END_TEST

UNIT_MAIN("worker/req/h1_source", payload_is_the_same_wherever_the_bytes_are_cut,
    bytes_unread_before_the_source_began_count,
    a_last_chunk_that_came_with_the_payload_ends_the_body_at_once,
    trailers_are_kept_when_the_buffer_is_gone,
    a_trailer_section_larger_than_the_buffer_is_read,
    more_payload_than_the_limit_fails_and_nothing_more_is_read,
    a_chunk_that_announces_more_than_the_limit_fails_at_once,
    a_response_with_bad_chunks_is_the_upstreams_fault,
    the_end_of_a_stream_waits_for_what_a_slow_sink_has_not_taken,
    a_reset_does_not_take_back_what_arrived_complete,
    framing_without_payload_does_not_count_as_an_answer_to_waiting,
    a_full_buffer_pauses_the_peer_until_the_sink_takes)

#include <stdio.h>
#include "tests/unit/lib/drive.h"
#include "worker/req/h1_sink.h"
#include "worker/req/h1_source.h"

/* A source that is fed by the test. */
struct fed { struct body body; struct span rest; unsigned wanted; };

static struct loop l;
static struct ear e;
static int peer;
static struct arena arena;
static struct fed fed;
static struct h1_sink sink;
static char got[1 << 20];
static size_t ngot;
static unsigned shorts;			/* writes that had to wait */

static struct fed *
fed_of(struct body *b)
{
	return LIST_ENTRY(b, struct fed, body);
}
static struct span
fed_peek(struct body *b)
{
	return fed_of(b)->rest;
}
static void
fed_want(struct body *b)
{
	fed_of(b)->wanted++;
}

static void
fed_consume(struct body *b, size_t n)
{
	ck_assert_uint_le(n, fed_of(b)->rest.n);
	fed_of(b)->rest.p += n;
	fed_of(b)->rest.n -= n;
}

static const struct body_ops fed_ops = {
	.peek = fed_peek, .consume = fed_consume, .want = fed_want
};

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
start(void)
{
	int fd[2];

	drive_start(&l);
	drive_small_pair(fd);
	ear_open(&e, &l, fd[0]);
	conn_resume(e.c);
	peer = fd[1];
	arena_init(&arena, NULL, 0, 0);
	fed = (struct fed){ .body = { .ops = &fed_ops, .length = BODY_UNKNOWN } };
	ngot = shorts = 0;
}

static void
stop(void)
{
	conn_free(&e.c);
	close(peer);
	arena_fini(&arena);
	drive_end(&l);
}

/* A head in `pieces` parts of which none touches the next. */
static void
begin(enum h1_framing framing, bool trailers, unsigned pieces)
{
	struct h1_out o;

	h1_out_init(&o, &arena, pieces, 64);
	for (unsigned i = 0; i < pieces; i++) {
		char *text = arena_alloc(&arena, 16);

		(void)snprintf(text, 16, "h%05u", i);
		h1_out_lent(&o, span_make(text, 6));
	}
	ck_assert(!o.failed);
	ck_assert_uint_eq(o.n, pieces);
	h1_sink_init(
	    &sink, e.c, framing == FRAMING_NONE ? NULL : &fed.body, &o, framing, trailers, &arena);
}

/* Runs the sink against a receiver that reads a little whenever the sink is stuck. */
static enum sink_result
run(void)
{
	for (;;) {
		enum sink_result rc = h1_sink_run(&sink);

		if (rc != SINK_CONN)
			return rc;
		shorts++;
		ngot += drive_get(
		    peer, got + ngot, 700 < sizeof got - ngot ? 700 : sizeof got - ngot, NULL);
		loop_turn(&l, 0);
		(void)ear_heard(&e);
	}
}

static struct span
all_sent(void)
{
	ngot += drive_get(peer, got + ngot, sizeof got - ngot, NULL);
	return span_make(got, ngot);
}

static void
expect_head(unsigned pieces, struct span *sent)
{
	for (unsigned i = 0; i < pieces; i++) {
		char text[16];

		(void)snprintf(text, sizeof text, "h%05u", i);
		ck_assert_uint_ge(sent->n, 6);
		ck_assert(memcmp(sent->p, text, 6) == 0);
		*sent = span_make(sent->p + 6, sent->n - 6);
	}
}

START_TEST(a_head_alone_is_the_whole_message)
{
	struct span sent;

	start();
	begin(FRAMING_NONE, false, 2000);		/* more pieces than one writev takes */
	ck_assert_int_eq(run(), SINK_DONE);
	ck_assert(h1_sink_head_out(&sink));
	sent = all_sent();
	expect_head(2000, &sent);
	ck_assert_uint_eq(sent.n, 0);
	stop();
}
END_TEST

/* Feeds payload in pieces and takes apart what comes out. */
static void
check_body(enum h1_framing framing, size_t total, size_t piece, unsigned head)
{
	static char payload[300000];
	struct span sent;
	size_t fedn = 0, n = 0;

	for (size_t i = 0; i < total; i++)
		payload[i] = (char)(i * 17 + (i >> 8));
	start();
	begin(framing, false, head);
	for (;;) {
		size_t more = total - fedn < piece ? total - fedn : piece;

		fed.rest = span_make(payload + fedn, more);
		fedn += more;
		fed.body.state = fedn == total ? BODY_END : BODY_OPEN;
		if (fed.body.state == BODY_END)
			break;
		ck_assert_int_eq(run(), SINK_BODY);
		ck_assert_uint_eq(fed.rest.n, 0);
		ck_assert_uint_gt(fed.wanted, 0);
	}
	ck_assert_int_eq(run(), SINK_DONE);
	ck_assert_int_eq(h1_sink_run(&sink), SINK_DONE);
	ck_assert_uint_eq(fed.body.moved, total);
	sent = all_sent();
	expect_head(head, &sent);
	if (framing == FRAMING_CHUNKED) {
		struct chunked dec = { 0 };
		size_t at, used;

		ck_assert_int_eq(
		    chunked_decode(&dec, got + 6 * (size_t)head, sent.n, &at, &n, &used),
		    CHUNKED_LAST);
		ck_assert(span_eq_str(span_make(sent.p + used, sent.n - used), "\r\n"));
		sent = span_make(sent.p + at, n);
	}
	ck_assert_uint_eq(sent.n, total);
	ck_assert(total == 0 || memcmp(sent.p, payload, total) == 0);
	stop();
}

START_TEST(every_byte_arrives_in_order_however_short_the_writes)
{
	static const size_t totals[] = { 0, 1, 100, 5000, 100000, 300000 };

	for (enum h1_framing f = FRAMING_RAW; f <= FRAMING_CHUNKED; f++)
		for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
			check_body(f, totals[i], 300000, 1);
			check_body(f, totals[i], 7001, 253);
			check_body(f, totals[i], 16384, 600);
		}
	check_body(FRAMING_CHUNKED, 3000, 1, 3);
	check_body(FRAMING_CHUNKED, 300000, 300000, 3);
	ck_assert_uint_gt(shorts, 10);
}
END_TEST

START_TEST(head_and_first_payload_leave_in_one_piece)
{
	start();
	begin(FRAMING_CHUNKED, false, 1);
	fed.rest = SPAN("hello");
	fed.body.state = BODY_END;
	ck_assert_int_eq(run(), SINK_DONE);
	ck_assert(span_eq_str(all_sent(), "h000005\r\nhello\r\n0\r\n\r\n"));
	ck_assert_uint_eq(shorts, 0);
	stop();
}
END_TEST

static void
check_trailers(bool taken, bool with_data, const char *expected)
{
	struct field v[3];
	struct fields t = { .v = v, .size = 3 };

	start();
	begin(FRAMING_CHUNKED, taken, 1);
	(void)fields_add(&t, SPAN("X-Sum"), SPAN("7"), SPAN_NONE);
	fields_add(&t, SPAN("X-Drop"), SPAN("no"), SPAN_NONE)->flags = FIELD_DROP;
	(void)fields_add(&t, SPAN("X-Empty"), SPAN(""), SPAN_NONE);
	fed.body.trailers = &t;
	fed.body.state = BODY_END;
	fed.rest = with_data ? SPAN("ab") : SPAN("");
	ck_assert_int_eq(run(), SINK_DONE);
	ck_assert_msg(span_eq_str(all_sent(), expected), "%.*s", SPAN_ARG(all_sent()));
	stop();
}

START_TEST(trailers_go_only_to_who_takes_them)
{
	check_trailers(true, true, "h000002\r\nab\r\n0\r\nX-Sum: 7\r\nX-Empty: \r\n\r\n");
	check_trailers(true, false, "h000000\r\nX-Sum: 7\r\nX-Empty: \r\n\r\n");
	check_trailers(false, true, "h000002\r\nab\r\n0\r\n\r\n");
}
END_TEST

/* The receiver must be able to see that the message is not complete (SECURITY.md 1). */
START_TEST(a_failed_body_gives_what_it_has_and_never_a_last_chunk)
{
	for (size_t big = 0; big <= 50000; big += 25000) {
		static char payload[50000];
		struct span sent;

		start();
		begin(FRAMING_CHUNKED, true, 1);
		fed.rest = SPAN("abc");
		ck_assert_int_eq(run(), SINK_BODY);
		fed.rest = span_make(payload, big);
		fed.body.state = BODY_FAILED;
		fed.body.why = R_UPSTREAM_TRUNCATED;
		ck_assert_int_eq(run(), SINK_CUT);
		ck_assert_int_eq(h1_sink_run(&sink), SINK_CUT);
		sent = all_sent();
		ck_assert_uint_ge(sent.n, 14 + big);
		ck_assert(sent.n < 5 || memcmp(sent.p + sent.n - 5, "0\r\n\r\n", 5) != 0);
		ck_assert_uint_eq(fed.rest.n, 0);
		stop();
	}
}
END_TEST

/* A chunk whose head is out keeps its size although more payload or the end arrives meanwhile. */
START_TEST(a_chunk_half_written_is_finished_as_announced)
{
	static char payload[100000];
	struct chunked dec = { 0 };
	size_t at, n, used;

	start();
	begin(FRAMING_CHUNKED, false, 1);
	fed.rest = span_make(payload, 50000);
	ck_assert_int_eq(h1_sink_run(&sink), SINK_CONN);
	fed.rest.n += 50000;
	fed.body.state = BODY_END;
	ck_assert_int_eq(run(), SINK_DONE);
	ck_assert(memcmp(all_sent().p, "h00000c350\r\n", 12) == 0);
	ck_assert_int_eq(chunked_decode(&dec, got + 6, ngot - 6, &at, &n, &used), CHUNKED_LAST);
	ck_assert_uint_eq(n, 100000);
	stop();
}
END_TEST

START_TEST(a_lost_receiver_ends_the_sink)
{
	start();
	begin(FRAMING_RAW, false, 1);
	close(peer);
	peer = dup(0);
	ck_assert_int_eq(run(), SINK_FAILED);
	ck_assert(!h1_sink_head_out(&sink));
	stop();
}
END_TEST

static struct h1_source source;
static enum sink_result last;

static void
on_source_ready(struct body *b)
{
	(void)b;
	if (last == SINK_BODY)
		last = h1_sink_run(&sink);
}

static void
on_from(struct conn *c, enum conn_event ev, void *owner)
{
	(void)owner;
	if (ev == CONN_DATA && source.body.state == BODY_OPEN)
		h1_source_data(&source);
	else if (ev == CONN_DATA)
		conn_pause(c);
	else if (ev == CONN_EOF && source.body.state == BODY_OPEN)
		h1_source_eof(&source);
}

/* A body of `total` bytes from conn to conn; the receiver takes `sip` bytes a turn. */
static void
check_relay(enum h1_body kind, enum h1_framing framing, size_t total, size_t sip)
{
	static const struct h1_limits limits = { 65536, 16384, 8192, 100, false };
	static char payload[sizeof got - 64];
	size_t sent = 0;
	int from[2];
	struct conn *c;
	struct h1_out o;

	for (size_t i = 0; i < total; i++)
		payload[i] = (char)(i * 19 + (i >> 8));
	start();
	drive_pair(from);
	c = conn_new(&l, from[0], on_from, NULL);
	h1_source_init(&source, c, kind, total, true, &arena, &limits, UINT64_MAX);
	source.body.ready = on_source_ready;
	h1_out_init(&o, &arena, 1, 64);
	h1_out_text(&o, SPAN("head"));
	h1_sink_init(&sink, e.c, &source.body, &o, framing, false, &arena);
	last = h1_sink_run(&sink);
	for (int64_t end = l.now_ms + 10000; last != SINK_DONE && l.now_ms < end;) {
		ssize_t w = sent < total ?
		    send(from[1], payload + sent, total - sent, MSG_DONTWAIT) :
		    0;

		sent += w > 0 ? (size_t)w : 0;
		if (sent == total && kind == H1_CLOSE)
			(void)shutdown(from[1], SHUT_WR);
		loop_turn(&l, 0);
		if (strchr(ear_heard(&e), 'w') != NULL && last == SINK_CONN)
			last = h1_sink_run(&sink);
		ngot += drive_get(peer, got + ngot, least(sip, sizeof got - ngot), NULL);
	}
	(void)all_sent();
	ck_assert_msg(last == SINK_DONE, "kind %d, %zu bytes: stuck at %zu, result %d", kind, total,
	    ngot, last);
	if (framing == FRAMING_RAW) {
		ck_assert_uint_eq(ngot, 4 + total);
		ck_assert_int_eq(memcmp(got + 4, payload, total), 0);
	}
	ck_assert_uint_eq(source.body.moved, total);
	ck_assert(body_done(&source.body));
	conn_free(&c);
	close(from[1]);
	stop();
}

START_TEST(a_body_passes_from_conn_to_conn_whatever_its_size_and_the_readers_pace)
{
	static const size_t totals[] = { 0, 1, 65536, 131071, 131072, 300000, 1000000 };

	for (size_t i = 0; i < ARRAY_LEN(totals); i++)
		for (size_t sip = 1500; sip <= 1000000; sip += 998500) {
			check_relay(H1_LENGTH, FRAMING_RAW, totals[i], sip);
			check_relay(H1_CLOSE, FRAMING_RAW, totals[i], sip);
			check_relay(H1_CLOSE, FRAMING_CHUNKED, totals[i], sip);
		}
}
END_TEST

static struct conn *splice_from;
static size_t splice_left;

static struct conn *
fed_splice(struct body *b, uint64_t *max)
{
	(void)b;
	*max = 1000;
	return splice_from;
}

static void
fed_spliced(struct body *b, size_t n)
{
	splice_left -= n;
	if (splice_left == 0)
		b->state = BODY_END;
}

/* Nobody calls the sink again for an end that it found itself, whichever move finds it. */
START_TEST(an_end_found_by_any_splice_of_a_turn_is_the_end)
{
	static const struct body_ops ops = { .peek = fed_peek,
		.consume = fed_consume,
		.want = fed_want,
		.splice = fed_splice,
		.spliced = fed_spliced };
	static const char payload[20000];

	for (size_t moves = 1; moves <= 20; moves++) {
		enum sink_result rc;
		int from[2];

		start();
		drive_pair(from);
		splice_from = conn_new(&l, from[0], on_from, NULL);
		splice_left = moves * 1000;
		drive_put(from[1], span_make(payload, splice_left));
		conn_raw(splice_from, true);
		fed.body.ops = &ops;
		begin(FRAMING_RAW, false, 1);
		while ((rc = run()) == SINK_BODY && splice_left > 0)
			continue;
		ck_assert_msg(rc == SINK_DONE, "%zu moves: %d", moves, rc);
		ck_assert_uint_eq(all_sent().n, 6 + moves * 1000);
		conn_free(&splice_from);
		close(from[1]);
		stop();
	}
}
END_TEST

/* No room for the trailers: better a message that is visibly cut than one without them. */
START_TEST(trailers_without_memory_cut_the_message)
{
	struct field v[1];
	struct fields t = { .v = v, .size = 1 };
	static char value[5000];
	struct span sent;

	start();
	begin(FRAMING_CHUNKED, true, 1);
	memset(value, 'v', sizeof value);
	(void)fields_add(&t, SPAN("X-Long"), span_make(value, sizeof value), SPAN_NONE);
	arena_fini(&arena);
	arena_init(&arena, NULL, 0, 16);
	fed.body.trailers = &t;
	fed.body.state = BODY_END;
	fed.rest = SPAN("ab");
	sink.nhead = 0;			/* lay in the arena */
	ck_assert_int_eq(run(), SINK_CUT);
	ck_assert_int_eq(fed.body.why, R_NO_MEMORY);
	sent = all_sent();
	ck_assert_msg(span_eq_str(sent, "2\r\nab\r\n"), "%.*s", SPAN_ARG(sent));
	stop();
}
END_TEST

UNIT_MAIN("worker/req/h1_sink", a_head_alone_is_the_whole_message,
    every_byte_arrives_in_order_however_short_the_writes, head_and_first_payload_leave_in_one_piece,
    trailers_go_only_to_who_takes_them, a_failed_body_gives_what_it_has_and_never_a_last_chunk,
    a_chunk_half_written_is_finished_as_announced, a_lost_receiver_ends_the_sink,
    a_body_passes_from_conn_to_conn_whatever_its_size_and_the_readers_pace,
    an_end_found_by_any_splice_of_a_turn_is_the_end, trailers_without_memory_cut_the_message)

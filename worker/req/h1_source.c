/*
 * Payload sits at the front of the conn's unread bytes:
 *
 *	| at_hand: payload, peek shows it | behind: framing, skipped next | not looked at yet |
 *
 * decode() looks at new bytes only when at_hand is used up, so a byte is looked at once. The end of the stream or
 * a failure (`over`) therefore decides nothing before the bytes received ahead of it were looked at. A source that
 * is BODY_END or BODY_FAILED never touches bytes behind its message: they are the next one's.
 */
#include "worker/req/h1_source.h"

#include "conf/base/assert.h"
#include "conf/base/list.h"

#define TRAILER_FIELDS	32
#define SPLICE_LEAST	(64u << 10)	/* bytes to come, or seen, before splice pays (tests/bench/README.md) */

static struct h1_source *
of(struct body *b)
{
	return LIST_ENTRY(b, struct h1_source, body);
}

static void
leave_raw(struct h1_source *s)
{
	if (s->raw)
		conn_raw(s->conn, false);
	s->raw = false;
}

static void
end(struct h1_source *s)
{
	leave_raw(s);
	s->body.state = BODY_END;
	if (s->trailers.n > 0)
		s->body.trailers = &s->trailers;
	conn_pause(s->conn);
}

static void
fail(struct h1_source *s, enum reason why)
{
	if (s->body.state != BODY_OPEN)
		return;
	leave_raw(s);
	s->body.state = BODY_FAILED;
	s->body.why = why;
	conn_pause(s->conn);
}

/* Requests name the exact mistake; a response's is one of the upstream reasons. */
static enum reason
reason_of(const struct h1_source *s, enum reason why)
{
	return s->response ? R_RESPONSE_CHUNK : why;
}

static void
read_trailer(struct h1_source *s)
{
	size_t len = 0;
	enum reason why = h1_scan_trailer(&s->scan, conn_peek(s->conn), s->limits, &len);

	if (why == R_NONE && len == 0) {
		if (conn_full(s->conn) &&
		    conn_buffer(s->conn, s->limits->max_head + BUF_SMALL) != 0)
			fail(s, R_NO_MEMORY);
		return;
	}
	if (why == R_NONE && len > 2) {
		struct span section = arena_try_copy(s->arena, span_make(conn_bytes(s->conn), len));

		s->trailers.v = arena_try_alloc(s->arena, TRAILER_FIELDS * sizeof *s->trailers.v);
		s->trailers.size = TRAILER_FIELDS;
		why = section.p == NULL || s->trailers.v == NULL ? R_NO_MEMORY :
		    h1_parse_trailer(&s->trailers, section, s->limits);
	}
	if (why != R_NONE) {
		fail(s, reason_of(s, why));
		return;
	}
	conn_consume(s->conn, len);
	end(s);
}

static void
decode_chunked(struct h1_source *s)
{
	size_t start, len, used;
	struct span in = conn_peek(s->conn);
	enum chunked_result rc = chunked_decode(&s->chunked, conn_bytes(s->conn), in.n, &start,
	    &len, &used);

	s->at_hand = len;
	s->behind = used - start - len;
	conn_consume(s->conn, start);
	s->received += len;
	if (rc == CHUNKED_ERROR)
		fail(s, reason_of(s, s->chunked.why));
	else if (rc == CHUNKED_LAST)
		s->in_trailer = true;
}

static void
decode_raw(struct h1_source *s)
{
	size_t n = conn_peek(s->conn).n;

	if (s->kind == H1_LENGTH && n > s->left)
		n = s->left;
	s->at_hand = n;
	s->received += n;
	if (s->kind != H1_LENGTH)
		return;
	s->left -= n;
	if (s->left == 0)
		end(s);
}

/* The stream is over, and everything it brought was looked at: the message is complete, or it never will be. */
static void
settle(struct h1_source *s)
{
	if (!s->over || s->at_hand > 0 || s->body.state != BODY_OPEN)
		return;
	if (s->over_why != R_NONE)
		fail(s, s->over_why);
	else if (s->kind == H1_CLOSE)
		end(s);
	else
		fail(s, s->response ? R_UPSTREAM_TRUNCATED : R_BODY_TRUNCATED);
}

uint64_t
h1_source_least(const struct h1_source *s)
{
	return s->received + (s->body.state == BODY_OPEN ? s->chunked.left : 0);
}

/*
 * An empty trailer section that came with the last payload ends the body before the payload is passed on, so that the
 * receiver's last chunk leaves with it. Its bytes go when the payload went.
 */
static void
end_with_payload(struct h1_source *s)
{
	struct span in = conn_peek(s->conn);
	size_t at = s->at_hand + s->behind;

	if (!s->in_trailer || s->at_hand == 0 || s->body.state != BODY_OPEN)
		return;
	if (in.n < at + 2 || in.p[at] != '\r' || in.p[at + 1] != '\n')
		return;
	s->behind += 2;
	end(s);
}

static void
skip_behind(struct h1_source *s)
{
	size_t n = s->behind;

	s->behind = 0;
	conn_consume(s->conn, n);
}

/* Looks at unread bytes once the earlier ones are passed on. */
static void
decode(struct h1_source *s)
{
	if (s->at_hand > 0 || s->body.state != BODY_OPEN)
		return;
	skip_behind(s);
	if (!s->in_trailer && conn_peek(s->conn).n > 0) {
		if (s->kind == H1_CHUNKED)
			decode_chunked(s);
		else
			decode_raw(s);
	}
	if (s->body.state == BODY_OPEN && s->in_trailer && s->at_hand == 0) {
		skip_behind(s);
		read_trailer(s);
	}
	if (h1_source_least(s) > s->limit)
		fail(s, R_BODY_LARGE);
	end_with_payload(s);
	settle(s);
}

static struct span
source_peek(struct body *b)
{
	struct h1_source *s = of(b);

	return s->at_hand == 0 ? SPAN_NONE : span_make(conn_bytes(s->conn), s->at_hand);
}

static void
source_consume(struct body *b, size_t n)
{
	struct h1_source *s = of(b);

	ASSERT(n <= s->at_hand);
	s->at_hand -= n;
	conn_consume(s->conn, n);
	if (s->at_hand > 0)
		return;
	skip_behind(s);
	decode(s);
}

static void
source_want(struct body *b)
{
	struct h1_source *s = of(b);

	if (s->wait_since == 0)
		s->wait_since = conn_loop(s->conn)->now_ms;
	conn_resume(s->conn);
}

static struct conn *
source_splice(struct body *b, uint64_t *max)
{
	struct h1_source *s = of(b);
	bool bulk = h1_source_bulk(s->kind, s->left) ||
	    (s->kind == H1_CLOSE && s->received >= SPLICE_LEAST);

	if (!s->raw && (!bulk || conn_peek(s->conn).n > 0))
		return NULL;
	if (!s->raw)
		conn_raw(s->conn, true);
	s->raw = true;
	*max = s->kind == H1_LENGTH ? s->left : UINT64_MAX;
	return s->conn;
}

static void
source_spliced(struct body *b, size_t n)
{
	struct h1_source *s = of(b);

	s->received += n;
	if (n == 0 && s->kind == H1_CLOSE) {
		end(s);
	} else if (n == 0) {
		fail(s, s->response ? R_UPSTREAM_TRUNCATED : R_BODY_TRUNCATED);
	} else if (s->kind == H1_LENGTH) {
		s->left -= n;
		if (s->left == 0)
			end(s);
	}
	if (s->received > s->limit)
		fail(s, R_BODY_LARGE);
}

static const struct body_ops source_ops = { .peek = source_peek, .consume = source_consume,
    .want = source_want, .splice = source_splice, .spliced = source_spliced };

bool
h1_source_bulk(enum h1_body kind, uint64_t to_come)
{
	return kind == H1_LENGTH && to_come >= SPLICE_LEAST;
}

void
h1_source_init(struct h1_source *s, struct conn *c, enum h1_body kind, uint64_t length,
    bool response, struct arena *arena, const struct h1_limits *limits, uint64_t limit)
{
	ASSERT(kind != H1_NONE);
	*s = (struct h1_source){ .conn = c, .arena = arena, .limits = limits, .kind = kind,
	    .response = response, .left = length, .limit = limit };
	s->body.ops = &source_ops;
	s->chunked.lax = response;
	s->body.length = kind == H1_LENGTH ? length : BODY_UNKNOWN;
	if (kind == H1_LENGTH && length == 0)
		end(s);
	else
		decode(s);
}

void
h1_source_data(struct h1_source *s)
{
	if (!s->raw)
		decode(s);
	if (s->at_hand > 0 && conn_full(s->conn))
		conn_pause(s->conn);
	if (!s->raw && s->at_hand == 0 && s->body.state == BODY_OPEN)
		return;			/* framing only: the sink still waits */
	if (s->wait_since != 0)
		s->waited += conn_loop(s->conn)->now_ms - s->wait_since;
	s->wait_since = 0;
	if (s->body.ready != NULL)
		s->body.ready(&s->body);
}

static void
stop(struct h1_source *s, enum reason why)
{
	if (s->body.state != BODY_OPEN || s->over)
		return;
	s->over = true;
	s->over_why = why;
	conn_pause(s->conn);
	decode(s);
	settle(s);
	if (s->body.ready != NULL)
		s->body.ready(&s->body);
}

void
h1_source_eof(struct h1_source *s)
{
	stop(s, R_NONE);
}

void
h1_source_fail(struct h1_source *s, enum reason why)
{
	stop(s, why);
}

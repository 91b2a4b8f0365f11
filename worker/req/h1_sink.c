/*
 * Each turn gathers what is at hand, writes once, and takes account of what left:
 *
 *	head pieces | chunk head | payload | CRLF or CRLF + last chunk + trailers
 *
 * A chunk, once its head is prepared, keeps its size (`frame`) until its CRLF is out. Raw framing is the same
 * with empty chunk head and tail.
 */
#include "worker/req/h1_sink.h"

#include "conf/base/assert.h"

#define PAYLOAD_MAX	(1u << 30)	/* of one chunk */
#define IOV_MAX_OUT	256
#define IOV_HEAD	(IOV_MAX_OUT - BODY_PIECES - 2)	/* beside a chunk's head and what is behind it */
#define SPLICE_CHUNK	(256u << 10)
#define SPLICE_TURNS	8		/* moves before others get a turn */

void
h1_sink_init(struct h1_sink *s, struct conn *c, struct body *b, const struct h1_out *head,
    enum h1_framing framing, bool trailers, struct arena *arena)
{
	*s = (struct h1_sink){ .conn = c, .body = b, .head = head->iov, .nhead = head->n,
	    .framing = framing, .trailers = trailers, .arena = arena, .pipe = { .rd = -1, .wr = -1 } };
	if (framing == FRAMING_NONE)
		s->ended = true;
}

/* The last chunk with the trailers the receiver takes; false: no memory. */
static bool
last_chunk(struct h1_sink *s, bool after_data)
{
	const struct fields *t = s->trailers ? s->body->trailers : NULL;
	size_t size = 8, at;
	char *p;

	if (t == NULL) {
		s->post = after_data ? SPAN("\r\n0\r\n\r\n") : CHUNKED_END;
		return true;
	}
	for (unsigned i = 0; i < t->n; i++)
		size += t->v[i].name.n + t->v[i].value.n + 4;
	p = arena_try_alloc(s->arena, size);
	if (p == NULL)
		return false;
	at = after_data ? 5 : 3;
	memcpy(p, after_data ? "\r\n0\r\n" : "0\r\n", at);
	for (unsigned i = 0; i < t->n; i++) {
		const struct field *f = &t->v[i];

		if (f->flags & FIELD_DROP)
			continue;
		memcpy(p + at, f->name.p, f->name.n);
		memcpy(p + at + f->name.n, ": ", 2);
		memcpy(p + at + f->name.n + 2, f->value.p, f->value.n);
		memcpy(p + at + f->name.n + 2 + f->value.n, "\r\n", 2);
		at += f->name.n + f->value.n + 4;
	}
	memcpy(p + at, "\r\n", 2);
	s->post = span_make(p, at + 2);
	return true;
}

static size_t
at_hand(struct body *b)
{
	const struct iovec *v;
	size_t sum = 0;
	int n;

	if (b->ops->pieces == NULL)
		return body_peek(b).n;
	v = b->ops->pieces(b, &n);
	for (int i = 0; i < n; i++)
		sum += v[i].iov_len;
	return sum;
}

/* Opens the next chunk (or raw stretch) when the previous one is out; false: nothing to write yet, or no memory. */
static bool
next_frame(struct h1_sink *s)
{
	size_t n = at_hand(s->body);		/* may find out that this is the end */
	bool end = s->body->state == BODY_END;

	if (n > PAYLOAD_MAX) {
		n = PAYLOAD_MAX;
		end = false;
	}
	s->frame = n;
	s->ended = end;
	if (s->framing == FRAMING_RAW || (n == 0 && !end))
		return n > 0 || end;
	s->pre_off = 0;
	s->pre_len = n == 0 ? 0 : (uint8_t)chunked_head(s->pre, n);
	if (!end) {
		s->post = SPAN("\r\n");
	} else if (!last_chunk(s, n > 0)) {
		s->body->state = BODY_FAILED;
		s->body->why = R_NO_MEMORY;
		s->ended = false;
		s->post = SPAN("\r\n");
	}
	return true;
}

static bool
frame_out(const struct h1_sink *s)
{
	return s->frame == 0 && s->pre_off == s->pre_len && s->post.n == 0;
}

/* Payload of the frame. A source that broke may have less than it had shown: the message is cut behind that. */
static int
gather_payload(struct h1_sink *s, struct iovec *iov)
{
	struct span one = body_peek(s->body);
	struct iovec alone = { (char *)(uintptr_t)one.p, one.n };
	const struct iovec *v = &alone;
	uint64_t left = s->frame;
	int n = 1, used = 0;

	if (s->body->ops->pieces != NULL)
		v = s->body->ops->pieces(s->body, &n);
	ASSERT(n <= BODY_PIECES);
	for (; used < n && left > 0; used++) {
		iov[used] = v[used];
		if (iov[used].iov_len > left)
			iov[used].iov_len = left;
		left -= iov[used].iov_len;
	}
	if (left > 0) {
		ASSERT(s->body->state == BODY_FAILED);
		s->frame -= left;
		s->ended = false;
		s->post = SPAN_NONE;
	}
	return used;
}

static int
gather(struct h1_sink *s, struct iovec *iov)
{
	int n = 0;

	for (unsigned i = 0; i < s->nhead && n < IOV_HEAD; i++)
		iov[n++] = s->head[i];
	if (n == IOV_HEAD)
		return n;
	if (s->pre_off < s->pre_len)
		iov[n++] = (struct iovec){ s->pre + s->pre_off, (size_t)(s->pre_len - s->pre_off) };
	if (s->frame > 0)
		n += gather_payload(s, iov + n);
	if (s->post.n > 0)
		iov[n++] = (struct iovec){ (char *)(uintptr_t)s->post.p, s->post.n };
	return n;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Takes n written bytes off the front of what gather listed. */
static void
account(struct h1_sink *s, size_t n)
{
	size_t part;

	while (s->nhead > 0 && n >= s->head->iov_len) {
		n -= s->head->iov_len;
		s->head++;
		s->nhead--;
	}
	if (s->nhead > 0) {
		s->head->iov_base = (char *)s->head->iov_base + n;
		s->head->iov_len -= n;
		return;
	}
	part = least(n, (size_t)(s->pre_len - s->pre_off));
	s->pre_off += (uint8_t)part;
	n -= part;
	part = least(n, s->frame);
	if (part > 0) {
		s->frame -= part;
		body_consume(s->body, part);
	}
	n -= part;
	ASSERT(n <= s->post.n);
	s->post.p += n;
	s->post.n -= n;
}

/* ------------------------------------------------------------------ bulk */

/* Nothing is at hand and the rest needs no looking at: socket to pipe to socket. */
static bool
may_splice(struct h1_sink *s)
{
	struct body *b = s->body;
	uint64_t max;

	if (s->framing != FRAMING_RAW || b->state != BODY_OPEN || b->ops->splice == NULL ||
	    !splice_open(&s->pipe))
		return false;
	if (b->ops->splice(b, &max) != NULL)
		return true;
	splice_close(&s->pipe);
	return false;
}

static void
take(struct h1_sink *s, struct conn *from, uint64_t max)
{
	ssize_t n = conn_splice_in(from, &s->pipe, max < SPLICE_CHUNK ? (size_t)max : SPLICE_CHUNK);

	if (n > 0)
		s->body->ops->spliced(s->body, (size_t)n);
	else if (n == -2)
		s->body->ops->spliced(s->body, 0);
}

/* What is in the pipe goes first. true: it is empty now. */
static bool
give(struct h1_sink *s, enum sink_result *stop)
{
	while (s->pipe.held > 0) {
		ssize_t n = conn_splice_out(s->conn, &s->pipe);

		if (n <= 0) {
			*stop = n < 0 ? SINK_FAILED : SINK_CONN;
			return false;
		}
		s->body->moved += (uint64_t)n;
	}
	return true;
}

static enum sink_result
run_splice(struct h1_sink *s)
{
	enum sink_result stop = SINK_BODY;
	struct conn *from;
	uint64_t max;

	for (int i = 0;; i++) {
		if (!give(s, &stop))
			return stop;
		if (s->body->state != BODY_OPEN)
			return s->body->state == BODY_END ? SINK_DONE : SINK_CUT;
		from = s->body->ops->splice(s->body, &max);
		if (i == SPLICE_TURNS || from == NULL || !conn_readable(from))
			break;
		take(s, from, max);
	}
	body_want(s->body);		/* continues from the loop when more is there already */
	return SINK_BODY;
}

void
h1_sink_fini(struct h1_sink *s)
{
	splice_close(&s->pipe);
}

/* ------------------------------------------------------------------ running */

static enum sink_result
run(struct h1_sink *s)
{
	struct iovec iov[IOV_MAX_OUT] UNFILLED;

	if (s->pipe.rd >= 0)
		return run_splice(s);	/* the source may have ended: what the pipe holds is still to go */
	for (;;) {
		size_t want = 0;
		ssize_t done;
		int n;

		if (frame_out(s) && !s->ended)
			(void)next_frame(s);
		n = gather(s, iov);
		if (n == 0) {
			if (s->ended)
				return SINK_DONE;
			if (may_splice(s))
				return run_splice(s);
			if (s->body->state == BODY_FAILED)
				return SINK_CUT;
			body_want(s->body);
			return SINK_BODY;
		}
		for (int i = 0; i < n; i++)
			want += iov[i].iov_len;
		done = s->ended && s->closes ? conn_writev_last(s->conn, iov, n) :
					       conn_writev(s->conn, iov, n);
		if (done < 0)
			return SINK_FAILED;
		account(s, (size_t)done);
		if ((size_t)done < want)
			return SINK_CONN;
	}
}

enum sink_result
h1_sink_run(struct h1_sink *s)
{
	enum sink_result rc = run(s);

	if (s->body != NULL)
		s->body->stalled = rc == SINK_CONN;
	if (rc != SINK_BODY && rc != SINK_CONN)
		h1_sink_fini(s);
	return rc;
}

bool
h1_sink_head_out(const struct h1_sink *s)
{
	return s->nhead == 0;
}

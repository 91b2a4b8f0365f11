/*
 * The server half of HTTP/1 (RFC 9112): heads in, answers out, one request at a time; what a client pipelines
 * behind a request stays unread until the answer is out.
 *
 * An answer is written by one sink: head pieces, framing and body leave together. Whether the connection can
 * carry another request is decided once, in end_of_request.
 */
#include "worker/front/session.h"

#include "conf/base/assert.h"

#define HEAD_PIECES 16			/* besides one per field, at most */

/* ------------------------------------------------------------------ the request */

/* A request whose head could not be accepted still becomes a req: counted, logged and answered like any other. */
static void
start_bad(struct session *s, enum reason why)
{
	struct buf *head = conn_peek(s->conn).n == 0 ? buf_try_get(BUF_SMALL) :
	    conn_take(s->conn, conn_peek(s->conn).n);
	struct req *r = head == NULL ? NULL : req_new(s->x, &h1_front, s, s->listener, head);

	if (r == NULL) {
		session_close(s);
		return;
	}
	s->req = r;
	s->state = SESS_REQUEST;
	conn_pause(s->conn);
	r->peer = r->client = addr_unpack(&s->peer);
	r->in.minor = 1;
	r->reason = why;
	r->close = true;
	req_run(r);
}

static void
start_body(struct session *s, struct req *r)
{
	if (r->in.body == H1_NONE)
		return;
	h1_source_init(&r->up_source, s->conn, r->in.body, r->in.length, false, &r->arena,
	    &s->x->request_limits, UINT64_MAX);
	r->up = &r->up_source.body;
}

static void
start_request(struct session *s, size_t len)
{
	struct buf *head;
	struct req *r;

	conn_pause(s->conn);
	head = conn_take(s->conn, len);
	r = head == NULL ? NULL : req_new(s->x, &h1_front, s, s->listener, head);
	if (r == NULL) {
		session_close(s);
		return;
	}
	s->req = r;
	s->state = SESS_REQUEST;
	s->requests++;
	r->peer = r->client = addr_unpack(&s->peer);
	r->peer_text = session_peer_text(s);
	r->owner = &s->owner;
	r->reason = req_parse(
	    r, span_make(head->data + head->r + s->scan.skip, len - s->scan.skip));
	if (r->reason == R_NONE) {
		s->last = s->last || !r->in.keep_alive || !session_may_go_on(s);
		start_body(s, r);
	} else {
		r->close = true;
	}
	req_run(r);
	if (s->req != r || s->conn == NULL)
		return;
	session_arm(s);			/* it waits: for its body, for the target, or for the client to read */
	if (r->want_upgrade)
		conn_resume(s->conn);	/* what comes before the answer is held, up to a buffer full */
	else
		conn_watch(s->conn);
}

void
h1_on_data(struct session *s)
{
	struct span in = conn_peek(s->conn);
	const struct h1_limits *limits = &s->x->request_limits;
	enum reason why;
	size_t len;

	if (s->state == SESS_IDLE) {
		s->state = SESS_HEAD;
		s->due_ms = s->x->loop.now_ms + s->x->conf->timeouts.head_ms;
		ctx_count(s->x, C_CONNS_IDLE, -1);
	} else if (s->x->loop.now_ms >= s->due_ms) {
		start_bad(s, R_HEAD_TIMEOUT);
		return;
	}
	why = h1_scan_request(&s->scan, in, limits, &len);
	if (why != R_NONE) {
		start_bad(s, why);
		return;
	}
	if (len > 0) {
		start_request(s, len);
		return;
	}
	session_arm(s);
	if (conn_full(s->conn) && conn_buffer(s->conn, limits->max_head + BUF_SMALL) != 0)
		start_bad(s, R_NO_MEMORY);
}

/* ------------------------------------------------------------------ the answer */

/*
 * Whether the client connection ends behind this answer. An answer that refuses while the body still flows is
 * the last one: the rest of the body will not be waited for.
 */
static bool
must_close(const struct session *s, const struct req *r)
{
	bool early = r->up != NULL && r->up->state != BODY_END;

	return s->last || r->close || s->x->draining ||
	    (early && (r->is_local || r->resp.status >= 300));
}

static bool
becomes_tunnel(const struct req *r)
{
	return !r->is_local && (r->connect || r->resp.status == 101);
}

static void
out_connection(struct h1_out *o, const struct req *r, bool close)
{
	if (r->resp.status == 101)
		h1_out_field(o, SPAN("Connection"), SPAN("upgrade"));
	else if (close)
		h1_out_lent(o, SPAN("Connection: close\r\n"));
	else if (r->in.minor == 0)
		h1_out_lent(o, SPAN("Connection: keep-alive\r\n"));
}

static void
out_head(struct session *s, struct req *r, struct h1_out *o, enum h1_framing framing, bool close)
{
	const struct conf *c = s->x->conf;
	bool via = r->listener->mode == MODE_FORWARD ? c->forward.via : c->defaults.via;

	h1_out_init(o, &r->arena, r->resp.fields.n + HEAD_PIECES, 512);
	h1_out_lent(o, r->answer.unsent);
	h1_out_status(o, r->resp.status);
	h1_out_fields(o, &r->resp.fields);
	if (r->resp.status == 101)
		h1_out_field(o, SPAN("Upgrade"), fields_value(&r->resp.fields, H_UPGRADE));
	if (!fields_has(&r->resp.fields, H_DATE))
		h1_out_field(o, SPAN("Date"), ctx_date(s->x));
	if (via && !r->is_local)
		h1_out_field(o, SPAN("Via"),
		    span_make(s->x->via_value[r->resp.minor != 0], 4u + s->x->via_len));
	if (framing == FRAMING_CHUNKED)
		h1_out_lent(o, SPAN("Transfer-Encoding: chunked\r\n"));
	out_connection(o, r, close);
	h1_out_end(o);
}

static void
on_body(struct body *b)
{
	struct session *s = b->sink;

	req_run(s->req);
}

/* The framing towards this client: as received where it has a length, chunked for 1.1, until close for 1.0. */
static enum h1_framing
choose_framing(const struct req *r)
{
	if (r->down == NULL || r->resp.body == H1_NONE)
		return FRAMING_NONE;
	if (r->resp.body == H1_LENGTH || r->in.minor == 0)
		return FRAMING_RAW;
	return FRAMING_CHUNKED;
}

static bool
start_delivery(struct session *s, struct req *r)
{
	enum h1_framing framing = choose_framing(r);
	struct h1_out o;

	if (framing == FRAMING_RAW && r->resp.body != H1_LENGTH)
		s->last = true;		/* the end of the connection is the end of the body */
	s->last = must_close(s, r) && !becomes_tunnel(r);
	if (r->connect && !r->is_local) {
		h1_out_init(&o, &r->arena, 2, 64);
		h1_out_lent(&o, SPAN("HTTP/1.1 200 Connection established\r\n\r\n"));
	} else {
		out_head(s, r, &o, framing, s->last);
	}
	if (o.failed)
		return false;
	if (r->down != NULL) {
		r->down->ready = on_body;
		r->down->sink = s;
	}
	r->answer.out_at_start = conn_bytes_out(s->conn);
	h1_sink_init(&r->answer.sink, s->conn, r->down, &o, framing, r->in.te_trailers, &r->arena);
	r->answer.sink.closes = s->last;
	r->answer.delivering = true;
	return true;
}

static enum next
h1_deliver(struct req *r)
{
	struct session *s = r->session;

	if (!r->answer.delivering && !start_delivery(s, r)) {
		r->reason = R_NO_MEMORY;
		r->cut = true;
		return NEXT_STEP;
	}
	switch (h1_sink_run(&r->answer.sink)) {
	case SINK_BODY:
		return NEXT_WAIT;
	case SINK_CONN:
		if (r->answer.blocked_since == 0)
			r->answer.blocked_since = s->x->loop.now_ms;
		session_arm(s);
		return NEXT_WAIT;
	case SINK_DONE:
		return NEXT_STEP;
	case SINK_CUT:
		r->cut = true;
		r->reason = r->down->why;
		return NEXT_STEP;
	case SINK_FAILED:
		r->gone = true;
		r->reason = R_CLIENT_GONE;
		return NEXT_STEP;
	}
	NEVER("unknown sink result");
}

/* A 1xx goes out at once (RFC 9110 15.2), never to HTTP/1.0. What the socket does not take goes before the answer. */
static void
h1_interim(struct req *r, const struct h1_response *m)
{
	struct session *s = r->session;
	struct h1_out o;
	size_t done = 0;
	ssize_t n;

	if (r->in.minor == 0)
		return;
	h1_out_init(&o, &r->arena, m->fields.n + HEAD_PIECES, 128);
	h1_out_lent(&o, r->answer.unsent);
	h1_out_status(&o, m->status);
	h1_out_fields(&o, &m->fields);
	h1_out_end(&o);
	if (o.failed)
		return;
	ctx_count(s->x, C_STATUS_1XX, 1);
	n = conn_writev(s->conn, o.iov, (int)o.n);
	r->answer.unsent = SPAN_NONE;
	if (n < 0 || (size_t)n == o.len)
		return;
	for (unsigned i = 0; i < o.n; i++) {
		size_t len = o.iov[i].iov_len, skip = (size_t)n > done ? (size_t)n - done : 0;

		done += len;
		if (skip >= len)
			continue;
		r->answer.unsent = arena_try_printf(&r->arena, "%.*s%.*s",
		    SPAN_ARG(r->answer.unsent), (int)(len - skip),
		    (const char *)o.iov[i].iov_base + skip);
		if (r->answer.unsent.p == NULL) {
			r->cut = true;	/* half an interim answer is out: nothing sensible can follow */
			return;
		}
	}
}

static void
h1_local(struct req *r, struct addr *to)
{
	const struct session *s = r->session;

	if (s->local.len != 0)
		*to = addr_unpack(&s->local);
	else
		conn_local(s->conn, to);
}

static struct conn *
h1_tunnel(struct req *r)
{
	struct session *s = r->session;
	struct conn *c = s->conn;

	conn_deadline(c, TIMER_NEVER);
	r->answer.tunnel_head = conn_bytes_out(c) - r->answer.out_at_start;
	s->conn = NULL;
	return c;
}

static uint64_t
h1_sent(const struct req *r)
{
	const struct session *s = r->session;

	if (!r->answer.delivering)
		return 0;
	return s->conn == NULL ? r->answer.tunnel_head + r->bytes_out :
				 conn_bytes_out(s->conn) - r->answer.out_at_start;
}

/* The one place that decides whether this connection carries another request. */
static void
h1_done(struct req *r)
{
	struct session *s = r->session;
	bool body_left = r->up != NULL && !body_done(r->up);

	s->req = NULL;
	if (r->answer.delivering)
		h1_sink_fini(&r->answer.sink);
	if (s->conn == NULL || (r->gone && r->reason != R_KILLED)) {
		session_close(s);
		return;
	}
	if (r->cut || r->gone) {
		session_abort(s);
		return;
	}
	if (!body_left && !s->last)
		session_idle(s);
	else if (!conn_eof(s->conn) &&
	    (body_left || r->is_local || r->close || r->in.keep_alive || !conn_dry(s->conn)))
		session_linger(s);	/* closing over what it still sends would reset the answer on its way */
	else
		session_close(s);
}

const struct front_ops h1_front = { h1_interim, h1_deliver, h1_local, h1_tunnel, h1_sent, h1_done };

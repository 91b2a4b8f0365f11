/*
 * The client half of HTTP/1: writes the request, reads the answer's head, hands the body on.
 *
 * Sending and reading overlap: an answer may come while the body still flows (RFC 9112 9.3), and is relayed at
 * once. The connection is only good for another request when both ends of the exchange are complete.
 */
#include "conf/base/assert.h"
#include "worker/back/fetch.h"
#include "worker/http/proxy_header.h"

#define HEAD_PIECES	16		/* besides one per field, at most */
#define INTERIM_FIELDS	64

static int64_t
now(const struct fetch *f)
{
	return f->r->x->loop.now_ms;
}

/* ------------------------------------------------------------------ the request */

/* The received request line where it can be sent as it is: p NULL when target or version change. */
static struct span
unchanged_line(const struct req *r)
{
	const struct span version = SPAN(" HTTP/1.1\r\n");
	const char *start = r->in.method_text.p, *end;

	if (r->up_target.p != NULL || r->in.fields.n == 0 || r->in.fields.v[0].line.p == NULL)
		return SPAN_NONE;
	end = r->in.fields.v[0].line.p;
	if ((size_t)(end - start) <= version.n ||
	    memcmp(end - version.n, version.p, version.n) != 0)
		return SPAN_NONE;
	return span_make(start, (size_t)(end - start));
}

/* An unchanged request line is one piece with the fields behind it. */
static void
out_line(struct h1_out *o, const struct req *r)
{
	const struct h1_request *in = &r->in;
	struct span line = unchanged_line(r);

	if (line.p != NULL) {
		h1_out_lent(o, line);
		return;
	}
	h1_out_text(o, in->method_text);
	h1_out_text(o, SPAN(" "));
	h1_out_lent(o, r->up_target.p == NULL ? in->target : r->up_target);
	h1_out_text(o, SPAN(" HTTP/1.1\r\n"));
}

/* Fields of our own: hop-by-hop ones, and conditions. */
static void
out_hop(struct h1_out *o, const struct req *r)
{
	if (r->want_upgrade) {
		h1_out_field(o, SPAN("Connection"), SPAN("upgrade"));
		h1_out_field(o, SPAN("Upgrade"), fields_value(&r->in.fields, H_UPGRADE));
	} else if (r->in.te_trailers) {
		h1_out_lent(o, SPAN("Connection: TE\r\nTE: trailers\r\n"));
	}
	if (r->up_etag.p != NULL)
		h1_out_field(o, SPAN("If-None-Match"), r->up_etag);
	if (r->up_modified.p != NULL)
		h1_out_field(o, SPAN("If-Modified-Since"), r->up_modified);
	if (r->in.body == H1_CHUNKED)
		h1_out_lent(o, SPAN("Transfer-Encoding: chunked\r\n"));
}

/* In front of the first request of a connection; one that is only explained has none. */
static void
out_proxy(struct fetch *f, struct h1_out *o)
{
	const struct conf_service *s = f->r->service;
	char header[PROXY_HEADER_MAX];
	struct addr to;

	if (s == NULL || s->send_proxy == SEND_PROXY_OFF || f->reused || f->r->explain != NULL)
		return;
	f->r->front->local(f->r, &to);
	h1_out_text(o, span_make(header, proxy_header(header, s->send_proxy, &f->r->peer, &to)));
}

bool
fetch_head(struct fetch *f, struct h1_out *o)
{
	struct req *r = f->r;

	h1_out_init(o, &r->arena, r->in.fields.n + HEAD_PIECES, 512);
	out_proxy(f, o);
	out_line(o, r);
	if (r->up_host.p != NULL)
		h1_out_field(o, SPAN("Host"), r->up_host);
	h1_out_fields(o, &r->in.fields);
	out_hop(o, r);
	h1_out_end(o);
	return !o->failed;
}

static void
arm(struct fetch *f)
{
	const struct conf_upstream_timeout *t = &f->r->timeout;

	conn_deadline(f->conn, now(f) + (f->state == FS_BODY ? t->idle_ms : t->response_ms));
}

/* Writes what there is. A broken client body ends the attempt; a broken target shows when it is read from. */
static void
send_on(struct fetch *f)
{
	switch (h1_sink_run(&f->sink)) {
	case SINK_DONE:
		f->sent = true;
		arm(f);
		break;
	case SINK_CUT:
		if (f->state == FS_HEAD)
			fetch_give_up(f, f->r->up->why, PICK_UNUSED);
		break;
	case SINK_BODY:
	case SINK_CONN:
		arm(f);
		break;
	case SINK_FAILED:
		break;
	}
}

static void
on_up_ready(struct body *b)
{
	struct fetch *f = b->sink;
	enum fetch_state was = f->state;

	if (f->conn == NULL || f->sent)
		return;
	send_on(f);
	if (f->state != was)
		req_run(f->r);
}

/* ------------------------------------------------------------------ the answer */

static void
relay_interim(struct fetch *f, size_t len)
{
	struct req *r = f->r;
	struct h1_response m = { 0 };
	struct field fields[INTERIM_FIELDS];
	struct span head = span_make(conn_bytes(f->conn), len);
	enum reason why;

	m.fields.v = fields;
	m.fields.size = INTERIM_FIELDS;
	why = h1_parse_response(&m, head, r->in.method, &r->x->response_limits);
	if (why == R_NONE && ++f->interims > (unsigned)r->x->conf->http.max_interim)
		why = R_RESPONSE_INTERIM;
	if (why != R_NONE) {
		fetch_give_up(f, why, PICK_FAILED);
		return;
	}
	r->front->interim(r, &m);
	conn_consume(f->conn, len);
	f->scan = (struct h1_scan){ 0 };
}

static bool
is_interim(struct span head)
{
	return head.n > 12 && head.p[9] == '1' && !(head.p[10] == '0' && head.p[11] == '1');
}

/*
 * A head is read with little behind it, so that much of a big body can go by splice. Of any other body more is
 * taken at once: it leaves with the head.
 */
static int
read_ahead(struct fetch *f)
{
	const struct h1_response *m = &f->r->resp;
	size_t here = conn_peek(f->conn).n;

	if (m->length >= here && h1_source_bulk(m->body, m->length - here))
		return 0;
	return conn_gather(f->conn, BUF_LARGE);
}

static enum reason
parse_final(struct fetch *f, size_t len)
{
	struct req *r = f->r;
	struct h1_limits *limits = &r->x->response_limits;
	struct span head;
	enum reason why;

	r->resp_buf = conn_take(f->conn, len);
	if (r->resp_buf == NULL)
		return R_NO_MEMORY;
	head = span_make(r->resp_buf->data + r->resp_buf->r, len);
	r->resp = (struct h1_response){ 0 };
	r->resp.fields.size = h1_fields_most(head, limits) + r->x->fields_added;
	r->resp.fields.v = arena_try_alloc(&r->arena,
	    r->resp.fields.size * sizeof *r->resp.fields.v);
	if (r->resp.fields.v == NULL)
		return R_NO_MEMORY;
	why = h1_parse_response(&r->resp, head, r->in.method, limits);
	if (why == R_NONE && r->resp.status == 101 &&
	    !(r->want_upgrade && r->resp.upgrade &&
	    span_ieq(fields_value(&r->resp.fields, H_UPGRADE),
	    fields_value(&r->in.fields, H_UPGRADE))))
		why = R_RESPONSE_SWITCH;
	if (why == R_NONE && r->resp.body != H1_NONE && read_ahead(f) != 0)
		why = R_NO_MEMORY;
	return why;
}

static void
take_final(struct fetch *f, size_t len)
{
	struct req *r = f->r;
	enum reason why = parse_final(f, len);

	if (why != R_NONE) {
		buf_put(&r->resp_buf);
		r->resp = (struct h1_response){ 0 };
		fetch_give_up(f, why, PICK_FAILED);
		return;
	}
	r->upstream_status = (uint16_t)r->resp.status;
	f->state = FS_BODY;
	if (r->resp.body == H1_NONE) {
		conn_pause(f->conn);
		conn_deadline(f->conn, TIMER_NEVER);
		return;
	}
	h1_source_init(&f->source, f->conn, r->resp.body, r->resp.length, true, &r->arena,
	    &r->x->response_limits, UINT64_MAX);
	r->down = &f->source.body;
	arm(f);
}

/* true: the state moved. */
static bool
read_head(struct fetch *f)
{
	struct req *r = f->r;

	while (f->state == FS_HEAD && conn_peek(f->conn).n > 0) {
		struct span in = conn_peek(f->conn);
		size_t len;
		enum reason why = h1_scan_response(&f->scan, in, &r->x->response_limits, &len);

		if (r->t.first_byte == UINT32_MAX)
			r->t.first_byte = (uint32_t)(r->x->loop.now_us - r->start_us);
		if (why != R_NONE) {
			fetch_give_up(f, why, PICK_FAILED);
			return true;
		}
		if (len == 0) {
			if (conn_full(f->conn) &&
			    conn_buffer(f->conn, r->x->response_limits.max_head + BUF_SMALL) != 0)
				fetch_give_up(f, R_NO_MEMORY, PICK_UNUSED);
			break;
		}
		if (is_interim(in))
			relay_interim(f, len);
		else
			take_final(f, len);
	}
	return f->state != FS_HEAD;
}

/* ------------------------------------------------------------------ events */

static void
on_eof(struct fetch *f)
{
	struct req *r = f->r;

	if (f->state == FS_BODY) {
		if (r->down != NULL && r->down->state == BODY_OPEN)
			h1_source_eof(&f->source);
		return;
	}
	fetch_attempt_failed(f,
	    conn_peek(f->conn).n > 0 ? R_UPSTREAM_TRUNCATED : R_UPSTREAM_CLOSED);
	req_run(r);
}

/* The client's body is what is missing; the session watches that. */
static bool
client_owes(const struct req *r)
{
	return r->up != NULL && r->up->state == BODY_OPEN && r->up_source.wait_since != 0;
}

static enum reason
why_idle(const struct req *r)
{
	return r->up != NULL && r->up->state == BODY_FAILED ? r->up->why : R_RESPONSE_IDLE;
}

static void
on_timeout(struct fetch *f)
{
	struct req *r = f->r;

	if (f->state == FS_BODY) {
		if (r->down == NULL || r->down->state != BODY_OPEN)
			return;
		if (r->down->stalled || client_owes(r))
			arm(f);		/* it waits for the client, not for the target */
		else
			h1_source_fail(&f->source, why_idle(r));
		return;
	}
	if (client_owes(r)) {
		arm(f);
		return;
	}
	fetch_give_up(f, R_RESPONSE_TIMEOUT, PICK_FAILED);
	req_run(r);
}

static void
on_error(struct fetch *f)
{
	struct req *r = f->r;

	if (f->state == FS_BODY) {
		if (r->down != NULL)
			h1_source_fail(&f->source, R_UPSTREAM_RESET);
		return;
	}
	fetch_attempt_failed(f, R_UPSTREAM_RESET);
	req_run(r);
}

static void
on_data(struct fetch *f)
{
	if (f->state == FS_BODY) {
		if (f->r->down == NULL || f->r->down->state != BODY_OPEN) {
			conn_pause(f->conn);
			return;
		}
		arm(f);
		h1_source_data(&f->source);
	} else if (read_head(f)) {
		req_run(f->r);
	}
}

static void
on_event(struct conn *c, enum conn_event ev, void *owner)
{
	struct fetch *f = owner;
	enum fetch_state was = f->state;

	(void)c;
	switch (ev) {
	case CONN_READY:
		break;
	case CONN_DATA:
		on_data(f);
		break;
	case CONN_DRAINED:
		if (!f->sent)
			send_on(f);
		if (f->state != was)
			req_run(f->r);
		break;
	case CONN_EOF:
		on_eof(f);
		break;
	case CONN_TIMEOUT:
		on_timeout(f);
		break;
	case CONN_ERROR:
		on_error(f);
		break;
	}
}

/*
 * The body as this attempt sends it. A kept connection may turn out to be closed, and then an idempotent request
 * goes out again: what it carries is remembered while it is small.
 */
static struct body *
body_to_send(struct fetch *f)
{
	struct body *up = f->r->up;

	if (up == NULL)
		return NULL;
	if (f->kept.copy != NULL)
		kept_rewind(&f->kept);
	else if (!f->reused || !method_idempotent(f->r->in.method) || up->length > KEPT_MAX ||
	    !kept_init(&f->kept, up)) {
		up->ready = on_up_ready;
		up->sink = f;
		return up;
	}
	f->kept.body.ready = on_up_ready;
	f->kept.body.sink = f;
	return &f->kept.body;
}

void
fetch_send(struct fetch *f)
{
	struct req *r = f->r;
	struct h1_out o;

	conn_set_owner(f->conn, on_event, f);
	f->in_at_start = conn_bytes_in(f->conn);
	f->out_at_start = conn_bytes_out(f->conn);
	f->state = FS_HEAD;
	if (!fetch_head(f, &o) || conn_buffer(f->conn, BUF_SMALL) != 0) {
		fetch_give_up(f, R_NO_MEMORY, PICK_UNUSED);
		return;
	}
	h1_sink_init(&f->sink, f->conn, body_to_send(f), &o, r->in.body == H1_NONE ? FRAMING_NONE :
	    r->in.body == H1_CHUNKED ? FRAMING_CHUNKED : FRAMING_RAW, true, &r->arena);
	send_on(f);
	if (f->state == FS_HEAD)
		conn_resume(f->conn);
}

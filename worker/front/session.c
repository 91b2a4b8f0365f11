/*
 * The life of a client connection outside of requests: counting, PROXY header, deadlines, lingering close.
 *
 * One deadline per conn, computed from the state by session_arm; moving it later is one store. Deadlines that
 * depend on waiting (for payload, for room) are checked when they fire and set again when the wait was short.
 */
#include "worker/front/session.h"

#include <string.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"
#include "worker/back/fetch.h"
#include "worker/back/tunnel.h"
#include "worker/front/clients.h"
#include "worker/front/proxy.h"

#define CROWDED_KEEPALIVE_MS 5000	/* patience with idle clients above 80 % of the connections */

static struct slab session_slab = SLAB_INIT("session", struct session, 4096);

static void
free_session(struct loop_garbage *g)
{
	slab_put(&session_slab, LIST_ENTRY(g, struct session, garbage));
}

/* The conn is closed or given away already. */
static void
session_free(struct session *s)
{
	ctx_count(s->x, C_CONNS_OPEN, -1);
	if (s->state == SESS_IDLE)
		ctx_count(s->x, C_CONNS_IDLE, -1);
	clients_leave(s->slot);
	pool_owner_fini(&s->owner);
	h1_sink_fini(&s->sink);
	list_remove(&s->x->sessions, &s->node);
	loop_defer_free(&s->x->loop, &s->garbage, free_session);
}

static void
count_bytes(struct session *s)
{
	ctx_count(s->x, C_BYTES_CLIENT_IN, (int64_t)conn_bytes_in(s->conn));
	ctx_count(s->x, C_BYTES_CLIENT_OUT, (int64_t)conn_bytes_out(s->conn));
}

void
session_close(struct session *s)
{
	if (s->conn != NULL) {
		count_bytes(s);
		conn_free(&s->conn);
	}
	session_free(s);
}

void
session_abort(struct session *s)
{
	count_bytes(s);
	conn_abort(&s->conn);
	session_free(s);
}

/* ------------------------------------------------------------------ deadlines */

static int64_t
request_due(const struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;
	const struct req *r = s->req;
	int64_t due = TIMER_NEVER;

	if (s->blocked_since != 0)
		due = s->blocked_since + t->write_idle_ms;
	if (r != NULL && r->up != NULL && r->up->state == BODY_OPEN &&
	    r->up_source.wait_since != 0) {
		int64_t idle = r->route != NULL ? r->route->body_idle_ms : -1;
		int64_t body = r->up_source.wait_since + (idle >= 0 ? idle : t->body_idle_ms);

		due = body < due ? body : due;
	}
	return due;
}

void
session_arm(struct session *s)
{
	int64_t due = TIMER_NEVER, now = s->x->loop.now_ms;

	switch (s->state) {
	case SESS_PROXY:
	case SESS_IDLE:
	case SESS_HEAD:
	case SESS_LINGER:
		due = s->due_ms;
		break;
	case SESS_REQUEST:
		due = request_due(s);
		if (due == TIMER_NEVER)		/* nothing to wait for now: look again later, it is one number */
			due = now + s->x->conf->timeouts.body_idle_ms;
		break;
	}
	if (s->conn != NULL)
		conn_deadline(s->conn, due);
}

/* ------------------------------------------------------------------ between requests */

struct span
session_peer_text(struct session *s)
{
	if (s->peer_text[0] == '\0')
		req_peer_text(&s->peer, s->peer_text);
	return span_str(s->peer_text);
}

bool
session_may_go_on(const struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;

	return !s->x->draining && t->keepalive_ms > 0 && s->requests < t->keepalive_requests &&
	    s->x->loop.now_ms - s->started_ms < t->keepalive_age_ms;
}

/* A connection without a request yet is given the time of a head where that of idle ones is shorter. */
static int64_t
idle_ms(const struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;
	bool crowded = s->x->sessions.count > s->x->max_sessions / 5 * 4;
	int64_t ms = t->keepalive_ms;

	if (s->requests == 0 && ms < t->head_ms)
		ms = t->head_ms;
	return crowded && ms > CROWDED_KEEPALIVE_MS ? CROWDED_KEEPALIVE_MS : ms;
}

void
session_idle(struct session *s)
{
	s->state = SESS_IDLE;
	s->req = NULL;
	s->scan = (struct h1_scan){ 0 };
	s->delivering = false;
	s->unsent = SPAN_NONE;
	s->blocked = s->blocked_since = 0;
	s->last = !session_may_go_on(s);
	s->due_ms = s->x->loop.now_ms + idle_ms(s);
	ctx_count(s->x, C_CONNS_IDLE, 1);
	session_arm(s);
	if (conn_buffer(s->conn, BUF_SMALL) == 0)	/* never grows: cannot fail */
		conn_resume(s->conn);
}

void
session_linger(struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;

	s->state = SESS_LINGER;
	s->req = NULL;
	s->due_ms = s->x->loop.now_ms + t->linger_ms;
	s->linger_left = t->linger_bytes;
	conn_raw(s->conn, false);	/* the rest of an upload does not go through a pipe any more */
	conn_shutdown(s->conn);
	session_arm(s);
	conn_resume(s->conn);
}

static void
linger_data(struct session *s)
{
	size_t n = conn_peek(s->conn).n;

	s->linger_left -= (int64_t)n;
	if (s->linger_left <= 0)
		session_close(s);
	else
		conn_consume(s->conn, n);
}

/* Too many: one short answer that fits any socket buffer. */
static struct span
refusal(enum reason why)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";
	static const char many[] = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";

	return why == R_CLIENT_LIMIT ? SPAN(many) : SPAN(busy);
}

static void
end_early(struct session *s, enum reason why)
{
	s->x->stats->reason[why]++;
	session_close(s);
}

/* The limit is on clients, not on the balancer that speaks for them; what it says of itself is not counted. */
static bool
told_peer(struct session *s, const struct addr *peer, const struct addr *local)
{
	s->peer = *peer;
	s->local = *local;
	s->peer_text[0] = '\0';
	conn_set_peer(s->conn, peer);
	return clients_enter(peer, s->listener->max_per_client, &s->slot);
}

static void
refuse_told(struct session *s)
{
	struct span answer = refusal(R_CLIENT_LIMIT);
	struct iovec iov = { (char *)(uintptr_t)answer.p, answer.n };

	s->x->stats->reason[R_CLIENT_LIMIT]++;
	ctx_count(s->x, C_CONNS_REFUSED, 1);
	(void)conn_writev(s->conn, &iov, 1);
	session_linger(s);
}

static void
proxy_data(struct session *s)
{
	struct span in = conn_peek(s->conn);
	struct addr src, dst;
	size_t len;

	switch (proxy_parse(in, &len, &src, &dst)) {
	case PROXY_MORE:
		return;
	case PROXY_BAD:
		end_early(s, R_PROXY_HEADER);
		return;
	case PROXY_OK:
		break;
	}
	conn_consume(s->conn, len);
	if (src.len != 0 && !told_peer(s, &src, &dst))
		refuse_told(s);
	else
		session_idle(s);
}

/* ------------------------------------------------------------------ events */

static void
on_eof(struct session *s)
{
	if (s->state != SESS_REQUEST) {
		session_close(s);
		return;
	}
	s->last = true;			/* half closed: the answer is still wanted */
	if (s->req->up != NULL && s->req->up->state == BODY_OPEN)
		h1_source_eof(&s->req->up_source);
}

static void
request_timeout(struct session *s)
{
	int64_t now = s->x->loop.now_ms, due = request_due(s);
	struct req *r = s->req;

	if (due > now) {
		session_arm(s);
		return;
	}
	if (s->blocked_since != 0 && s->blocked_since + s->x->conf->timeouts.write_idle_ms <= now) {
		r->gone = true;
		r->reason = R_CLIENT_SLOW;
		req_run(r);
		return;
	}
	h1_source_fail(&r->up_source, R_BODY_TIMEOUT);
}

static void
on_timeout(struct session *s)
{
	switch (s->state) {
	case SESS_PROXY:
		end_early(s, R_PROXY_HEADER);
		break;
	case SESS_IDLE:
		end_early(s, R_KEEPALIVE_END);
		break;
	case SESS_HEAD:
		h1_on_data(s);
		break;
	case SESS_REQUEST:
		request_timeout(s);
		break;
	case SESS_LINGER:
		session_close(s);
		break;
	}
}

static void
on_error(struct session *s)
{
	struct req *r = s->req;

	if (s->state != SESS_REQUEST) {
		session_close(s);
		return;
	}
	r->gone = true;
	r->reason = R_CLIENT_GONE;
	req_run(r);
}

/* A body that trickles in: measured against the time somebody waited for it (SECURITY.md row 68). */
static bool
too_slow(const struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;
	const struct h1_source *u = &s->req->up_source;
	int64_t over = u->waited - t->body_grace_ms;

	return over > 0 && u->body.state == BODY_OPEN &&
	    u->received < (uint64_t)(over * t->body_rate / 1000);
}

/*
 * Bytes behind a complete request. They wait for its answer: in the kernel, or behind an Upgrade in our buffer,
 * where more than it holds ends the exchange (SECURITY.md row 15).
 */
static void
early_data(struct session *s)
{
	struct req *r = s->req;

	if (!r->want_upgrade || s->delivering || r->fetch == NULL) {
		conn_pause(s->conn);
		return;
	}
	if (!conn_full(s->conn))
		return;
	conn_pause(s->conn);
	r->close = true;
	fetch_give_up(r->fetch, R_UPGRADE_DATA, PICK_UNUSED);
	req_run(r);
}

static void
on_data(struct session *s)
{
	switch (s->state) {
	case SESS_PROXY:
		proxy_data(s);
		break;
	case SESS_IDLE:
	case SESS_HEAD:
		h1_on_data(s);
		break;
	case SESS_REQUEST:
		if (s->req->up == NULL || s->req->up->state != BODY_OPEN)
			early_data(s);
		else if (too_slow(s))
			h1_source_fail(&s->req->up_source, R_BODY_SLOW);
		else
			h1_source_data(&s->req->up_source);
		break;
	case SESS_LINGER:
		linger_data(s);
		break;
	}
}

static void
on_drained(struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;
	int64_t over;

	if (s->state != SESS_REQUEST)
		return;
	if (s->blocked_since != 0)
		s->blocked += s->x->loop.now_ms - s->blocked_since;
	s->blocked_since = 0;
	over = s->blocked - t->write_grace_ms;
	if (over > 0 &&
	    conn_bytes_out(s->conn) - s->out_at_start <
	    (uint64_t)(s->blocked * t->write_rate / 1000)) {
		s->req->gone = true;
		s->req->reason = R_CLIENT_SLOW;
	}
	req_run(s->req);
}

static void
on_event(struct conn *c, enum conn_event ev, void *owner)
{
	struct session *s = owner;

	(void)c;
	switch (ev) {
	case CONN_READY:	break;
	case CONN_DATA:		on_data(s); break;
	case CONN_DRAINED:	on_drained(s); break;
	case CONN_EOF:		on_eof(s); break;
	case CONN_TIMEOUT:	on_timeout(s); break;
	case CONN_ERROR:	on_error(s); break;
	}
}

/* ------------------------------------------------------------------ start and drain */

static bool
sends_proxy(const struct conf_listener *l, const struct addr *peer)
{
	for (unsigned i = 0; i < l->proxy_protocol.n; i++)
		if (cidr_has(&l->proxy_protocol.v[i], peer))
			return true;
	return false;
}

/* Before a session exists. */
static void
refuse(struct ctx *x, int fd, enum reason why)
{
	struct span answer = refusal(why);

	x->stats->reason[why]++;
	ctx_count(x, C_CONNS_REFUSED, 1);
	(void)!write(fd, answer.p, answer.n);
	close(fd);
}

void
session_start(struct ctx *x, const struct conf_listener *l, int fd, const struct addr *peer)
{
	bool proxied = l->proxy_protocol.n > 0 && sends_proxy(l, peer);
	struct client_slot *slot;
	struct session *s;

	if (x->sessions.count >= x->max_sessions) {
		refuse(x, fd, R_OVERLOAD);
		return;
	}
	if (!clients_enter(peer, proxied ? 0 : l->max_per_client, &slot)) {
		refuse(x, fd, R_CLIENT_LIMIT);
		return;
	}
	s = slab_try_get(&session_slab);
	if (s == NULL) {
		clients_leave(slot);
		refuse(x, fd, R_NO_MEMORY);
		return;
	}
	*s = (struct session){ .x = x, .listener = l, .peer = *peer, .started_ms = x->loop.now_ms,
	    .slot = slot, .sink = H1_SINK_NONE };
	pool_owner_init(&s->owner);
	s->conn = conn_new(&x->loop, fd, on_event, s);
	list_push(&x->sessions, &s->node);
	ctx_count(x, C_CONNS_ACCEPTED, 1);
	ctx_count(x, C_CONNS_OPEN, 1);
	if (s->conn == NULL) {
		s->state = SESS_LINGER;
		session_close(s);
		return;
	}
	s->id = conn_id(s->conn);
	conn_set_peer(s->conn, peer);
	if (l->proxy_protocol.n == 0) {
		session_idle(s);
		return;
	}
	s->state = SESS_PROXY;
	s->due_ms = x->loop.now_ms + x->conf->timeouts.proxy_ms;
	session_arm(s);
	if (proxied)
		conn_resume(s->conn);
	else
		end_early(s, R_PROXY_HEADER);
}

/* Who has just connected is about to ask and was promised an answer; its deadline for the head still runs. */
void
session_drain(struct ctx *x)
{
	LIST_EACH_SAFE(&x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		s->last = true;
		if (s->state == SESS_IDLE && s->requests > 0)
			session_close(s);
	}
}

void
session_kill(struct session *s)
{
	struct req *r = s->req;

	if (r == NULL) {
		s->x->stats->reason[R_KILLED]++;
		session_abort(s);
	} else if (r->tunnel != NULL) {
		tunnel_break(r, R_KILLED);
	} else {
		r->gone = true;
		r->reason = R_KILLED;
		req_run(r);
	}
}

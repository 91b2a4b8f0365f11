/*
 * What happens on the conn of a client: bytes, room to write, the end, errors, deadlines; dispatched by its state.
 *
 * Deadlines that depend on waiting (for payload, for room) are checked when they fire and set again when the wait was
 * short.
 */
#include "worker/front/session_priv.h"

#include "worker/back/fetch.h"
#include "worker/front/porter.h"

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
	int64_t now = s->x->loop.now_ms, due = session_request_due(s);
	struct req *r = s->req;
	const struct h1_answer *a = &r->answer;

	if (due > now) {
		session_arm(s);
		return;
	}
	if (a->blocked_since != 0 && a->blocked_since + s->x->conf->timeouts.write_idle_ms <= now) {
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
		session_end(s, R_PROXY_HEADER);
		break;
	case SESS_IDLE:
		session_end(s, R_KEEPALIVE_END);
		break;
	case SESS_HELD:
		break;			/* the porter's to end */
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

	if (!r->want_upgrade || r->answer.delivering || r->fetch == NULL) {
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
		session_proxy_data(s);
		break;
	case SESS_IDLE:
		if (s->watched)
			porter_hold(s->x->porter, s);
		else
			h1_on_data(s);
		break;
	case SESS_HEAD:
		h1_on_data(s);
		break;
	case SESS_HELD:
		break;			/* paused: told once it is let in */
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
	struct h1_answer *a;
	int64_t over;

	if (s->state != SESS_REQUEST)
		return;
	a = &s->req->answer;
	if (a->blocked_since != 0)
		a->blocked += s->x->loop.now_ms - a->blocked_since;
	a->blocked_since = 0;
	over = a->blocked - t->write_grace_ms;
	if (over > 0 &&
	    conn_bytes_out(s->conn) - a->out_at_start <
	    (uint64_t)(a->blocked * t->write_rate / 1000)) {
		s->req->gone = true;
		s->req->reason = R_CLIENT_SLOW;
	}
	req_run(s->req);
}

void
session_on_event(struct conn *c, enum conn_event ev, void *owner)
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

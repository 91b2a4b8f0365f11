/*
 * The life of a client connection outside of requests: counting, deadlines, idle times, lingering close.
 * session_start.c has its beginning, session_event.c what happens on its conn.
 *
 * One deadline per conn, computed from the state by session_arm; moving it later is one store.
 */
#include "worker/front/session.h"

#include "conf/base/mem.h"
#include "worker/back/tunnel.h"
#include "worker/front/clients.h"
#include "worker/front/porter.h"
#include "worker/front/session_priv.h"

#define CROWDED_KEEPALIVE_MS 5000	/* patience with idle clients above 80 % of the connections */

static struct slab session_slab = SLAB_INIT("session", struct session, 4096);

struct session *
session_new(
    struct ctx *x, const struct conf_listener *l, const struct addr *peer, struct client_slot *slot)
{
	struct session *s = slab_try_get(&session_slab);

	if (s == NULL)
		return NULL;
	*s = (struct session){ .x = x,
		.listener = l,
		.peer = addr_pack(peer),
		.started_ms = x->loop.now_ms,
		.state = SESS_LINGER,
		.slot = slot };
	pool_owner_init(&s->owner);
	list_push(&x->sessions, &s->node);
	ctx_count(x, C_CONNS_ACCEPTED, 1);
	ctx_count(x, C_CONNS_OPEN, 1);
	return s;
}

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
	else if (s->state == SESS_HELD)
		porter_forget(s->x->porter, s);
	if (s->refused)
		s->x->shed.refused--;
	clients_leave(s->slot);
	pool_owner_fini(&s->owner);
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

void
session_end(struct session *s, enum reason why)
{
	s->x->stats->reason[why]++;
	session_close(s);
}

/* ------------------------------------------------------------------ deadlines */

int64_t
session_request_due(const struct session *s)
{
	const struct conf_timeouts *t = &s->x->conf->timeouts;
	const struct req *r = s->req;
	int64_t due = TIMER_NEVER;

	if (r == NULL)
		return due;
	if (r->answer.blocked_since != 0)
		due = r->answer.blocked_since + t->write_idle_ms;
	if (r->up != NULL && r->up->state == BODY_OPEN &&
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
		due = session_request_due(s);
		if (due == TIMER_NEVER)		/* nothing to wait for now: look again later, it is one number */
			due = now + s->x->conf->timeouts.body_idle_ms;
		break;
	case SESS_HELD:			/* the porter looks after it */
		break;
	}
	if (s->conn != NULL)
		conn_deadline(s->conn, due);
}

/* ------------------------------------------------------------------ between requests */

struct span
session_peer_text(struct session *s)
{
	if (s->peer_text[0] == '\0') {
		struct addr peer = addr_unpack(&s->peer);

		req_peer_text(&peer, s->peer_text);
	}
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

static inline void
begin_idle(struct session *s)
{
	s->state = SESS_IDLE;
	s->req = NULL;
	s->scan = (struct h1_scan){ 0 };
	s->last = !session_may_go_on(s);
	s->due_ms = s->x->loop.now_ms + idle_ms(s);
	ctx_count(s->x, C_CONNS_IDLE, 1);
	session_arm(s);
}

void
session_read(struct session *s)
{
	begin_idle(s);
	if (conn_buffer(s->conn, BUF_SMALL) == 0)	/* never grows: cannot fail */
		conn_resume(s->conn);
}

void
session_idle(struct session *s)
{
	if (!s->x->shed.on) {
		session_read(s);
		return;
	}
	begin_idle(s);
	porter_idle(s->x->porter, s);
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

/* ------------------------------------------------------------------ drain and kill */

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

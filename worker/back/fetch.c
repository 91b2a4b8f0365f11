/*
 * From a decision (service or host) to a connection, and what happens when an attempt fails. What goes over the
 * connection is h1.c's part.
 *
 *	ENTER -> QUEUED -> PICK -> RESOLVE -> CONNECT -> DIAL -> SEND -> HEAD -> BODY
 *	                     ^---------------- next attempt ---------------'
 *
 * Callbacks only note what happened and call req_run; fetch_run alone moves the state on, except that h1.c moves
 * from SEND to HEAD to BODY as bytes flow.
 */
#include "worker/back/fetch.h"

#include <string.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"
#include "worker/back/pool.h"
#include "worker/back/retry.h"
#include "worker/req/explain.h"

static struct slab fetch_slab = SLAB_INIT("fetch", struct fetch, 128);
static struct gate *gates;

static const char *const state_names[FS_MAX] = { "enter", "queued", "pick", "resolve", "connect",
    "dial", "send", "head", "body", "tunnel", "planned", "failed" };

const char *
fetch_state_name(const struct fetch *f)
{
	return state_names[f->state];
}

int
fetch_gates_new(const struct conf *c)
{
	gates = mem_array(c->nservices + 1, sizeof *gates);
	for (unsigned i = 0; i < c->nservices; i++)
		gate_init(&gates[i]);
	return 0;
}

void
fetch_gates_free(void)
{
	mem_free(gates);
	gates = NULL;
}

const struct gate *
fetch_gate(const struct conf_service *s)
{
	return &gates[s->index];
}

static void
fail(struct fetch *f, enum reason why)
{
	f->why = why;
	f->state = FS_FAILED;
}

static int64_t
now(const struct fetch *f)
{
	return f->r->x->loop.now_ms;
}

/* ------------------------------------------------------------------ callbacks */

static void
on_granted(struct loop_task *t)
{
	req_run(LIST_ENTRY(t, struct fetch, wait.task)->r);
}

static void
on_queue_timeout(struct timer *t)
{
	struct fetch *f = LIST_ENTRY(t, struct fetch, timer);

	gate_cancel(f->gate, &f->r->x->loop, &f->wait);
	f->gate = NULL;
	fail(f, R_QUEUE_TIMEOUT);
	req_run(f->r);
}

static void
on_resolved(struct dns_query *q, enum reason why, const struct addr *v, unsigned n)
{
	struct fetch *f = LIST_ENTRY(q, struct fetch, query);

	f->resolved = why;
	f->nlist = n > DNS_ADDRS ? DNS_ADDRS : n;
	if (f->nlist > 0)
		memcpy(f->list, v, f->nlist * sizeof *v);
	req_run(f->r);
}

static void
on_dialled(struct dial *d, enum reason why)
{
	struct fetch *f = LIST_ENTRY(d, struct fetch, dial);

	(void)why;
	if (!f->r->running)
		req_run(f->r);
}

/* CONNECT, while the client has not taken its answer: the tunnel sees what became of the connection. */
static void
on_early(struct conn *c UNUSED, enum conn_event ev UNUSED, void *owner UNUSED)
{
}

static enum reason
allow(struct req *r, const struct addr *a)
{
	enum reason why = r->mode->allow == NULL ? R_NONE : r->mode->allow(r, a);

	if (r->explain != NULL)
		r->explain->address(r->explain, a, why);
	return why;
}

static enum reason
on_allow(struct dial *d, const struct addr *a)
{
	return allow(LIST_ENTRY(d, struct fetch, dial)->r, a);
}

/* ------------------------------------------------------------------ attempts */

static struct retry_budget *
budget(const struct req *r)
{
	return &r->x->budgets[r->service == NULL ? r->x->conf->nservices : r->service->index];
}

bool
fetch_new(struct req *r)
{
	struct fetch *f = slab_try_get(&fetch_slab);

	if (f == NULL)
		return false;
	memset(f, 0, sizeof *f);
	f->r = r;
	f->sink = (struct h1_sink)H1_SINK_NONE;
	f->wait.task.run = on_granted;
	f->query.done = on_resolved;
	timer_init(&f->timer, on_queue_timeout);
	r->fetch = f;
	if (r->explain == NULL)
		retry_count_request(budget(r), now(f));
	return true;
}

/* Of this exchange: a kept connection may have carried others. */
static void
count_bytes(const struct fetch *f)
{
	ctx_count(f->r->x, C_BYTES_UP_IN, (int64_t)(conn_bytes_in(f->conn) - f->in_at_start));
	ctx_count(f->r->x, C_BYTES_UP_OUT, (int64_t)(conn_bytes_out(f->conn) - f->out_at_start));
}

/* Gives the attempt's connection up; the outcome goes to the balancer. */
static void
drop_attempt(struct fetch *f, enum pick_outcome outcome)
{
	struct ctx *x = f->r->x;

	if (f->dial.busy)
		dial_cancel(&f->dial);
	dns_cancel(&f->query);
	h1_sink_fini(&f->sink);
	if (f->conn != NULL) {
		count_bytes(f);
		if (f->sent)
			conn_free(&f->conn);
		else
			conn_abort(&f->conn);	/* a half-sent request must not look complete */
	}
	if (f->pick.endpoint != NULL)
		balance_done(x->balance, &f->pick, now(f), outcome);
}

static unsigned
max_tries(const struct fetch *f)
{
	return f->r->service != NULL ? (unsigned)f->r->service->tries : 2;
}

static bool
may_retry(struct fetch *f)
{
	struct req *r = f->r;
	const struct conf_service *s = r->service;
	struct retry_case c = { .method = r->in.method, .reused = f->reused, .tries = r->tries,
	    .max_tries = max_tries(f), .wrote = f->conn != NULL && conn_bytes_out(f->conn) > f->out_at_start,
	    .answered = f->conn != NULL && conn_peek(f->conn).n > 0,
	    .body_kept = r->up == NULL || r->up->moved == 0 || f->kept.copy != NULL };

	if (!retry_allowed(&c) || f->interims > 0)
		return false;
	if (retry_take(
		budget(r), now(f), s == NULL ? 0.2 : s->retry_budget, s == NULL ? 3 : s->retry_min))
		return true;
	ctx_count(r->x, C_RETRY_NO_BUDGET, 1);
	return false;
}

void
fetch_attempt_failed(struct fetch *f, enum reason why)
{
	bool again = why != R_DENIED && why != R_ADDRESS_DENIED && why != R_ADDRESS_OWN &&
	    may_retry(f);

	if (f->pick.endpoint != NULL && f->ntried < BALANCE_TRIED)
		f->tried[f->ntried++] = f->pick.addr;
	/* a kept connection that the target closed meanwhile says nothing about its health */
	drop_attempt(f, f->reused && again ? PICK_UNUSED : PICK_FAILED);
	if (!again) {
		fail(f, why);
		return;
	}
	ctx_count(f->r->x, C_RETRIES, 1);
	f->sent = f->reused = false;
	f->scan = (struct h1_scan){ 0 };
	f->state = FS_PICK;
}

void
fetch_give_up(struct fetch *f, enum reason why, enum pick_outcome told)
{
	drop_attempt(f, told);
	fail(f, why);
}

/* ------------------------------------------------------------------ the states up to a connection */

static enum fetch_result
enter(struct fetch *f)
{
	const struct conf_service *s = f->r->service;

	f->state = FS_PICK;
	if (s == NULL)
		return FETCH_HEAD;
	if (f->r->explain != NULL) {
		if (gate_look(fetch_gate(s), s) == GATE_FULL)
			fail(f, R_QUEUE_FULL);
		return FETCH_HEAD;
	}
	f->gate = &gates[s->index];
	switch (gate_enter(f->gate, s, &f->wait)) {
	case GATE_OPEN:
		return FETCH_HEAD;
	case GATE_WAIT:
		f->state = FS_QUEUED;
		if (timer_set(&f->r->x->loop.timers, &f->timer, now(f) + s->pending_ms))
			return FETCH_WAIT;
		gate_cancel(f->gate, &f->r->x->loop, &f->wait);
		f->gate = NULL;
		fail(f, R_NO_MEMORY);
		return FETCH_HEAD;
	case GATE_FULL:
		f->gate = NULL;
		fail(f, R_QUEUE_FULL);
		return FETCH_HEAD;
	}
	NEVER("unknown gate result");
}

static void
set_port(struct fetch *f)
{
	for (unsigned i = 0; i < f->nlist; i++)
		addr_set_port(&f->list[i], f->r->port);
}

static void
pick_endpoint(struct fetch *f)
{
	struct req *r = f->r;
	bool found = r->explain != NULL ?
	    balance_look(r->x->balance, r->service, now(f), &f->pick) :
	    balance_pick(r->x->balance, r->service, now(f), f->tried, f->ntried, &f->pick);

	if (!found) {
		fail(f,
		    f->why != R_NONE ? f->why :
			endpoint_all_drained(r->x->env->endpoints, r->service->index) ?
				       R_TARGET_DRAINED :
				       R_TARGET_NONE);
		return;
	}
	f->list[0] = f->pick.addr;
	f->nlist = 1;
	f->state = FS_CONNECT;
}

/* The addresses of the host a client asked for. */
static void
pick_host(struct fetch *f)
{
	struct req *r = f->r;
	uint8_t ip[4];

	f->state = FS_CONNECT;
	f->nlist = 1;
	if (addr_parse_ip(&f->list[0], r->host, r->port) == 0)
		return;
	if (uri_host_is_odd_ip4(r->host, ip)) {
		f->list[0] = (struct addr){ .len = sizeof f->list[0].u.in4,
		    .u.in4.sin_family = AF_INET };
		memcpy(&f->list[0].u.in4.sin_addr, ip, sizeof ip);
		set_port(f);
		return;
	}
	if (r->explain != NULL && r->explain->no_dns) {
		f->nlist = 0;
		f->state = FS_PLANNED;
		return;
	}
	f->state = FS_RESOLVE;
	f->resolved = dns_resolve(r->x->dns, r->host, &f->query, f->list, &f->nlist);
}

static void
pick(struct fetch *f)
{
	f->r->tries++;
	if (f->r->service != NULL)
		pick_endpoint(f);
	else
		pick_host(f);
}

static enum fetch_result
resolve(struct fetch *f)
{
	if (f->resolved == R_MAX)
		return FETCH_WAIT;
	f->r->t.dns = (uint32_t)(f->r->x->loop.now_us - f->r->start_us);
	if (f->resolved != R_NONE || f->nlist == 0) {
		fail(f, f->resolved == R_NONE ? R_DNS_FAILED : f->resolved);
		return FETCH_HEAD;
	}
	set_port(f);
	f->state = FS_CONNECT;
	return FETCH_HEAD;
}

/* Methods whose bodies servers disagree about: some end the request before one (SECURITY.md row 11). */
static bool
odd_body(const struct req *r)
{
	enum method m = r->in.method;

	return r->up != NULL &&
	    (m == M_GET || m == M_HEAD || m == M_DELETE || m == M_OPTIONS || m == M_TRACE);
}

/* A connection that began with a PROXY header speaks for one client; NULL: it may serve anybody. */
static struct pool_owner *
owner(const struct req *r)
{
	return r->service != NULL && r->service->send_proxy != SEND_PROXY_OFF ? r->owner : NULL;
}

/* A request that is only explained leaves the connection where it is, and has none of its own. */
static bool
take_kept(struct fetch *f, const struct addr *a)
{
	struct ctx *x = f->r->x;

	if (f->r->explain != NULL)
		return (f->r->service == NULL || f->r->service->send_proxy == SEND_PROXY_OFF) &&
		    pool_look(x->pool, a) > 0;
	f->conn = pool_get(x->pool, a, owner(f->r));
	if (f->conn != NULL)
		ctx_count(x, C_UP_REUSED, 1);
	return f->conn != NULL;
}

static bool
reuse(struct fetch *f)
{
	struct req *r = f->r;

	if (r->connect || f->one_shot || r->tries > 1)
		return false;
	r->reused = false;
	for (unsigned i = 0; i < f->nlist && !r->reused; i++) {
		if (allow(r, &f->list[i]) != R_NONE)
			continue;
		f->peer = f->list[i];
		r->reused = take_kept(f, &f->list[i]);
	}
	f->reused = r->reused;
	return f->reused;
}

/* Who would be connected to, judged like everybody. */
static void
plan(struct fetch *f)
{
	enum reason why = f->reused ? R_NONE : dial_look(&f->dial, f->list, f->nlist);

	if (why != R_NONE) {
		fail(f, why);
		return;
	}
	if (!f->reused)
		f->peer = f->dial.peer;
	f->state = FS_PLANNED;
}

static void
connect_up(struct fetch *f)
{
	struct req *r = f->r;
	const struct conf_forward *fw = &r->x->conf->forward;

	f->one_shot = odd_body(r) || r->want_upgrade;
	f->dial.done = on_dialled;
	f->dial.allow = on_allow;
	if (reuse(f))
		f->state = FS_SEND;
	if (r->explain != NULL)
		plan(f);
	if (f->state != FS_CONNECT)
		return;
	f->state = FS_DIAL;
	if (r->service == NULL) {
		f->dial.source4 = &fw->source4;
		f->dial.source6 = &fw->source6;
	}
	f->send_us = (int64_t)r->x->loop.now_us;
	dial_start(&f->dial, &r->x->loop, r->x->stats, f->list, f->nlist, r->timeout.connect_ms);
}

static enum fetch_result
dialled(struct fetch *f)
{
	struct req *r = f->r;

	if (f->dial.busy)
		return FETCH_WAIT;
	if (f->dial.conn == NULL) {
		fetch_attempt_failed(f, f->dial.why);
		return FETCH_HEAD;
	}
	f->conn = f->dial.conn;
	f->dial.conn = NULL;
	f->peer = f->dial.peer;
	conn_set_owner(f->conn, on_early, NULL);
	r->t.connect = (uint32_t)(r->x->loop.now_us - (uint64_t)f->send_us);
	f->state = r->connect ? FS_TUNNEL : FS_SEND;
	return FETCH_HEAD;
}

enum fetch_result
fetch_run(struct fetch *f)
{
	struct req *r = f->r;

	for (;;) {
		enum fetch_result rc = FETCH_HEAD;	/* of a state's function: go on */

		switch (f->state) {
		case FS_ENTER:		rc = enter(f); break;
		case FS_QUEUED:
			if (!f->wait.granted)
				return FETCH_WAIT;
			f->wait.granted = false;
			timer_fini(&r->x->loop.timers, &f->timer);
			f->state = FS_PICK;
			break;
		case FS_PICK:		pick(f); break;
		case FS_RESOLVE:	rc = resolve(f); break;
		case FS_CONNECT:	connect_up(f); break;
		case FS_DIAL:		rc = dialled(f); break;
		case FS_SEND:
			r->upstream = f->peer;
			fetch_send(f);
			break;
		case FS_HEAD:		return FETCH_WAIT;
		case FS_BODY:		return FETCH_HEAD;
		case FS_TUNNEL:
			r->upstream = f->peer;
			return FETCH_TUNNEL;
		case FS_PLANNED:	return FETCH_PLANNED;
		case FS_FAILED:		return FETCH_FAILED;
		case FS_MAX:		NEVER("no such state");
		}
		if (rc == FETCH_WAIT)
			return rc;
	}
}

struct conn *
fetch_take_conn(struct fetch *f)
{
	struct conn *c = f->conn;

	f->conn = NULL;
	return c;
}

/* ------------------------------------------------------------------ the end */

/*
 * Exactly one complete exchange, and nothing behind it (SECURITY.md row 11). An answer made here in place of the
 * target's says nothing about the connection.
 */
static bool
reusable(const struct fetch *f)
{
	const struct req *r = f->r;

	return f->state == FS_BODY && f->sent && !f->one_shot && r->resp.keep_alive &&
	    r->resp.body != H1_CLOSE && !r->is_local && !r->cut &&
	    (r->down == NULL || r->down->state == BODY_END) && conn_peek(f->conn).n == 0 &&
	    conn_dry(f->conn) && !conn_eof(f->conn) && !conn_failed(f->conn) && !r->x->draining;
}

static void
keep(struct fetch *f)
{
	struct ctx *x = f->r->x;
	const struct conf_service *s = f->r->service;
	struct pool_terms t = { .peer = &f->peer, .owner = owner(f->r),
		.count = balance_idle(x->balance, &f->pick),
		.max_idle = (unsigned)(s == NULL ? x->conf->forward.max_idle : s->max_idle),
		.idle_ms = s == NULL ? x->conf->forward.pool_idle_ms : s->pool_idle_ms };

	count_bytes(f);
	pool_put(x->pool, &f->conn, &t);
}

static enum pick_outcome
outcome(const struct fetch *f)
{
	int status = f->r->upstream_status;

	if (f->state != FS_BODY && f->state != FS_TUNNEL)
		return PICK_UNUSED;		/* the client left; failures were told when they happened */
	if (status >= 502 && status <= 504)
		return PICK_FAILED;
	if (f->r->up != NULL && f->r->up->state == BODY_FAILED)
		return PICK_OK;			/* an answer to half a request may well remain half */
	return f->r->cut && !f->r->gone ? PICK_FAILED : PICK_OK;
}

static void
free_fetch(struct loop_garbage *g)
{
	struct fetch *f = LIST_ENTRY(g, struct fetch, garbage);

	kept_fini(&f->kept);
	slab_put(&fetch_slab, f);
}

void
fetch_end(struct req *r)
{
	struct fetch *f = r->fetch;
	struct loop *l = &r->x->loop;

	if (f == NULL)
		return;
	r->fetch = NULL;
	if (f->conn != NULL && reusable(f))
		keep(f);
	if (f->state == FS_QUEUED) {
		gate_cancel(f->gate, l, &f->wait);
		f->gate = NULL;
	}
	drop_attempt(f, outcome(f));
	timer_fini(&l->timers, &f->timer);
	if (f->gate != NULL)
		gate_leave(f->gate, l);
	loop_defer_free(l, &f->garbage, free_fetch);
}

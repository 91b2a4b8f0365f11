/*
 * From a decision (service or host) to a connection, and what happens when an attempt fails. Whom it goes to is
 * fetch_reach.c's part, what goes over the connection h1.c's.
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

void
fetch_fail(struct fetch *f, enum reason why)
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
	fetch_fail(f, R_QUEUE_TIMEOUT);
	req_run(f->r);
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
	memset(f, 0, offsetof(struct fetch, tried));
	f->r = r;
	f->sink = (struct h1_sink)H1_SINK_NONE;
	f->wait.task.run = on_granted;
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
		fetch_fail(f, why);
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
	fetch_fail(f, why);
}

/* ------------------------------------------------------------------ the states */

static enum fetch_result
enter(struct fetch *f)
{
	const struct conf_service *s = f->r->service;

	f->state = FS_PICK;
	if (s == NULL)
		return FETCH_HEAD;
	if (f->r->explain != NULL) {
		if (gate_look(fetch_gate(s), s) == GATE_FULL)
			fetch_fail(f, R_QUEUE_FULL);
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
		fetch_fail(f, R_NO_MEMORY);
		return FETCH_HEAD;
	case GATE_FULL:
		f->gate = NULL;
		fetch_fail(f, R_QUEUE_FULL);
		return FETCH_HEAD;
	}
	NEVER("unknown gate result");
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
		case FS_PICK:		fetch_pick(f); break;
		case FS_RESOLVE:	rc = fetch_resolve(f); break;
		case FS_CONNECT:	fetch_connect(f); break;
		case FS_DIAL:		rc = fetch_dialled(f); break;
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
	struct pool_terms t = { .peer = &f->peer, .owner = fetch_owner(f->r),
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

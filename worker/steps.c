/*
 * A request's way, from the complete head to the journal. Read the table down: it is the table of contents of
 * the worker. One runner moves a request on, once per wake-up; only the steps assign ->step.
 */
#include "conf/base/assert.h"
#include "worker/back/fetch.h"
#include "worker/back/tunnel.h"
#include "worker/cache/cached.h"
#include "worker/filter/filter.h"
#include "worker/mode/mode.h"
#include "worker/req/req.h"

typedef enum next step_f(struct req *);

static bool
crowded(const struct ctx *x)
{
	return x->sessions.count > x->max_sessions / 5 * 4;
}

/* More than can be served: refused before anything is decided, because that has to be cheap. */
static bool
shed(struct req *r)
{
	struct ctx *x = r->x;

	if (!x->shed.on || r->explain != NULL || shed_admit(&x->shed, x->reqs.count))
		return false;
	ctx_count(x, C_SHED, 1);
	r->reason = R_SHED;
	r->close = r->connect || crowded(x);	/* who has to connect anew for the next try costs more */
	req_reply(r, r->reason, 0);
	return true;
}

/* The head is complete: what it says must make sense before anybody decides on it. */
static enum next
step_recv(struct req *r)
{
	if (r->reason == R_NONE)
		req_find_client(r);
	if (!req_find_id(r))
		r->reason = R_NO_MEMORY;
	if (r->reason == R_NONE)
		r->reason = req_target(r);
	if (r->reason != R_NONE) {
		r->close = true;
		req_reply(r, r->reason, 0);
		r->step = ST_RESPOND;
		return NEXT_STEP;
	}
	r->step = shed(r) ? ST_RESPOND : ST_ADMIT;
	return NEXT_STEP;
}

/* Where it goes, and whether it may: routes or rules. */
static enum next
step_admit(struct req *r)
{
	r->mode = r->listener->mode == MODE_FORWARD ? &mode_forward : &mode_reverse;
	r->step = r->mode->admit(r) == R_NONE ? ST_FILTER : ST_RESPOND;
	return NEXT_STEP;
}

static enum next
step_filter(struct req *r)
{
	r->step = chain_request(chain_of(r), r) == FLT_NEXT ? ST_LOOKUP : ST_RESPOND;
	return NEXT_STEP;
}

/* From the store, if it has an answer. */
static enum next
step_lookup(struct req *r)
{
	if (r->x->cache != NULL && cached_lookup(r) == CACHED_ANSWER) {
		r->step = ST_RESPOND;
		return NEXT_STEP;
	}
	if (fetch_new(r)) {
		r->step = ST_FETCH;
		return NEXT_STEP;
	}
	req_reply(r, R_NO_MEMORY, 0);
	r->step = ST_RESPOND;
	return NEXT_STEP;
}

static enum next
step_fetch(struct req *r)
{
	switch (fetch_run(r->fetch)) {
	case FETCH_WAIT:
		return NEXT_WAIT;
	case FETCH_HEAD:
		r->step = ST_RESPOND;
		return NEXT_STEP;
	case FETCH_TUNNEL:
		r->resp.status = 200;
		r->step = ST_DELIVER;
		return NEXT_STEP;
	case FETCH_PLANNED:
		r->step = ST_LOG;
		return NEXT_STEP;
	case FETCH_FAILED:
		if (cached_failed(r) == CACHED_ANSWER) {
			r->step = ST_RESPOND;
			return NEXT_STEP;
		}
		r->close = r->close || r->connect;	/* what follows a refused CONNECT is not a request */
		req_reply(r, r->fetch->why, 0);
		r->step = ST_RESPOND;
		return NEXT_STEP;
	}
	NEVER("unknown fetch result");
}

/* The answer's head is known, from upstream or made here. */
static enum next
step_respond(struct req *r)
{
	if (r->cached != NULL && cached_response(r) == CACHED_FETCH) {
		r->step = ST_LOOKUP;
		return NEXT_STEP;
	}
	(void)chain_response(chain_of(r), r);
	r->step = ST_DELIVER;
	return NEXT_STEP;
}

static enum next
step_deliver(struct req *r)
{
	enum next n = r->cut ? NEXT_STEP : r->front->deliver(r);

	if (n != NEXT_STEP)
		return n;
	r->step = !r->is_local && !r->cut && !r->gone && (r->connect || r->resp.status == 101) ?
	    ST_TUNNEL : ST_LOG;
	return NEXT_STEP;
}

static enum next
step_tunnel(struct req *r)
{
	if (r->tunnel == NULL) {
		struct conn *target = fetch_take_conn(r->fetch);

		if (!tunnel_start(r, r->front->tunnel(r), target)) {
			r->reason = R_NO_MEMORY;
			r->cut = true;
			r->step = ST_LOG;
			return NEXT_STEP;
		}
	}
	if (!tunnel_over(r))
		return NEXT_WAIT;
	r->step = ST_LOG;
	return NEXT_STEP;
}

/* The end, however it came: everything is given back, one record is written. */
static enum next
step_log(struct req *r)
{
	tunnel_end(r);
	if (r->fetch != NULL && r->gone)
		r->cut = true;
	if (r->explain == NULL && !r->background)
		req_log(r);
	r->front->done(r);
	fetch_end(r);
	cached_end(r);
	return NEXT_DONE;
}

static const struct { const char *name; step_f *run; } steps[ST_MAX] = {
	[ST_RECV] = { "recv", step_recv },
	[ST_ADMIT] = { "admit", step_admit },
	[ST_FILTER] = { "filter", step_filter },
	[ST_LOOKUP] = { "lookup", step_lookup },
	[ST_FETCH] = { "fetch", step_fetch },
	[ST_RESPOND] = { "respond", step_respond },
	[ST_DELIVER] = { "deliver", step_deliver },
	[ST_TUNNEL] = { "tunnel", step_tunnel },
	[ST_LOG] = { "log", step_log },
};

const char *
req_step_name(enum step s)
{
	return s < ST_MAX ? steps[s].name : "?";
}

void
req_run(struct req *r)
{
	enum next n;

	ASSERT_OBJ(r, REQ_MAGIC);
	if (r->running)
		return;
	r->running = true;
	do {
		if (r->gone)
			r->step = ST_LOG;
		n = steps[r->step].run(r);
	} while (n == NEXT_STEP || (n == NEXT_WAIT && r->gone));
	r->running = false;
	if (n == NEXT_DONE)
		req_free(&r);
}

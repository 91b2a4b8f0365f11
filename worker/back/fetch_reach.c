/*
 * fetch_reach.c - whom an attempt goes to: a service's endpoint or the addresses of a host, then a kept connection or a
 * new one. Every address is judged before it is used. A request that is only explained is judged alike and ends here,
 * where it would be connected (FS_PLANNED).
 */
#include "worker/back/fetch.h"

#include <string.h>

#include "worker/back/pool.h"
#include "worker/req/explain.h"

static int64_t
now(const struct fetch *f)
{
	return f->r->x->loop.now_ms;
}

/* ------------------------------------------------------------------ addresses */

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
		fetch_fail(f,
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
	f->query.done = on_resolved;
	f->state = FS_RESOLVE;
	f->resolved = dns_resolve(r->x->dns, r->host, &f->query, f->list, &f->nlist);
}

void
fetch_pick(struct fetch *f)
{
	f->r->tries++;
	if (f->r->service != NULL)
		pick_endpoint(f);
	else
		pick_host(f);
}

enum fetch_result
fetch_resolve(struct fetch *f)
{
	if (f->resolved == R_MAX)
		return FETCH_WAIT;
	f->r->t.dns = (uint32_t)(f->r->x->loop.now_us - f->r->start_us);
	if (f->resolved != R_NONE || f->nlist == 0) {
		fetch_fail(f, f->resolved == R_NONE ? R_DNS_FAILED : f->resolved);
		return FETCH_HEAD;
	}
	set_port(f);
	f->state = FS_CONNECT;
	return FETCH_HEAD;
}

/* ------------------------------------------------------------------ the connection */

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

/* Methods whose bodies servers disagree about: some end the request before one (SECURITY.md row 11). */
static bool
odd_body(const struct req *r)
{
	enum method m = r->in.method;

	return r->up != NULL &&
	    (m == M_GET || m == M_HEAD || m == M_DELETE || m == M_OPTIONS || m == M_TRACE);
}

/* A connection that began with a PROXY header speaks for one client; NULL: it may serve anybody. */
struct pool_owner *
fetch_owner(const struct req *r)
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
	f->conn = pool_get(x->pool, a, fetch_owner(f->r));
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
		fetch_fail(f, why);
		return;
	}
	if (!f->reused)
		f->peer = f->dial.peer;
	f->state = FS_PLANNED;
}

void
fetch_connect(struct fetch *f)
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

enum fetch_result
fetch_dialled(struct fetch *f)
{
	struct req *r = f->r;

	if (f->dial.peer.len != 0)
		r->upstream = f->dial.peer;	/* told of a failure too, and while it is dialled */
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

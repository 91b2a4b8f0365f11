/*
 * The worker process: one loop, everything it needs made after fork, messages from the master.
 *
 * Draining: no new connections, idle ones closed after a second (at once, a request just sent would be lost),
 * requests until they make no progress for the drain time, tunnels to their own limits. The process leaves when
 * nothing is left.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/enc.h"
#include "conf/base/log.h"
#include "conf/base/map.h"
#include "conf/base/mem.h"
#include "conf/base/wire.h"
#include "worker/ask.h"
#include "worker/back/balance.h"
#include "worker/back/dns.h"
#include "worker/back/fetch.h"
#include "worker/back/pool.h"
#include "worker/back/retry.h"
#include "worker/cache/cache.h"
#include "worker/filter/filter.h"
#include "worker/front/porter.h"
#include "worker/front/session.h"
#include "worker/mode/acl.h"
#include "worker/mode/list_set.h"
#include "worker/mode/route.h"
#include "worker/shared/list_link.h"

#define DRAIN_LOOK_MS 200
#define TRIM_LOOK_MS 1000
#define CONNECTIONS_USUAL 10000
#define FILES_OWN	64	/* descriptors a worker needs for itself */
#define DRAIN_GRACE_MS 1000	/* busy clients hear "Connection: close" before idle connections are closed */
#define REPORT_WAITING 8	/* waiting requests named in a crash report */

struct worker {
	struct ctx	x;
	struct acceptor	*acceptor;
	bool		ready;		/* the master was told */
	struct loop_source link;
	struct loop_hook hook;
	struct asks	asks;
	int64_t		trimmed_ms;	/* when memory was last looked at */
	struct timer	trim_timer;	/* looks again when nothing else wakes the loop */
	struct timer	drain_timer;
	int64_t		progress_ms;	/* when draining last got somewhere */
	uint64_t	progress;	/* bytes and requests at that time */
};

static struct worker worker;		/* one per process; here for the crash report */

static int begin(struct worker *, struct errdetail *);

static void
report_req(const char *what, const struct req *r)
{
	report_add(what);
	report_add(" request in step ");
	report_add(req_step_name(r->step));
	if (r->fetch != NULL) {
		report_add(", fetch ");
		report_add(fetch_state_name(r->fetch));
	}
	report_add("\n");
}

/* The request at work is the suspect; an event may also have struck before its request was told. */
static void
crash_dump(void)
{
	unsigned waiting = 0;

	report_add_u64("sessions", worker.x.sessions.count);
	report_add_u64("requests", worker.x.reqs.count);
	report_add("\n");
	LIST_EACH(&worker.x.reqs, n)
		if (LIST_ENTRY(n, struct req, node)->running)
			report_req("running", LIST_ENTRY(n, struct req, node));
	LIST_EACH(&worker.x.reqs, n) {
		const struct req *r = LIST_ENTRY(n, struct req, node);

		if (!r->running && waiting++ < REPORT_WAITING)
			report_req("waiting", r);
	}
}

/* ------------------------------------------------------------------ start */

static bool
has_mode(const struct conf *c, enum conf_mode m)
{
	for (unsigned i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].mode == m)
			return true;
	return false;
}

/* A head may hold what it came with, what every head gets, and all that one route adds. */
static uint32_t
fields_added(const struct conf *c)
{
	unsigned most = 0;

	for (unsigned i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i];
		unsigned down = r->response.head.set.n + r->respond.headers.n;
		unsigned n = r->request.head.set.n > down ? r->request.head.set.n : down;

		most = n > most ? n : most;
	}
	return REQ_FIELDS_ADDED + most;
}

static void
set_limits(struct ctx *x)
{
	const struct conf_http *h = &x->conf->http;

	x->fields_added = fields_added(x->conf);

	x->request_limits = (struct h1_limits){ .max_head = (uint32_t)h->max_head,
	    .max_field = (uint32_t)h->max_field, .max_target = (uint32_t)h->max_target,
	    .max_fields = (uint16_t)h->max_fields, .relaxed = h->relaxed_line_endings };
	x->response_limits = (struct h1_limits){ .max_head = (uint32_t)h->max_response_head,
	    .max_field = (uint32_t)h->max_response_head, .max_target = UINT32_MAX,
	    .max_fields = (uint16_t)h->max_response_fields };
}

/*
 * How many clients may be connected. Left to us, half of what may be open: every one may need a connection to a
 * target (SECURITY.md 2). Who asks for a number gets it, short only of what the process needs itself.
 */
static uint32_t
max_sessions(const struct conf *c)
{
	uint64_t asked = (uint64_t)c->process.connections, files = UINT32_MAX, most;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < files)
		files = rl.rlim_cur;
	files = files > FILES_OWN + 2 ? files - FILES_OWN : 2;
	most = asked == 0 ? files / 2 : files;
	asked = asked == 0 ? CONNECTIONS_USUAL : asked;
	return (uint32_t)(asked < most ? asked : most);
}

/* Requests are judged by an image: the master may say that the list is in force when all have told. */
static void
on_list_taken(void *owner, uint32_t index, uint32_t serial)
{
	struct worker *w = owner;
	char buf[32];
	struct wire m;

	wire_write_init(&m, buf, sizeof buf, LINK_LIST_TAKEN);
	list_put_image(&m, index, serial);
	if (wire_send(w->x.env->link, &m, -1) != 0)
		log_write(LOG_WARN, "the master could not be told that a list was taken");
	if (w->acceptor != NULL && !w->ready && begin(w, NULL) != 0)
		w->x.loop.stop = true;
}

static int
make_tables(struct ctx *x, struct errdetail *ed)
{
	const struct conf *c = x->conf;

	if (has_mode(c, MODE_REVERSE) && (x->routes = route_table_new(c, ed)) == NULL)
		return -E_NOMEM;
	if (has_mode(c, MODE_FORWARD) && (x->acls = acl_table_new(c, ed)) == NULL)
		return -E_NOMEM;
	x->lists = list_set_new(c, &x->loop, on_list_taken, &worker);
	if (x->acls != NULL)
		acl_table_lists(x->acls, list_set_images(x->lists));
	x->chains = mem_array(c->nroutes + 1, sizeof(struct chain *));
	for (unsigned i = 0; i < c->nroutes; i++)
		x->chains[i] = chain_new(c, &c->routes[i]);
	x->chains[c->nroutes] = chain_new(c, NULL);
	x->budgets = mem_array(c->nservices + 1, sizeof *x->budgets);
	x->balance = balance_new(c, x->env->endpoints, x->env->lane, x->stats);
	x->pool = pool_new(&x->loop, x->stats, ed);
	x->dns = dns_new(&x->loop, &c->dns, x->stats, ed);
	x->cache = cache_new(x);
	if (x->balance == NULL || x->pool == NULL || x->dns == NULL)
		return -E_NOMEM;
	return fetch_gates_new(c);
}

static int
ctx_init(struct ctx *x, struct env *e, struct errdetail *ed)
{
	uint8_t seed[16];
	int rc = loop_init(&x->loop, ed);

	if (rc != 0)
		return rc;
	x->env = e;
	x->conf = e->conf;
	x->stats = e->my;
	x->journal = &e->journal->ring[e->lane];
	x->loop.beat_ms = &e->my->beat_ms;
	x->loop.asleep = &e->my->asleep;
	list_init(&x->sessions);
	list_init(&x->reqs);
	if (enc_random(seed, sizeof seed) != 0)
		return err_sys(ed, "getrandom");
	map_seed(seed);
	memcpy(&x->id_state, seed, sizeof x->id_state);
	ctx_set_name(x, (unsigned)(e->boot_id & 0xffffffffu));
	x->max_sessions = max_sessions(x->conf);
	set_limits(x);
	return make_tables(x, ed);
}

static void
tell_shed(struct ctx *x)
{
	x->stats->counter[C_SHEDDING] = x->shed.on;
	if (x->shed.on)
		log_write(LOG_WARN,
		    "overloaded: the loop lags by %llu ms, requests it cannot serve are answered 503",
		    (unsigned long long)(x->loop.lag_us / 1000));
	else
		log_write(LOG_INFO, "not overloaded any more: %llu requests were refused so far",
		    (unsigned long long)x->stats->counter[C_SHED]);
}

static void
on_turn_end(struct loop_hook *h)
{
	struct worker *w = LIST_ENTRY(h, struct worker, hook);
	struct ctx *x = &w->x;
	bool changed;

	if (!list_empty(&w->asks.waiting))
		asks_run(&w->asks);
	changed = shed_turn(&x->shed, &x->conf->overload, x->loop.now_us, x->loop.lag_us,
	    x->stats->counter[C_REQUESTS] - x->stats->counter[C_SHED]);
	if (changed)
		tell_shed(x);
	if (changed || x->shed.on)
		porter_turn(x->porter);
	if (x->draining && x->sessions.count == 0)
		x->loop.stop = true;		/* a reload may be waiting for this generation to end */
	if (x->loop.now_ms - w->trimmed_ms < TRIM_LOOK_MS)
		return;
	w->trimmed_ms = x->loop.now_ms;
	if (mem_trim())
		(void)timer_set(&x->loop.timers, &w->trim_timer, x->loop.now_ms + TRIM_LOOK_MS);
}

/* The turn it makes is all it is for. */
static void
on_trim_timer(struct timer *t)
{
	(void)t;
}

/* ------------------------------------------------------------------ draining */

static uint64_t
progress(const struct ctx *x)
{
	const uint64_t *c = x->stats->counter;
	uint64_t sum = c[C_REQUESTS] + c[C_CONNS_ACCEPTED];

	LIST_EACH(&x->sessions, n) {
		const struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->conn != NULL)
			sum += conn_bytes_in(s->conn) + conn_bytes_out(s->conn);
	}
	return sum;
}

static bool
only_tunnels(const struct ctx *x)
{
	LIST_EACH(&x->sessions, n)
		if (LIST_ENTRY(n, struct session, node)->conn != NULL)
			return false;
	return true;
}

static void
look_at_drain(struct worker *w)
{
	struct ctx *x = &w->x;
	uint64_t p = progress(x);

	session_drain(x);
	if (x->sessions.count == 0) {
		x->loop.stop = true;
		return;
	}
	if (p != w->progress) {
		w->progress = p;
		w->progress_ms = x->loop.now_ms;
	}
	if (!only_tunnels(x) && x->loop.now_ms - w->progress_ms > x->conf->process.drain_ms) {
		log_write(LOG_WARN,
		    "drain: %u connections made no progress for %lld ms, closing them",
		    x->sessions.count, (long long)x->conf->process.drain_ms);
		x->loop.stop = true;
		return;
	}
	if (!timer_set(&x->loop.timers, &w->drain_timer, x->loop.now_ms + DRAIN_LOOK_MS))
		x->loop.stop = true;
}

static void
on_drain_timer(struct timer *t)
{
	look_at_drain(LIST_ENTRY(t, struct worker, drain_timer));
}

static void
drain(struct worker *w)
{
	struct ctx *x = &w->x;

	if (x->draining)
		return;
	x->draining = true;
	atomic_store(&x->stats->state, LANE_DRAINING);
	acceptor_stop(w->acceptor);
	pool_clear(x->pool);
	w->progress_ms = x->loop.now_ms;
	if (x->sessions.count == 0 ||
	    !timer_set(&x->loop.timers, &w->drain_timer, x->loop.now_ms + DRAIN_GRACE_MS))
		look_at_drain(w);
}

/* ------------------------------------------------------------------ the master's messages */

static void
on_message(struct worker *w, char *buf, size_t len, int fd)
{
	uint16_t type;
	struct wire m;
	uint32_t n;

	if (wire_read_init(&m, buf, len, &type) != 0)
		return;
	switch (type) {
	case LINK_DRAIN:
		drain(w);
		break;
	case LINK_STOP:
		w->x.loop.stop = true;
		break;
	case LINK_ADOPT:
	case LINK_RELEASE:
		n = wire_get_u32(&m);
		if (wire_done(&m) != 0 || w->x.draining)
			break;
		if (type == LINK_RELEASE)
			acceptor_leave(w->acceptor, n);
		else if (acceptor_serve(w->acceptor, n) != 0)
			log_sys(LOG_ERROR, "cannot serve slot %u", n);
		break;
	case LINK_LOGLEVEL:
		n = wire_get_u32(&m);
		if (wire_done(&m) == 0 && n <= LOG_DEBUG)
			log_set_level((enum log_level)n);
		break;
	case LINK_LIST:
		list_set_offer(w->x.lists, &m, fd);
		break;
	case LINK_ASK:
		asks_take(&w->asks, &m);
		break;
	case LINK_REOPEN:
		if (fd >= 0) {
			log_reopen(fd);
			fd = -1;
		}
		break;
	default:
		log_write(LOG_WARN, "unknown message %u from the master", type);
	}
	if (fd >= 0)
		close(fd);
}

static void
on_link(struct loop_source *s, uint32_t events)
{
	struct worker *w = LIST_ENTRY(s, struct worker, link);
	char buf[WIRE_MAX];
	size_t len;
	int fd, rc;

	(void)events;
	while ((rc = wire_recv(s->fd, buf, sizeof buf, &len, &fd)) == 0)
		on_message(w, buf, len, fd);
	if (rc == -E_AGAIN)
		return;
	log_write(LOG_WARN, "the master is gone: draining");
	loop_remove(&w->x.loop, &w->link);
	drain(w);
}

static int
say(const struct env *e, enum link_type type, const char *text)
{
	char buf[WIRE_MAX];
	struct wire m;

	wire_write_init(&m, buf, sizeof buf, (uint16_t)type);
	if (text != NULL)
		wire_put_span(&m, span_str(text));
	return wire_send(e->link, &m, -1);
}

/* Nobody is served before every list is there: a name that it blocks would pass. */
static int
begin(struct worker *w, struct errdetail *ed)
{
	if (w->x.draining || !list_set_complete(w->x.lists))
		return 0;
	if (!w->x.env->held && acceptor_serve(w->acceptor, w->x.env->slot) != 0)
		return err_sys(ed, "listening sockets of slot %u", w->x.env->slot);
	w->ready = true;
	atomic_store(&w->x.stats->state, LANE_READY);
	return say(w->x.env, LINK_READY, NULL);
}

static int
serve(struct worker *w, struct errdetail *ed)
{
	int rc = loop_add(&w->x.loop, &w->link, w->x.env->link, EPOLLIN | EPOLLET);

	if (rc != 0)
		return err_sys(ed, "epoll_ctl");
	w->acceptor = acceptor_new(&w->x, ed);
	if (w->acceptor == NULL)
		return -E_SYS;
	w->x.porter = porter_new(&w->x, w->acceptor);
	return begin(w, ed);
}

/* ------------------------------------------------------------------ end */

static void
worker_fini(struct worker *w)
{
	struct ctx *x = &w->x;

	while (!list_empty(&x->reqs)) {
		struct req *r = LIST_ENTRY(list_first(&x->reqs), struct req, node);

		r->gone = true;
		r->reason = R_STOPPING;
		req_run(r);
	}
	while (!list_empty(&x->sessions))
		session_close(LIST_ENTRY(list_first(&x->sessions), struct session, node));
	porter_free(&x->porter);
	acceptor_free(&w->acceptor);
	timer_fini(&x->loop.timers, &w->drain_timer);
	timer_fini(&x->loop.timers, &w->trim_timer);
	cache_free(&x->cache);
	dns_free(&x->dns);
	pool_free(&x->pool);
	balance_free(&x->balance);
	route_table_free(&x->routes);
	acl_table_free(&x->acls);
	list_set_free(&x->lists);
	for (unsigned i = 0; i <= x->conf->nroutes; i++)
		chain_free(&x->chains[i]);
	mem_free(x->chains);
	mem_free(x->budgets);
	fetch_gates_free();
	asks_fini(&w->asks);
	loop_fini(&x->loop);
	buf_drain_pool();
	splice_drain_pool();
}

int
worker_main(struct env *e)
{
	struct errdetail ed = { 0 };
	struct worker *w = &worker;

	(void)signal(SIGPIPE, SIG_IGN);
	report_set_area(&e->report->area[e->lane]);
	report_install(crash_dump);
	w->link.ready = on_link;
	w->hook.turn_end = on_turn_end;
	asks_init(&w->asks, &w->x);
	timer_init(&w->drain_timer, on_drain_timer);
	timer_init(&w->trim_timer, on_trim_timer);
	if (ctx_init(&w->x, e, &ed) != 0 || serve(w, &ed) != 0) {
		(void)!say(e, LINK_FAILED, ed.text);
		log_write(LOG_ERROR, "start-up failed: %s", ed.text);
		return 1;
	}
	loop_hook_add(&w->x.loop, &w->hook);
	loop_run(&w->x.loop);
	worker_fini(w);
	return say(e, LINK_DRAINED, NULL) == 0 ? 0 : 1;
}

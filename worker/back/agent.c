/*
 * agent.c - the process that keeps the names of services resolved and published as endpoints, and the lists of acls
 * compiled (list_watch.c).
 *
 *	watch (one per target that is a name) --dns_resolve--> sorted addresses --changed?--> endpoint_publish
 *
 * TTLs are the cache's work (dns.c, held to 5-300 s here): a watch simply asks every few seconds and mostly hears
 * what it knows. Failures are asked again after 1, 2, 4 ... 30 s and leave published addresses as they are.
 *
 * Ready is told when every watch has had an answer, good or bad, or after READY_MS: a dead resolver must not
 * keep the rest from starting.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "conf/base/wire.h"
#include "worker/back/dns.h"
#include "worker/back/list_watch.h"
#include "worker/io/loop.h"
#include "worker/shared/env.h"

#define TTL_MIN_MS	5000
#define TTL_MAX_MS	300000
#define ASK_MS		5000	/* between questions for a name that resolves */
#define BACKOFF_MIN_MS	1000
#define BACKOFF_MAX_MS	30000
#define READY_MS	5000

struct agent;

struct watch {
	struct agent	*agent;
	const struct conf_service *service;
	const struct conf_target *target;
	struct dns_query query;
	struct timer	 timer;
	int64_t		 backoff_ms;	/* 0: the last answer was good */
	bool		 answered;
	unsigned	 n;		/* published */
	struct addr	 list[ENDPOINT_PER_TARGET];
};

struct agent {
	struct env	*env;
	struct loop	 loop;
	struct dns	*dns;
	struct conf_dns	 conf;
	struct watch	*watches; unsigned nwatches;
	struct list_watch *lists;
	unsigned	 unanswered;
	struct loop_source link;
	struct timer	 ready;		/* TIMER_NEVER once told */
	bool		 told;
};

/* --------------------------------------------------------------------------------------------- link */

static void
link_send(struct agent *a, enum link_type type, const char *text)
{
	char buf[WIRE_MAX];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, (uint16_t)type);
	if (text != NULL)
		wire_put_span(&w, span_str(text));
	if (wire_send(a->env->link, &w, -1) != 0)
		log_write(LOG_WARN, "link to the master: a message could not be sent");
}

static void
tell_ready(struct agent *a)
{
	if (a->told)
		return;
	a->told = true;
	timer_stop(&a->ready);
	link_send(a, LINK_READY, NULL);
}

static void
on_ready_timer(struct timer *t)
{
	struct agent *a = LIST_ENTRY(t, struct agent, ready);

	log_write(LOG_WARN, "%u names of services have no answer yet; starting without them",
	    a->unanswered);
	tell_ready(a);
}

/* fd: what came with the message, or -1; taken. */
static void
link_message(struct agent *a, struct wire *w, uint16_t type, int fd)
{
	uint32_t value;

	switch (type) {
	case LINK_STOP:
	case LINK_DRAIN:
		a->loop.stop = true;
		break;
	case LINK_LOGLEVEL:
		value = wire_get_u32(w);
		if (wire_done(w) == 0 && value <= LOG_DEBUG)
			log_set_level((enum log_level)value);
		break;
	case LINK_LIST_SOURCE:
		list_watch_source(a->lists, w, fd);
		return;
	case LINK_LIST_OLD:
		if (fd >= 0)
			list_watch_old(a->lists, fd);
		return;
	case LINK_REOPEN:
		value = wire_get_u32(w);
		if (wire_done(w) == 0 && value == 1 && fd >= 0) {
			log_reopen(fd);
			return;
		}
		break;
	default:
		log_write(LOG_WARN, "link to the master: message %u is not for the agent", type);
	}
	if (fd >= 0)
		close(fd);
}

/* The master's end is closed when it died: there is nobody to work for. */
static void
on_link(struct loop_source *s, uint32_t events UNUSED)
{
	struct agent *a = LIST_ENTRY(s, struct agent, link);
	char buf[WIRE_MAX];

	while (!a->loop.stop) {
		struct wire w;
		size_t len;
		uint16_t type;
		int fd = -1, rc = wire_recv(s->fd, buf, sizeof buf, &len, &fd);

		if (rc == -E_AGAIN)
			return;
		if (rc == -E_CLOSED || rc == -E_SYS) {
			a->loop.stop = true;
			return;
		}
		if (rc == 0 && wire_read_init(&w, buf, len, &type) == 0)
			link_message(a, &w, type, fd);
		else if (fd >= 0)
			close(fd);
	}
}

/* ------------------------------------------------------------------------------------------ watches */

static int
compare_addr(const void *pa, const void *pb)
{
	const struct addr *a = pa, *b = pb;
	int family = (int)a->u.sa.sa_family - (int)b->u.sa.sa_family;

	if (family != 0)
		return family;
	if (a->u.sa.sa_family == AF_INET)
		return memcmp(&a->u.in4.sin_addr, &b->u.in4.sin_addr, sizeof a->u.in4.sin_addr);
	return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr);
}

/* Is there a route? Sends nothing. A host without IPv6 would otherwise send half its requests into errors. */
static bool
has_route(const struct addr *to)
{
	int fd = socket(to->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = fd >= 0 && connect(fd, &to->u.sa, to->len) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/*
 * Resolvers rotate their answers: sorted, two equal answers are equal bytes and nothing is published. Addresses
 * without a route go, unless all are without.
 */
static unsigned
endpoints_of(
    const struct watch *w, const struct addr *from, unsigned n, struct addr to[ENDPOINT_PER_TARGET])
{
	struct addr all[DNS_ADDRS];
	unsigned routed = 0;

	n = n < DNS_ADDRS ? n : DNS_ADDRS;
	for (unsigned i = 0; i < n; i++) {
		all[i] = from[i];
		addr_set_port(&all[i], w->target->port);
	}
	for (unsigned i = 0; i < n; i++)
		if (has_route(&all[i]))
			all[routed++] = all[i];
	if (routed > 0)
		n = routed;
	qsort(all, n, sizeof all[0], compare_addr);
	n = n < ENDPOINT_PER_TARGET ? n : ENDPOINT_PER_TARGET;
	memcpy(to, all, n * sizeof *to);
	return n;
}

static bool
same(const struct watch *w, const struct addr *list, unsigned n)
{
	if (n != w->n)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!addr_eq(&w->list[i], &list[i]))
			return false;
	return true;
}

static void
watch_good(struct watch *w, const struct addr *answer, unsigned n)
{
	struct addr list[ENDPOINT_PER_TARGET];

	n = endpoints_of(w, answer, n, list);
	if (w->backoff_ms != 0)
		log_write(
		    LOG_INFO, "service %s: %s resolves again", w->service->name, w->target->host);
	w->backoff_ms = 0;
	if (same(w, list, n))
		return;
	w->n = n;
	memcpy(w->list, list, n * sizeof *list);
	endpoint_publish(w->agent->env->endpoints, w->service, w->target->index, list, n);
	log_write(
	    LOG_INFO, "service %s: %s has %u addresses", w->service->name, w->target->host, n);
}

static void
watch_bad(struct watch *w, enum reason why)
{
	if (w->backoff_ms == 0)
		log_write(LOG_WARN, "service %s: %s: %s; %u addresses stay", w->service->name,
		    w->target->host, reason_text(why), w->n);
	w->backoff_ms = w->backoff_ms == 0 ? BACKOFF_MIN_MS : w->backoff_ms * 2;
	if (w->backoff_ms > BACKOFF_MAX_MS)
		w->backoff_ms = BACKOFF_MAX_MS;
}

static void
watch_answer(struct watch *w, enum reason why, const struct addr *list, unsigned n)
{
	struct agent *a = w->agent;

	if (why == R_NONE)
		watch_good(w, list, n);
	else
		watch_bad(w, why);
	if (!w->answered) {
		w->answered = true;
		if (--a->unanswered == 0)
			tell_ready(a);
	}
	if (!timer_set(&a->loop.timers, &w->timer,
		a->loop.now_ms + (w->backoff_ms > 0 ? w->backoff_ms : ASK_MS))) {
		log_write(LOG_ERROR, "out of memory; starting anew");
		a->loop.stop = true;
	}
}

static void
on_answer(struct dns_query *q, enum reason why, const struct addr *list, unsigned n)
{
	watch_answer(LIST_ENTRY(q, struct watch, query), why, list, n);
}

static void
watch_ask(struct watch *w)
{
	struct addr list[DNS_ADDRS];
	unsigned n;
	enum reason why = dns_resolve(
	    w->agent->dns, span_str(w->target->host), &w->query, list, &n);

	if (why != R_MAX)
		watch_answer(w, why, list, n);
}

static void
on_watch(struct timer *t)
{
	watch_ask(LIST_ENTRY(t, struct watch, timer));
}

static unsigned
count_names(const struct conf *conf)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf->nservices; i++)
		for (unsigned j = 0; j < conf->services[i].ntargets; j++)
			n += conf->services[i].targets[j].addr.len == 0;
	return n;
}

static void
watches_new(struct agent *a)
{
	const struct conf *conf = a->env->conf;

	a->watches = mem_array(count_names(conf) + 1, sizeof *a->watches);
	for (unsigned i = 0; i < conf->nservices; i++)
		for (unsigned j = 0; j < conf->services[i].ntargets; j++) {
			const struct conf_target *t = &conf->services[i].targets[j];
			struct watch *w = &a->watches[a->nwatches];

			if (t->addr.len != 0)
				continue;
			*w = (struct watch){ .agent = a, .target = t };
			w->service = &conf->services[i];
			w->query.done = on_answer;
			timer_init(&w->timer, on_watch);
			a->nwatches++;
		}
	a->unanswered = a->nwatches;
}

/* -------------------------------------------------------------------------------------------- agent */

/* The last good answer is what is published: a stale one from the cache would only hide the failure. */
static void
conf_adapt(struct agent *a)
{
	struct conf_dns *c = &a->conf;

	*c = a->env->conf->dns;
	c->min_ttl_ms = TTL_MIN_MS;
	c->max_ttl_ms = c->max_ttl_ms < TTL_MIN_MS ? TTL_MIN_MS :
	    c->max_ttl_ms > TTL_MAX_MS             ? TTL_MAX_MS :
						     c->max_ttl_ms;
	c->negative_ms = BACKOFF_MIN_MS / 2;
	c->stale_ms = 0;
	if (c->max_entries < 2 * (int64_t)a->nwatches)
		c->max_entries = 2 * (int64_t)a->nwatches;
}

static int
agent_open(struct agent *a, struct errdetail *ed)
{
	struct stats_lane *my = a->env->my;
	int rc = loop_init(&a->loop, ed);

	if (rc != 0)
		return rc;
	if (my != NULL) {
		a->loop.beat_ms = &my->beat_ms;
		a->loop.asleep = &my->asleep;
	}
	watches_new(a);
	a->lists = list_watch_new(&a->loop, a->env->conf, a->env->link);
	conf_adapt(a);
	a->dns = dns_new(&a->loop, &a->conf, my, ed);
	if (a->dns == NULL)
		return -E_SYS;
	if (loop_add(&a->loop, &a->link, a->env->link, EPOLLIN) != 0)
		return err_sys(ed, "link to the master");
	return 0;
}

static void
agent_close(struct agent *a)
{
	loop_remove(&a->loop, &a->link);
	list_watch_free(&a->lists);
	dns_free(&a->dns);
	for (unsigned i = 0; i < a->nwatches; i++)
		timer_fini(&a->loop.timers, &a->watches[i].timer);
	timer_fini(&a->loop.timers, &a->ready);
	loop_fini(&a->loop);
	mem_free(a->watches);
}

int
agent_main(struct env *env)
{
	struct agent a = { .env = env, .link = { .fd = -1, .ready = on_link } };
	struct errdetail ed = { 0 };
	int rc = agent_open(&a, &ed);

	if (rc != 0) {
		log_write(LOG_ERROR, "agent: %s", ed.text);
		link_send(&a, LINK_FAILED, ed.text);
		return EXIT_FAILURE;
	}
	timer_init(&a.ready, on_ready_timer);
	if (a.nwatches == 0 ||
	    !timer_set(&a.loop.timers, &a.ready, a.loop.now_ms + READY_MS))
		tell_ready(&a);
	for (unsigned i = 0; i < a.nwatches; i++)
		watch_ask(&a.watches[i]);
	loop_run(&a.loop);
	agent_close(&a);
	return EXIT_SUCCESS;
}

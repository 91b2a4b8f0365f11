/*
 * dns_cache.c - the names asked for: their questions, what is known of them, and which one leaves when it gets full.
 *
 * Both families are asked at once. The first to bring addresses waits a moment for the other (RFC 8305 section 3),
 * an answer that comes later still joins the cache. Questions are called from the ready task, never from inside
 * c-ares, so they may resolve, cancel and free as they like.
 */
#include "worker/back/dns_priv.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/http/uri.h"
#include "worker/back/hosts.h"

#define LABEL_MAX_LEN	63
#define DELAY_FOR_A	200		/* ms IPv6 addresses wait for IPv4 ones */
#define DELAY_FOR_AAAA	50		/* ms IPv4 addresses wait for IPv6 ones: RFC 8305's Resolution Delay */
#define EVICT_LOOK	64		/* names looked at for one that may leave */

static void
count(struct dns *d, enum counter c)
{
	if (d->stats != NULL)
		d->stats->counter[c]++;
}

/* --------------------------------------------------------------------------------- what is known */

/* Addresses of a family whose refresh failed serve until their time and stale_ms are over. */
static bool
serves(const struct ask *a, int64_t now)
{
	return a->n > 0 &&
	    (a->state == ASK_ADDRESSES || now < a->expires + a->name->dns->conf.stale_ms);
}

static struct addr
addr_make(const struct ask *a, unsigned i)
{
	struct addr out = { 0 };

	if (a->family == FAMILY_6) {
		out.len = sizeof out.u.in6;
		out.u.in6.sin6_family = AF_INET6;
		memcpy(&out.u.in6.sin6_addr, a->ip[i], 16);
	} else {
		out.len = sizeof out.u.in4;
		out.u.in4.sin_family = AF_INET;
		memcpy(&out.u.in4.sin_addr, a->ip[i], 4);
	}
	return out;
}

/* The families take turns, IPv6 first (RFC 8305 section 4). */
static unsigned
interleave(const struct name *m, struct addr out[DNS_ADDRS])
{
	int64_t now = m->dns->loop->now_ms;
	unsigned n = 0, left[FAMILY_MAX];

	for (unsigned f = 0; f < FAMILY_MAX; f++)
		left[f] = serves(&m->ask[f], now) ? m->ask[f].n : 0;
	for (unsigned i = 0; i < DNS_ADDRS; i++)
		for (unsigned f = 0; f < FAMILY_MAX; f++)
			if (i < left[f] && n < DNS_ADDRS)
				out[n++] = addr_make(&m->ask[f], i);
	return n;
}

static enum reason
answer(struct name *m, struct addr out[DNS_ADDRS], unsigned *n)
{
	*n = m->why == R_NONE ? interleave(m, out) : 0;
	return m->why == R_NONE && *n == 0 ? R_DNS_FAILED : m->why;
}

static enum reason
why_failed(const struct name *m)
{
	bool timeout = false;

	for (unsigned f = 0; f < FAMILY_MAX; f++) {
		const struct ask *a = &m->ask[f];

		if (a->state == ASK_UNKNOWN)
			return R_DNS_FAILED;
		timeout |= a->busy || (a->state == ASK_BROKEN && a->timeout);
	}
	return timeout ? R_DNS_TIMEOUT : R_DNS_FAILED;
}

/*
 * Makes the answer from what both families know; one without news is asked again after negative_ms, and by the next
 * request when no question could be asked.
 */
static void
conclude(struct name *m)
{
	struct dns *d = m->dns;
	int64_t now = d->loop->now_ms, fresh = INT64_MAX;
	bool any = false, unasked = false;

	for (unsigned f = 0; f < FAMILY_MAX; f++) {
		const struct ask *a = &m->ask[f];

		any |= serves(a, now);
		unasked |= !a->busy &&
		    (a->state == ASK_NEVER || (a->state == ASK_BROKEN && a->unasked));
		if (a->state == ASK_ADDRESSES && a->expires < fresh)
			fresh = a->expires;
	}
	m->why = any ? R_NONE : why_failed(m);
	m->fresh_until = fresh != INT64_MAX ? fresh : unasked ? now : now + d->conf.negative_ms;
	if (m->why != R_NONE && m->asking)
		count(d, C_DNS_FAILS);
	m->asking = false;
	timer_stop(&m->timer);
	if (!list_empty(&m->waiting) && !list_linked(&m->ready)) {
		list_push(&d->ready, &m->ready);
		loop_post(d->loop, &d->call);
	}
}

/* An answer came: the other one is waited for, shortly once there are addresses. */
void
dns_progress(struct name *m)
{
	struct ask *six = &m->ask[FAMILY_6], *four = &m->ask[FAMILY_4];
	int64_t due;

	if (m->starting)
		return;
	if (!m->asking || (!six->busy && !four->busy)) {
		conclude(m);
		return;
	}
	if ((six->busy ? four : six)->state != ASK_ADDRESSES)
		return;
	due = m->dns->loop->now_ms + (six->busy ? DELAY_FOR_AAAA : DELAY_FOR_A);
	(void)timer_set(&m->dns->loop->timers, &m->timer, due < m->give_up ? due : m->give_up);
}

static void
on_patience(struct timer *t)
{
	conclude(LIST_ENTRY(t, struct name, timer));
}

/* ----------------------------------------------------------------------------------- asking, keeping */

/* May conclude before it returns. Addresses that expired are stale from here on, whatever comes. */
static void
name_ask(struct name *m)
{
	struct dns *d = m->dns;

	count(d, C_DNS_QUERIES);
	m->asking = true;
	m->give_up = d->loop->now_ms + d->conf.total_ms;
	for (unsigned f = 0; f < FAMILY_MAX; f++)
		m->ask[f].state = m->ask[f].busy || m->ask[f].n > 0 ? ASK_BROKEN : ASK_NEVER;
	if (!timer_set(&d->loop->timers, &m->timer, m->give_up)) {
		conclude(m);
		return;
	}
	m->starting = true;
	dns_ask(&m->ask[FAMILY_6]);
	dns_ask(&m->ask[FAMILY_4]);
	m->starting = false;
	dns_schedule(d);
	dns_progress(m);
}

static void
name_free(struct name *m)
{
	map_del(&m->dns->names, span_make(m->text, m->len));
	list_remove(&m->dns->lru, &m->lru);
	timer_fini(&m->dns->loop->timers, &m->timer);
	free(m);
}

static bool
may_leave(const struct name *m)
{
	return !m->asking && !m->ask[FAMILY_6].busy && !m->ask[FAMILY_4].busy &&
	    !list_linked(&m->ready);
}

/* Makes room for one more; false when the names nobody used for longest are all being asked for. */
static bool
evict(struct dns *d)
{
	unsigned looks = 0;

	if (d->lru.count < (uint64_t)d->conf.max_entries)
		return true;
	LIST_EACH_SAFE(&d->lru, n) {
		struct name *m = LIST_ENTRY(n, struct name, lru);

		if (may_leave(m)) {
			name_free(m);
			return true;
		}
		if (++looks == EVICT_LOOK)
			return false;
	}
	return false;
}

static struct name *
name_new(struct dns *d, struct span host)
{
	struct name *m;

	if (!evict(d) || (m = calloc(1, sizeof *m)) == NULL)
		return NULL;
	m->dns = d;
	m->len = host.n;
	memcpy(m->text, host.p, host.n);
	if (span_find(host, '.') >= 0)
		m->text[host.n] = '.';
	list_init(&m->waiting);
	timer_init(&m->timer, on_patience);
	for (unsigned f = 0; f < FAMILY_MAX; f++)
		m->ask[f] = (struct ask){ .name = m, .family = f };
	if (map_put(&d->names, span_make(m->text, m->len), m) != 0) {
		free(m);
		return NULL;
	}
	list_push(&d->lru, &m->lru);
	return m;
}

/* ---------------------------------------------------------------------------------------- questions */

/* Letters, digits, '-' and '_' in labels of 1-63 bytes, and no number at the end: that would be an address. */
static bool
is_name(struct span host)
{
	struct span rest = host, label = SPAN_NONE;
	bool number = true;

	while (span_split(&rest, '.', &label)) {
		if (label.n == 0 || label.n > LABEL_MAX_LEN)
			return false;
		number = true;
		for (size_t i = 0; i < label.n; i++) {
			char c = label.p[i];

			if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
				return false;
			number = number && c >= '0' && c <= '9';
		}
	}
	return host.n > 0 && !number;
}

static unsigned
odd_address(struct span host, struct addr *out)
{
	uint8_t ip[4];

	if (!uri_host_is_odd_ip4(host, ip))
		return 0;
	*out = (struct addr){ .len = sizeof out->u.in4 };
	out->u.in4.sin_family = AF_INET;
	memcpy(&out->u.in4.sin_addr, ip, sizeof ip);
	return 1;
}

/* RFC 6761 6.3: never asked of anybody. */
static unsigned
localhost(struct span host, struct addr out[2])
{
	if (!span_eq_str(host, "localhost") && !span_iends(host, SPAN(".localhost")))
		return 0;
	if (addr_parse_ip(&out[0], SPAN("::1"), 0) != 0 ||
	    addr_parse_ip(&out[1], SPAN("127.0.0.1"), 0) != 0)
		NEVER("loopback is an address");
	return 2;
}

/* What needs no resolver: literals in any spelling, the hosts file, localhost. */
static unsigned
known_here(struct dns *d, struct span host, struct addr out[DNS_ADDRS])
{
	unsigned n;

	if (addr_parse_ip(out, host, 0) == 0)
		return 1;
	n = odd_address(host, out);
	if (n == 0 && (n = hosts_find(d->hosts, host, out, DNS_ADDRS)) == 0)
		n = localhost(host, out);
	if (n > 0)
		count(d, C_DNS_HITS);
	return n;
}

enum reason
dns_resolve(
    struct dns *d, struct span host, struct dns_query *q, struct addr out[DNS_ADDRS], unsigned *n)
{
	char lower[DNS_NAME_MAX + 1];
	struct name *m;

	*n = 0;
	if (host.n > sizeof lower)
		return R_DNS_FAILED;
	host = span_make(lower, uri_host_lower(lower, host));
	*n = known_here(d, host, out);
	if (*n > 0)
		return R_NONE;
	if (host.n > DNS_NAME_MAX || !is_name(host))
		return R_DNS_FAILED;
	m = map_get(&d->names, host);
	if (m == NULL && (m = name_new(d, host)) == NULL)
		return R_DNS_FAILED;
	list_remove(&d->lru, &m->lru);
	list_push(&d->lru, &m->lru);
	if (!m->asking && d->loop->now_ms < m->fresh_until) {
		count(d, C_DNS_HITS);
		return answer(m, out, n);
	}
	if (!m->asking)
		name_ask(m);
	if (!m->asking)
		return answer(m, out, n);
	list_push(&m->waiting, &q->node);
	return R_MAX;
}

void
dns_cancel(struct dns_query *q)
{
	struct list any = { .count = 1 };

	if (list_linked(&q->node))
		list_remove(&any, &q->node);
}

/* A question called may cancel others, ask again or have the name evicted: all it needs is copied before. */
static void
call_waiting(struct name *m)
{
	struct addr list[DNS_ADDRS];
	unsigned n;
	enum reason why = answer(m, list, &n);
	struct list waiting;
	struct list_node *node;

	list_init(&waiting);
	while ((node = list_shift(&m->waiting)) != NULL)
		list_push(&waiting, node);
	while ((node = list_shift(&waiting)) != NULL) {
		struct dns_query *q = LIST_ENTRY(node, struct dns_query, node);

		q->done(q, why, list, n);
	}
}

static void
on_call(struct loop_task *t)
{
	struct dns *d = LIST_ENTRY(t, struct dns, call);

	LIST_EACH_SAFE(&d->ready, n) {
		list_remove(&d->ready, n);
		call_waiting(LIST_ENTRY(n, struct name, ready));
	}
}

void
dns_names_init(struct dns *d)
{
	list_init(&d->lru);
	list_init(&d->ready);
	d->call.run = on_call;
}

void
dns_names_fini(struct dns *d)
{
	LIST_EACH_SAFE(&d->lru, l) {
		struct name *m = LIST_ENTRY(l, struct name, lru);

		LIST_EACH_SAFE(&m->waiting, q)
			list_remove(&m->waiting, q);
		name_free(m);
	}
	loop_unpost(d->loop, &d->call);
	map_fini(&d->names);
}

/*
 * dns.c - a cache of names over c-ares, whose only user this file is.
 *
 *	dns_resolve --> name --> ask[AAAA], ask[A] --> c-ares --> on_answer --> progress --> conclude
 *	                  \--- waiting questions <------------- ready task (same turn) <--------/
 *
 * Both families are asked at once. The first to bring addresses waits a moment for the other (RFC 8305 section 3),
 * an answer that comes later still joins the cache. Each family keeps its addresses until a new answer replaces
 * them, so that a refresh that fails can serve them for stale_ms more.
 *
 * c-ares holds pointers to asks and nothing else: a name stays as long as one is out, whoever asked. Questions are
 * called from the ready task, never from inside c-ares, so they may resolve, cancel and free as they like.
 */
#include "worker/back/dns.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "conf/base/assert.h"
#include "conf/base/map.h"
#include "conf/base/str.h"
#include "conf/http/uri.h"
#include "worker/back/hosts.h"

#define NAME_MAX_LEN	253		/* RFC 1035 2.3.4, without the trailing dot */
#define LABEL_MAX_LEN	63
#define CNAMES_MAX	8		/* aliases followed in one answer */
#define UDP_MAX		1232		/* answers that fit no smaller MTU than IPv6's go by TCP */
#define DELAY_FOR_A	200		/* ms IPv6 addresses wait for IPv4 ones */
#define DELAY_FOR_AAAA	50		/* ms IPv4 addresses wait for IPv6 ones: RFC 8305's Resolution Delay */
#define EVICT_LOOK	64		/* names looked at for one that may leave */

enum family { FAMILY_6, FAMILY_4, FAMILY_MAX };

enum ask_state {
	ASK_NEVER,
	ASK_ADDRESSES,
	ASK_EMPTY,		/* the name has none of this family */
	ASK_UNKNOWN,		/* there is no such name */
	ASK_BROKEN		/* no usable answer; addresses of before stay */
};

struct ask {
	struct name	*name;
	enum family	 family;
	enum ask_state	 state;		/* how the last answer went */
	bool		 busy;		/* c-ares holds a pointer to this */
	bool		 timeout;	/* ASK_BROKEN: nobody answered */
	unsigned	 n;
	uint8_t		 ip[DNS_ADDRS][16];
	int64_t		 expires;	/* of the addresses, by TTL */
};

struct name {
	struct list_node lru, ready;
	struct dns	*dns;
	struct ask	 ask[FAMILY_MAX];
	struct list	 waiting;	/* its count is not kept: dns_cancel knows no list */
	struct timer	 timer;		/* a moment for the other family, or the end of patience */
	int64_t		 give_up, fresh_until;
	enum reason	 why;		/* of the answer known */
	bool		 asking, starting;
	size_t		 len;
	char		 text[NAME_MAX_LEN + 2];	/* as asked: a name with dots ends in one (no search list) */
};

struct sock {
	struct loop_source source;
	struct list_node node;
	struct loop_garbage garbage;
	struct dns	*dns;
};

struct dns {
	struct loop	*loop;
	struct conf_dns	 conf;
	struct stats_lane *stats;
	ares_channel	 channel;
	struct hosts	*hosts;
	struct map	 names;
	struct list	 lru;		/* all names, the one used last at the end */
	struct list	 ready;		/* concluded, their questions not called yet */
	struct list	 socks;
	struct loop_task call;
	struct timer	 timer;		/* c-ares's next timeout */
	bool		 dying;
};

static void progress(struct name *);

static void
count(struct dns *d, enum counter c)
{
	if (d->stats != NULL)
		d->stats->counter[c]++;
}

/* -------------------------------------------------------------------------------- c-ares on the loop */

static void
schedule(struct dns *d)
{
	struct timeval room, *tv = ares_timeout(d->channel, NULL, &room);

	if (tv == NULL)
		timer_stop(&d->timer);
	else
		(void)timer_set(&d->loop->timers, &d->timer,
		    d->loop->now_ms + tv->tv_sec * 1000 + tv->tv_usec / 1000 + 1);
}

static void
on_timer(struct timer *t)
{
	struct dns *d = LIST_ENTRY(t, struct dns, timer);

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	schedule(d);
}

static void
on_sock(struct loop_source *s, uint32_t events)
{
	struct sock *k = LIST_ENTRY(s, struct sock, source);
	struct dns *d = k->dns;
	int fd = s->fd;

	ares_process_fd(d->channel,
	    events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
	    events & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD);
	schedule(d);
}

static struct sock *
sock_find(struct dns *d, int fd)
{
	LIST_EACH(&d->socks, n) {
		struct sock *k = LIST_ENTRY(n, struct sock, node);

		if (k->source.fd == fd)
			return k;
	}
	return NULL;
}

static void
sock_free(struct loop_garbage *g)
{
	free(LIST_ENTRY(g, struct sock, garbage));
}

static void
sock_drop(struct sock *k)
{
	loop_remove(k->dns->loop, &k->source);
	list_remove(&k->dns->socks, &k->node);
	loop_defer_free(k->dns->loop, &k->garbage, sock_free);
}

/* A socket that cannot be watched leaves its questions to c-ares's timeout. Level-triggered: it reads as it likes. */
static void
on_sock_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = data;
	struct sock *k = sock_find(d, fd);
	uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);

	if (k != NULL) {
		if (events == 0 || loop_mod(d->loop, &k->source, events) != 0)
			sock_drop(k);
		return;
	}
	if (events == 0 || (k = calloc(1, sizeof *k)) == NULL)
		return;
	k->source = (struct loop_source){ .fd = -1, .ready = on_sock };
	k->dns = d;
	if (loop_add(d->loop, &k->source, fd, events) != 0) {
		free(k);
		return;
	}
	list_push(&d->socks, &k->node);
}

/* ------------------------------------------------------------------------------------------ answers */

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void
take_address(struct ask *a, const struct ares_addrinfo_node *n)
{
	const void *ip = a->family == FAMILY_6 ?
	    (const void *)&((const struct sockaddr_in6 *)(const void *)n->ai_addr)->sin6_addr :
	    (const void *)&((const struct sockaddr_in *)(const void *)n->ai_addr)->sin_addr;

	if (a->n < DNS_ADDRS && n->ai_family == (a->family == FAMILY_6 ? AF_INET6 : AF_INET))
		memcpy(a->ip[a->n++], ip, a->family == FAMILY_6 ? 16 : 4);
}

/* The shortest TTL on the way, aliases included, holds for all. */
static void
take_addresses(struct ask *a, const struct ares_addrinfo *r)
{
	const struct conf_dns *conf = &a->name->dns->conf;
	int64_t ttl = INT32_MAX;

	a->n = 0;
	for (const struct ares_addrinfo_cname *c = r->cnames; c != NULL; c = c->next)
		ttl = c->ttl < ttl ? c->ttl : ttl;
	for (const struct ares_addrinfo_node *n = r->nodes; n != NULL; n = n->ai_next) {
		ttl = n->ai_ttl < ttl ? n->ai_ttl : ttl;
		take_address(a, n);
	}
	a->expires = a->name->dns->loop->now_ms +
	    clamp(ttl * 1000, conf->min_ttl_ms, conf->max_ttl_ms);
	a->state = a->n > 0 ? ASK_ADDRESSES : ASK_EMPTY;
}

static unsigned
count_aliases(const struct ares_addrinfo *r)
{
	unsigned n = 0;

	for (const struct ares_addrinfo_cname *c = r->cnames; c != NULL; c = c->next)
		n++;
	return n;
}

static void
take_status(struct ask *a, int status)
{
	a->timeout = status == ARES_ETIMEOUT;
	switch (status) {
	case ARES_ENODATA:
		a->state = ASK_EMPTY;
		a->n = 0;
		break;
	case ARES_ENOTFOUND:
		a->state = ASK_UNKNOWN;
		a->n = 0;
		break;
	default:		/* the addresses of before, if any, may still serve */
		a->state = ASK_BROKEN;
		break;
	}
}

static void
on_answer(void *arg, int status, int timeouts UNUSED, struct ares_addrinfo *r)
{
	struct ask *a = arg;

	a->busy = false;
	if (a->name->dns->dying) {
		ares_freeaddrinfo(r);
		return;
	}
	if (status == ARES_SUCCESS && r != NULL && count_aliases(r) <= CNAMES_MAX)
		take_addresses(a, r);
	else
		take_status(a, status == ARES_SUCCESS ? ARES_EBADRESP : status);
	ares_freeaddrinfo(r);
	progress(a->name);
}

/* ---------------------------------------------------------------------------------------- one name */

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

/* Makes the answer from what both families know; one without news is asked again after negative_ms. */
static void
conclude(struct name *m)
{
	struct dns *d = m->dns;
	int64_t now = d->loop->now_ms, fresh = INT64_MAX;
	bool any = false;

	for (unsigned f = 0; f < FAMILY_MAX; f++) {
		const struct ask *a = &m->ask[f];

		any |= serves(a, now);
		if (a->state == ASK_ADDRESSES && a->expires < fresh)
			fresh = a->expires;
	}
	m->why = any ? R_NONE : why_failed(m);
	m->fresh_until = fresh == INT64_MAX ? now + d->conf.negative_ms : fresh;
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
static void
progress(struct name *m)
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

static void
ask_start(struct ask *a)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = a->family == FAMILY_6 ? AF_INET6 : AF_INET,
		.ai_flags = ARES_AI_NOSORT,
		.ai_socktype = SOCK_STREAM,
	};

	if (a->busy)
		return;
	a->busy = true;
	ares_getaddrinfo(a->name->dns->channel, a->name->text, NULL, &hints, on_answer, a);
}

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
	ask_start(&m->ask[FAMILY_6]);
	ask_start(&m->ask[FAMILY_4]);
	m->starting = false;
	schedule(d);
	progress(m);
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

/* ------------------------------------------------------------------------------------------- public */

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
	char lower[NAME_MAX_LEN + 1];
	struct name *m;

	*n = 0;
	if (host.n > sizeof lower)
		return R_DNS_FAILED;
	host = span_make(lower, uri_host_lower(lower, host));
	*n = known_here(d, host, out);
	if (*n > 0)
		return R_NONE;
	if (host.n > NAME_MAX_LEN || !is_name(host))
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

static int
channel_open(struct dns *d, struct errdetail *ed)
{
	struct ares_options opt = {
		.flags = ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.ednspsz = UDP_MAX,
		.timeout = (int)d->conf.timeout_ms,
		.tries = (int)d->conf.tries,
		.lookups = (char[]){ "b" },
		.sock_state_cb = on_sock_state,
		.sock_state_cb_data = d,
	};
	struct str list = STR_INIT;
	int rc = ares_init_options(&d->channel, &opt, ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ |
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);

	if (rc != ARES_SUCCESS) {
		d->channel = NULL;
		return err_set(ed, -E_SYS, "resolver: %s", ares_strerror(rc));
	}
	for (unsigned i = 0; i < d->conf.servers.n; i++)
		str_printf(&list, "%s%s", i == 0 ? "" : ",", d->conf.servers.v[i]);
	if (d->conf.servers.n > 0)
		rc = ares_set_servers_ports_csv(d->channel, list.data);
	if (rc != ARES_SUCCESS)
		err_set(ed, -E_SYNTAX,
		    "dns.servers: %s: write addresses such as \"192.0.2.53\" or \"[2001:db8::53]:53\"",
		    list.data);
	str_fini(&list);
	return rc == ARES_SUCCESS ? 0 : -E_SYNTAX;
}

struct dns *
dns_new(
    struct loop *loop, const struct conf_dns *conf, struct stats_lane *stats, struct errdetail *ed)
{
	struct dns *d = calloc(1, sizeof *d);

	if (d == NULL || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		err_set(ed, -E_NOMEM, "resolver");
		free(d);
		return NULL;
	}
	d->loop = loop;
	d->conf = *conf;
	d->stats = stats;
	list_init(&d->lru);
	list_init(&d->ready);
	list_init(&d->socks);
	d->call.run = on_call;
	timer_init(&d->timer, on_timer);
	d->hosts = hosts_read("/etc/hosts");
	if (d->hosts == NULL)
		err_set(ed, -E_NOMEM, "/etc/hosts");
	if (d->hosts == NULL || channel_open(d, ed) != 0)
		dns_free(&d);
	return d;
}

void
dns_free(struct dns **dp)
{
	struct dns *d = *dp;
	struct list_node *n;

	*dp = NULL;
	if (d == NULL)
		return;
	d->dying = true;
	if (d->channel != NULL)
		ares_destroy(d->channel);
	while ((n = list_first(&d->socks)) != NULL)
		sock_drop(LIST_ENTRY(n, struct sock, node));
	LIST_EACH_SAFE(&d->lru, l) {
		struct name *m = LIST_ENTRY(l, struct name, lru);

		LIST_EACH_SAFE(&m->waiting, q)
			list_remove(&m->waiting, q);
		name_free(m);
	}
	loop_unpost(d->loop, &d->call);
	timer_fini(&d->loop->timers, &d->timer);
	map_fini(&d->names);
	hosts_free(&d->hosts);
	ares_library_cleanup();
	free(d);
}

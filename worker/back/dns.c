/*
 * dns.c - c-ares on the loop, whose only user this file is: the channel, its sockets, and what its answers mean.
 *
 * An answer fills the ask it was for: its addresses and how long they hold, or how it failed. Each family keeps its
 * addresses until a new answer replaces them, so that a refresh that fails can serve them for stale_ms more.
 */
#include "worker/back/dns.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "conf/base/assert.h"
#include "conf/base/str.h"
#include "worker/back/dns_priv.h"
#include "worker/back/hosts.h"

#define CNAMES_MAX	8		/* aliases followed in one answer */
#define UDP_MAX		1232		/* answers that fit no smaller MTU than IPv6's go by TCP */

struct sock {
	struct loop_source source;
	struct list_node node;
	struct loop_garbage garbage;
	struct dns	*dns;
};

/* -------------------------------------------------------------------------------- c-ares on the loop */

void
dns_schedule(struct dns *d)
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
	dns_schedule(d);
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
	dns_schedule(d);
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

static struct sock *
sock_take(struct dns *d)
{
	struct sock *k = malloc(sizeof *k);

	if (k == NULL) {
		k = d->spare;
		d->spare = NULL;
	} else if (d->spare == NULL) {
		d->spare = malloc(sizeof *d->spare);
	}
	if (k != NULL)
		*k = (struct sock){ .source = { .fd = -1, .ready = on_sock }, .dns = d };
	return k;
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
	if (events == 0 || (k = sock_take(d)) == NULL)
		return;
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
	a->unasked = status == ARES_ENOMEM;
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
	dns_progress(a->name);
}

void
dns_ask(struct ask *a)
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

/* ------------------------------------------------------------------------------------------ channel */

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
	dns_names_init(d);
	list_init(&d->socks);
	d->spare = malloc(sizeof *d->spare);
	timer_init(&d->timer, on_timer);
	d->hosts = hosts_read("/etc/hosts");
	if (d->hosts == NULL)
		err_set(ed, -E_NOMEM, "/etc/hosts");
	if (d->spare == NULL)
		err_set(ed, -E_NOMEM, "resolver");
	if (d->spare == NULL || d->hosts == NULL || channel_open(d, ed) != 0)
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
	dns_names_fini(d);
	timer_fini(&d->loop->timers, &d->timer);
	hosts_free(&d->hosts);
	free(d->spare);
	ares_library_cleanup();
	free(d);
}

/*
 * acl.c - rules judged against compiled acls.
 *
 * An acl answers yes, no, or unknown: the target's address decides and is not known yet. A rule with a term that
 * says no does not match, whatever the others say; otherwise one unknown term stops the search, because a later
 * rule may not decide what an earlier one has a say in. So a name never passes a rule that its address would not.
 *
 * Domains are one hash per acl, the value saying what the entry covers: "example.com" (itself) and ".example.com"
 * (itself and all below) share a key. A look-up asks for the host and for each of its parents, whatever the size.
 */
#include "worker/mode/acl.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <time.h>

#include "conf/base/map.h"
#include "conf/base/mem.h"
#include "conf/http/uri.h"
#include "worker/mode/guard.h"

enum answer { NO, YES, UNKNOWN };

enum cover { COVER_SELF = 1, COVER_BELOW = 2 };

struct acl {
	const struct conf_acl *conf;
	struct cidr_tree *src, *dst;	/* NULL: the kind is not given */
	struct map	 domains;	/* name without leading dot -> enum cover, as a pointer */
	uint32_t	 methods;	/* bit per enum method */
};

struct acl_table {
	const struct conf *conf;
	struct acl	*acls;		/* by conf_acl index */
	struct addr	*local;		/* addresses of this host, for listeners on every address */
	unsigned	 nlocal;
	struct arena	 arena;		/* names that had to be changed */
};

/* --------------------------------------------------------------------------------------------- build */

static struct cidr_tree *
tree_of(const struct conf_cidrs *c)
{
	struct cidr_tree *t;

	if (c->n == 0)
		return NULL;
	t = cidr_tree_new();
	for (unsigned i = 0; i < c->n; i++)
		cidr_tree_add(t, &c->v[i], 1);
	return t;
}

/* The key of a domain: lower case, no trailing dot; copied only when it differs from what was written. */
static struct span
domain_key(struct acl_table *t, struct span text)
{
	bool upper = false;
	char *p;

	for (size_t i = 0; i < text.n; i++)
		upper |= text.p[i] >= 'A' && text.p[i] <= 'Z';
	if (!upper && (text.n == 0 || text.p[text.n - 1] != '.'))
		return text;
	p = arena_alloc(&t->arena, text.n);
	return span_make(p, uri_host_lower(p, text));
}

static int
domain_add(struct acl_table *t, struct map *m, const char *written)
{
	bool below = written[0] == '.';
	struct span key = domain_key(t, span_str(written + below));
	uintptr_t cover = (uintptr_t)map_get(m, key);

	return map_put(m, key, (void *)(cover | (below ? COVER_SELF | COVER_BELOW : COVER_SELF)));
}

static int
acl_compile(struct acl_table *t, struct acl *a, const struct conf_acl *c)
{
	int rc = 0;

	a->conf = c;
	a->src = tree_of(&c->src);
	a->dst = tree_of(&c->dst);
	for (unsigned i = 0; i < c->domain.n && rc == 0; i++)
		rc = domain_add(t, &a->domains, c->domain.v[i]);
	for (unsigned i = 0; i < c->method.n; i++)
		a->methods |= 1u << method_find(span_str(c->method.v[i]));
	return rc;
}

/* Read once: addresses that this host gets later are not known to listeners on every address. */
static void
local_read(struct acl_table *t)
{
	struct ifaddrs *list = NULL;
	unsigned n = 0;

	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
		n++;
	t->local = mem_array(n + 1, sizeof *t->local);
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct addr *a = &t->local[t->nlocal];

		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			a->len = sizeof a->u.in4;
		else if (i->ifa_addr->sa_family == AF_INET6)
			a->len = sizeof a->u.in6;
		else
			continue;
		memcpy(&a->u, i->ifa_addr, a->len);
		if (a->u.sa.sa_family == AF_INET6)
			a->u.in6.sin6_scope_id = 0;
		t->nlocal++;
	}
	freeifaddrs(list);
}

struct acl_table *
acl_table_new(const struct conf *conf, struct errdetail *ed)
{
	struct acl_table *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_set(ed, -E_NOMEM, "the table of rules");
		return NULL;
	}
	t->conf = conf;
	arena_init(&t->arena, NULL, 0, 0);
	t->acls = mem_array(conf->nacls + 1, sizeof *t->acls);
	for (unsigned i = 0; i < conf->nacls; i++) {
		if (acl_compile(t, &t->acls[i], &conf->acls[i]) == 0)
			continue;
		err_set(ed, -E_NOMEM, "acl %s", conf->acls[i].name);
		acl_table_free(&t);
		return NULL;
	}
	local_read(t);
	return t;
}

void
acl_table_free(struct acl_table **tp)
{
	struct acl_table *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->conf->nacls; i++) {
		cidr_tree_free(&t->acls[i].src);
		cidr_tree_free(&t->acls[i].dst);
		map_fini(&t->acls[i].domains);
	}
	mem_free(t->acls);
	mem_free(t->local);
	arena_fini(&t->arena);
	free(t);
}

/* --------------------------------------------------------------------------------------------- judge */

static bool
domain_match(const struct map *m, struct span host)
{
	uintptr_t wanted = COVER_SELF;

	for (;;) {
		ptrdiff_t dot;

		if (((uintptr_t)map_get(m, host) & wanted) != 0)
			return true;
		dot = span_find(host, '.');
		if (dot < 0)
			return false;
		host = span_make(host.p + dot + 1, host.n - (size_t)dot - 1);
		wanted = COVER_BELOW;
	}
}

static bool
port_match(const struct conf_acl *c, uint16_t port)
{
	for (unsigned i = 0; i < c->nports; i++)
		if (port >= c->ports[i].lo && port <= c->ports[i].hi)
			return true;
	return false;
}

static bool
method_match(const struct acl *a, const struct acl_query *q)
{
	if ((a->methods >> q->method & 1) == 0)
		return false;
	if (q->method != M_OTHER)
		return true;
	for (unsigned i = 0; i < a->conf->method.n; i++)
		if (span_eq_str(q->method_text, a->conf->method.v[i]))
			return true;
	return false;
}

/* A span that ends before it begins goes on until that minute of the next day. */
static bool
span_has(const struct conf_timespan *s, unsigned day, unsigned minute)
{
	bool today = (s->days >> day & 1) != 0, yesterday = (s->days >> (day + 6) % 7 & 1) != 0;

	if (s->from_min < s->to_min)
		return today && minute >= s->from_min && minute < s->to_min;
	return (today && minute >= s->from_min) || (yesterday && minute < s->to_min);
}

static bool
time_match(const struct conf_acl *c, int64_t wall_s)
{
	time_t at = (time_t)wall_s;
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL)
		return false;
	for (unsigned i = 0; i < c->ntimes; i++)
		if (span_has(&c->times[i], (unsigned)(tm.tm_wday + 6) % 7,
			(unsigned)(tm.tm_hour * 60 + tm.tm_min)))
			return true;
	return false;
}

/* Every kind given must match; the address is asked last, so that it is looked up only where it decides. */
static enum answer
acl_ask(const struct acl *a, const struct acl_query *q)
{
	const struct conf_acl *c = a->conf;
	uint32_t value;

	if (a->src != NULL && (q->src == NULL || !cidr_tree_find(a->src, q->src, &value)))
		return NO;
	if (c->domain.n > 0 && !domain_match(&a->domains, q->host))
		return NO;
	if (c->nports > 0 && !port_match(c, q->port))
		return NO;
	if (c->method.n > 0 && !method_match(a, q))
		return NO;
	if (c->ntimes > 0 && !time_match(c, q->wall_s))
		return NO;
	if (a->dst == NULL)
		return YES;
	if (q->dst == NULL)
		return UNKNOWN;
	return cidr_tree_find(a->dst, q->dst, &value) ? YES : NO;
}

static enum answer
rule_ask(const struct acl_table *t, const struct conf_rule *r, const struct acl_query *q)
{
	enum answer all = YES;

	for (unsigned i = 0; i < r->nterms; i++) {
		enum answer a = acl_ask(&t->acls[r->terms[i].acl->index], q);

		if (a == UNKNOWN)
			all = UNKNOWN;
		else if ((a == YES) == r->terms[i].negate)
			return NO;
	}
	return all;
}

enum acl_result
acl_decide(const struct acl_table *t, const struct acl_query *q, const struct conf_rule **rule)
{
	*rule = NULL;
	for (unsigned i = 0; i < t->conf->nrules; i++) {
		const struct conf_rule *r = &t->conf->rules[i];

		switch (rule_ask(t, r, q)) {
		case NO:
			continue;
		case YES:
			*rule = r;
			return r->allow ? ACL_ALLOW : ACL_DENY;
		case UNKNOWN:
			*rule = r;
			return ACL_NEED_ADDRESS;
		}
	}
	return ACL_DENY;
}

/* ------------------------------------------------------------------------------------------ addresses */

static bool
is_any(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

/* a: folded. Connecting to "any" reaches this host too, as does all of 127.0.0.0/8. */
static bool
is_local(const struct acl_table *t, const struct addr *a)
{
	if (is_any(a) ||
	    (a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr)))
		return true;
	if (a->u.sa.sa_family == AF_INET && ntohl(a->u.in4.sin_addr.s_addr) >> 24 == 127)
		return true;
	for (unsigned i = 0; i < t->nlocal; i++) {
		struct addr local = t->local[i], other = *a;

		addr_set_port(&local, 0);
		addr_set_port(&other, 0);
		if (other.u.sa.sa_family == AF_INET6)
			other.u.in6.sin6_scope_id = 0;
		if (addr_eq(&local, &other))
			return true;
	}
	return false;
}

static bool
is_own(const struct acl_table *t, const struct addr *dst)
{
	struct addr to = addr_fold(dst);

	for (unsigned i = 0; i < t->conf->nlisteners; i++) {
		const struct conf_listener *l = &t->conf->listeners[i];

		for (unsigned j = 0; j < l->naddrs; j++) {
			struct addr own = addr_fold(&l->addrs[j]);

			if (own.u.sa.sa_family == AF_UNIX || addr_port(&own) != addr_port(&to))
				continue;
			if (addr_eq(&own, &to) || (is_any(&to) && is_local(t, &own)) ||
			    (is_any(&own) && is_local(t, &to)))
				return true;
		}
	}
	return false;
}

static bool
opens(const struct conf_rule *rule, const struct addr *dst)
{
	if (rule == NULL || !rule->allow)
		return false;
	for (unsigned i = 0; i < rule->open.n; i++)
		if (cidr_has(&rule->open.v[i], dst))
			return true;
	return false;
}

enum reason
acl_allows_address(const struct acl_table *t, const struct conf_rule *rule, const struct addr *dst)
{
	if (guard_range(dst) != NULL && !opens(rule, dst))
		return is_own(t, dst) ? R_ADDRESS_OWN : R_ADDRESS_DENIED;
	return is_own(t, dst) ? R_ADDRESS_OWN : R_NONE;
}

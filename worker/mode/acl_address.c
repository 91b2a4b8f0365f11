/*
 * acl_address.c - the last word on an address before it is dialled: protected ranges and our own listeners.
 */
#include "worker/mode/acl_priv.h"

#include <ifaddrs.h>

#include "conf/base/mem.h"
#include "worker/mode/guard.h"

/* Read once: addresses that this host gets later are not known to listeners on every address. */
void
acl_local_read(struct acl_table *t)
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

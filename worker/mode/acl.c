/*
 * acl.c - rules judged against compiled acls.
 *
 * An acl answers yes, no, or unknown: the target's address decides and is not known yet. A rule with a term that
 * says no does not match, whatever the others say; otherwise one unknown term stops the search, because a later
 * rule may not decide what an earlier one has a say in. So a name never passes a rule that its address would not.
 *
 * A look-up of a domain asks for the host and for each of its parents, whatever the size of the list.
 */
#include "worker/mode/acl_priv.h"

#include <time.h>

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
static enum acl_answer
acl_ask(const struct acl *a, const struct acl_query *q)
{
	const struct conf_acl *c = a->conf;
	uint32_t value;

	if (a->src != NULL && (q->src == NULL || !cidr_tree_find(a->src, q->src, &value)))
		return ACL_NO;
	if (c->domain.n > 0 && !domain_match(&a->domains, q->host))
		return ACL_NO;
	if (c->nports > 0 && !port_match(c, q->port))
		return ACL_NO;
	if (c->method.n > 0 && !method_match(a, q))
		return ACL_NO;
	if (c->ntimes > 0 && !time_match(c, q->wall_s))
		return ACL_NO;
	if (a->dst == NULL)
		return ACL_YES;
	if (q->dst == NULL)
		return ACL_UNKNOWN;
	return cidr_tree_find(a->dst, q->dst, &value) ? ACL_YES : ACL_NO;
}

/* What a rule says, and the term that made it say so: none when every term said yes. */
struct said { enum acl_answer answer; const struct conf_rule_term *by; };

static struct said
rule_ask(const struct acl_table *t, const struct conf_rule *r, const struct acl_query *q)
{
	struct said all = { ACL_YES, NULL };

	for (const struct conf_rule_term *i = r->terms; i < r->terms + r->nterms; i++) {
		enum acl_answer a = acl_ask(&t->acls[i->acl->index], q);

		if (a == ACL_UNKNOWN && all.by == NULL)
			all = (struct said){ ACL_UNKNOWN, i };
		else if (a != ACL_UNKNOWN && (a == ACL_YES) == i->negate)
			return (struct said){ ACL_NO, i };
	}
	return all;
}

enum acl_result
acl_decide(const struct acl_table *t, const struct acl_query *q, const struct conf_rule **rule)
{
	*rule = NULL;
	for (unsigned i = 0; i < t->conf->nrules; i++) {
		const struct conf_rule *r = &t->conf->rules[i];
		struct said s = rule_ask(t, r, q);

		if (q->trace != NULL)
			q->trace->rule(q->trace, r, s.answer, s.by);
		switch (s.answer) {
		case ACL_NO:
			continue;
		case ACL_YES:
			*rule = r;
			return r->allow ? ACL_ALLOW : ACL_DENY;
		case ACL_UNKNOWN:
			*rule = r;
			return ACL_NEED_ADDRESS;
		}
	}
	return ACL_DENY;
}

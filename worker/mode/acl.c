/*
 * acl.c - rules judged against compiled acls.
 *
 * An acl answers yes, no, or unknown: the target's address decides and is not known yet. A rule with a term that
 * says no does not match, whatever the others say; otherwise one unknown term stops the search, because a later
 * rule may not decide what an earlier one has a say in. So a name never passes a rule that its address would not.
 * A regular expression that came to its limits stops it for good: the request is denied.
 *
 * A look-up of a domain asks for the host and for each of its parents, whatever the size of the list. Many rules are
 * tried only where acl_index.h says that they may match. A decision that an address is missing for goes on, once it is
 * known, at the rule where it stopped: those before said no whatever the address.
 */
#include "worker/mode/acl_priv.h"

#include <time.h>

#include "worker/mode/acl_index.h"

bool
acl_domain_match(const struct map *m, struct span host)
{
	uintptr_t wanted = COVER_SELF;

	if (m->used == 0)
		return false;
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

static enum acl_answer
no(struct acl_hit *hit, const char *kind)
{
	hit->no = kind;
	return ACL_NO;
}

/* One of the blocks, or an entry of one of the lists, which is noted. */
static bool
addr_match(const struct acl_table *t, const struct cidr_tree *tree,
    const struct conf_list_refs *lists, const struct addr *a, struct acl_hit *hit)
{
	struct list_hit at;
	uint32_t value;

	if (tree != NULL && cidr_tree_find(tree, a, &value))
		return true;
	for (unsigned i = 0; i < lists->n && t->lists != NULL; i++)
		if (list_find_addr(&t->lists[lists->v[i]->index], a, &at)) {
			hit->list = lists->v[i];
			hit->line = at.line;
			return true;
		}
	return false;
}

static bool
name_match(const struct acl_table *t, const struct acl *a, struct span host, struct acl_hit *hit)
{
	const struct conf_list_refs *lists = &a->conf->domain_lists;
	struct list_hit at;

	if (acl_domain_match(&a->domains, host))
		return true;
	for (unsigned i = 0; i < lists->n && t->lists != NULL; i++)
		if (list_find_name(&t->lists[lists->v[i]->index], host, &at)) {
			hit->list = lists->v[i];
			hit->line = at.line;
			return true;
		}
	return false;
}

static enum acl_answer
url_ask(const struct conf_regexes *url, struct span s, struct acl_hit *hit)
{
	if (s.p == NULL)
		return ACL_FAILED;
	for (unsigned i = 0; i < url->n; i++) {
		hit->url = &url->v[i];
		switch (regex_match(url->v[i].re, s)) {
		case REGEX_NO:
			continue;
		case REGEX_YES:
			return ACL_YES;
		case REGEX_FAILED:
			return ACL_FAILED;
		}
	}
	hit->url = NULL;
	return no(hit, "url");
}

static enum acl_answer
header_ask(
    const struct conf_conditions *header, const struct condition_query *q, struct acl_hit *hit)
{
	enum acl_answer all = ACL_YES;

	for (unsigned i = 0; i < header->n; i++)
		switch (condition_ask(&header->v[i], q)) {
		case REGEX_NO:
			return no(hit, "header");
		case REGEX_YES:
			continue;
		case REGEX_FAILED:
			all = ACL_FAILED;
		}
	return all;
}

/* The kinds that a regular expression decides, the cheaper first: a "no" of one is worth more than a failure before. */
static enum acl_answer
match_ask(const struct conf_acl *c, const struct acl_query *q, struct acl_hit *hit)
{
	enum acl_answer header = header_ask(&c->header, &q->head, hit), url = ACL_YES;

	if (header != ACL_NO && c->url.n > 0)
		url = url_ask(&c->url, q->url, hit);
	if (header == ACL_NO || url == ACL_NO)
		return ACL_NO;
	return header == ACL_FAILED || url == ACL_FAILED ? ACL_FAILED : ACL_YES;
}

static enum acl_answer
dst_ask(
    const struct acl_table *t, const struct acl *a, const struct acl_query *q, struct acl_hit *hit)
{
	if (q->dst == NULL)
		return ACL_UNKNOWN;
	return addr_match(t, a->dst, &a->conf->dst_lists, q->dst, hit) ? ACL_YES : no(hit, "dst");
}

/*
 * Every kind given must match; regular expressions are asked when the others said yes, and the address last, so that
 * it is looked up only where it decides.
 */
static enum acl_answer
acl_ask(
    const struct acl_table *t, const struct acl *a, const struct acl_query *q, struct acl_hit *hit)
{
	const struct conf_acl *c = a->conf;
	enum acl_answer match = ACL_YES, dst;

	if ((a->src != NULL || c->src_lists.n > 0) &&
	    (q->src == NULL || !addr_match(t, a->src, &c->src_lists, q->src, hit)))
		return no(hit, "src");
	if (c->domain.n > 0 && !name_match(t, a, q->host, hit))
		return no(hit, "domain");
	if (c->nports > 0 && !port_match(c, q->port))
		return no(hit, "port");
	if (c->method.n > 0 && !method_match(a, q))
		return no(hit, "method");
	if (c->ntimes > 0 && !time_match(c, q->wall_s))
		return no(hit, "time");
	if (c->url.n > 0 || c->header.n > 0)
		match = match_ask(c, q, hit);
	if ((a->dst == NULL && c->dst_lists.n == 0) || match == ACL_NO)
		return match;
	dst = dst_ask(t, a, q, hit);
	return dst == ACL_YES ? match : dst;
}

/* What a rule says, and the term that made it say so: none when every term said yes. */
struct said { enum acl_answer answer; const struct conf_rule_term *by; struct acl_hit hit; };

/* Unknown before failed: the address, once known, may still say that the rule is about something else. */
static struct said
less_certain(struct said all, enum acl_answer a, const struct conf_rule_term *by)
{
	if (all.answer == ACL_YES || (all.answer == ACL_FAILED && a == ACL_UNKNOWN))
		return (struct said){ .answer = a, .by = by };
	return all;
}

static struct said
rule_ask(const struct acl_table *t, const struct conf_rule *r, const struct acl_query *q)
{
	struct said all = { .answer = ACL_YES };

	for (const struct conf_rule_term *i = r->terms; i < r->terms + r->nterms; i++) {
		struct acl_hit hit = { .list = NULL };
		enum acl_answer a = acl_ask(t, &t->acls[i->acl->index], q, &hit);

		if (q->trace != NULL && q->trace->term != NULL)
			q->trace->term(q->trace, i, a, &hit);
		if (a == ACL_UNKNOWN || a == ACL_FAILED)
			all = less_certain(all, a, i);
		else if ((a == ACL_YES) == i->negate)
			return (struct said){ .answer = ACL_NO, .by = i };
		if (a == ACL_YES && hit.list != NULL)
			all.hit = hit;
	}
	return all;
}

/* A rule that denies is judged on the path that a lax server might read, too (SECURITY.md row 25). */
static struct said
rule_ask_both(const struct acl_table *t, const struct conf_rule *r, const struct acl_query *q)
{
	const struct acl_query *form = q;
	struct acl_query strict UNFILLED;

	for (;;) {
		struct said s = rule_ask(t, r, form);

		if (q->url_strict.p == NULL || r->allow || s.answer != ACL_NO || form != q)
			return s;
		strict = *q;
		strict.url = q->url_strict;
		form = &strict;
	}
}

bool
acl_wants_url(const struct acl_table *t)
{
	return t->wants_url;
}

/* Whether the rule decides, and what; false: it says no. */
static bool
rule_decides(const struct acl_table *t, const struct acl_query *q, const struct conf_rule *r,
    enum acl_result *result)
{
	struct said s = rule_ask_both(t, r, q);

	if (q->trace != NULL)
		q->trace->rule(q->trace, r, s.answer, s.by);
	switch (s.answer) {
	case ACL_NO:
		return false;
	case ACL_YES:
		if (q->hit != NULL)
			*q->hit = s.hit;
		*result = r->allow ? ACL_ALLOW : ACL_DENY;
		break;
	case ACL_UNKNOWN:
		*result = ACL_NEED_ADDRESS;
		break;
	case ACL_FAILED:
		*result = ACL_UNDECIDED;
		break;
	}
	return true;
}

/* What the first decision found out about the host and the client is kept for those on addresses. */
static void
index_ask(const struct acl_table *t, const struct acl_query *q)
{
	bool first = q->from == NULL;
	unsigned without =
	    acl_index_find(t->index, q, first || q->without == NULL ? 0 : *q->without);

	if (first && q->without != NULL)
		*q->without = (uint8_t)without;
}

/*
 * Who listens hears of every rule. The index is asked when the first rule comes that it may leave out: those that are
 * open to everything often decide before, as the shipped ones do.
 */
enum acl_result
acl_decide(const struct acl_table *t, const struct acl_query *q, const struct conf_rule **rule)
{
	bool indexed = t->index != NULL && q->trace == NULL;
	unsigned i = q->from == NULL || q->trace != NULL ? 0 : q->from->index;
	unsigned n = t->conf->nrules, closed = indexed ? acl_index_closed(t->index, i) : n;
	enum acl_result result = ACL_DENY;

	*rule = NULL;
	if (q->hit != NULL)
		*q->hit = (struct acl_hit){ .list = NULL };
	while (i < closed && !rule_decides(t, q, &t->conf->rules[i], &result))
		i++;
	if (i == closed && closed < n) {
		index_ask(t, q);
		i = acl_index_next(t->index, i);
		while (i < n && !rule_decides(t, q, &t->conf->rules[i], &result))
			i = acl_index_next(t->index, i + 1);
	}
	if (i < n)
		*rule = &t->conf->rules[i];
	return result;
}

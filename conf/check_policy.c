/*
 * check_policy.c - rules against acls: names become terms, and what can never apply is said.
 */
#include "conf/check.h"

#include <stdio.h>

#include "conf/base/map.h"
#include "conf/cover.h"
#include "conf/item.h"

struct policy {
	struct conf	*c;
	struct conf_problems *ps;
	struct map	by_name;
	const char *const *names;
	bool		*used;		/* by index of acl */
};

static void
resolve_term(struct policy *p, struct conf_rule *r, const char *text)
{
	bool negate = text[0] == '!';
	const char *name = text + negate;
	const struct conf_acl *acl = map_get(&p->by_name, span_str(name));
	char where[96];

	if (acl == NULL) {
		(void)snprintf(where, sizeof where, "rule \"%.64s\"", r->id == NULL ? "" : r->id);
		check_unknown(p->ps, r->at, where, "acl", name, p->names);
		return;
	}
	p->used[acl->index] = true;
	for (unsigned i = 0; i < r->nterms; i++)
		if (r->terms[i].acl == acl && r->terms[i].negate != negate)
			conf_problems_add(p->ps, r->at, false,
			    "rule \"%.64s\" asks for \"%.64s\" and \"!%.64s\" and can never match: remove one",
			    r->id == NULL ? "" : r->id, name, name);
	r->terms[r->nterms++] = (struct conf_rule_term){ acl, negate };
}

static void
resolve_rule(struct policy *p, struct conf_rule *r)
{
	r->terms = arena_alloc(p->c->arena, (r->all.n + 1) * sizeof *r->terms);
	for (unsigned i = 0; i < r->all.n; i++)
		resolve_term(p, r, r->all.v[i]);
}

/* Ids that the program itself writes to logs. */
static void
check_id(struct conf_problems *ps, const struct conf_rule *r)
{
	if (r->builtin || r->id == NULL)
		return;
	if (strncmp(r->id, "default/", 8) == 0 || strcmp(r->id, "implicit-deny") == 0)
		conf_problems_add(ps, r->at, false,
		    "the id \"%.64s\" belongs to a shipped rule: choose another", r->id);
}

/* A rule whose names were not all found is not judged. */
static const struct conf_rule *
find_cover(const struct conf *c, const struct conf_rule *later)
{
	for (unsigned i = 0; i < later->index && later->nterms == later->all.n; i++)
		if (c->rules[i].nterms == c->rules[i].all.n && cover_rule(later, &c->rules[i]))
			return &c->rules[i];
	return NULL;
}

static void
check_reachable(struct policy *p)
{
	for (unsigned i = 0; i < p->c->nrules; i++) {
		const struct conf_rule *r = &p->c->rules[i], *by;

		if (r->builtin || (by = find_cover(p->c, r)) == NULL)
			continue;
		if (by->at.line > 0)
			conf_problems_add(p->ps, r->at, true,
			    "rule \"%.64s\" can never match: rule \"%.64s\" at %.120s:%d takes all of its requests",
			    r->id == NULL ? "" : r->id, by->id == NULL ? "" : by->id, by->at.file,
			    by->at.line);
		else
			conf_problems_add(p->ps, r->at, true,
			    "rule \"%.64s\" can never match: the shipped rule \"%.64s\" takes all of its requests",
			    r->id == NULL ? "" : r->id, by->id);
	}
}

static void
check_unused(struct policy *p)
{
	for (unsigned i = 0; i < p->c->nacls; i++)
		if (!p->used[i] && p->c->acls[i].at.line > 0)
			conf_problems_add(p->ps, p->c->acls[i].at, true,
			    "acl \"%.64s\" is used by no rule", p->c->acls[i].name);
}

void
check_policy(struct conf *c, struct conf_problems *ps)
{
	struct policy p = { .c = c, .ps = ps };

	p.names = check_names(
	    c, c->acls, c->nacls, sizeof *c->acls, offsetof(struct conf_acl, name));
	p.used = arena_alloc(c->arena, c->nacls + 1);
	for (unsigned i = 0; i < c->nacls; i++) {
		c->acls[i].index = i;
		if (map_put(&p.by_name, span_str(c->acls[i].name), &c->acls[i]) != 0)
			break;
	}
	for (unsigned i = 0; i < c->nrules; i++) {
		c->rules[i].index = i;
		check_id(ps, &c->rules[i]);
		resolve_rule(&p, &c->rules[i]);
	}
	check_reachable(&p);
	check_unused(&p);
	map_fini(&p.by_name);
}

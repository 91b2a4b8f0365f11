/*
 * check_policy.c - rules against acls: names become terms, and what can never apply is said.
 */
#include "conf/check.h"

#include <stdio.h>

#include "conf/base/map.h"
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

static bool
matches_always(const struct conf_rule *r)
{
	for (unsigned i = 0; i < r->nterms; i++)
		if (r->terms[i].negate || strcmp(r->terms[i].acl->name, "all") != 0)
			return false;
	return r->nterms == r->all.n;
}

static void
check_reachable(struct policy *p)
{
	const struct conf_rule *stop = NULL;

	for (unsigned i = 0; i < p->c->nrules; i++) {
		const struct conf_rule *r = &p->c->rules[i];

		if (stop != NULL && !r->builtin) {
			conf_problems_add(p->ps, r->at, true,
			    "rule \"%.64s\" is never reached: rule \"%.64s\" at line %d matches everything",
			    r->id == NULL ? "" : r->id, stop->id == NULL ? "" : stop->id,
			    stop->at.line);
			return;
		}
		if (!r->builtin && matches_always(r))
			stop = r;
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

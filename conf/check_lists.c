/*
 * check_lists.c - acls against lists: "@name" becomes a pointer to a list of the kind that fits.
 */
#include "conf/check.h"

#include <stdio.h>

#include "conf/item.h"

#define LISTS_MAX 64		/* a new worker gets a message for each, in one go */

struct finder {
	struct conf	*c;
	struct conf_problems *ps;
	const char *const *names;
};

static const char *
kind_text(enum list_kind kind)
{
	return kind == LIST_DOMAINS ? "domains" : "addresses";
}

static struct conf_list *
list_of(const struct finder *f, const char *name)
{
	for (unsigned i = 0; i < f->c->nlists; i++)
		if (f->c->lists[i].name != NULL && strcmp(f->c->lists[i].name, name) == 0)
			return &f->c->lists[i];
	return NULL;
}

/* One text of an acl's key: blocks and names are none of ours. */
static void
resolve(struct finder *f, const struct conf_acl *a, const char *key, const char *text,
    enum list_kind kind, struct conf_list_refs *to)
{
	struct conf_list *l;
	char where[160];

	if (text[0] != '@')
		return;
	l = list_of(f, text + 1);
	(void)snprintf(where, sizeof where, "\"%s\" of acl \"%.64s\"", key, a->name);
	if (l == NULL) {
		check_unknown(f->ps, a->at, where, "list", text + 1, f->names);
		return;
	}
	l->used = true;
	if (l->kind == kind)
		to->v[to->n++] = l;
	else if (l->kind != LIST_UNSET)
		conf_problems_add(f->ps, a->at, false,
		    "%s asks for %s, and list \"%.64s\" has kind \"%s\": name another list", where,
		    kind_text(kind), l->name, kind_text(l->kind));
}

static void
resolve_all(struct finder *f, const struct conf_acl *a, const char *key,
    const struct conf_strs *texts, enum list_kind kind, struct conf_list_refs *to)
{
	to->n = 0;
	to->v = arena_alloc(f->c->arena, (texts->n + 1) * sizeof *to->v);
	for (unsigned i = 0; i < texts->n; i++)
		resolve(f, a, key, texts->v[i], kind, to);
}

void
check_lists(struct conf *c, struct conf_problems *ps)
{
	struct finder f = { .c = c, .ps = ps };

	f.names = check_names(
	    c, c->lists, c->nlists, sizeof *c->lists, offsetof(struct conf_list, name));
	if (c->nlists > LISTS_MAX)
		conf_problems_add(ps, c->lists[LISTS_MAX].at, false,
		    "%u lists: %d are allowed; put files together", c->nlists, LISTS_MAX);
	for (unsigned i = 0; i < c->nlists; i++)
		c->lists[i].index = i;
	for (unsigned i = 0; i < c->nacls; i++) {
		struct conf_acl *a = &c->acls[i];

		resolve_all(&f, a, "src", &a->src.lists, LIST_ADDRESSES, &a->src_lists);
		resolve_all(&f, a, "dst", &a->dst.lists, LIST_ADDRESSES, &a->dst_lists);
		resolve_all(&f, a, "domain", &a->domain, LIST_DOMAINS, &a->domain_lists);
	}
	for (unsigned i = 0; i < c->nlists; i++)
		if (!c->lists[i].used)
			conf_problems_add(ps, c->lists[i].at, true,
			    "list \"%.64s\" is used by no acl", c->lists[i].name);
}

/*
 * item.c - the walker: a node tree and a table in, a filled struct and problems out.
 *
 * Every item first gets its default, then what the file says; a refused value leaves the default, so that checks
 * may run on a half-wrong section and report what else is wrong with it.
 */
#include "conf/item.h"

#include <stdarg.h>
#include <stdio.h>

static void fill_item(struct item_ctx *, const struct item *, void *obj, const struct node *);

static void *
field_of(const struct item *it, void *obj)
{
	return (char *)obj + it->at;
}

struct conf_pos
item_pos(const struct item_ctx *c, const char *name)
{
	const struct node *n = node_get(c->node, name);

	return n == NULL ? c->at : n->at;
}

bool
item_given(const struct item_ctx *c, const char *name)
{
	return node_get(c->node, name) != NULL;
}

void
item_error(struct item_ctx *c, const char *name, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	conf_problems_add(c->problems, item_pos(c, name), false, "%s", text);
}

static const struct item *
item_find(const struct section *s, const char *name)
{
	for (unsigned i = 0; i < s->nitems; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

static void
unknown_key(struct item_ctx *c, const struct section *s, const struct node *kid)
{
	const char *names[64], *near;
	unsigned n = 0;
	struct str all = STR_INIT;

	for (; n < s->nitems && n < ARRAY_LEN(names) - 1; n++) {
		names[n] = s->items[n].name;
		str_printf(&all, "%s%s", n == 0 ? "" : ", ", names[n]);
	}
	names[n] = NULL;
	near = suggest(kid->name, names);
	if (near != NULL)
		conf_problems_add(c->problems, kid->at, false,
		    "unknown key \"%.64s\": did you mean \"%s\"?", kid->name, near);
	else
		conf_problems_add(c->problems, kid->at, false,
		    "unknown key \"%.64s\": known here are %s", kid->name, all.data);
	str_fini(&all);
}

/* A map's elements carry their key outside the braces: the first item is not a key inside. */
static void
fill_object(struct item_ctx *c, const struct section *s, void *obj, const struct node *node,
    struct conf_pos at, const char *key)
{
	struct item_ctx inner = {
		.arena = c->arena, .problems = c->problems, .node = node, .at = at
	};

	if (s->pos != SECTION_NO_POS)
		*(struct conf_pos *)((char *)obj + s->pos) = at;
	if (key != NULL)
		*(const char **)field_of(&s->items[0], obj) = key;
	for (unsigned i = 0; node != NULL && i < node->nkids; i++) {
		const struct item *it = item_find(s, node->kids[i].name);

		if (it == NULL || (key != NULL && it == &s->items[0]))
			unknown_key(c, s, &node->kids[i]);
	}
	for (unsigned i = key != NULL; i < s->nitems; i++) {
		const struct item *it = &s->items[i];
		const struct node *kid = node_get(node, it->name);

		if (kid == NULL && (it->flags & ITEM_REQUIRED) && node != NULL)
			conf_problems_add(c->problems, at, false,
			    "\"%s\" is missing: write %s = %s (%.200s)", it->name, it->name,
			    value_hint(it->type), it->help);
		fill_item(&inner, it, obj, kid);
	}
	if (s->check != NULL)
		s->check(&inner, obj);
}

static bool
node_is(struct item_ctx *c, const struct item *it, const struct node *node, enum node_type type,
    const char *write)
{
	if (node->type == type)
		return true;
	conf_problems_add(c->problems, node->at, false, "\"%s\" is %s: write %s = %s", it->name,
	    node_type_text(node), it->name, write);
	return false;
}

static void
fill_group(struct item_ctx *c, const struct item *it, void *obj, const struct node *node)
{
	if (node != NULL && !node_is(c, it, node, NODE_GROUP, "{ key = value; }"))
		node = NULL;
	if (node != NULL || !(it->flags & ITEM_OPTIONAL))
		fill_object(
		    c, it->sub, field_of(it, obj), node, node == NULL ? c->at : node->at, NULL);
}

/* One element of a list: a group, or a string where the section allows the short form. */
static void
fill_elem(struct item_ctx *c, const struct item *it, void *elem, const struct node *kid)
{
	struct node *bare, group = { .type = NODE_GROUP, .at = kid->at, .nkids = 1 };

	if (kid->type == NODE_STR && it->sub->bare != NULL) {
		bare = arena_alloc(c->arena, sizeof *bare);
		*bare = *kid;
		bare->name = it->sub->bare;
		group.kids = bare;
		fill_object(c, it->sub, elem, &group, kid->at, NULL);
		return;
	}
	if (kid->type != NODE_GROUP)
		conf_problems_add(c->problems, kid->at, false,
		    "\"%s\" holds %s: each entry is a group, %s = ( { %s = …; } )", it->name,
		    node_type_text(kid), it->name, it->sub->items[0].name);
	fill_object(c, it->sub, elem, kid->type == NODE_GROUP ? kid : NULL, kid->at, NULL);
}

static void
fill_list(struct item_ctx *c, const struct item *it, void *obj, const struct node *node)
{
	char *v;
	bool map = it->type == ITEM_MAP;

	if (node == NULL || !node_is(c, it, node, map ? NODE_GROUP : NODE_LIST,
	    map ? "{ name = { … }; }" : "( { … }, { … } )"))
		return;
	v = arena_alloc(c->arena, (size_t)node->nkids * it->sub->size + 1);
	*(void **)field_of(it, obj) = v;
	*(unsigned *)((char *)obj + it->count) = node->nkids;
	for (unsigned i = 0; i < node->nkids; i++) {
		const struct node *kid = &node->kids[i];

		if (!map)
			fill_elem(c, it, v + i * it->sub->size, kid);
		else
			fill_object(c, it->sub, v + i * it->sub->size,
			    node_is(c, it, kid, NODE_GROUP, "{ name = { … }; }") ? kid : NULL,
			    kid->at, kid->name);
	}
}

static void
fill_item(struct item_ctx *c, const struct item *it, void *obj, const struct node *node)
{
	switch (it->type) {
	case ITEM_GROUP:
		fill_group(c, it, obj, node);
		return;
	case ITEM_LIST:
	case ITEM_MAP:
		fill_list(c, it, obj, node);
		return;
	case ITEM_BOOL:
	case ITEM_INT:
	case ITEM_MSEC:
	case ITEM_SIZE:
	case ITEM_PERCENT:
	case ITEM_STR:
	case ITEM_CHOICE:
	case ITEM_ENUM:
	case ITEM_STRS:
	case ITEM_CIDRS:
	case ITEM_HEADERS:
	case ITEM_REGEXES:
	case ITEM_CONDITIONS:
		value_default(c, it, field_of(it, obj));
		if (node != NULL)
			value_set(c, it, field_of(it, obj), node);
		return;
	}
}

void
item_fill(struct item_ctx *c, const struct section *s, void *obj, const struct node *node)
{
	fill_object(c, s, obj, node, node == NULL ? c->at : node->at, NULL);
}

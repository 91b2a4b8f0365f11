/*
 * diff.c - what would change from one configuration to another, and what cannot change in a running instance.
 *
 * Both trees are flattened to "key: value" in table order; elements of lists are known by their first item, so that
 * moving a service changes nothing and moving a rule changes "rules.order".
 */
#include "conf/load.h"

#include "conf/base/map.h"
#include "conf/schema/schema.h"

struct entry { const char *key, *text; bool element; };
struct flat {
	struct arena	 arena;
	struct entry	*v;
	unsigned	 n, room;
	struct map	 by_key;
};

static void flatten(
    struct flat *, const struct section *, const void *obj, const char *prefix, bool keyed);

static char *
copy(struct flat *f, const struct str *s)
{
	return arena_strdup(&f->arena, s->data == NULL ? "" : s->data);
}

static void
entry_add(struct flat *f, const char *key, const char *text, bool element)
{
	struct entry *grown;

	if (f->n == f->room) {
		grown = arena_alloc(&f->arena, (f->room = f->room * 2 + 64) * sizeof *grown);
		if (f->n > 0)
			memcpy(grown, f->v, f->n * sizeof *grown);
		f->v = grown;
	}
	f->v[f->n++] = (struct entry){ key, text, element };
}

/* PREFIX[NAME], with "#2" behind a name that was there before. */
static const char *
elem_key(
    struct flat *f, const struct item *it, const void *elem, const char *prefix, struct map *seen)
{
	const struct item *first = &it->sub->items[0];
	struct str key = STR_INIT, name = STR_INIT;
	char *text;

	value_text(first, (const char *)elem + first->at, &name);
	if (name.len >= 2 && name.data[0] == '"')
		str_printf(&key, "%s[%.*s]", prefix, (int)name.len - 2, name.data + 1);
	else
		str_printf(&key, "%s[%s]", prefix, name.data == NULL ? "" : name.data);
	for (unsigned i = 2; map_get(seen, str_span(&key)) != NULL; i++)
		str_printf(&key, "#%u", i);
	text = copy(f, &key);
	if (map_put(seen, span_str(text), text) != 0)
		text = copy(f, &key);
	str_fini(&name);
	str_fini(&key);
	return text;
}

static void
flatten_list(struct flat *f, const struct item *it, const void *obj, const char *prefix)
{
	struct map seen = MAP_INIT;
	struct str order = STR_INIT;
	const char *key;

	for (unsigned i = 0; i < item_count(it, obj); i++) {
		const void *elem = item_elem(it, obj, i);

		key = elem_key(f, it, elem, prefix, &seen);
		entry_add(f, key, "", true);
		flatten(f, it->sub, elem, key, true);
		str_printf(&order, "%s%s", i == 0 ? "" : ", ", key + strlen(prefix));
	}
	if ((it->flags & ITEM_ORDERED) && order.len > 0) {
		struct str name = STR_INIT;

		str_printf(&name, "%s.order", prefix);
		entry_add(f, copy(f, &name), copy(f, &order), false);
		str_fini(&name);
	}
	str_fini(&order);
	map_fini(&seen);
}

static void
flatten_item(struct flat *f, const struct item *it, const void *obj, const char *key)
{
	struct str text = STR_INIT;

	if (it->type == ITEM_GROUP) {
		if (value_group_present(it, obj))
			flatten(f, it->sub, (const char *)obj + it->at, key, false);
	} else if (it->type == ITEM_LIST || it->type == ITEM_MAP)
		flatten_list(f, it, obj, key);
	else if (value_is_set(it, (const char *)obj + it->at)) {
		value_text(it, (const char *)obj + it->at, &text);
		entry_add(f, key, copy(f, &text), false);
		str_fini(&text);
	}
}

static void
flatten(struct flat *f, const struct section *s, const void *obj, const char *prefix, bool keyed)
{
	struct str key = STR_INIT;

	for (unsigned i = keyed; i < s->nitems; i++) {
		if (s->items[i].flags & ITEM_ALIAS)
			continue;
		str_clear(&key);
		str_printf(&key, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", s->items[i].name);
		flatten_item(f, &s->items[i], obj, copy(f, &key));
	}
	str_fini(&key);
}

static void
flat_init(struct flat *f, const struct conf *c)
{
	*f = (struct flat){ 0 };
	arena_init(&f->arena, NULL, 0, 0);
	flatten(f, &schema_top, c, "", false);
	for (unsigned i = 0; i < f->n; i++)
		if (map_put(&f->by_key, span_str(f->v[i].key), &f->v[i]) != 0)
			return;
}

static void
flat_fini(struct flat *f)
{
	map_fini(&f->by_key);
	arena_fini(&f->arena);
}

/* Entries inside an element that came or went as a whole are not told one by one. */
static bool
inside(const char *whole, const char *key)
{
	size_t n = whole == NULL ? 0 : strlen(whole);

	return n > 0 && strncmp(key, whole, n) == 0 && (key[n] == '.' || key[n] == '[');
}

/* What is in `a` and not in `b`, and, when `values`, what is in both with another value. */
static unsigned
compare(const struct flat *a, const struct flat *b, const char *word, bool values, struct str *out)
{
	const char *whole = NULL;
	const struct entry *e, *other;
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++) {
		e = &a->v[i];
		other = map_get(&b->by_key, span_str(e->key));
		if (inside(whole, e->key) ||
		    (other != NULL && (!values || strcmp(e->text, other->text) == 0)))
			continue;
		n++;
		if (other != NULL)
			str_printf(out, "%s: %s -> %s\n", e->key, e->text, other->text);
		else if (e->element)
			str_printf(out, "%s: %s\n", whole = e->key, word);
		else
			str_printf(out, "%s: %s%s%s\n", e->key, values ? "" : "(unset) -> ",
			    e->text, values ? " -> (unset)" : "");
	}
	return n;
}

unsigned
conf_diff(const struct conf *from, const struct conf *to, struct str *out)
{
	struct flat a, b;
	unsigned n;

	flat_init(&a, from);
	flat_init(&b, to);
	n = compare(&a, &b, "removed", true, out);
	n += compare(&b, &a, "added", false, out);
	flat_fini(&a);
	flat_fini(&b);
	return n;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* One that is turned on or off is another matter. */
static const char *
cache_needs_restart(const struct conf_cache *from, const struct conf_cache *to)
{
	if (from->path == NULL || to->path == NULL)
		return NULL;
	if (!same(from->path, to->path) || from->size != to->size || from->objects != to->objects ||
	    from->ring != to->ring)
		return "cache.path, size, objects and ring cannot change while running: restart "
		       "to apply";
	return NULL;
}

const char *
conf_needs_restart(const struct conf *from, const struct conf *to)
{
	if (!same(from->name, to->name))
		return "\"name\" names the admin socket and cannot change while running: restart";
	if (!same(from->process.admin_socket, to->process.admin_socket))
		return "process.admin_socket cannot change while running: restart";
	if (!same(from->process.user, to->process.user) ||
	    !same(from->process.group, to->process.group))
		return "process.user and process.group cannot change while running: restart";
	return cache_needs_restart(&from->cache, &to->cache);
}

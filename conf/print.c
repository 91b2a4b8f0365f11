/*
 * print.c - a configuration as text that loads again to the same tree.
 *
 * What the program adds by itself (shipped acls and rules, the listener of an empty file) is printed as comments in
 * its place: it comes back by itself, and a reader sees the effective order.
 */
#include "conf/load.h"

#include "conf/schema/schema.h"

#define SHORT 100		/* bytes of an element that fits one line, its indentation counted */

struct printer {
	struct str	*out;
	unsigned	 depth;
	bool		 defaults;
	bool		 comment;
};

static void print_section(struct printer *, const struct section *, const void *obj, bool keyed);

static void
line_start(struct printer *p)
{
	for (unsigned i = 0; i < p->depth; i++)
		str_addc(p->out, '\t');
	if (p->comment)
		str_adds(p->out, "# ");
}

static bool
is_shipped(const struct section *s, const void *elem)
{
	return s->pos != SECTION_NO_POS &&
	    ((const struct conf_pos *)((const char *)elem + s->pos))->line == 0;
}

static void
print_value(struct printer *p, const struct item *it, const void *obj)
{
	const void *field = (const char *)obj + it->at;

	if (!value_is_set(it, field))
		return;
	if ((!p->defaults || (it->flags & ITEM_TERSE)) && value_is_default(it, field))
		return;
	line_start(p);
	str_printf(p->out, "%s = ", it->name);
	value_text(it, field, p->out);
	str_adds(p->out, ";\n");
}

/* A group in which nothing is to be said is left out. */
static void
print_group(struct printer *p, const struct item *it, const void *obj)
{
	struct str inner = STR_INIT, *outer = p->out;

	if (!value_group_present(it, obj))
		return;
	p->out = &inner;
	p->depth++;
	print_section(p, it->sub, (const char *)obj + it->at, false);
	p->depth--;
	p->out = outer;
	if (inner.len > 0 || (it->flags & ITEM_OPTIONAL)) {
		line_start(p);
		str_printf(p->out, "%s = {\n", it->name);
		str_add(p->out, str_span(&inner));
		line_start(p);
		str_adds(p->out, "};\n");
	}
	str_fini(&inner);
}

/* "{ a = 1; b = 2; }" from the lines of an element, when that is short and simple; false: nothing was written. */
static bool
print_short(struct printer *p, const struct str *lines)
{
	struct span rest = str_span(lines), line;

	if (lines->len > SHORT || memchr(lines->data, '{', lines->len) != NULL)
		return false;
	str_adds(p->out, "{ ");
	while (span_split(&rest, '\n', &line) && line.n > 0) {
		line = span_trim(line);
		if (p->comment)
			line = span_make(line.p + 2, line.n - 2);
		str_add(p->out, line);
		str_addc(p->out, ' ');
	}
	str_addc(p->out, '}');
	return true;
}

static void
print_elem(struct printer *p, const struct item *it, const void *elem, bool comma)
{
	struct str lines = STR_INIT, *outer_out = p->out;
	bool map = it->type == ITEM_MAP, outer = p->comment;

	p->comment |= is_shipped(it->sub, elem);
	line_start(p);
	if (map)
		str_printf(p->out,
		    "%s = ", *(const char *const *)((const char *)elem + it->sub->items[0].at));
	p->out = &lines;
	p->depth++;
	print_section(p, it->sub, elem, map);
	p->depth--;
	p->out = outer_out;
	if (lines.len == 0)
		str_adds(p->out, "{ }");
	else if (!print_short(p, &lines)) {
		str_adds(p->out, "{\n");
		str_add(p->out, str_span(&lines));
		line_start(p);
		str_addc(p->out, '}');
	}
	str_printf(p->out, "%s\n", map ? ";" : comma ? "," : "");
	str_fini(&lines);
	p->comment = outer;
}

static void
print_list(struct printer *p, const struct item *it, const void *obj)
{
	unsigned n = item_count(it, obj), last = 0, shown = 0;

	for (unsigned i = 0; i < n; i++)
		if (!is_shipped(it->sub, item_elem(it, obj, i))) {
			last = i;
			shown++;
		}
	if (p->defaults ? n == 0 : shown == 0)
		return;
	line_start(p);
	str_printf(p->out, "%s = %s\n", it->name, it->type == ITEM_MAP ? "{" : "(");
	p->depth++;
	for (unsigned i = 0; i < n; i++) {
		const void *elem = item_elem(it, obj, i);

		if (p->defaults || !is_shipped(it->sub, elem))
			print_elem(p, it, elem, i < last && !is_shipped(it->sub, elem));
	}
	p->depth--;
	line_start(p);
	str_adds(p->out, it->type == ITEM_MAP ? "};\n" : ");\n");
}

static void
print_section(struct printer *p, const struct section *s, const void *obj, bool keyed)
{
	for (unsigned i = keyed; i < s->nitems; i++) {
		const struct item *it = &s->items[i];

		if (it->flags & ITEM_ALIAS)
			continue;
		if (it->type == ITEM_GROUP)
			print_group(p, it, obj);
		else if (it->type == ITEM_LIST || it->type == ITEM_MAP)
			print_list(p, it, obj);
		else
			print_value(p, it, obj);
	}
}

void
conf_print(const struct conf *c, bool defaults, struct str *out)
{
	struct printer p = { .out = out, .defaults = defaults };

	print_section(&p, &schema_top, c, false);
}

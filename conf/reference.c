/*
 * reference.c - every key with its type, default, bounds and meaning, as Markdown and as a manual page.
 *
 * One walk over the tables that the loader uses; a writer says what a section and a row look like. What is not in a
 * table (the language itself, the shipped policy) is the text at the beginning.
 */
#include "conf/reference.h"

#include <inttypes.h>

#include "conf/base/units.h"
#include "conf/schema/schema.h"

struct writer {
	void	(*section)(struct str *, const char *path, const struct section *);
	void	(*row)(struct str *, const struct item *);
};

struct topic { const char *title, *text; };

static const struct topic topics[] = {
	{ "Language",
	    "A file is a list of settings, key = value; with groups { key = value; }, lists of "
	    "groups ( { ... }, { ... } ) and "
	    "arrays of values [ \"a\", \"b\" ]. Texts, durations (\"250ms\", \"10s\", \"5m\", "
	    "\"1h\", \"1d\") and sizes (\"512\", "
	    "\"64KiB\", \"2MiB\", \"1GiB\") stand in double quotes, numbers and true or false "
	    "do not. Where an array of texts is "
	    "asked for, one text alone will do. Comments are # and // to the end of the line, "
	    "and /* ... */. The order of keys "
	    "means nothing; the order of rules does." },
	{ "Includes and environment",
	    "@include \"file\" alone on a line puts that file in its place, relative to the "
	    "file it stands in. ${NAME} in a text, "
	    "with capitals, digits and underscores, is the environment's value when the "
	    "configuration is loaded; it must be set. "
	    "${path.name} and its like belong to routes and are replaced per request." },
	{ "Errors",
	    "An unknown key, a wrong type or a value out of bounds is an error, and a "
	    "configuration with an error is not used: at a "
	    "reload the one before stays. proxyctl check tells all of them with file and line, "
	    "proxyctl config show prints what is "
	    "in force with every default." },
	{ "Shipped acls and rules",
	    "Predefined acls are all, localhost and localnet (clients), to_localhost, "
	    "to_linklocal and to_private (targets), "
	    "connect, safe_ports and ssl_ports; the last two may be defined anew. Before the rules of the file stand "
	    "default/safe-ports (deny what is not in safe_ports) and default/ssl-ports (deny "
	    "CONNECT to what is not in ssl_ports), "
	    "unless forward.default_rules is false; behind them implicit-deny. Without any rule "
	    "of its own a forward proxy serves "
	    "clients on loopback only (default/localhost). Whatever a rule allows, private, "
	    "loopback, link-local and other "
	    "protected targets are refused on the address dialled, unless \"open\" of that rule names their network." },
};

static void
type_text(const struct item *it, struct str *out)
{
	switch (it->type) {
	case ITEM_BOOL:		str_adds(out, "true or false"); return;
	case ITEM_INT:		str_adds(out, "number"); return;
	case ITEM_MSEC:		str_adds(out, "duration"); return;
	case ITEM_SIZE:		str_adds(out, "size"); return;
	case ITEM_PERCENT:	str_adds(out, "share"); return;
	case ITEM_STR:		str_adds(out, "text"); return;
	case ITEM_STRS:		str_adds(out, "texts"); return;
	case ITEM_CIDRS:	str_adds(out, "networks"); return;
	case ITEM_HEADERS:	str_adds(out, "headers"); return;
	case ITEM_REGEXES:	str_adds(out, "regexes"); return;
	case ITEM_CONDITIONS:	str_adds(out, "names with regexes"); return;
	case ITEM_GROUP:	str_adds(out, "group"); return;
	case ITEM_LIST:		str_adds(out, "list of groups"); return;
	case ITEM_MAP:		str_adds(out, "group of named groups"); return;
	case ITEM_CHOICE:
	case ITEM_ENUM:
		break;
	}
	for (unsigned i = 0, n = 0; it->names[i] != NULL; i++)
		if (it->names[i][0] != '\0')
			str_printf(out, "%s\"%s\"", n++ == 0 ? "" : " or ", it->names[i]);
}

static bool
is_quoted(const struct item *it)
{
	return it->type != ITEM_BOOL && it->type != ITEM_INT;
}

/* "" when the row has none to tell. */
static void
default_text(const struct item *it, struct str *out)
{
	if (it->flags & ITEM_REQUIRED)
		str_adds(out, "required");
	else if (it->flags & ITEM_INHERIT)
		str_adds(out, "inherited");
	else if (it->def != NULL)
		str_printf(out, is_quoted(it) ? "\"%s\"" : "%s", it->def);
}

static void
bound(const struct item *it, int64_t v, struct str *out)
{
	char buf[32];

	if (it->type == ITEM_MSEC)
		str_adds(out, units_msec_text(v, buf));
	else if (it->type == ITEM_SIZE)
		str_adds(out, units_size_text(v, buf));
	else
		str_printf(out, "%" PRId64 "%s", v, it->type == ITEM_PERCENT ? "%" : "");
}

static void
bounds_text(const struct item *it, struct str *out)
{
	if (it->type != ITEM_INT && it->type != ITEM_MSEC && it->type != ITEM_SIZE &&
	    it->type != ITEM_PERCENT)
		return;
	bound(it, it->min, out);
	if (it->max == INT64_MAX || (it->type == ITEM_INT && it->max == INT32_MAX)) {
		str_adds(out, " or more");
		return;
	}
	str_adds(out, " to ");
	bound(it, it->max, out);
}

/* The sub-sections follow their section, with the path a reader would write in a message. */
static void
walk(struct str *out, const struct writer *w, const struct section *s, const char *path)
{
	struct str sub = STR_INIT;

	w->section(out, path, s);
	for (unsigned i = 0; i < s->nitems; i++)
		if (!(s->items[i].flags & ITEM_ALIAS))
			w->row(out, &s->items[i]);
	for (unsigned i = 0; i < s->nitems; i++) {
		const struct item *it = &s->items[i];

		if (it->sub == NULL)
			continue;
		str_clear(&sub);
		str_printf(&sub, "%s%s%s%s", path, path[0] == '\0' ? "" : ".", it->name,
		    it->type == ITEM_LIST ? "[]" : it->type == ITEM_MAP ? ".NAME" : "");
		walk(out, w, it->sub, sub.data);
	}
	str_fini(&sub);
}

static void
md_cell(struct str *out, const char *text, bool code)
{
	str_adds(out, code && text[0] != '\0' ? "`" : "");
	for (const char *p = text; *p != '\0'; p++) {
		if (!code && (*p == '|' || *p == '*' || *p == '_' || *p == '<' || *p == '\\'))
			str_addc(out, '\\');
		str_addc(out, *p);
	}
	str_adds(out, code && text[0] != '\0' ? "`" : "");
}

static void
md_section(struct str *out, const char *path, const struct section *s)
{
	str_printf(out, "\n## %s%s%s\n\n", path[0] == '\0' ? "" : "`",
	    path[0] == '\0' ? "Top level" : path, path[0] == '\0' ? "" : "`");
	md_cell(out, s->help, false);
	str_adds(out, "\n\n| key | type | default | bounds | meaning |\n|---|---|---|---|---|\n");
}

static void
md_row(struct str *out, const struct item *it)
{
	struct str type = STR_INIT, def = STR_INIT, bounds = STR_INIT;

	type_text(it, &type);
	default_text(it, &def);
	bounds_text(it, &bounds);
	str_printf(out, "| `%s` | ", it->name);
	md_cell(out, type.data, false);
	str_adds(out, " | ");
	md_cell(
	    out, def.data == NULL ? "" : def.data, !(it->flags & (ITEM_REQUIRED | ITEM_INHERIT)));
	str_printf(out, " | %s | ", bounds.data == NULL ? "" : bounds.data);
	md_cell(out, it->help, false);
	str_printf(out, "%s |\n", it->flags & ITEM_RESTART ? "; a change needs a restart" : "");
	str_fini(&type);
	str_fini(&def);
	str_fini(&bounds);
}

void
reference_markdown(struct str *out)
{
	static const struct writer w = { md_section, md_row };

	str_adds(out,
	    "<!-- Written by `make reference` from the tables in conf/schema/. Do not edit. "
	    "-->\n# Configuration reference\n");
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		str_printf(out, "\n## %s\n\n", topics[i].title);
		md_cell(out, topics[i].text, false);
		str_addc(out, '\n');
	}
	walk(out, &w, &schema_top, "");
}

/* roff: a backslash is \e, a minus that people copy is \-, and no line may begin with a dot or a quote. */
static void
man_text(struct str *out, const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		str_adds(out, "\\&");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\')
			str_adds(out, "\\e");
		else if (*p == '-')
			str_adds(out, "\\-");
		else if (strncmp(p, "…", strlen("…")) == 0) {
			str_adds(out, "...");
			p += strlen("…") - 1;
		} else
			str_addc(out, *p);
	}
}

static void
man_section(struct str *out, const char *path, const struct section *s)
{
	str_adds(out, ".SS ");
	man_text(out, path[0] == '\0' ? "Top level" : path);
	str_addc(out, '\n');
	man_text(out, s->help);
	str_addc(out, '\n');
}

static void
man_row(struct str *out, const struct item *it)
{
	struct str facts = STR_INIT;

	type_text(it, &facts);
	if ((it->flags & (ITEM_REQUIRED | ITEM_INHERIT)) || it->def != NULL) {
		str_adds(&facts, it->flags & (ITEM_REQUIRED | ITEM_INHERIT) ? ", " : ", default ");
		default_text(it, &facts);
	}
	if (it->max != 0) {
		str_adds(&facts, ", ");
		bounds_text(it, &facts);
	}
	str_adds(out, ".TP\n.B ");
	man_text(out, it->name);
	str_adds(out, "\n(");
	man_text(out, facts.data);
	str_adds(out, ")\n");
	man_text(out, it->help);
	str_adds(out, it->flags & ITEM_RESTART ? "; a change needs a restart.\n" : ".\n");
	str_fini(&facts);
}

void
reference_man(struct str *out)
{
	static const struct writer w = { man_section, man_row };

	str_adds(out,
	    ".\\\" Written by `make reference` from the tables in conf/schema/. Do not edit.\n"
	    ".TH PROXYD.CONF 5 \"\" proxyd \"File formats\"\n.SH NAME\nproxyd.conf \\- "
	    "configuration of proxyd\n.SH DESCRIPTION\n");
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		str_adds(out, ".SS ");
		man_text(out, topics[i].title);
		str_addc(out, '\n');
		man_text(out, topics[i].text);
		str_addc(out, '\n');
	}
	str_adds(out, ".SH KEYS\n");
	walk(out, &w, &schema_top, "");
	str_adds(out, ".SH SEE ALSO\n.BR proxyd (8),\n.BR proxyctl (1)\n");
}

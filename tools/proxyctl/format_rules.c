/*
 * format_rules.c - tables out of the data of `acl ls` and `acl hits`, which is described in master/admin_tbl.h.
 */
#include <inttypes.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"

static void
cell_text(struct table *t, const struct json *o, const char *key)
{
	table_cell(t, "%s", json_str(json_get(o, key), "-"));
}

static void
cell_list(struct table *t, const struct json *list, const char *none)
{
	struct str all = STR_INIT;

	for (size_t i = 0; i < json_len(list); i++)
		str_printf(&all, "%s%s", i > 0 ? ", " : "", json_str(json_at(list, i), "-"));
	table_cell(t, "%s", all.len == 0 ? none : all.data);
	str_fini(&all);
}

static void
cells_count(struct table *t, const struct json *o)
{
	const struct json *age = json_get(o, "counted_s");
	char text[32] = "-";

	if (age != NULL)
		format_duration(json_int(age, 0), text);
	table_cell(t, "%" PRId64, json_int(json_get(o, "hits"), 0));
	table_cell(t, "%s", text);
}

void
format_acl_ls(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { ">", "RULE", "VERDICT", "ALL", "OPEN", ">HITS", ">IN",
		"AT" };
	const struct json *rules = json_get(data, "rules"), *lists = json_get(data, "lists");
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(rules); i++) {
		const struct json *o = json_at(rules, i);

		table_cell(&t, "%zu", i + 1);
		cell_text(&t, o, "id");
		cell_text(&t, o, "verdict");
		cell_list(&t, json_get(o, "all"), "(every request)");
		cell_list(&t, json_get(o, "open"), "");
		cells_count(&t, o);
		cell_text(&t, o, "at");
	}
	table_print(&t, colour, out);
	table_fini(&t);
	if (json_len(lists) > 0) {
		str_addc(out, '\n');
		format_lists(lists, colour, out);
	}
}

static void
rules_print(const struct json *list, bool colour, struct str *out)
{
	static const char *const heads[] = { "RULE", "VERDICT", ">HITS", ">IN", "AT" };
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_at(list, i);

		cell_text(&t, o, "id");
		cell_text(&t, o, "verdict");
		cells_count(&t, o);
		cell_text(&t, o, "at");
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

static void
routes_print(const struct json *list, bool colour, struct str *out)
{
	static const char *const heads[] = { "ROUTE", "HOST", "PATH", ">HITS", ">IN", "AT" };
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_at(list, i);

		cell_text(&t, o, "name");
		cell_list(&t, json_get(o, "hosts"), "(any)");
		cell_text(&t, o, "path");
		cells_count(&t, o);
		cell_text(&t, o, "at");
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

void
format_acl_hits(const struct json *data, bool colour, struct str *out)
{
	const struct json *rules = json_get(data, "rules"), *routes = json_get(data, "routes");

	if (json_len(rules) > 0)
		rules_print(rules, colour, out);
	if (json_len(rules) > 0 && json_len(routes) > 0)
		str_addc(out, '\n');
	if (json_len(routes) > 0)
		routes_print(routes, colour, out);
	if (json_len(rules) == 0 && json_len(routes) == 0)
		str_adds(out, json_bool(json_get(data, "zero"), false) ?
			"every rule and route has decided a request\n" :
			"there is no rule and no route\n");
}

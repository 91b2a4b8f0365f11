/*
 * format_list.c - tables out of the data of `acl reload` and `acl lookup`, and the lists of `status`.
 *
 * lists:  [{"name", "kind", "file", "state": "ok"|"compiling"|"old", "entries", "bad_lines", "bytes", "image_bytes",
 *	   "compile_ms", "age_s", "error"}]; "old": the file is not what is in force, and "error" says why
 * lookup: {"kind": "name"|"address", "found": [{"acl", "at", "key", "rules": ["id", "!id"], "list", "file", "line",
 *	   "entry"}]}, the last four of a list's entry
 */
#include <inttypes.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"

static const char *
text_of(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key), "-");
}

void
format_lists(const struct json *lists, bool colour, struct str *out)
{
	static const char *const heads[] = { "LIST", "KIND", "STATE", ">ENTRIES", ">BAD LINES",
		">IMAGE KiB", ">COMPILED MS", ">AGE", "FILE" };
	struct table t;
	char age[32];

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(lists); i++) {
		const struct json *o = json_at(lists, i);

		format_duration(json_int(json_get(o, "age_s"), 0), age);
		table_cell(&t, "%s", text_of(o, "name"));
		table_cell(&t, "%s", text_of(o, "kind"));
		table_cell(&t, "%s", text_of(o, "state"));
		table_cell(&t, "%" PRId64, json_int(json_get(o, "entries"), 0));
		table_cell(&t, "%" PRId64, json_int(json_get(o, "bad_lines"), 0));
		table_cell(&t, "%" PRId64, (json_int(json_get(o, "image_bytes"), 0) + 1023) / 1024);
		table_cell(&t, "%" PRId64, json_int(json_get(o, "compile_ms"), 0));
		table_cell(&t, "%s", age);
		table_cell(&t, "%s", text_of(o, "file"));
	}
	table_print(&t, colour, out);
	table_fini(&t);
	for (size_t i = 0; i < json_len(lists); i++) {
		const struct json *o = json_at(lists, i);

		if (json_get(o, "error") != NULL)
			str_printf(out, "list %s: %s\n", text_of(o, "name"), text_of(o, "error"));
	}
}

void
format_acl_reload(const struct json *data, bool colour, struct str *out)
{
	const struct json *lists = json_get(data, "lists");

	if (json_len(lists) == 0)
		str_adds(out, "no acl names a list\n");
	else
		format_lists(lists, colour, out);
}

static void
rules_cell(struct table *t, const struct json *rules)
{
	struct str all = STR_INIT;

	for (size_t i = 0; i < json_len(rules); i++)
		str_printf(&all, "%s%s", i == 0 ? "" : ", ", json_str(json_at(rules, i), "-"));
	table_cell(t, "%s", all.data == NULL ? "-" : all.data);
	str_fini(&all);
}

void
format_acl_lookup(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { "ACL", "KEY", "LIST", "ENTRY", "WHERE", "RULES" };
	const struct json *found = json_get(data, "found");
	struct table t;

	if (json_len(found) == 0) {
		str_printf(out, "no acl holds this %s\n", text_of(data, "kind"));
		return;
	}
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(found); i++) {
		const struct json *o = json_at(found, i);
		bool list = json_get(o, "list") != NULL;

		table_cell(&t, "%s", text_of(o, "acl"));
		table_cell(&t, "%s", text_of(o, "key"));
		table_cell(&t, "%s", text_of(o, "list"));
		table_cell(&t, "%s", text_of(o, "entry"));
		if (list)
			table_cell(&t, "%s:%" PRId64, text_of(o, "file"),
			    json_int(json_get(o, "line"), 0));
		else
			table_cell(&t, "%s", text_of(o, "at"));
		rules_cell(&t, json_get(o, "rules"));
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

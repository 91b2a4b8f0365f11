/*
 * format_upstream.c - upstream ls as a table.
 *
 *	data: [ { "service", "target": as configured, "weight", "backup", "address": not of "unresolved" ones,
 *	          "state": "ok" | "ejected" | "draining" | "drained" | "unresolved", "ejected_ms",
 *	          "inflight", "requests", "failures", "failures_in_row", "ejections", "idle" } ]
 *
 * Requests are attempts: what is tried again on another target counts on both. Idle are connections kept.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"

static const char *
text_of(const struct json *o, const char *key)
{
	return json_str(json_get(o, key), "-");
}

static void
cell_state(struct table *t, const struct json *o)
{
	const char *backup = json_bool(json_get(o, "backup"), false) ? " (backup)" : "";
	int64_t ms = json_int(json_get(o, "ejected_ms"), 0);

	if (strcmp(text_of(o, "state"), "ejected") == 0)
		table_cell(t, "ejected for %" PRId64 "s%s", (ms + 999) / 1000, backup);
	else
		table_cell(t, "%s%s", text_of(o, "state"), backup);
}

static void
cells_int(struct table *t, const struct json *o)
{
	static const char *const keys[] = { "weight", "inflight", "requests", "failures",
		"ejections", "idle" };

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		const struct json *v = json_get(o, keys[i]);

		if (v == NULL)
			table_cell(t, "-");
		else
			table_cell(t, "%" PRId64, json_int(v, 0));
	}
}

void
format_upstream(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { "SERVICE", "TARGET", "ADDRESS", "STATE", ">WEIGHT",
		">IN FLIGHT", ">REQUESTS", ">FAILURES", ">EJECTIONS", ">IDLE" };
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(data); i++) {
		const struct json *o = json_at(data, i);

		table_cell(&t, "%s", text_of(o, "service"));
		table_cell(&t, "%s", text_of(o, "target"));
		table_cell(&t, "%s", text_of(o, "address"));
		cell_state(&t, o);
		cells_int(&t, o);
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

/*
 * format_conn.c - tables out of the data of `conn ls` and `conn kill` (master/admin_tbl.h, worker/ask_tbl.h).
 */
#include <inttypes.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"

static void
conn_row(struct table *t, const struct json *o, int64_t generation)
{
	const char *other = json_str(json_get(o, "for"), NULL);
	char age[32];

	format_duration(json_int(json_get(o, "age_ms"), 0) / 1000, age);
	table_cell(t, "%s", json_str(json_get(o, "id"), "-"));
	table_cell(t, "%" PRId64, generation);
	table_cell(t, "%s%s%s", json_str(json_get(o, "client"), "-"), other == NULL ? "" : " for ",
	    other == NULL ? "" : other);
	table_cell(t, "%s", json_str(json_get(o, "listener"), "-"));
	table_cell(t, "%s", age);
	table_cell(t, "%s", json_str(json_get(o, "state"), "-"));
	table_cell(t, "%" PRId64, json_int(json_get(o, "in"), 0));
	table_cell(t, "%" PRId64, json_int(json_get(o, "out"), 0));
	table_cell(t, "%s", json_str(json_get(o, "target"), "-"));
	table_cell(t, "%s", json_str(json_get(o, "request"), "-"));
}

static void
worker_note(const struct json *worker, struct str *out)
{
	int64_t left_out = json_int(json_get(json_get(worker, "data"), "left_out"), 0);
	const char *error = json_str(json_get(worker, "error"), NULL);

	if (left_out == 0 && error == NULL)
		return;
	str_printf(out, "worker %" PRId64 "[%" PRId64 "]: ",
	    json_int(json_get(worker, "slot"), 0), json_int(json_get(worker, "pid"), 0));
	if (error != NULL)
		str_printf(out, "%s\n", error);
	else
		str_printf(out, "%" PRId64 " more, left out (--limit)\n", left_out);
}

void
format_conn_ls(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { "ID", ">GENERATION", "CLIENT", "LISTENER", ">AGE",
		"STATE", ">IN", ">OUT", "TARGET", "REQUEST" };
	const struct json *workers = json_get(data, "workers");
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(workers); i++) {
		const struct json *w = json_at(workers, i);
		const struct json *conns = json_get(json_get(w, "data"), "conns");

		for (size_t n = 0; n < json_len(conns); n++)
			conn_row(&t, json_at(conns, n), json_int(json_get(w, "generation"), 0));
	}
	if (t.nrows > 0)
		table_print(&t, colour, out);
	else
		str_adds(out, "no connections\n");
	table_fini(&t);
	for (size_t i = 0; i < json_len(workers); i++)
		worker_note(json_at(workers, i), out);
}

void
format_conn_kill(const struct json *data, bool colour UNUSED, struct str *out)
{
	const struct json *errors = json_get(data, "errors");
	int64_t killed = json_int(json_get(data, "killed"), 0);

	str_printf(out, "%" PRId64 " connection%s killed\n", killed, killed == 1 ? "" : "s");
	for (size_t i = 0; i < json_len(errors); i++)
		str_printf(out, "%s\n", json_str(json_at(errors, i), "-"));
}

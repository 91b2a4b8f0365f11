/*
 * format.c - tables out of the data of `status` and `workers`; what an answer lacks is shown as "-".
 *
 * status:
 *   {"name", "version", "mode", "pid", "uptime_s", "generation", "config_file",
 *    "listeners": [{"name", "mode", "bind", "requests", "errors", "p50_ms", "p99_ms"}],
 *    "services": [{"name", "requests", "errors", "p50_ms", "p99_ms",
 *                  "endpoints": [{"address", "state", "inflight", "weight"}]}],
 *    "lists": as format_list.c says,
 *    "counters": {"requests_total": 0, ...}}			names of worker/shared/stats_tbl.h
 * workers:
 *   [{"role", "slot", "lane", "pid", "generation", "state", "connections", "requests", "age_s", "rss_kib"}]
 *
 * "bind" is a string or a list of strings; milliseconds are real numbers.
 */
#include "tools/proxyctl/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/proxyctl/table.h"

static const char *
text_of(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key), "-");
}

static void
cell_int(struct table *t, const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);

	if (v == NULL)
		table_cell(t, "-");
	else
		table_cell(t, "%" PRId64, json_int(v, 0));
}

static void
cell_ms(struct table *t, const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);
	double ms = json_num(v, 0);

	if (v == NULL)
		table_cell(t, "-");
	else
		table_cell(t, "%.*f", ms < 100 ? 2 : 0, ms);
}

void
format_duration(int64_t s, char out[32])
{
	if (s >= 86400)
		(void)snprintf(out, 32, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(out, 32, "%" PRId64 "h %" PRId64 "m", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(out, 32, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
	else
		(void)snprintf(out, 32, "%" PRId64 "s", s);
}

static void
cell_bind(struct table *t, const struct json *bind)
{
	struct str all = STR_INIT;

	for (size_t i = 0; i < json_len(bind); i++) {
		str_adds(&all, i > 0 ? ", " : "");
		str_adds(&all, json_str(json_at(bind, i), "-"));
	}
	table_cell(
	    t, "%s", json_is_arr(bind) ? (all.data == NULL ? "-" : all.data) : json_str(bind, "-"));
	str_fini(&all);
}

static void
cells_traffic(struct table *t, const struct json *o)
{
	cell_int(t, o, "requests");
	cell_int(t, o, "errors");
	cell_ms(t, o, "p50_ms");
	cell_ms(t, o, "p99_ms");
}

static void
listeners_print(const struct json *list, bool colour, struct str *out)
{
	static const char *const heads[] = { "LISTENER", "MODE", "BIND", ">REQUESTS", ">ERRORS",
		">P50 MS", ">P99 MS" };
	struct table t;

	if (json_len(list) == 0)
		return;
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_at(list, i);

		table_cell(&t, "%s", text_of(o, "name"));
		table_cell(&t, "%s", text_of(o, "mode"));
		cell_bind(&t, json_get(o, "bind"));
		cells_traffic(&t, o);
	}
	str_addc(out, '\n');
	table_print(&t, colour, out);
	table_fini(&t);
}

static void
endpoint_row(struct table *t, const struct json *e)
{
	table_cell(t, "  %s", text_of(e, "address"));
	table_cell(t, "%s", text_of(e, "state"));
	cell_int(t, e, "weight");
	cell_int(t, e, "inflight");
	for (unsigned i = 0; i < 4; i++)
		table_cell(t, "%s", "");
}

/* A row for the service, then one for each of its endpoints. */
static void
services_print(const struct json *list, bool colour, struct str *out)
{
	static const char *const heads[] = { "SERVICE", "STATE", ">WEIGHT", ">IN FLIGHT",
		">REQUESTS", ">ERRORS", ">P50 MS", ">P99 MS" };
	struct table t;

	if (json_len(list) == 0)
		return;
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_at(list, i), *endpoints = json_get(o, "endpoints");

		table_cell(&t, "%s", text_of(o, "name"));
		table_cell(&t, "%s", json_len(endpoints) == 0 ? "no endpoint" : "");
		table_cell(&t, "%s", "");
		table_cell(&t, "%s", "");
		cells_traffic(&t, o);
		for (size_t e = 0; e < json_len(endpoints); e++)
			endpoint_row(&t, json_at(endpoints, e));
	}
	str_addc(out, '\n');
	table_print(&t, colour, out);
	table_fini(&t);
}

/* Counters that are not zero, as their names say it. */
static void
counters_print(const struct json *counters, bool colour, struct str *out)
{
	static const char *const heads[] = { "COUNTER", ">VALUE" };
	const struct json *v;
	const char *key;
	void *iter = NULL;
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	while (json_each(counters, &iter, &key, &v)) {
		if (json_int(v, 0) == 0)
			continue;
		table_cell(&t, "%s", key);
		table_cell(&t, "%" PRId64, json_int(v, 0));
	}
	if (t.nrows > 0) {
		str_addc(out, '\n');
		table_print(&t, colour, out);
	}
	table_fini(&t);
}

static void
unconfirmed_print(const struct json *o, struct str *out)
{
	if (o == NULL)
		return;
	str_printf(out,
	    "generation %" PRId64 " is NOT CONFIRMED: returns to %" PRId64 " in %" PRId64 " s\n",
	    json_int(json_get(o, "generation"), 0), json_int(json_get(o, "returns_to"), 0),
	    json_int(json_get(o, "left_s"), 0));
}

void
format_status(const struct json *data, bool colour, struct str *out)
{
	char up[32];

	format_duration(json_int(json_get(data, "uptime_s"), 0), up);
	str_printf(out, "%s  proxyd %s, mode %s, pid %" PRId64 ", up %s, generation %" PRId64 "\n",
	    text_of(data, "name"), text_of(data, "version"), text_of(data, "mode"),
	    json_int(json_get(data, "pid"), 0), up, json_int(json_get(data, "generation"), 0));
	str_printf(out, "configuration %s\n", text_of(data, "config_file"));
	unconfirmed_print(json_get(data, "unconfirmed"), out);
	listeners_print(json_get(data, "listeners"), colour, out);
	services_print(json_get(data, "services"), colour, out);
	if (json_len(json_get(data, "lists")) > 0) {
		str_addc(out, '\n');
		format_lists(json_get(data, "lists"), colour, out);
	}
	counters_print(json_get(data, "counters"), colour, out);
}

void
format_workers(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { "ROLE", ">SLOT", ">PID", ">GENERATION", "STATE",
		">CONNECTIONS", ">REQUESTS", ">AGE", ">RSS KiB" };
	struct table t;
	char age[32];

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(data); i++) {
		const struct json *o = json_at(data, i);

		table_cell(&t, "%s", text_of(o, "role"));
		cell_int(&t, o, "slot");
		cell_int(&t, o, "pid");
		cell_int(&t, o, "generation");
		table_cell(&t, "%s", text_of(o, "state"));
		cell_int(&t, o, "connections");
		cell_int(&t, o, "requests");
		format_duration(json_int(json_get(o, "age_s"), 0), age);
		table_cell(&t, "%s", age);
		cell_int(&t, o, "rss_kib");
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

void
format_history(const struct json *data, bool colour, struct str *out)
{
	static const char *const heads[] = { ">GENERATION", "SINCE", "STATE", ">CHANGES", "DIGEST",
		"BY" };
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(data); i++) {
		const struct json *o = json_at(data, i);

		cell_int(&t, o, "generation");
		table_cell(&t, "%s", text_of(o, "at"));
		table_cell(&t, "%s", text_of(o, "state"));
		cell_int(&t, o, "changes");
		table_cell(&t, "%s", text_of(o, "digest"));
		table_cell(&t, "%s", text_of(o, "by"));
	}
	table_print(&t, colour, out);
	table_fini(&t);
}

void
format_drain(const struct json *data, bool colour UNUSED, struct str *out)
{
	const struct json *list = json_get(data, "services");
	bool drained = json_bool(json_get(data, "drained"), false);

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_at(list, i);

		str_printf(out, "%s: %s ", text_of(o, "name"), text_of(data, "target"));
		if (!drained)
			str_adds(out, "takes requests again\n");
		else
			str_printf(out, "takes no new requests, %" PRId64 " in progress\n",
			    json_int(json_get(o, "inflight"), 0));
		if (json_bool(json_get(o, "all_drained"), false))
			str_printf(out, "%s: ALL its targets are drained: requests get 503\n",
			    text_of(o, "name"));
	}
}

void
format_loglevel(const struct json *data, bool colour UNUSED, struct str *out)
{
	const char *level = text_of(data, "level"), *configured = text_of(data, "configured");

	if (strcmp(level, configured) == 0)
		str_printf(out, "%s, as configured\n", level);
	else
		str_printf(out, "%s until the next reload, then %s as configured\n", level,
		    configured);
}

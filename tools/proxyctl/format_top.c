/*
 * format_top.c - a report of top: two lines about the instance and the window, then the keys as a table; and as JSON:
 *
 *   {"name", "mode", "uptime_s", "generation", "connections", "active", "by", "window_s", "records", "lost",
 *    "total": ROW, "rows": [ROW], "others": ROW with "keys": number}
 *   ROW: {"key", "requests", "rps", "share", "status_4xx", "status_5xx", "bytes_out", "p50_ms", "p99_ms"}
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"
#include "tools/proxyctl/top.h"

static int64_t
counter(const struct top_report *r, const char *name)
{
	return json_int(json_get(json_get(r->status, "counters"), name), 0);
}

static double
per_second(const struct top_report *r, uint64_t n)
{
	return r->window_s > 0 ? (double)n / r->window_s : 0;
}

static double
share(const struct top_report *r, const struct topkey *k)
{
	return r->total->requests > 0 ? (double)k->requests / (double)r->total->requests : 0;
}

static double
quantile_ms(const struct topkey *k, double q)
{
	return (double)hist_quantile(&k->total, q) / 1000;
}

/* ------------------------------------------------------------------------------------------- table */

static void
cell_ms(struct table *t, double ms)
{
	table_cell(t, "%.*f", ms < 100 ? 2 : 0, ms);
}

static void
cell_rate(struct table *t, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	unsigned u = 0;

	for (; bytes >= 1024 && u + 1 < ARRAY_LEN(units); u++)
		bytes /= 1024;
	table_cell(t, "%.*f %s", u > 0 && bytes < 100 ? 1 : 0, bytes, units[u]);
}

static void
row(struct table *t, const struct top_report *r, const struct topkey *k, const char *key)
{
	double rps = per_second(r, k->requests);

	table_cell(t, "%s", key);
	table_cell(t, "%.*f", rps < 100 ? 1 : 0, rps);
	table_cell(t, "%.1f%%", share(r, k) * 100);
	table_cell(t, "%" PRIu64, k->client_errors);
	table_cell(t, "%" PRIu64, k->server_errors);
	cell_rate(t, per_second(r, k->bytes));
	cell_ms(t, quantile_ms(k, 0.5));
	cell_ms(t, quantile_ms(k, 0.99));
}

static void
headline(const struct top_report *r, struct str *out)
{
	char up[32];

	format_duration(json_int(json_get(r->status, "uptime_s"), 0), up);
	str_printf(out,
	    "%s  %s, up %s, generation %" PRId64 "; connections %" PRId64 ", active %" PRId64 "\n",
	    json_str(json_get(r->status, "name"), "-"), json_str(json_get(r->status, "mode"), "-"),
	    up, json_int(json_get(r->status, "generation"), 0), counter(r, "connections_open"),
	    counter(r, "requests_active"));
	str_printf(out, "last %.1f s: %" PRIu64 " requests", r->window_s, r->records);
	if (r->records != r->total->requests)
		str_printf(out, ", %" PRIu64 " asked for", r->total->requests);
	if (r->lost > 0)
		str_printf(out, "; too slow, about %" PRIu64 " records lost", r->lost);
	str_adds(out, "\n\n");
}

void
format_top(const struct top_report *r, bool colour, struct str *out)
{
	static const char *const heads[] = { NULL, ">REQ/S", ">SHARE", ">4XX", ">5XX", ">OUT/S",
		">P50 MS", ">P99 MS" };
	char by[32], others[48];
	struct table t;

	headline(r, out);
	table_init(&t, heads, ARRAY_LEN(heads));
	(void)snprintf(by, sizeof by, "%s", r->by);
	for (char *p = by; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p & ~0x20) : *p;
	t.heads[0] = by;
	for (unsigned i = 0; i < r->nrows; i++)
		row(&t, r, r->rows[i], r->rows[i]->key);
	(void)snprintf(others, sizeof others, "others (%" PRIu64 ")", r->nothers);
	if (r->nothers > 0)
		row(&t, r, r->others, others);
	row(&t, r, r->total, "all");
	table_print(&t, colour, out);
	table_fini(&t);
}

/* -------------------------------------------------------------------------------------------- JSON */

static struct json *
row_json(const struct top_report *r, const struct topkey *k, const char *key)
{
	struct json *o = json_obj();

	json_set_str(o, "key", key);
	json_set_int(o, "requests", (int64_t)k->requests);
	json_set_real(o, "rps", per_second(r, k->requests));
	json_set_real(o, "share", share(r, k));
	json_set_int(o, "status_4xx", (int64_t)k->client_errors);
	json_set_int(o, "status_5xx", (int64_t)k->server_errors);
	json_set_int(o, "bytes_out", (int64_t)k->bytes);
	json_set_real(o, "p50_ms", quantile_ms(k, 0.5));
	json_set_real(o, "p99_ms", quantile_ms(k, 0.99));
	return o;
}

struct json *
format_top_json(const struct top_report *r)
{
	struct json *o = json_obj(), *rows = json_arr(), *others;

	json_set_str(o, "name", json_str(json_get(r->status, "name"), NULL));
	json_set_str(o, "mode", json_str(json_get(r->status, "mode"), NULL));
	json_set_int(o, "uptime_s", json_int(json_get(r->status, "uptime_s"), 0));
	json_set_int(o, "generation", json_int(json_get(r->status, "generation"), 0));
	json_set_int(o, "connections", counter(r, "connections_open"));
	json_set_int(o, "active", counter(r, "requests_active"));
	json_set_str(o, "by", r->by);
	json_set_real(o, "window_s", r->window_s);
	json_set_int(o, "records", (int64_t)r->records);
	json_set_int(o, "lost", (int64_t)r->lost);
	json_set(o, "total", row_json(r, r->total, "all"));
	for (unsigned i = 0; i < r->nrows; i++)
		json_push(rows, row_json(r, r->rows[i], r->rows[i]->key));
	json_set(o, "rows", rows);
	others = row_json(r, r->others, "others");
	json_set_int(others, "keys", (int64_t)r->nothers);
	json_set(o, "others", others);
	return o;
}

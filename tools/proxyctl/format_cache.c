/*
 * format_cache.c - the cache for people.
 *
 *   cache stat	 {"path", "state": "open" | "closed" | "broken", "file", "objects", "objects_max", "bytes_used",
 *		  "bytes",
 *		  "purged_all": Unix seconds or 0, "purge_kept": bool, "counters": {"name": number},
 *		  "verify": {"wanted", "done", "looked", "bad"},
 *		  "keeper": {"pid", "rss_kib"}, absent: there is none}
 *   cache purge {"objects": how many there were, "dry_run": bool, "kept": bool, unless dry: also over a restart}
 */
#include "tools/proxyctl/format.h"

#include <inttypes.h>
#include <time.h>

static int64_t
int_of(const struct json *o, const char *key)
{
	return json_int(json_get(o, key), 0);
}

static const char *
text_of(const struct json *o, const char *key)
{
	return json_str(json_get(o, key), "-");
}

static void
print_counters(const struct json *o, struct str *out)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "stored", "responses stored" },
		{ "dropped", "not stored: too many, too long, or no room" },
		{ "aborted", "ended by their worker" },
		{ "renewed", "renewed by a 304" },
		{ "purged", "purged by URL" },
		{ "evicted", "left for newer ones" },
		{ "damaged", "records that made no sense" },
		{ "failed", "transactions that failed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		str_printf(out, "  %-10s %12" PRId64 "  %s\n", rows[i].name,
		    int_of(o, rows[i].name), rows[i].text);
}

static void
print_purge(const struct json *data, struct str *out)
{
	time_t at = (time_t)int_of(data, "purged_all");
	char text[64];
	struct tm tm;

	if (at == 0 || localtime_r(&at, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return;
	str_printf(out, "purged   everything that came until %s%s\n", text,
	    json_bool(json_get(data, "purge_kept"), false) ? "" : ", not on the disk yet");
}

void
format_cache_stat(const struct json *data, bool colour UNUSED, struct str *out)
{
	const struct json *keeper = json_get(data, "keeper");
	int64_t used = int_of(data, "bytes_used"), all = int_of(data, "bytes");

	str_printf(out, "cache    %s, %s, file %" PRId64 "\n", text_of(data, "path"),
	    text_of(data, "state"), int_of(data, "file"));
	str_printf(out, "objects  %" PRId64 " of at most %" PRId64 "\n", int_of(data, "objects"),
	    int_of(data, "objects_max"));
	str_printf(out, "bytes    %.1f MiB of %.1f MiB, %.1f %%\n", (double)used / (1 << 20),
	    (double)all / (1 << 20), all > 0 ? 100.0 * (double)used / (double)all : 0.0);
	if (keeper != NULL)
		str_printf(out, "keeper   process %" PRId64 ", %.1f MiB\n", int_of(keeper, "pid"),
		    (double)int_of(keeper, "rss_kib") / 1024);
	else
		str_adds(out, "keeper   none now: nothing is stored\n");
	print_purge(data, out);
	print_counters(json_get(data, "counters"), out);
}

void
format_cache_purge(const struct json *data, bool colour UNUSED, struct str *out)
{
	bool dry = json_bool(json_get(data, "dry_run"), false);

	str_printf(out, "%" PRId64 " objects %s\n", int_of(data, "objects"),
	    dry ? "would be purged" : "purged");
	if (!dry && !json_bool(json_get(data, "kept"), false))
		str_adds(out, "not on the disk yet: see 'proxyctl cache stat' before a restart\n");
}

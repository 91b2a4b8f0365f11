#include "tests/unit/unit.h"
#include "conf/base/json.h"
#include "tools/proxyctl/top.h"

static struct topkey
key_of(const char *key, uint64_t requests, uint64_t bytes, uint64_t us)
{
	struct topkey k = { .requests = requests, .bytes = bytes, .client_errors = 1 };

	memcpy(k.key, key, strlen(key) + 1);
	for (uint64_t i = 0; i < requests; i++)
		hist_add(&k.total, us);
	return k;
}

START_TEST(report_is_a_head_and_a_table_with_others_and_all)
{
	struct json *status = json_parse(
	    SPAN("{\"name\":\"edge\",\"mode\":\"reverse\",\"uptime_s\":61,\"generation\":3,"
		 "\"counters\":{\"connections_open\":7,\"requests_active\":2}}"),
	    NULL);
	struct topkey api = key_of("api", 30, 1 << 20, 1000), others = key_of("", 10, 500, 200000),
		      total = key_of("", 40, (1 << 20) + 500, 1000);
	const struct topkey *const rows[] = { &api };
	struct top_report r = { .by = "route",
		.window_s = 2,
		.records = 50,
		.lost = 4,
		.status = status,
		.rows = rows,
		.nrows = 1,
		.others = &others,
		.total = &total,
		.nothers = 9 };
	struct str out = STR_INIT;
	struct json *o;

	format_top(&r, false, &out);
	ck_assert_str_eq(out.data,
	    "edge  reverse, up 1m 1s, generation 3; connections 7, active 2\n"
	    "last 2.0 s: 50 requests, 40 asked for; too slow, about 4 records lost\n\n"
	    "ROUTE       REQ/S   SHARE  4XX  5XX    OUT/S  P50 MS  P99 MS\n"
	    "api          15.0   75.0%    1    0  512 KiB    1.02    1.02\n"
	    "others (9)    5.0   25.0%    1    0    250 B     213     213\n"
	    "all          20.0  100.0%    1    0  512 KiB    1.02    1.02\n");
	o = format_top_json(&r);
	ck_assert_int_eq(json_int(json_get(o, "lost"), 0), 4);
	ck_assert_int_eq(json_int(json_get(json_get(o, "others"), "keys"), 0), 9);
	ck_assert(json_num(json_get(json_at(json_get(o, "rows"), 0), "rps"), 0) == 15);
	ck_assert(json_num(json_get(json_get(o, "total"), "share"), 0) == 1);
	json_free(&o);
	json_free(&status);
	str_fini(&out);
}
END_TEST

UNIT_MAIN("tools/proxyctl/format_top", report_is_a_head_and_a_table_with_others_and_all)

#include "tests/unit/unit.h"
#include "tools/proxyctl/format.c"

static void
expect(void (*format)(const struct json *, bool, struct str *), const char *data, const char *shown)
{
	struct json *j = json_parse(span_str(data), NULL);
	struct str out = STR_INIT;

	ck_assert_ptr_nonnull(j);
	format(j, false, &out);
	ck_assert_str_eq(out.data, shown);
	str_fini(&out);
	json_free(&j);
}

START_TEST(workers_are_a_table_with_aligned_columns)
{
	expect(format_workers,
	    "[{\"role\":\"worker\",\"slot\":0,\"pid\":12,\"generation\":1,\"state\":\"ready\",\"connections\":3,"
	    "\"requests\":123456,\"age_s\":75,\"rss_kib\":4096},{\"role\":\"agent\",\"pid\":123456}]",
	    "ROLE    SLOT     PID  GENERATION  STATE  CONNECTIONS  REQUESTS     AGE  RSS KiB\n"
	    "worker     0      12           1  ready            3    123456  1m 15s     4096\n"
	    "agent      -  123456           -  -                -         -      0s        -\n");
}
END_TEST

START_TEST(status_shows_services_with_their_endpoints)
{
	expect(format_status,
	    "{\"name\":\"edge\",\"version\":\"1\",\"mode\":\"reverse\",\"pid\":1,\"uptime_s\":90000,"
	    "\"generation\":2,\"config_file\":\"/c\",\"listeners\":[{\"name\":\"l\",\"mode\":\"reverse\","
	    "\"bind\":[\"*:80\",\"[::1]:81\"],\"requests\":5,\"errors\":0,\"p50_ms\":0.25,\"p99_ms\":1500.5}],"
	    "\"services\":[{\"name\":\"app\",\"requests\":5,\"errors\":1,\"endpoints\":[{\"address\":"
	    "\"127.0.0.1:8080\",\"state\":\"up\",\"inflight\":2,\"weight\":1}]}],"
	    "\"counters\":{\"requests_total\":5,\"tunnels_total\":0}}",
	    "edge  proxyd 1, mode reverse, pid 1, up 1d 1h, generation 2\n"
	    "configuration /c\n\n"
	    "LISTENER  MODE     BIND            REQUESTS  ERRORS  P50 MS  P99 MS\n"
	    "l         reverse  *:80, [::1]:81         5       0    0.25    1500\n\n"
	    "SERVICE           STATE  WEIGHT  IN FLIGHT  REQUESTS  ERRORS  P50 MS  P99 MS\n"
	    "app                                                5       1       -       -\n"
	    "  127.0.0.1:8080  up          1          2\n\n"
	    "COUNTER         VALUE\n"
	    "requests_total      5\n");
}
END_TEST

START_TEST(answer_of_another_shape_is_dashes_and_no_crash)
{
	struct str out = STR_INIT;
	struct json *j = json_parse(SPAN("[{\"bind\":{}},7,null,{\"endpoints\":3}]"), NULL);

	format_status(j, false, &out);
	format_workers(j, false, &out);
	format_workers(NULL, true, &out);
	format_status(NULL, true, &out);
	ck_assert_ptr_nonnull(out.data);
	str_fini(&out);
	json_free(&j);
}
END_TEST

START_TEST(names_cannot_drive_a_terminal)
{
	expect(format_workers, "[{\"role\":\"\\u001b[31m\\n\"}]",
	    "ROLE    SLOT  PID  GENERATION  STATE  CONNECTIONS  REQUESTS  AGE  RSS KiB\n"
	    "?[31m?     -    -           -  -                -         -   0s        -\n");
}
END_TEST

UNIT_MAIN("tools/proxyctl/format", workers_are_a_table_with_aligned_columns,
    status_shows_services_with_their_endpoints, answer_of_another_shape_is_dashes_and_no_crash,
    names_cannot_drive_a_terminal)

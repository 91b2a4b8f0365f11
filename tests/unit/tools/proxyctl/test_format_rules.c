#include "tests/unit/unit.h"
#include "tools/proxyctl/format_rules.c"

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

START_TEST(rules_are_numbered_with_their_terms_hits_and_place)
{
	expect(format_acl_ls,
	    "{\"rules\":[{\"id\":\"no-ads\",\"verdict\":\"deny\",\"all\":[\"ads\",\"!staff\"],\"open\":[],"
	    "\"at\":\"/c:7\",\"hits\":12,\"counted_s\":3700},"
	    "{\"id\":\"lan\",\"verdict\":\"allow\",\"all\":[],\"open\":[\"10.0.0.0/8\"],"
	    "\"at\":\"built in\",\"hits\":0}],\"lists\":[{\"name\":\"ads\",\"kind\":\"domains\",\"state\":\"ok\","
	    "\"entries\":3,\"bad_lines\":1,\"image_bytes\":1025,\"compile_ms\":2,\"age_s\":5,\"file\":\"/ads\"}]}",
	    "   RULE    VERDICT  ALL              OPEN        HITS     IN  AT\n"
	    "1  no-ads  deny     ads, !staff                    12  1h 1m  /c:7\n"
	    "2  lan     allow    (every request)  10.0.0.0/8     0      -  built in\n"
	    "\n"
	    "LIST  KIND     STATE  ENTRIES  BAD LINES  IMAGE KiB  COMPILED MS  AGE  FILE\n"
	    "ads   domains  ok           3          1          2            2   5s  /ads\n");
}
END_TEST

START_TEST(hits_are_a_table_of_rules_and_one_of_routes)
{
	expect(format_acl_hits,
	    "{\"zero\":false,\"rules\":[{\"id\":\"r\",\"verdict\":\"deny\",\"at\":\"/c:7\",\"hits\":1,"
	    "\"counted_s\":5}],\"routes\":[{\"name\":\"api\",\"hosts\":[\"a\",\"*.b\"],\"path\":\"/x\",\"at\":"
	    "\"/c:9\",\"hits\":0,\"counted_s\":5},{\"name\":\"all\",\"hosts\":[],\"path\":\"/**\",\"at\":"
	    "\"/c:10\",\"hits\":0}]}",
	    "RULE  VERDICT  HITS  IN  AT\n"
	    "r     deny        1  5s  /c:7\n"
	    "\n"
	    "ROUTE  HOST    PATH  HITS  IN  AT\n"
	    "api    a, *.b  /x       0  5s  /c:9\n"
	    "all    (any)   /**      0   -  /c:10\n");
	expect(format_acl_hits, "{\"zero\":true,\"rules\":[],\"routes\":[]}",
	    "every rule and route has decided a request\n");
}
END_TEST

START_TEST(answer_of_another_shape_is_dashes_and_no_crash)
{
	struct str out = STR_INIT;
	struct json *j = json_parse(SPAN("{\"rules\":[7,null],\"routes\":[{\"hosts\":7}]}"), NULL);

	format_acl_hits(j, false, &out);
	format_acl_ls(j, false, &out);
	format_acl_ls(NULL, true, &out);
	format_acl_hits(NULL, true, &out);
	ck_assert_ptr_nonnull(out.data);
	str_fini(&out);
	json_free(&j);
}
END_TEST

UNIT_MAIN("tools/proxyctl/format_rules", rules_are_numbered_with_their_terms_hits_and_place,
    hits_are_a_table_of_rules_and_one_of_routes, answer_of_another_shape_is_dashes_and_no_crash)

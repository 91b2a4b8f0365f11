/*
 * Tables of lists and of what acls hold.
 */
#include "tools/proxyctl/format.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct str out;

static const char *
shown(void (*format)(const struct json *, bool, struct str *), const char *doc)
{
	struct json *data = json_parse(span_str(doc), NULL);

	ck_assert_ptr_nonnull(data);
	str_clear(&out);
	format(data, false, &out);
	json_free(&data);
	return str_span(&out).p;
}

START_TEST(lists_are_told_with_what_is_wrong_with_them)
{
	ck_assert_str_eq(shown(format_acl_reload,
	    "{\"lists\":[{\"name\":\"ads\",\"kind\":\"domains\",\"file\":\"/etc/ads\",\"state\":\"old\","
	    "\"entries\":1000000,\"bad_lines\":3,\"image_bytes\":2049,\"compile_ms\":812,\"age_s\":90,"
	    "\"error\":\"/etc/ads: gone\"},{\"name\":\"drop\"}]}"),
	    "LIST  KIND     STATE  ENTRIES  BAD LINES  IMAGE KiB  COMPILED MS     AGE  FILE\n"
	    "ads   domains  old    1000000          3          3          812  1m 30s  /etc/ads\n"
	    "drop  -        -            0          0          0            0      0s  -\n"
	    "list ads: /etc/ads: gone\n");
}
END_TEST

START_TEST(without_lists_it_is_said_why)
{
	ck_assert_str_eq(shown(format_acl_reload, "{\"lists\":[]}"), "no acl names a list\n");
	ck_assert_str_eq(shown(format_acl_reload, "{}"), "no acl names a list\n");
}
END_TEST

START_TEST(what_holds_a_name_is_told_with_its_place_and_rules)
{
	ck_assert_str_eq(
	    shown(format_acl_lookup,
		"{\"kind\":\"name\",\"found\":[{\"acl\":\"a\",\"at\":\"p.conf:7\","
		"\"key\":\"domain\",\"rules\":[\"no\",\"!yes\"]},"
		"{\"acl\":\"b\",\"at\":\"p.conf:8\",\"key\":\"domain\","
		"\"rules\":[],\"list\":\"ads\",\"file\":\"/etc/ads\","
		"\"line\":48213,\"entry\":\"x.example\"}]}"),
	    "ACL  KEY     LIST  ENTRY      WHERE           RULES\n"
	    "a    domain  -     -          p.conf:7        no, !yes\n"
	    "b    domain  ads   x.example  /etc/ads:48213  -\n");
	ck_assert_str_eq(shown(format_acl_lookup, "{\"kind\":\"address\",\"found\":[]}"),
	    "no acl holds this address\n");
}
END_TEST

UNIT_MAIN("tools/proxyctl/format_list", lists_are_told_with_what_is_wrong_with_them,
    without_lists_it_is_said_why, what_holds_a_name_is_told_with_its_place_and_rules)

/* test_sf.c - dictionaries of structured fields: RFC 8941's own examples, and what its grammar refuses. */
#include "tests/unit/unit.h"
#include "conf/http/sf.h"

#include <stdio.h>

static struct field room[8];
static struct fields set;

/* "key=type:text ..." of all members, or "error". */
static const char *
read_all(const char *const *lines)
{
	static const char *const types[] = { "bool", "int", "dec", "str", "tok", "bin", "list" };
	static char out[512];
	struct sf_dict it;
	struct sf_item item;
	struct span name;
	size_t n = 0;
	int rc;

	set = (struct fields){ .v = room, .size = 8 };
	for (; *lines != NULL; lines++)
		fields_add(&set, SPAN("CDN-Cache-Control"), span_str(*lines), SPAN_NONE);
	it = sf_dict_init(&set, H_CDN_CACHE_CONTROL);
	out[0] = '\0';
	while ((rc = sf_dict_next(&it, &name, &item)) > 0)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s" SPAN_FMT "=%s:%lld",
		    n > 0 ? " " : "", SPAN_ARG(name), types[item.type], (long long)item.integer);
	return rc == 0 ? out : "error";
}

#define ONE(line)	read_all((const char *const[]){ line, NULL })

START_TEST(members_of_every_type)
{
	ck_assert_str_eq(ONE("a=1, b=-15, c=?0, d"), "a=int:1 b=int:-15 c=bool:0 d=bool:1");
	ck_assert_str_eq(ONE("en=\"Applepie\", da=:w4ZibGV0w6ZydGUK:"), "en=str:0 da=bin:0");
	ck_assert_str_eq(ONE("rating=1.5, feelings=(joy sadness)"), "rating=dec:0 feelings=list:0");
	ck_assert_str_eq(
	    ONE("a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid"), "a=list:0 b=int:3 c=int:4 d=list:0");
	ck_assert_str_eq(ONE("*x.y-z_=foo123/456"), "*x.y-z_=tok:0");
	ck_assert_str_eq(ONE("a;b;c=\"q\";d=?1 ,\tb=()"), "a=bool:1 b=list:0");
	ck_assert_str_eq(ONE("a=\"q\\\"\\\\\""), "a=str:0");
	ck_assert_str_eq(ONE("a=999999999999999"), "a=int:999999999999999");
}
END_TEST

START_TEST(lines_are_one_field)
{
	ck_assert_str_eq(
	    read_all((const char *const[]){ "a=1", "", "  b=2", NULL }), "a=int:1 b=int:2");
	ck_assert_str_eq(read_all((const char *const[]){ NULL }), "");
	ck_assert_str_eq(read_all((const char *const[]){ "a=1", "b=", NULL }), "error");
}
END_TEST

START_TEST(what_the_grammar_refuses)
{
	static const char *const bad[] = { "A=1", "1=1", "=1", ",", "a=1,", "a=1,,b", "a=1 b=2",
		"a=", "a=-", "a=--1", "a=1.", "a=.5", "a=1.2345", "a=1234567890123.1",
		"a=1234567890123456", "a=\"x", "a=\"\\n\"", "a=\"\t\"", "a=\"\xc3\xa4\"", "a=:x",
		"a=:x!:", "a=?2", "a=?", "a=(1", "a=(1,2)", "a=(\"x\"\"y\")", "a=1;", "a=1;B",
		"a=1;b=", "a=!x", "a=1 \tx", "max-age =1", "max-age= 1", "a='1'" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(strcmp(ONE(bad[i]), "error") == 0, "%s: %s", bad[i], ONE(bad[i]));
}
END_TEST

UNIT_MAIN("conf/http/sf", members_of_every_type, lines_are_one_field, what_the_grammar_refuses)

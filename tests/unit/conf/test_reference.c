/*
 * test_reference.c - the committed reference says what the tables say.
 */
#include <stdio.h>
#include "conf/reference.h"
#include "tests/unit/unit.h"

static void
file_equals(const char *path, const struct str *want)
{
	struct str got = STR_INIT;
	char buf[4096];
	size_t n;
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL, "%s is missing: run `make reference`", path);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&got, span_make(buf, n));
	fclose(f);
	ck_assert_msg(
	    span_eq(str_span(&got), str_span(want)), "%s is stale: run `make reference`", path);
	str_fini(&got);
}

START_TEST(the_markdown_reference_is_fresh)
{
	struct str out = STR_INIT;

	reference_markdown(&out);
	file_equals("conf/REFERENCE.md", &out);
	str_fini(&out);
}
END_TEST

START_TEST(the_manual_page_is_fresh)
{
	struct str out = STR_INIT;

	reference_man(&out);
	file_equals("conf/proxyd.conf.5", &out);
	str_fini(&out);
}
END_TEST

UNIT_MAIN("conf/reference", the_markdown_reference_is_fresh, the_manual_page_is_fresh)

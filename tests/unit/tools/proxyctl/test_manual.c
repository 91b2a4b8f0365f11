/*
 * test_manual.c - the committed page says what the tables say, and what they say is text there.
 */
#include "tools/proxyctl/manual.h"

#include <stdio.h>

#include "tests/unit/unit.h"

static void
file_read(const char *path, struct str *out)
{
	char buf[4096];
	size_t n;
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL, "%s is missing: run `make reference`", path);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(out, span_make(buf, n));
	fclose(f);
}

START_TEST(the_manual_page_is_fresh)
{
	struct str template = STR_INIT, want = STR_INIT, got = STR_INIT;

	file_read("tools/proxyctl/proxyctl.1.in", &template);
	file_read("tools/proxyctl/proxyctl.1", &got);
	manual_fill(str_span(&template), &want);
	ck_assert_msg(span_eq(str_span(&got), str_span(&want)),
	    "tools/proxyctl/proxyctl.1 is stale: run `make reference`");
	str_fini(&template);
	str_fini(&want);
	str_fini(&got);
}
END_TEST

START_TEST(text_is_neither_request_nor_escape)
{
	struct str out = STR_INIT;

	manual_text(&out, ".Sh 'a\\b' --x");
	ck_assert(span_eq_str(str_span(&out), "\\&.Sh 'a\\eb' \\-\\-x"));
	str_fini(&out);
}
END_TEST

UNIT_MAIN("tools/proxyctl/manual", the_manual_page_is_fresh, text_is_neither_request_nor_escape)

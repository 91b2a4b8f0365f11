/* test_range.c - byte ranges against a representation of 1000 bytes. */
#include "tests/unit/unit.h"
#include "cache/range.h"

#include <stdio.h>

static struct field room[4];
static struct fields set;

/* "200", "416", or the ranges as "first-last ...". */
static const char *
ranges(const char *value, uint64_t length)
{
	static char out[512];
	struct ranges r;
	size_t n = 0;
	enum range_verdict v;

	set = (struct fields){ .v = room, .size = 4 };
	if (value != NULL)
		fields_add(&set, SPAN("Range"), span_str(value), SPAN_NONE);
	v = ranges_of(&r, &set, length);
	if (v != RANGE_SATISFIABLE)
		return v == RANGE_IGNORE ? "200" : "416";
	for (unsigned i = 0; i < r.n; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%llu-%llu", i > 0 ? " " : "",
		    (unsigned long long)r.v[i].first, (unsigned long long)r.v[i].last);
	return out;
}

START_TEST(ranges_by_the_grammar)
{
	static const struct {
		const char *value, *is;
	} rows[] = {
		{ NULL, "200" },
		{ "bytes=0-0", "0-0" },
		{ "bytes=0-", "0-999" },
		{ "BYTES=5-9", "5-9" },
		{ "bytes=990-2000", "990-999" },
		{ "bytes=-1", "999-999" },
		{ "bytes=-2000", "0-999" },
		{ "bytes=-0", "416" },
		{ "bytes=1000-", "416" },
		{ "bytes=1000-1001,-0", "416" },
		{ "bytes=1000-,5-6", "5-6" },
		{ "bytes=0-1, 5-6 ,,-2", "0-1 5-6 998-999" },
		{ "bytes=5-6,0-1", "5-6 0-1" },
		/* whatever is odd: the whole */
		{ "bytes=", "200" },
		{ "bytes=,", "200" },
		{ "bytes=-", "200" },
		{ "bytes=1", "200" },
		{ "bytes=a-", "200" },
		{ "bytes=5-4", "200" },
		{ "bytes=1-2-3", "200" },
		{ "bytes=+1-2", "200" },
		{ "bytes=1 -2", "200" },
		{ "bytes 0-1", "200" },
		{ "lines=0-1", "200" },
		{ "bytes=0-99999999999999999999", "200" },
		{ "bytes=0-1;x", "200" },
		/* more than there is */
		{ "bytes=0-,0-", "200" }, { "bytes=0-599,400-999", "200" }, { "bytes=0-499,500-999", "0-499 500-999" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(strcmp(ranges(rows[i].value, 1000), rows[i].is) == 0, "%s: %s",
		    rows[i].value, ranges(rows[i].value, 1000));
	ck_assert_str_eq(ranges("bytes=0-", 0), "416");
	ck_assert_str_eq(ranges("bytes=-5", 0), "416");
}
END_TEST

START_TEST(sixteen_ranges_are_enough)
{
	char text[256] = "bytes=0-0";

	for (unsigned i = 1; i < RANGES_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), ",%u-%u", i, i);
	ck_assert_ptr_nonnull(strstr(ranges(text, 1000), " 15-15"));
	snprintf(text + strlen(text), sizeof text - strlen(text), ",2000-");
	ck_assert_str_eq(ranges(text, 1000), "200");
	set = (struct fields){ .v = room, .size = 4 };
	fields_add(&set, SPAN("Range"), SPAN("bytes=0-1"), SPAN_NONE);
	fields_add(&set, SPAN("Range"), SPAN("bytes=0-1"), SPAN_NONE);
	ck_assert_int_eq(ranges_of(&(struct ranges){ .n = 0 }, &set, 10), RANGE_IGNORE);
}
END_TEST

UNIT_MAIN("cache/range", ranges_by_the_grammar, sixteen_ranges_are_enough)

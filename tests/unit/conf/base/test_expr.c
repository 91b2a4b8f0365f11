#include "tests/unit/unit.h"
#include <stdio.h>
#include "conf/base/expr.h"

enum { F_STATUS, F_ROUTE, F_HOST, F_TOTAL, F_BYTES, F_TIME, F_REUSED, F_CLIENT, F_DNS };
static const struct expr_field fields_v[] = {
	[F_STATUS] = { "status", EXPR_NUMBER },
	[F_ROUTE] = { "route", EXPR_TEXT },
	[F_HOST] = { "host", EXPR_NAME },
	[F_TOTAL] = { "total_ms", EXPR_MSEC },
	[F_BYTES] = { "bytes_out", EXPR_SIZE },
	[F_TIME] = { "time", EXPR_TIME },
	[F_REUSED] = { "reused", EXPR_BOOL },
	[F_CLIENT] = { "client", EXPR_ADDR },
	[F_DNS] = { "dns_ms", EXPR_MSEC },
};
static const struct expr_fields fields = { fields_v, ARRAY_LEN(fields_v) };

/* status 503, route "api", host WWW.example.com, 12.5 ms, 65536 bytes, 2026-01-31T08:00:15.250Z, reused, from
 * 10.1.2.3, and no dns_ms. */
static void
subject_get(const void *subject, unsigned field, struct expr_value *out)
{
	(void)subject;
	out->known = field != F_DNS;
	switch (field) {
	case F_STATUS: out->milli = 503000; break;
	case F_ROUTE: out->text = SPAN("api"); break;
	case F_HOST: out->text = SPAN("WWW.example.com"); break;
	case F_TOTAL: out->milli = 12500; break;
	case F_BYTES: out->milli = 65536000; break;
	case F_TIME: out->milli = 1769846415250; break;
	case F_REUSED: out->milli = 1; break;
	case F_CLIENT: ck_assert_int_eq(addr_parse_ip(&out->addr, SPAN("10.1.2.3"), 0), 0); break;
	}
}

static struct expr *
parsed(const char *text)
{
	struct errdetail ed = { 0 };
	struct expr *e = expr_parse(span_str(text), &fields, &ed);

	ck_assert_msg(e != NULL, "%s: %s", text, ed.text);
	return e;
}

static bool
truth(const char *text)
{
	struct expr *e = parsed(text);
	bool yes = expr_true(e, subject_get, NULL);

	expr_free(&e);
	return yes;
}

START_TEST(each_kind_of_field_is_compared_as_what_it_is)
{
	static const struct {
		const char *text;
		bool yes;
	} rows[] = {
		{ "status>=500", true },
		{ "status>=500 and route=api", true },
		{ "status<503", false },
		{ "status<=503", true },
		{ "status>503", false },
		{ "status!=503", false },
		{ "status=503.001", false },
		{ "status in (502, 503)", true },
		{ "status in(404)", false },
		{ "route=api", true },
		{ "route=\"api\"", true },
		{ "route='a\\pi'", true },
		{ "route=API", false },
		{ "route like a*", true },
		{ "route like a", false },
		{ "route like \"a?i\"", true },
		{ "route~a", true },
		{ "route~^pi$", false },
		{ "route~\"^(api|web)$\"", true },
		{ "route~API", false },
		{ "route~\"\\w{3}\" and not route~\"\\d\"", true },
		{ "route~'\\x61\\160i'", true },
		{ "route~\"\\\"\"", false },
		{ "route~\"a(?:.*)*i\"", true },
		{ "host=www.EXAMPLE.com", true },
		{ "host like *.Example.com", true },
		{ "host~\\.Example\\.com$", true },
		{ "total_ms=12.5", true },
		{ "total_ms>12ms and total_ms<13", true },
		{ "total_ms<1s", true },
		{ "bytes_out=64KiB and bytes_out=65536 and bytes_out=64k", true },
		{ "bytes_out>64KiB", false },
		{ "time>=2026-01-31 and time<2026-02-01", true },
		{ "time>2026-01-31T08:00 and time<2026-01-31T08:00:15.251Z", true },
		{ "time=2026-01-31T08:00:15.250", true },
		{ "reused", true },
		{ "reused=true and reused!=false", true },
		{ "not reused", false },
		{ "client=10.0.0.0/8", true },
		{ "client=10.1.2.3", true },
		{ "client!=10.0.0.0/8", false },
		{ "client in (192.0.2.1, ::1, 10.1.0.0/16)", true },
		{ "client in (192.0.2.1, ::1)", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(truth(rows[i].text) == rows[i].yes, "%s", rows[i].text);
}
END_TEST

START_TEST(what_is_absent_equals_nothing_and_has_no_order)
{
	ck_assert(!truth("dns_ms"));
	ck_assert(!truth("dns_ms=0"));
	ck_assert(truth("dns_ms!=0"));
	ck_assert(!truth("dns_ms<1s"));
	ck_assert(!truth("dns_ms>=0"));
	ck_assert(truth("not dns_ms>=0"));
}
END_TEST

START_TEST(and_binds_before_or_and_not_before_both)
{
	ck_assert(truth("status=1 and status=1 or status=503"));
	ck_assert(!truth("status=1 and (status=1 or status=503)"));
	ck_assert(truth("status=503 or status=503 and status=1"));
	ck_assert(truth("not status=1 and status=503"));
	ck_assert(!truth("not (status=1 or status=503)"));
	ck_assert(truth("not not status=503"));
}
END_TEST

START_TEST(what_is_printed_parses_to_the_same)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "status>=500 and route=api", "status>=500 and route=\"api\"" },
		{ "((status=1))", "status=1" },
		{ "(status=1 and route) or reused", "status=1 and route or reused" },
		{ "status=1 and (route or reused)", "status=1 and (route or reused)" },
		{ "(status=1 and route) and reused", "(status=1 and route) and reused" },
		{ "not (route or reused)", "not (route or reused)" },
		{ "not not route", "not not route" },
		{ "route='say \"x\\\\\"'", "route=\"say \\\"x\\\\\\\"\"" },
		{ "total_ms>1000 or total_ms<1.5", "total_ms>1s or total_ms<1.500" },
		{ "bytes_out<1024", "bytes_out<1KiB" },
		{ "time>2026-01-31", "time>2026-01-31T00:00:00.000Z" },
		{ "client in (10.0.0.0/8,::1)", "client in (10.0.0.0/8, ::1/128)" },
		{ "status in (1)", "status in (1)" },
		{ "route like a*", "route like \"a*\"" },
		{ "route~a\\.b", "route~\"a\\.b\"" },
		{ "route~'say \"\\'\\\\\"'", "route~\"say \\\"'\\\\\\\"\"" },
		{ "route~'a\\\"b'", "route~'a\\\"b'" },
		{ "route~'\\c\\\"\\''", "route~'\\c\\\"\\''" },
		{ "route~\\c\\ and reused", "route~\\c\\ and reused" },
		{ "reused=false", "reused=false" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct expr *e = parsed(rows[i].text), *again;
		struct str out = STR_INIT, twice = STR_INIT;

		expr_print(e, &out);
		ck_assert_str_eq(out.data, rows[i].printed);
		again = parsed(out.data);
		expr_print(again, &twice);
		ck_assert_str_eq(twice.data, out.data);
		expr_free(&e);
		expr_free(&again);
		str_fini(&out);
		str_fini(&twice);
	}
}
END_TEST

START_TEST(a_mistake_is_told_with_its_column_and_what_would_do)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "", "column 1: expected a field, \"not\" or \"(\", found the end" },
		{ "status>=", "column 9: expected a value, found the end" },
		{ "status>=x", "column 9: expected a number, as in 500 or 1.5, found x" },
		{ "status>=500 route=api", "column 13: expected \"and\", \"or\" or the end, found route" },
		{ "(status=1", "column 10: expected \"and\", \"or\" or \")\", found the end" },
		{ "status=1)", "column 9: expected \"and\", \"or\" or the end, found )" },
		{ "status=1 and", "column 13: expected a field, \"not\" or \"(\", found the end" },
		{ "status=and", "column 8: expected a value, found and" },
		{ "status in 1", "column 11: expected \"(\" and a list of values, found 1" },
		{ "status in (1 2)", "column 14: expected \",\" or \")\", found 2" },
		{ "status in ()", "column 12: expected a value, found )" },
		{ "status~5*", "column 7: expected = != < <= > or >=, found ~" },
		{ "route<x", "column 6: expected = != ~ or like, found <" },
		{ "route~\"a(b\"", "column 7: the regex \"a(b\" is wrong at column 4: missing closing parenthesis" },
		{ "route like", "column 11: expected a value, found the end" },
		{ "client<1", "column 7: expected = or !=, found <" },
		{ "reused=yes", "column 8: expected true or false, found yes" },
		{ "client=all", "column 8: expected an address or a block, as in 10.0.0.0/8, found all" },
		{ "total_ms>1y", "column 10: expected a duration, as in 250ms or 1s, found 1y" },
		{ "bytes_out>1.5", "column 11: expected a size, as in 512 or 64KiB, found 1.5" },
		{ "time>2026-02-30",
		    "column 6: expected a time, as in 2026-01-31 or 2026-01-31T08:00, "
		    "found 2026-02-30" },
		{ "route=\"api", "column 7: the quote is not closed" },
		{ "route=\"a\nb\"", "column 9: a control byte" },
		{ "route\n", "column 6: a control byte" },
		{ "! route", "column 1: '!' alone: write != or not" },
		{ "stats=1", "column 1: there is no field 'stats'; write one of: status route host "
			     "total_ms bytes_out time reused client dns_ms" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_ptr_null(expr_parse(span_str(rows[i].text), &fields, &ed));
		ck_assert_str_eq(ed.text, rows[i].said);
	}
}
END_TEST

START_TEST(values_out_of_bounds_are_refused)
{
	static const char *const rows[] = { "status=9223372036854775", "status=9223372036854775808",
		"status=1.2345", "status=1.", "status=.5", "status=-1", "status=", "total_ms=1.5s",
		"total_ms=999999999999999999d", "bytes_out=99999999999GiB", "time=2026-1-1", "time=1969-12-31",
		"time=2026-01-31T08", "time=2026-01-31T24:00", "time=2026-01-31T08:00:00.5",
		"time=2026-01-31Zx", "client=10.0.0.1/8", "client=\"\"", "reused=1" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(
		    expr_parse(span_str(rows[i]), &fields, NULL) == NULL, "%s", rows[i]);
}
END_TEST

static void
repeat(struct str *out, const char *part, unsigned n)
{
	while (n-- > 0)
		str_adds(out, part);
}

static bool
parses(const struct str *s)
{
	struct expr *e = expr_parse(str_span(s), &fields, NULL);
	bool yes = e != NULL;

	expr_free(&e);
	return yes;
}

START_TEST(depth_parts_values_and_bytes_are_bounded)
{
	static const struct {
		const char *head, *part, *tail;
		unsigned most;
	} rows[] = {
		{ "", "not ", "route", EXPR_DEPTH },
		{ "route", " or route", "", EXPR_NODES - 3 },
		{ "status in (1", ",1", ")", EXPR_NODES - 1 },
		{ "route='", "x", "'", EXPR_BYTES - 8 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned more = 0; more < 2; more++) {
			struct str s = STR_INIT;

			str_adds(&s, rows[i].head);
			repeat(&s, rows[i].part, rows[i].most + more);
			str_adds(&s, rows[i].tail);
			ck_assert_msg(parses(&s) == (more == 0), "row %zu + %u", i, more);
			str_fini(&s);
		}
}
END_TEST

START_TEST(globs_fit_the_whole_text)
{
	static const struct {
		const char *pattern, *text;
		bool yes;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "**", "abc", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "*b", "abab", true },
		{ "a*b*c", "a__b__b__c", true },
		{ "a*b*c", "a__b__b__", false },
		{ "*.example", "a.b.example", true },
		{ "A*", "abc", false },
	};
	char pattern[64], text[20001];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(expr_glob(span_str(rows[i].pattern), span_str(rows[i].text), false) ==
			rows[i].yes,
		    "%s %s", rows[i].pattern, rows[i].text);
	ck_assert(expr_glob(SPAN("A*"), SPAN("abc"), true));
	memset(text, 'a', sizeof text - 1);	/* many stars against a long text come to an end */
	for (unsigned i = 0; i < 60; i += 2)
		memcpy(pattern + i, "a*", 2);
	memcpy(pattern + 60, "b", 2);
	ck_assert(!expr_glob(span_str(pattern), span_make(text, sizeof text - 1), false));
}
END_TEST

UNIT_MAIN("conf/base/expr", each_kind_of_field_is_compared_as_what_it_is,
    what_is_absent_equals_nothing_and_has_no_order, and_binds_before_or_and_not_before_both,
    what_is_printed_parses_to_the_same, a_mistake_is_told_with_its_column_and_what_would_do,
    values_out_of_bounds_are_refused, depth_parts_values_and_bytes_are_bounded,
    globs_fit_the_whole_text)

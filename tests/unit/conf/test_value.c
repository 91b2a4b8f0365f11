/*
 * test_value.c - one value of a configuration: what is told where another kind of value belongs, and where counts,
 * lengths and shares end.
 */
#include <stdio.h>
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

#define ROUTE "routes = ( { name = \"r\"; service = \"web\"; "
#define END " } );"

START_TEST(a_value_of_another_kind_is_told_what_belongs_there)
{
	static const struct { const char *text, *hint; } rows[] = {
		{ FORWARD "forward = { via = \"yes\"; };", "true or false" },
		{ FORWARD "dns = { tries = \"many\"; };", "a number" },
		{ FORWARD "dns = { min_ttl = 5; };", "a duration in quotes" },
		{ FORWARD "dns = { min_ttl = true; };", "a duration in quotes" },
		{ FORWARD "http = { max_head = true; };", "a size in quotes" },
		{ FORWARD "http = { max_head = [ \"1KiB\" ]; };", "a size in quotes" },
		{ REVERSE ROUTE "respond = { body = 5; };" END, "a text in quotes" },
		{ "mode = 5;", "a text in quotes" },
		{ FORWARD "dns = { servers = true; };", "texts in quotes" },
		{ FORWARD "dns = { servers = [ true ]; };", "texts in quotes" },
		{ FORWARD "acls = { a = { src = true; }; };", "networks in quotes" },
		{ FORWARD "acls = { a = { src = [ true ]; }; };", "networks in quotes" },
		{ REVERSE ROUTE "request = { set = \"A: b\"; };" END, "{ Name = \"value\"; }" },
		{ FORWARD "acls = { a = { url = true; }; };", "regexes in quotes" },
		{ REVERSE ROUTE "match = { query = 5; };" END, "{ Name = \"regex\"; }" },
		{ FORWARD "dns = 5;", "{ key = value; }" },
		{ FORWARD "rules = 5;", "( { … }, { … } )" },
		{ FORWARD "acls = 5;", "{ name = { … }; }" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		load_bad(rows[i].text, rows[i].hint);
}
END_TEST

#define SERVICE(x) "mode = \"reverse\"; listeners = ( { bind = [ \"127.0.0.1:8080\" ]; } );\n" \
    "services = ( { name = \"web\"; targets = [ \"127.0.0.1:9001\" ]; retry = { budget = " x "; }; } );\n" \
    "routes = ( { name = \"r\"; service = \"web\"; } );"

START_TEST(a_share_is_a_fraction_or_a_percentage)
{
	static const struct { const char *text; double share; } good[] = {
		{ SERVICE("\"25%\""), 0.25 },
		{ SERVICE("0.5"), 0.5 },
		{ SERVICE("1"), 1.0 },
		{ SERVICE("0"), 0.0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct conf *c = load_good(good[i].text);

		ck_assert_double_eq_tol(c->services[0].retry_budget, good[i].share, 1e-9);
		conf_free(&c);
	}
	load_bad(SERVICE("2"), "out of range: write 0% to 100%");
	load_bad(SERVICE("-0.1"), "out of range");
	load_bad(SERVICE("\"many\""), "\"budget\"");
	load_bad(SERVICE("true"), "a share, \"20%\" or 0.2");
}
END_TEST

/* `head`, then n times `each` with a running number, then `tail`. */
static char *
repeated(const char *head, const char *each, unsigned n, const char *tail)
{
	struct str out = STR_INIT;

	str_adds(&out, head);
	for (unsigned i = 0; i < n; i++) {
		char one[64];

		(void)snprintf(one, sizeof one, each, i);
		str_adds(&out, one);
	}
	str_adds(&out, tail);
	return out.data;
}

START_TEST(what_counts_is_counted_before_it_is_kept)
{
	static const struct {
		const char *head, *each;
		unsigned most;
		const char *tail, *message;
	} rows[] = {
		{ REVERSE ROUTE "request = { set = { ", "X-%u = \"1\"; ", 64, " }; };" END,
		    "64 are allowed" },
		{ REVERSE ROUTE "match = { query = { ", "q%u = \"1\"; ", 256, " }; };" END,
		    "256 are allowed" },
		{ REVERSE ROUTE "match = { query = [ ", "\"q%u=1\", ", 256, " \"last=1\" ]; };" END,
		    "256 are allowed" },
		{ FORWARD "acls = { a = { url = [ ", "\"^u%u\", ", 256, " \"last\" ]; }; };", "256 are allowed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool last = strstr(rows[i].tail, "last") != NULL;
		char *most = repeated(
		    rows[i].head, rows[i].each, rows[i].most - last, rows[i].tail);
		char *more = repeated(
		    rows[i].head, rows[i].each, rows[i].most + 1 - last, rows[i].tail);
		struct conf *c = load_good(most);

		conf_free(&c);
		load_bad(more, rows[i].message);
		free(more);
		free(most);
	}
}
END_TEST

START_TEST(names_and_paths_are_judged_by_their_grammar)
{
	static const struct { const char *text, *message; } rows[] = {
		{ REVERSE ROUTE "request = { remove = [ \"X Y\" ]; };" END, "is not a header name" },
		{ REVERSE ROUTE "match = { hosts = [ \"a..example\" ]; };" END, "a..example" },
		{ REVERSE ROUTE "match = { hosts = [ \".a\" ]; };" END, "" },
		{ REVERSE ROUTE "match = { path = \"/a b\"; };" END, "other bytes as %XX" },
		{ REVERSE ROUTE "request = { strip_prefix = \"/a b\"; };" END, "%20" },
		{ REVERSE ROUTE "match = { path = \"a\"; };" END, "does not begin with '/'" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		load_bad(rows[i].text, rows[i].message);
}
END_TEST

UNIT_MAIN("conf/value", a_value_of_another_kind_is_told_what_belongs_there,
    a_share_is_a_fraction_or_a_percentage, what_counts_is_counted_before_it_is_kept,
    names_and_paths_are_judged_by_their_grammar)

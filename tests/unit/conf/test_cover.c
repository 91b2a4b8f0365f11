/*
 * test_cover.c - which rules and routes are told to be unreachable, and which are not: a false alarm is worse.
 */
#include <stdio.h>
#include <time.h>
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

/* Acls of the earlier rule's term `e` and the later one's `l`; verdicts; is the later told to be covered? */
struct row { const char *e, *l, *earlier, *later; bool covered; };

static bool
told(const char *text, const char *what)
{
	struct str said = STR_INIT;
	struct conf *c = load_text(text, &said);
	bool found;

	ck_assert_msg(c != NULL, "%s\n%s", text, said.data == NULL ? "" : said.data);
	found = said.data != NULL && strstr(said.data, what) != NULL;
	conf_free(&c);
	str_fini(&said);
	return found;
}

#define E "\"e\""
#define L "\"l\""
#define NOT_E "\"!e\""
#define NOT_L "\"!l\""

START_TEST(rules_are_covered_when_each_term_follows)
{
	static const struct row rows[] = {
		/* networks */
		{ "src = [ \"10.0.0.0/8\" ];", "src = [ \"10.1.0.0/16\" ];", E, L, true },
		{ "src = [ \"10.1.0.0/16\" ];", "src = [ \"10.0.0.0/8\" ];", E, L, false },
		{ "src = [ \"10.0.0.0/8\" ];", "src = [ \"10.0.0.0/8\" ];", E, L, true },
		{ "src = [ \"10.0.0.0/8\" ];", "src = [ \"10.1.0.0/16\", \"11.0.0.0/8\" ];", E, L, false },
		{ "src = [ \"10.0.0.0/9\", \"10.128.0.0/9\" ];", "src = [ \"10.0.0.0/8\" ];", E, L, false },
		{ "src = [ \"10.16.0.0/12\" ];", "src = [ \"10.31.0.0/16\" ];", E, L, true },
		{ "src = [ \"10.16.0.0/12\" ];", "src = [ \"10.32.0.0/16\" ];", E, L, false },
		{ "src = [ \"0.0.0.0/0\" ];", "src = [ \"1.2.3.4\" ];", E, L, true },
		{ "src = [ \"0.0.0.0/0\" ];", "src = [ \"::1\" ];", E, L, false },
		{ "src = [ \"::/0\" ];", "src = [ \"1.2.3.4\" ];", E, L, false },
		{ "src = [ \"2001:db8::/32\" ];", "src = [ \"2001:db8:1::/48\" ];", E, L, true },
		{ "src = [ \"10.0.0.0/8\" ];", "dst = [ \"10.0.0.0/8\" ];", E, L, false },
		{ "dst = [ \"10.0.0.0/8\" ];", "dst = [ \"10.0.0.1\" ];", E, L, true },
		/* domains */
		{ "domain = [ \".a.b\" ];", "domain = [ \"x.a.b\" ];", E, L, true },
		{ "domain = [ \".a.b\" ];", "domain = [ \"a.b\" ];", E, L, true },
		{ "domain = [ \".a.b\" ];", "domain = [ \".x.a.b\" ];", E, L, true },
		{ "domain = [ \".a.b\" ];", "domain = [ \".A.B\" ];", E, L, true },
		{ "domain = [ \"a.b\" ];", "domain = [ \".a.b\" ];", E, L, false },
		{ "domain = [ \".a.b\" ];", "domain = [ \"xa.b\" ];", E, L, false },
		{ "domain = [ \"a.b\" ];", "domain = [ \"x.a.b\" ];", E, L, false },
		{ "domain = [ \".a.b\", \"c.d\" ];", "domain = [ \"c.d\", \"y.a.b\" ];", E, L, true },
		/* ports, methods, times */
		{ "port = [ \"80-90\" ];", "port = [ \"80\", \"85-90\" ];", E, L, true },
		{ "port = [ \"80-90\" ];", "port = [ \"85-91\" ];", E, L, false },
		{ "method = [ \"GET\", \"PUT\" ];", "method = [ \"PUT\" ];", E, L, true },
		{ "method = [ \"PUT\" ];", "method = [ \"GET\", \"PUT\" ];", E, L, false },
		{ "time = [ \"mon-fri 08:00-18:00\" ];", "time = [ \"tue 09:00-10:00\" ];", E, L, true },
		{ "time = [ \"mon-fri 08:00-18:00\" ];", "time = [ \"sat 09:00-10:00\" ];", E, L, false },
		/* several kinds */
		{ "port = [ 80 ];", "port = [ 80 ]; method = [ \"GET\" ];", E, L, true },
		{ "port = [ 80 ]; method = [ \"GET\" ];", "port = [ 80 ];", E, L, false },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", E, L, false },
		/* expressions: the same text only */
		{ "url = [ \"x\", \"y\" ];", "url = [ \"y\" ];", E, L, true },
		{ "url = [ \"x\" ];", "url = [ \"xy\" ];", E, L, false },
		{ "header = { A = \"1\"; };", "header = { a = \"1\"; B = \"2\"; };", E, L, true },
		{ "header = { A = \"\"; };", "header = { A = \"1\"; };", E, L, true },
		{ "header = { A = \"1\"; };", "header = { A = \"\"; };", E, L, false },
		{ "header = { A = \"1\"; B = \"2\"; };", "header = { A = \"1\"; };", E, L, false },
		/* terms */
		{ "port = [ 80 ];", "method = [ \"GET\" ];", E, E ", " L, true },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", E ", " L, L, false },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", E ", " L, L ", " E, true },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", NOT_E, NOT_E ", " L, true },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", E, NOT_E ", " L, false },
		{ "port = [ 80 ];", "port = [ 80, 81 ];", NOT_E, NOT_L, true },
		{ "port = [ 80 ];", "port = [ 80, 81 ];", NOT_L, NOT_E, false },
		{ "port = [ 80 ];", "port = [ 81 ];", NOT_E, L, true },
		{ "port = [ 80 ];", "port = [ \"79-81\" ];", NOT_E, L, false },
		{ "method = [ \"GET\" ];", "method = [ \"PUT\" ];", NOT_E, L, true },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", "\"all\"", E ", " L, true },
		{ "port = [ 80 ];", "method = [ \"GET\" ];", "\"all\", " E, L, false },
	};
	char text[1000];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned v = 0; v < 4; v++) {
			bool url = strstr(rows[i].e, "url") != NULL, both = (v & 1) && !(v & 2);

			(void)snprintf(text, sizeof text,
			    FORWARD
			    "forward = { default_rules = false; }; acls = { e = { %s }; l = { %s }; }; rules = (\n"
			    "{ id = \"first\"; %s = true; all = [ %s ]; },\n"
			    "{ id = \"second\"; %s = true; all = [ %s ]; } );",
			    rows[i].e, rows[i].l, v & 1 ? "allow" : "deny", rows[i].earlier,
			    v & 2 ? "allow" : "deny", rows[i].later);
			/* an allow before a deny by url: the deny also judges the stricter form */
			ck_assert_msg(
			    told(text,
				"t.conf:4: warning: rule \"second\" can never match: rule "
				"\"first\" at t.conf:3") == (rows[i].covered && !(url && both)),
			    "row %zu.%u: %s", i, v, text);
			ck_assert(!told(text, "rule \"first\" can never"));
		}
}
END_TEST

START_TEST(the_shipped_rules_cover_too)
{
	ck_assert(told(FORWARD "acls = { ssh = { port = [ 22 ]; }; };\n"
			       "rules = ( { id = \"r\"; deny = true; all = [ \"ssh\" ]; } );",
	    "rule \"r\" can never match: the shipped rule \"default/safe-ports\""));
	ck_assert(!told(FORWARD "acls = { web = { port = [ 443 ]; }; };\n"
				"rules = ( { id = \"r\"; deny = true; all = [ \"web\" ]; } );", "can never"));
	ck_assert(!told(FORWARD, "can never"));
}
END_TEST

START_TEST(routes_hide_only_behind_the_same_host_path_and_conditions)
{
	static const struct { const char *e, *l; bool hidden; } rows[] = {
		{ "header = { A = \"1\"; };", "header = { a = \"1\"; };", true },
		{ "header = { A = \"1\"; };", "header = { A = \"2\"; };", false },
		{ "header = { A = \"\"; };", "header = { A = \"1\"; };", true },
		{ "header = { A = \"1\"; };", "header = { A = \"\"; };", false },
		{ "header = { A = \"1\"; };", "query = { A = \"1\"; };", false },
		{ "query = { A = \"1\"; };", "query = { a = \"1\"; };", false },
		{ "cookie = { A = \"1\"; B = \"2\"; };", "cookie = { B = \"2\"; A = \"1\"; };", true },
		{ "cookie = { A = \"1\"; };", "cookie = { B = \"2\"; A = \"1\"; };", false },
		{ "", "cookie = { A = \"1\"; };", false },	/* conditions come first */
		{ "cookie = { A = \"1\"; };", "", false },
		{ "path = \"/x/{a}\"; header = { A = \"1\"; };", "path = \"/x/*\"; header = { A = \"1\"; };", true },
		{ "path = \"/x/**\"; header = { A = \"1\"; };", "path = \"/x/y\"; header = { A = \"1\"; };", false },
		{ "host = \"a.b\"; header = { A = \"1\"; };", "header = { A = \"1\"; };", false },
		{ "header = { A = \"1\"; };", "host = \"a.b\"; header = { A = \"1\"; };", false },
		{ "host = \"a.b\"; header = { A = \"1\"; };",
		    "hosts = [ \"a.b\", \"c.d\" ]; header = { A = \"1\"; };", false },
		{ "hosts = [ \"a.b\", \"c.d\" ]; header = { A = \"1\"; };",
		    "hosts = [ \"c.d\" ]; header = { A = \"1\"; };", true },
		{ "methods = [ \"GET\" ]; header = { A = \"1\"; };", "header = { A = \"1\"; };", false },
		{ "header = { A = \"1\"; };", "methods = [ \"GET\" ]; header = { A = \"1\"; };", false },
		{ "methods = [ \"GET\", \"PUT\" ]; header = { A = \"1\"; };",
		    "methods = [ \"PUT\" ]; header = { A = \"1\"; };", true },
	};
	char text[1000];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(text, sizeof text,
		    REVERSE "routes = (\n{ name = \"a\"; service = \"web\"; match = { %s }; },\n"
			    "{ name = \"b\"; service = \"web\"; match = { %s }; } );",
		    rows[i].e, rows[i].l);
		ck_assert_msg(
		    told(text, "warning: route \"b\" can never match: route \"a\" at t.conf:4") ==
			rows[i].hidden,
		    "row %zu", i);
		ck_assert(!told(text, "route \"a\" can never"));
	}
}
END_TEST

START_TEST(a_thousand_rules_and_ten_thousand_routes_take_no_time)
{
	struct str text = STR_INIT;
	struct conf *c;
	clock_t begun;

	str_adds(&text, FORWARD "acls = {\n");
	for (int i = 0; i < 1000; i++)
		str_printf(
		    &text, "a%d = { domain = [ \"d%d.example\", \".e%d.example\" ]; };\n", i, i, i);
	str_adds(&text, "};\nrules = (\n");
	for (int i = 0; i < 1000; i++)
		str_printf(&text,
		    "%s{ id = \"r%d\"; deny = true; all = [ \"a%d\", \"!localhost\" ]; }\n",
		    i == 0 ? "" : ",", i, i);
	str_adds(&text, ");");
	begun = clock();
	c = load_good(text.data);
	conf_free(&c);
	str_clear(&text);
	str_adds(&text, REVERSE "routes = (\n");
	for (int i = 0; i < 10000; i++)
		str_printf(&text,
		    "%s{ name = \"r%d\"; match = { header = { X = \"^%d$\"; }; }; service = \"web\"; }\n",
		    i == 0 ? "" : ",", i, i);
	str_adds(&text, ");");
	c = load_good(text.data);
	ck_assert_uint_eq(c->nroutes, 10000);
	conf_free(&c);
	ck_assert_int_lt((clock() - begun) / CLOCKS_PER_SEC, 10);	/* slow builds included; 0.3 s without */
	str_fini(&text);
}
END_TEST

UNIT_MAIN("conf/cover", rules_are_covered_when_each_term_follows, the_shipped_rules_cover_too,
    routes_hide_only_behind_the_same_host_path_and_conditions,
    a_thousand_rules_and_ten_thousand_routes_take_no_time)

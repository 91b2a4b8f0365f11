/*
 * test_check.c - the sections against each other: what is refused and with which words, and what becomes of names.
 */
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

#define ROUTE(rest) REVERSE "routes = ( { name = \"r\"; " rest " } );"
#define ACLS(acl) \
	FORWARD "acls = { a = { " acl " }; };\n" \
		"rules = ( { id = \"r\"; allow = true; all = [ \"a\" ]; } );"

static void
refused(const char *const rows[][2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		load_bad(rows[i][0], rows[i][1]);
}

START_TEST(names_become_pointers)
{
	struct conf *c = load_good(ROUTE("service = \"web\";"));

	ck_assert_ptr_eq(c->routes[0].service, &c->services[0]);
	ck_assert_str_eq(c->services[0].targets[0].host, "127.0.0.1");
	ck_assert_uint_eq(c->services[0].targets[0].port, 9001);
	ck_assert_uint_ne(c->services[0].targets[0].addr.len, 0);
	conf_free(&c);
}
END_TEST

START_TEST(unknown_names_come_with_a_suggestion)
{
	static const char *const rows[][2] = {
		{ ROUTE("service = \"wbe\";"),
		    "route \"r\": there is no service \"wbe\": did you mean \"web\"?" },
		{ ROUTE("service = \"nothing-like-it\";"),
		    "there is no service \"nothing-like-it\": known are \"web\"" },
		{ FORWARD "rules = ( { id = \"r\"; allow = true; all = [ \"!localhots\" ]; } );",
		    "rule \"r\": there is no acl \"localhots\": did you mean \"localhost\"?" },
		{ ROUTE("service = \"web\";") "defaults = { server = \"rr\"; };",
		    "defaults.server: there is no route \"rr\": did you mean \"r\"?" },
		{ FORWARD "forward = { time_out = { }; };",
		    "unknown key \"time_out\": did you mean \"timeout\"?" },
		{ FORWARD "process = { log_level = \"worn\"; };", "did you mean \"warn\"?" },
	};

	refused(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(listeners_must_not_contradict_each_other)
{
	static const char *const rows[][2] = {
		{ FORWARD
		    "listeners = ( { name = \"a\"; bind = [ \"127.0.0.1:1080\" ]; }, { name = "
		    "\"b\"; bind = [ \"127.0.0.1:1080\" ]; } );",
		    "listener \"b\" binds 127.0.0.1:1080, which listener \"a\" at t.conf:2 has: change one" },
		{ FORWARD
		    "listeners = ( { name = \"a\"; bind = [ \"*:1080\" ]; }, { name = \"b\"; "
		    "bind = [ \"0.0.0.0:1080\" ]; } );",
		    "listener \"b\" binds 0.0.0.0:1080" },
		{ FORWARD
		    "listeners = ( { name = \"a\"; bind = [ \"[::1]:80\", \"[0:0::1]:80\" ]; } );",
		    "which are one address" },
		{ FORWARD
		    "listeners = ( { name = \"a\"; bind = [ \"127.0.0.1:1\" ]; }, { name = "
		    "\"a\"; bind = [ \"127.0.0.1:2\" ]; } );",
		    "listener \"a\" is there twice, first at t.conf:2" },
		{ FORWARD "listeners = ( { bind = [ ]; } );", "\"bind\" names no address" },
		{ FORWARD
		    "listeners = ( { bind = [ \"unix:/a\" ]; }, { bind = [ \"unix:/a\" ]; } );",
		    "binds unix:/a, which listener" },
		{ FORWARD "listeners = ( { bind = [ \"unix:a\" ]; } );", "a socket path is absolute" },
		{ FORWARD "listeners = ( { bind = [ \"unix:/a\" ]; unix_mode = \"rw-\"; } );",
		    "write \"0660\" or \"0666\"" },
		{ FORWARD "listeners = ( { bind = [ \"unix:/a\" ]; unix_mode = \"7777\"; } );",
		    "\"unix_mode\" = \"7777\" is not a mode" },
		{ FORWARD "listeners = ( { name = \"x\"; } );", "\"bind\" is missing" },
		{ FORWARD "listeners = ( { bind = [ \"localhost\" ]; } );", "the port is missing" },
		{ FORWARD "listeners = ( \"127.0.0.1:80\" );", "each entry is a group" },
		{ FORWARD "listeners = { };", "\"listeners\" is a group { … }: write listeners = ( { … }, { … } )" },
	};
	struct conf *c = load_good(FORWARD
	    "listeners = ( { bind = [ \"0.0.0.0:80\", \"[::]:80\" ]; }, { bind = [ "
	    "\"127.0.0.1:0\", \"127.0.0.1:0\" ]; } );");

	ck_assert_str_eq(c->listeners[0].name, "0.0.0.0:80");
	ck_assert_uint_eq(c->listeners[1].index, 1);
	conf_free(&c);
	refused(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(a_listener_may_override_the_mode)
{
	struct conf *c = load_good(ROUTE("service = \"web\";") "\n");

	ck_assert_int_eq(c->listeners[0].mode, MODE_REVERSE);
	conf_free(&c);
	c = load_good(
	    "mode = \"forward\"; listeners = ( { name = \"f\"; bind = [ \"127.0.0.1:1\" ]; }, { "
	    "name = \"r\"; bind = [ \"127.0.0.1:2\" ]; mode = \"reverse\"; } );"
	    "routes = ( { name = \"r\"; respond = { }; } );");
	ck_assert_int_eq(c->listeners[0].mode, MODE_FORWARD);
	ck_assert_int_eq(c->listeners[1].mode, MODE_REVERSE);
	conf_free(&c);
	load_bad(
	    "mode = \"forward\"; listeners = ( { bind = [ \"127.0.0.1:2\" ]; mode = \"reverse\"; } );",
	    "reverse mode needs to know where requests go");
}
END_TEST

START_TEST(services_need_usable_targets)
{
	static const char *const rows[][2] = {
		{ REVERSE "routes = ();\nservices2 = ();",
		    "unknown key \"services2\": did you mean \"services\"?" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ ]; } );",
		    "service \"a\" has no targets" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; } );",
		    "\"targets\" is missing" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = ( { addr = "
		    "\"a:1\"; backup = true; } ); } );",
		    "every target is a backup" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ \"a\" ]; } );",
		    "target \"a\" has no port: write \"a:80\"" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ \"http://a:80\" "
		    "]; } );",
		    "without scheme and path" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = ( { addr = "
		    "\"a:1\"; weight = 0; } ); } );",
		    "\"weight\" = 0 is out of range: write 1 to 1000" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ \"a:1\" ]; "
		    "outlier = { base = \"10m\"; }; } );",
		    "\"base\" is larger than \"max\"" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ \"a:1\" ]; "
		    "retry = { budget = \"120%\"; }; } );",
		    "\"budget\"" },
		{ "mode = \"reverse\"; services = ( { name = \"a\"; targets = [ \"a:1\" ]; }, { "
		    "name = \"a\"; targets = [ \"a:1\" ]; } );",
		    "service \"a\" is there twice" },
	};

	refused(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(a_route_does_exactly_one_thing)
{
	static const char *const rows[][2] = {
		{ ROUTE(""), "route \"r\" has nothing to do: write exactly one of" },
		{ ROUTE("service = \"web\"; respond = { };"), "route \"r\" has more than one thing to do" },
		{ ROUTE("redirect = { };"), "\"to\" is missing" },
		{ ROUTE("redirect = { to = \"foo\"; };"), "\"to\" = \"foo\" is not a place" },
		{ ROUTE("redirect = { to = \"/x y\"; };"), "write it percent-encoded" },
		{ ROUTE("redirect = { to = \"/\"; status = 304; };"), "304 is not a redirect" },
		{ ROUTE("redirect = { to = \"/${path.id}\"; };"), "${path.id} in \"redirect\" is unknown" },
		{ ROUTE("redirect = { to = \"/${path\"; };"), "\"${\" without '}'" },
		{ ROUTE("respond = { status = 204; body = \"x\"; };"),
		    "a 204 response has no body" },
		{ ROUTE("respond = { status = 100; };"),
		    "\"status\" = 100 is out of range: write 200 to 599" },
		{ ROUTE("service = \"web\"; match = { path = \"x\"; };"),
		    "does not begin with '/'" },
		{ ROUTE("service = \"web\"; match = { host = \"a\"; hosts = [ \"b\" ]; };"),
		    "both given" },
		{ ROUTE("service = \"web\"; match = { host = \"http://a\"; };"),
		    "is not a host name" },
		{ ROUTE("service = \"web\"; match = { host = \"a.*.b\"; };"),
		    "is not a host name" },
		{ ROUTE("service = \"web\"; match = { methods = [ \"get\" ]; };"),
		    "write capitals" },
		{ ROUTE("service = \"web\"; request = { set = { Host = \"x\"; }; };"),
		    "write request = { host = \"…\"; }" },
		{ ROUTE("service = \"web\"; request = { set = { content-length = \"1\"; }; };"),
		    "cannot be edited" },
		{ ROUTE("service = \"web\"; request = { remove = [ \"Transfer-Encoding\" ]; };"),
		    "cannot be edited" },
		{ ROUTE(
		      "service = \"web\"; response = { set = { X = \"a\\r\\nSet-Cookie: b\"; }; };"),
		    "has control characters" },
		{ ROUTE(
		      "service = \"web\"; response = { set = { X = \"a\"; }; remove = [ \"x\" ]; };"),
		    "X is both set and removed" },
		{ ROUTE("service = \"web\"; response = { set = { X = \"a\"; x = \"b\"; }; };"),
		    "given twice" },
		{ ROUTE("service = \"web\"; request = { path = \"/a\"; strip_prefix = \"/b\"; };"),
		    "\"path\" replaces the whole path" },
		{ ROUTE("service = \"web\"; request = { add_prefix = \"b\"; };"),
		    "\"add_prefix\" = \"b\" is not a path" },
		{ ROUTE(
		      "service = \"web\"; error_pages = ( { status = 502; file = \"/nowhere/x.html\"; } );"),
		    "cannot read the error page /nowhere/x.html: No such file" },
		{ ROUTE(
		      "service = \"web\"; error_pages = ( { status = 502; file = \"/dev/zero\"; } );"),
		    "it is not a regular file" },
		{ ROUTE("service = \"web\"; upgrade = [ \"a b\" ];"), "is not a protocol name" },
		{ ROUTE("service = \"web\"; max_body = \"ten\";"), "\"max_body\"" },
	};

	refused(rows, ARRAY_LEN(rows));
}
END_TEST

#define TWO(a, b) \
	REVERSE "routes = (\n{ name = \"a\"; service = \"web\"; match = { " a " }; },\n" \
		"{ name = \"b\"; service = \"web\"; match = { " b " }; } );"

START_TEST(routes_of_equal_specificity_that_overlap_are_refused_with_both_lines)
{
	static const char *const bad[] = {
		TWO("path = \"/v1/{id}\";", "path = \"/v1/*\";"),
		TWO("host = \"A.example\"; path = \"/x\";",
		    "hosts = [ \"b.example\", \"a.example\" ]; path = \"/x\";"),
		TWO("methods = [ \"GET\", \"POST\" ];", "methods = [ \"PUT\", \"GET\" ];"),
		TWO("path = \"/a/**\";", "path = \"/a/{r=**}\";"),
		TWO("path = \"/a/{b}:c\";", "path = \"/a/{d}:c\";"),
		TWO("", ""),
	};
	static const char *const good[] = {
		TWO("path = \"/v1/{id}\";", "path = \"/v1/x\";"),
		TWO("host = \"a.example\";", "host = \"b.example\";"),
		TWO("host = \"a.example\";", ""),
		TWO("host = \"*.example\";", "host = \"a.example\";"),
		TWO("methods = [ \"GET\" ];", "methods = [ \"PUT\" ];"),
		TWO("methods = [ \"GET\" ];", ""),
		TWO("path = \"/{x}/b\";", "path = \"/a/{y}\";"),
		TWO("header = { A = \"1\"; };", ""),
		TWO("header = { A = \"1\"; };", "query = { A = \"1\"; };"),
	};
	struct conf *c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		load_bad(bad[i],
		    "t.conf:5: route \"b\" matches the same requests as route \"a\" at t.conf:4");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		c = load_good(good[i]);
		conf_free(&c);
	}
}
END_TEST

START_TEST(acls_are_compiled)
{
	struct conf *c = load_good(ACLS(
	    "domain = [ \".Example.COM.\", \"a.b\" ]; port = [ 80, 443 ]; method = \"GET\"; "
	    "time = [ \"fri-mon 22:00-06:30\", \"wed\" ];"));
	const struct conf_acl *a = &c->acls[c->nacls - 1];

	ck_assert_str_eq(a->domain.v[0], ".example.com");
	ck_assert_uint_eq(a->nports, 2);
	ck_assert_uint_eq(a->ports[1].lo, 443);
	ck_assert_uint_eq(a->ntimes, 3);
	ck_assert_uint_eq(a->times[0].days, 0x71);
	ck_assert_uint_eq(a->times[0].from_min, 22 * 60);
	ck_assert_uint_eq(a->times[0].to_min, 24 * 60);
	ck_assert_uint_eq(a->times[1].days, 0x63);
	ck_assert_uint_eq(a->times[1].to_min, 6 * 60 + 30);
	ck_assert_uint_eq(a->times[2].days, 0x04);
	conf_free(&c);
}
END_TEST

#define LISTS(list, acl) \
	FORWARD "lists = { ads = { file = \"/etc/passwd\"; kind = \"domains\"; }; nets = { " list \
		" }; };\n"                                                                        \
		"acls = { a = { " acl                                                             \
		" }; };\nrules = ( { id = \"r\"; deny = true; all = \"a\"; } );"
#define NETS "file = \"/etc/passwd\"; kind = \"addresses\";"

START_TEST(acls_name_lists_of_the_kind_that_fits)
{
	struct conf *c = load_good(LISTS(NETS,
	    "domain = [ \"@ads\", \".b.test\" ]; src = [ \"10.0.0.0/8\", \"@nets\" ]; dst = \"@nets\";"));
	const struct conf_acl *a = &c->acls[c->nacls - 1];

	ck_assert_uint_eq(a->src.n, 1);
	ck_assert(a->src_lists.n == 1 && a->src_lists.v[0] == &c->lists[1]);
	ck_assert(a->dst_lists.n == 1 && a->dst_lists.v[0] == &c->lists[1]);
	ck_assert(a->domain_lists.n == 1 && a->domain_lists.v[0] == &c->lists[0]);
	ck_assert_str_eq(c->lists[0].path, "/etc/passwd");
	conf_free(&c);
}
END_TEST

START_TEST(lists_that_cannot_be_meant_are_refused)
{
	static const char *const rows[][2] = {
		{ LISTS(NETS, "domain = \"@adds\";"), "there is no list \"adds\": did you mean \"ads\"?" },
		{ LISTS(NETS, "domain = \"@nets\";"), "asks for domains, and list \"nets\" has kind \"addresses\"" },
		{ LISTS(NETS, "src = \"@ads\";"), "asks for addresses, and list \"ads\" has kind \"domains\"" },
		{ LISTS("kind = \"addresses\"; file = \"/nowhere/x\";", "src = \"@nets\";"),
		    "t.conf:2: cannot use the list /nowhere/x: No such file" },
		{ LISTS("kind = \"addresses\"; file = \"/dev/null\";", "src = \"@nets\";"), "not a regular file" },
		{ LISTS(NETS " max_bytes = \"1\";", "src = \"@nets\";"), "larger than \"max_bytes\"" },
		{ LISTS(NETS " syntax = \"hosts\";", "src = \"@nets\";"), "a list of addresses has no such syntax" },
		{ LISTS("file = \"/etc/passwd\";", "src = \"@nets\";"), "\"kind\" is missing" },
		{ FORWARD "rules = ( { id = \"r\"; allow = true; open = \"@nets\"; } );", "'@nets'" },
	};

	refused(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(acls_and_rules_that_cannot_be_meant_are_refused)
{
	static const char *const rows[][2] = {
		{ ACLS(""), "acl \"a\" has no condition" },
		{ ACLS("src = [ ];"), "\"src\" of acl \"a\" is empty and would never match" },
		{ ACLS("src = [ \"10.0.0.0/33\" ];"), "\"src\"" },
		{ ACLS("src = [ \"10.0.0.1/8\" ];"), "10.0.0.0/8" },
		{ ACLS("dst = [ \"unix\" ];"), "'unix': a block is an IP address" },
		{ ACLS("domain = [ \"*.example.com\" ];"), "write \".example.com\"" },
		{ ACLS("domain = [ \"http://example.com\" ];"), "is not a host name" },
		{ ACLS("port = [ \"0\" ];"), "is not a port" },
		{ ACLS("port = [ \"9-1\" ];"), "is not a port" },
		{ ACLS("port = [ \"80-\" ];"), "is not a port" },
		{ ACLS("url = [ \"ok\", \"a(b\" ];"),
		    "t.conf:2: \"url\": the regex \"a(b\" is wrong at column 4: missing closing parenthesis" },
		{ ACLS("url = [ ];"), "\"url\" of acl \"a\" is empty and would never match" },
		{ ACLS("header = { };"), "\"header\" of acl \"a\" is empty and would never match" },
		{ ACLS("header = { X = 1; };"), "\"X\" in \"header\" is a number: write X = \"regex\"" },
		{ ACLS("header = { X = \"*\"; };"), "\"header\": the regex \"*\" is wrong at column 1" },
		{ ACLS("header = { X = \"1\"; x = \"2\"; };"), "\"header\": x is given twice: keep one" },
		{ ACLS("header = [ \"X\" ];"), "\"X\" has no name: write \"NAME=regex\"" },
		{ ACLS("header = [ \"X Y=1\" ];"), "\"X Y\" is not the name of a header" },
		{ ACLS("header = 1;"), "\"header\" is a number: write header = { Name = \"regex\"; }" },
		{ ROUTE("service = \"web\"; match = { query = { v = \"(\"; }; };"),
		    "t.conf:3: \"query\": the regex \"(\" is wrong at column 2" },
		{ ROUTE("service = \"web\"; match = { cookie = [ \"a;b=1\" ]; };"),
		    "\"cookie\": \"a;b\" is not the name of a cookie" },
		{ ACLS("time = [ \"mon 25:00-26:00\" ];"), "is not a time of the week" },
		{ ACLS("time = [ \"monday\" ];"), "is not a time of the week" },
		{ ACLS("time = [ \"08:00-08:00\" ];"), "is not a time of the week" },
		{ FORWARD "acls = { all = { src = \"::1\"; }; };",
		    "acl \"all\" is a shipped one: choose another name" },
		{ FORWARD "rules = ( { id = \"r\"; } );", "rule \"r\" neither allows nor denies" },
		{ FORWARD "rules = ( { id = \"r\"; allow = true; deny = true; } );",
		    "rule \"r\" both allows and denies" },
		{ FORWARD "rules = ( { allow = true; } );", "\"id\" is missing" },
		{ FORWARD "rules = ( { id = \"r\"; deny = true; open = [ \"10.0.0.0/8\" ]; } );",
		    "\"open\" in a deny rule" },
		{ FORWARD "rules = ( { id = \"default/x\"; deny = true; } );",
		    "belongs to a shipped rule" },
		{ FORWARD "rules = ( { id = \"implicit-deny\"; deny = true; } );",
		    "belongs to a shipped rule" },
		{ FORWARD
		    "rules = ( { id = \"r\"; allow = true; all = [ \"localhost\", \"!localhost\" ]; } );",
		    "can never match" },
		{ FORWARD
		    "rules = ( { id = \"r\"; allow = true; }, { id = \"r\"; deny = true; } );",
		    "rule \"r\" is there twice" },
		{ FORWARD "forward = { source = [ \"127.0.0.1\", \"127.0.0.2\" ]; };",
		    "is a second address of its family" },
		{ FORWARD "forward = { source = [ \"lo\" ]; };", "is not an address" },
		{ FORWARD "dns = { servers = [ \"dns.example\" ]; };", "is not an address" },
		{ FORWARD "dns = { min_ttl = \"2h\"; };", "\"min_ttl\" is larger than \"max_ttl\"" },
		{ FORWARD "http = { max_field = \"64KiB\"; };", "\"max_field\" is larger than \"max_head\"" },
		{ FORWARD "name = \"a/b\";", "write it without '/'" },
		{ FORWARD "name = \"a b\";", "is not a name" },
	};

	refused(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(shipped_rules_stand_before_and_behind_the_written_ones)
{
	static const char *const ids[] = { "default/safe-ports", "default/ssl-ports", "mine",
		"implicit-deny" };
	struct conf *c = load_good(
	    FORWARD "rules = ( { id = \"mine\"; allow = true; all = [ \"localnet\" ]; } );");

	ck_assert_uint_eq(c->nrules, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_str_eq(c->rules[i].id, ids[i]);
		ck_assert_uint_eq(c->rules[i].index, i);
		ck_assert_int_eq(c->rules[i].builtin, i != 2);
	}
	conf_free(&c);
	c = load_good(FORWARD
	    "forward = { default_rules = false; }; rules = ( { id = \"mine\"; allow = true; } );");
	ck_assert_uint_eq(c->nrules, 2);
	ck_assert_str_eq(c->rules[1].id, "implicit-deny");
	conf_free(&c);
}
END_TEST

START_TEST(the_shipped_port_lists_may_be_redefined)
{
	struct conf *c = load_good(FORWARD "acls = { ssl_ports = { port = [ 443, 8443 ]; }; };");

	ck_assert_uint_eq(c->rules[1].terms[1].acl->nports, 2);
	ck_assert(c->rules[1].terms[1].negate);
	conf_free(&c);
}
END_TEST

START_TEST(what_nobody_uses_is_a_warning)
{
	static const char *const rows[][2] = {
		{ LISTS(NETS, "src = \"@nets\";"),
		    "t.conf:2: warning: list \"ads\" is used by no acl" },
		{ FORWARD "acls = { a = { port = 80; }; };",
		    "t.conf:2: warning: acl \"a\" is used by no rule" },
		{ REVERSE "routes = ( { name = \"r\"; respond = { }; } );",
		    "t.conf:2: warning: service \"web\" is used by no route" },
		{ FORWARD
		    "rules = ( { id = \"a\"; allow = true; }, { id = \"b\"; deny = true; } );",
		    "warning: rule \"b\" can never match: rule \"a\" at t.conf:2 takes all of its requests" },
		{ FORWARD "routes = ( { name = \"r\"; respond = { }; } );",
		    "warning: routes are for reverse listeners" },
		{ ROUTE("service = \"web\";") "rules = ( { id = \"a\"; allow = true; } );",
		    "warning: rules are for forward listeners" },
		{ FORWARD "http = { relaxed_line_endings = true; };",
		    "warning: \"relaxed_line_endings\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str said = STR_INIT;
		struct conf *c = load_text(rows[i][0], &said);

		ck_assert_msg(
		    c != NULL && said.data != NULL && strstr(said.data, rows[i][1]) != NULL, "%s",
		    said.data == NULL ? "" : said.data);
		conf_free(&c);
		str_fini(&said);
	}
}
END_TEST

START_TEST(ten_thousand_routes_are_checked_without_comparing_pairs)
{
	struct str text = STR_INIT;
	struct conf *c;

	str_adds(&text, REVERSE "routes = (\n");
	for (int i = 0; i < 10000; i++)
		str_printf(&text,
		    "%s{ name = \"r%d\"; match = { path = \"/p%d/{id}\"; }; service = \"web\"; }\n",
		    i == 0 ? "" : ",", i, i);
	str_adds(&text, ");");
	c = load_good(text.data);
	ck_assert_uint_eq(c->nroutes, 10000);
	ck_assert_uint_eq(c->routes[9999].index, 9999);
	conf_free(&c);
	str_fini(&text);
}
END_TEST

UNIT_MAIN("conf/check", names_become_pointers, unknown_names_come_with_a_suggestion,
    listeners_must_not_contradict_each_other, a_listener_may_override_the_mode,
    services_need_usable_targets, a_route_does_exactly_one_thing,
    routes_of_equal_specificity_that_overlap_are_refused_with_both_lines, acls_are_compiled,
    acls_and_rules_that_cannot_be_meant_are_refused, acls_name_lists_of_the_kind_that_fits,
    lists_that_cannot_be_meant_are_refused,
    shipped_rules_stand_before_and_behind_the_written_ones, the_shipped_port_lists_may_be_redefined,
    what_nobody_uses_is_a_warning, ten_thousand_routes_are_checked_without_comparing_pairs)

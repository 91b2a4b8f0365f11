/*
 * test_print.c - printed text loads again to the same tree, whatever was written.
 */
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

/* Prints, loads and prints again: both texts and trees must be equal. */
static void
round_trip(struct conf *c, const char *name, bool defaults)
{
	struct str first = STR_INIT, second = STR_INIT, changes = STR_INIT;
	struct conf_source src;
	struct conf_problems ps = { 0 };
	struct errdetail ed = { 0 };
	struct conf *again;

	conf_print(c, defaults, &first);
	ck_assert_msg(conf_source_text(&src, name, str_span(&first), &ed) == 0, "%s\n%s", ed.text,
	    first.data);
	again = conf_load(&src, &ps);
	ck_assert_msg(again != NULL, "%s\n%s", ps.n > 0 ? ps.v[0].text : "", first.data);
	ck_assert_msg(conf_diff(c, again, &changes) == 0, "%s\n%s", changes.data, first.data);
	conf_print(again, defaults, &second);
	ck_assert_str_eq(first.data, second.data);
	ck_assert_uint_eq(c->nrules, again->nrules);
	ck_assert_uint_eq(c->nacls, again->nacls);
	conf_problems_fini(&ps);
	conf_source_fini(&src);
	conf_free(&again);
	str_fini(&first);
	str_fini(&second);
	str_fini(&changes);
}

static void
both(const char *text)
{
	struct conf *c = load_good(text);

	round_trip(c, "t.conf", true);
	round_trip(c, "t.conf", false);
	conf_free(&c);
}

START_TEST(the_examples_survive_being_printed)
{
	static const char *const files[] = { "conf/examples/forward.conf",
		"conf/examples/reverse.conf" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct conf_source src;
		struct conf_problems ps = { 0 };
		struct conf *c;

		ck_assert_int_eq(conf_source_read(&src, files[i], NULL), 0);
		c = conf_load(&src, &ps);
		ck_assert_ptr_nonnull(c);
		round_trip(c, files[i], true);
		round_trip(c, files[i], false);
		conf_source_fini(&src);
		conf_problems_fini(&ps);
		conf_free(&c);
	}
}
END_TEST

START_TEST(every_kind_of_value_survives_being_printed)
{
	both(FORWARD);
	both(FORWARD
	    "forward = { source = [ \"127.0.0.1\", \"::1\" ]; request_id = \"X-Id\"; contact = "
	    "\"a \\\"b\\\" \\\\ \\n\\t\\x01 \xc3\xa4\"; max_body = \"3000000000\"; };\n"
	    "acls = { a = { src = [ \"::ffff:10.0.0.0/104\", \"2001:db8::/32\" ]; time = \"mon "
	    "08:00-09:00\"; port = [ 1, 2 ]; }; };\n"
	    "rules = ( { id = \"r\"; allow = true; all = [ \"!a\" ]; open = \"10.0.0.0/8\"; } );\n"
	    "process = { drain = \"1500ms\"; connections = 100; admin_socket = \"/tmp/x\"; };\n");
	both(REVERSE
	    "routes = ( { name = \"r\"; match = { hosts = [ \"*.a\", \"b\" ]; path = "
	    "\"/{x}/{r=**}\"; methods = \"GET\"; }; service = \"web\";\n"
	    "request = { path = \"/${path.r}\"; host = \"h:1\"; set = { A = \"b\"; C = \"\"; }; "
	    "remove = [ \"D\" ]; }; upgrade = [ ]; max_body = \"0\"; timeout = { idle = \"1s\"; }; },\n"
	    "{ name = \"s\"; match = { path = \"/x\"; }; redirect = { to = \"/y\"; }; },\n"
	    "{ name = \"t\"; match = { path = \"/y\"; }; respond = { status = 503; type = "
	    "\"text/html\"; headers = { Retry-After = \"5\"; }; }; } );\n"
	    "defaults = { server = \"t\"; request_id = \"\"; };\n");
	both(FORWARD
	    "lists = { l = { file = \"/etc/hosts\"; kind = \"addresses\"; }; };\n"
	    "acls = { a = { src = [ \"10.0.0.0/8\", \"@l\" ]; }; b = { dst = \"@l\"; }; };\n"
	    "rules = ( { id = \"r\"; allow = true; all = [ \"a\", \"b\" ]; } );\n");
	both(FORWARD
	    "acls = { a = { url = [ \"\\\\.exe$\", \"a\\\"b\" ]; header = { User-Agent = \"(?i)bot\"; X = \"\"; }; "
	    "}; b = { header = \"_x=a=b\"; }; };\n"
	    "rules = ( { id = \"r\"; allow = true; all = [ \"a\", \"b\" ]; } );\n");
	both(REVERSE
	    "routes = ( { name = \"r\"; service = \"web\"; match = { header = { A = \"1\"; }; query = [ "
	    "\"f[x]=\", \"v=^2$\" ]; cookie = { *c = \"\"; }; }; } );\n");
	both(
	    "mode = \"reverse\"; listeners = ( { bind = [ \"127.0.0.1:1\" ]; } ); routes = ( { "
	    "name = \"r\"; service = \"a\"; } );\n"
	    "services = ( { name = \"a\"; targets = ( { addr = \"a.b:1\"; weight = 3; }, "
	    "\"[::1]:2\", \"unix:/x\", { addr = \"c:3\"; backup = true; } ); retry = { budget = "
	    "0.3333; min = 0; }; outlier = { max_ejected = 0.07; }; } );\n");
}
END_TEST

START_TEST(shipped_rules_are_shown_as_comments_in_their_place)
{
	struct conf *c = load_good(FORWARD "rules = ( { id = \"mine\"; deny = true; } );");
	struct str out = STR_INIT;
	const char *safe, *mine, *last;

	conf_print(c, true, &out);
	safe = strstr(out.data, "# { id = \"default/ssl-ports\"; deny = true;");
	mine = strstr(out.data, "id = \"mine\"");
	last = strstr(out.data, "# { id = \"implicit-deny\"");
	ck_assert(safe != NULL && mine != NULL && last != NULL && safe < mine && mine < last);
	str_fini(&out);
	conf_free(&c);
}
END_TEST

UNIT_MAIN("conf/print", the_examples_survive_being_printed,
    every_kind_of_value_survives_being_printed, shipped_rules_are_shown_as_comments_in_their_place)

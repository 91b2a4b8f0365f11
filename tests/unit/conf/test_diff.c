/*
 * test_diff.c - what a new configuration changes, in words, and what it cannot change.
 */
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

static void
changes(const char *from, const char *to, unsigned n, const char *text)
{
	struct conf *a = load_good(from), *b = load_good(to);
	struct str out = STR_INIT;

	ck_assert_uint_eq(conf_diff(a, b, &out), n);
	ck_assert_str_eq(out.data == NULL ? "" : out.data, text);
	str_fini(&out);
	conf_free(&a);
	conf_free(&b);
}

START_TEST(a_changed_value_is_named_with_its_path)
{
	changes(FORWARD, FORWARD "timeouts = { head = \"10000ms\"; };", 0, "");
	changes(FORWARD, FORWARD "timeouts = { head = \"5s\"; };", 1,
	    "timeouts.head: \"10s\" -> \"5s\"\n");
	changes(FORWARD "listeners = ( { name = \"edge\"; bind = \"127.0.0.1:1\"; } );",
	    FORWARD
	    "listeners = ( { name = \"edge\"; bind = \"127.0.0.1:1\"; max_per_client = 64; } );",
	    1, "listeners[edge].max_per_client: 256 -> 64\n");
	changes(FORWARD "process = { admin_socket = \"/a\"; };", FORWARD, 1,
	    "process.admin_socket: \"/a\" -> (unset)\n");
	changes(FORWARD, FORWARD "dns = { servers = [ \"9.9.9.9\" ]; };", 1,
	    "dns.servers: (unset) -> [ \"9.9.9.9\" ]\n");
}
END_TEST

#define SERVICES(list) \
	"mode = \"reverse\"; listeners = ( { name = \"l\"; bind = \"127.0.0.1:1\"; } ); " \
	"routes = ( { name = \"r\"; respond = { }; } ); services = (" list ");"
#define A "{ name = \"a\"; targets = [ \"a:1\", \"b:1\" ]; }"
#define B "{ name = \"b\"; targets = ( { addr = \"c:1\"; weight = 2; } ); }"

START_TEST(elements_come_and_go_as_a_whole)
{
	changes(SERVICES(A), SERVICES(A "," B), 1, "services[b]: added\n");
	changes(SERVICES(A "," B), SERVICES(B), 1, "services[a]: removed\n");
	changes(SERVICES(A "," B), SERVICES(B "," A), 0, "");
	changes(SERVICES(A), SERVICES("{ name = \"a\"; targets = [ \"a:1\" ]; }"), 1,
	    "services[a].targets[b:1]: removed\n");
	changes(SERVICES("{ name = \"a\"; targets = [ \"a:1\" ]; }"),
	    SERVICES("{ name = \"a\"; targets = [ \"a:1\", \"a:1\" ]; }"), 1,
	    "services[a].targets[a:1]#2: added\n");
}
END_TEST

START_TEST(the_order_of_rules_is_a_change)
{
#define X "{ id = \"x\"; allow = true; all = [ \"localnet\" ]; }"
#define Y "{ id = \"y\"; deny = true; all = [ \"localhost\" ]; }"
	changes(FORWARD "rules = (" X "," Y ");", FORWARD "rules = (" Y "," X ");", 1,
	    "rules.order: [default/safe-ports], [default/ssl-ports], [x], [y], [implicit-deny] -> "
	    "[default/safe-ports], [default/ssl-ports], [y], [x], [implicit-deny]\n");
}
END_TEST

START_TEST(only_names_and_users_need_a_restart)
{
	static const struct {
		const char *to;
		bool restart;
	} rows[] = {
		{ FORWARD "name = \"other\";", true },
		{ FORWARD "process = { user = \"nobody\"; };", true },
		{ FORWARD "process = { group = \"nogroup\"; };", true },
		{ FORWARD "process = { admin_socket = \"/x\"; };", true },
		{ FORWARD "process = { workers = 7; };", false },
		{ FORWARD "listeners = ( { bind = \"127.0.0.1:9\"; } );", false },
		{ FORWARD "cache = { path = \"/tmp/proxyd-a\"; };", false },
		{ FORWARD, false },
	};
	struct conf *from = load_good(FORWARD);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *to = load_good(rows[i].to);

		ck_assert_msg(
		    (conf_needs_restart(from, to) != NULL) == rows[i].restart, "%s", rows[i].to);
		conf_free(&to);
	}
	conf_free(&from);
}
END_TEST

UNIT_MAIN("conf/diff", a_changed_value_is_named_with_its_path, elements_come_and_go_as_a_whole,
    the_order_of_rules_is_a_change, only_names_and_users_need_a_restart)

/*
 * test_schema.c - what the checks of single sections refuse beyond a row's type and bounds, each with its remedy.
 */
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

#define LIST(x)                                                                         \
	FORWARD                                                                         \
	    "lists = { l = { file = \"/etc/passwd\"; kind = \"addresses\"; " x " }; };" \
	    "acls = { a = { dst = \"@l\"; }; }; rules = ( { id = \"r\"; deny = true; all = [ \"a\" ]; } );"
#define TARGET(x)                                                                 \
	"mode = \"reverse\"; listeners = ( { bind = [ \"127.0.0.1:8080\" ]; } );" \
	"services = ( { name = \"web\"; targets = [ \"" x                         \
	"\" ]; } ); routes = ( { name = \"r\"; service = \"web\"; } );"

START_TEST(what_does_not_agree_within_a_section_is_refused_with_the_remedy)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ FORWARD "dns = { min_ttl = \"10m\"; max_ttl = \"1m\"; };",
		    "\"min_ttl\" is larger than \"max_ttl\"" },
		{ FORWARD "dns = { timeout = \"5s\"; total = \"1s\"; };",
		    "\"timeout\" of one question is larger" },
		{ FORWARD
		    "dns = { servers = [ \"9.9.9.9\", \"9.9.9.9\", \"9.9.9.9\", \"9.9.9.9\", \"9.9.9.9\", "
		    "\"9.9.9.9\", \"9.9.9.9\", \"9.9.9.9\", \"9.9.9.9\" ]; };",
		    "9 resolvers: 8 are allowed" },
		{ FORWARD
		    "http = { max_head = \"2KiB\"; max_field = \"4KiB\"; max_target = \"1KiB\"; };",
		    "\"max_field\" is larger than \"max_head\"" },
		{ FORWARD
		    "http = { max_head = \"2KiB\"; max_field = \"1KiB\"; max_target = \"4KiB\"; };",
		    "\"max_target\" is larger than \"max_head\"" },
		{ FORWARD "process = { log = \"syslog://x:y:z\"; };",
		    "\"log\": " },
		{ FORWARD
		    "process = { admin_socket = \"/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.sock\"; };",
		    "longer than the 100 bytes" },
		{ FORWARD "telemetry = { access_log = { path = \"syslog://x:y:z\"; }; };", "\"path\"" },
		{ FORWARD "telemetry = { access_log = { path = \"stdout\"; when = \"status>\"; }; };", "\"when\"" },
		{ FORWARD "telemetry = { access_log = { path = \"stdout\"; tag = \"a b\"; }; };", "write at most" },
		{ FORWARD "cache = { path = \"tmp\"; };", "must begin with '/'" },
		{ FORWARD "cache = { path = \"/etc/passwd\"; };", "is no directory: name one" },
		{ FORWARD "cache = { path = \"/nonexistent/a\"; };",
		    "cannot be made in \"/nonexistent\": No such file" },
		{ FORWARD "cache = { path = \"/tmp/a\"; ring = \"3MiB\"; };", "a power of two" },
		{ FORWARD "cache = { path = \"/tmp/a\"; size = \"63MiB\"; };", "64MiB" },
		{ LIST("syntax = \"hosts\";"), "a list of addresses has no such syntax" },
		{ LIST("max_bytes = \"1\";"), "larger than \"max_bytes\"" },
		{ FORWARD "lists = { l = { file = \"/nonexistent\"; kind = \"domains\"; }; };", "No such file" },
		{ FORWARD "lists = { l = { file = \"/tmp\"; kind = \"domains\"; }; };", "not a regular file" },
		{ TARGET("unix:"), "unix:" },
		{ TARGET("a..b:80"), "a..b" },
		{ TARGET("[::1"), "write \"host:port\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		load_bad(rows[i].text, rows[i].message);
}
END_TEST

UNIT_MAIN("conf/schema", what_does_not_agree_within_a_section_is_refused_with_the_remedy)

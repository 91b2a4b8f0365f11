/*
 * test_load.c - from files and texts to a tree: includes, positions, environment, syntax, and the shipped examples.
 */
#include <stdio.h>
#include <unistd.h>
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

static char dir[64];

static const char *
write_file(const char *name, const char *text)
{
	static char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void
new_dir(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/conf-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
drop_dir(const char *a, const char *b)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, a);
	ck_assert_int_eq(unlink(path), 0);
	if (b != NULL) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, b);
		ck_assert_int_eq(unlink(path), 0);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static struct conf *
load_file(const char *path, struct str *said)
{
	struct conf_source src;
	struct conf_problems ps = { 0 };
	struct errdetail ed = { 0 };
	struct conf *c;

	if (conf_source_read(&src, path, &ed) != 0) {
		str_adds(said, ed.text);
		return NULL;
	}
	c = conf_load(&src, &ps);
	conf_source_fini(&src);
	conf_problems_text(&ps, said);
	conf_problems_fini(&ps);
	return c;
}

START_TEST(the_shipped_examples_load_without_a_word)
{
	static const char *const files[] = { "conf/examples/forward.conf",
		"conf/examples/reverse.conf" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct str said = STR_INIT;
		struct conf *c = load_file(files[i], &said);

		ck_assert_msg(c != NULL && said.len == 0, "%s: %s", files[i],
		    said.data == NULL ? "" : said.data);
		conf_free(&c);
		str_fini(&said);
	}
}
END_TEST

START_TEST(forward_alone_serves_loopback_clients_on_loopback)
{
	static const char *const ids[] = { "default/safe-ports", "default/ssl-ports",
		"default/localhost", "implicit-deny" };
	struct conf *c = load_good(FORWARD);

	ck_assert_uint_eq(c->nlisteners, 1);
	ck_assert_str_eq(c->listeners[0].bind.v[0], "127.0.0.1:3128");
	ck_assert_int_eq(c->listeners[0].mode, MODE_FORWARD);
	ck_assert_int_eq(c->listeners[0].max_per_client, 256);
	ck_assert_uint_eq(c->nrules, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_str_eq(c->rules[i].id, ids[i]);
		ck_assert_int_eq(c->rules[i].allow, i == 2);
	}
	ck_assert_str_eq(c->rules[2].terms[0].acl->name, "localhost");
	conf_free(&c);
}
END_TEST

START_TEST(reverse_alone_is_refused_with_the_two_missing_lines)
{
	load_bad("mode = \"reverse\";",
	    "t.conf:1: reverse mode needs to know where clients connect: write listeners = (");
	load_bad("mode = \"reverse\";",
	    "t.conf:1: reverse mode needs to know where requests go: write services = (");
}
END_TEST

START_TEST(a_mode_must_be_given)
{
	load_bad("", "t.conf:1: \"mode\" is missing: write mode = \"forward\";");
	load_bad("listeners = ( { bind = [ \"127.0.0.1:1\" ]; mode = \"forward\"; } );",
	    "\"mode\" is missing");
}
END_TEST

START_TEST(defaults_are_the_documented_ones)
{
	struct conf *c = load_good(REVERSE "routes = ( { name = \"r\"; service = \"web\"; } );");

	ck_assert_int_eq(c->http.max_head, 32768);
	ck_assert_int_eq(c->http.max_fields, 100);
	ck_assert_int_eq(c->timeouts.head_ms, 10000);
	ck_assert_int_eq(c->timeouts.tunnel_life_ms, 86400000);
	ck_assert_int_eq(c->defaults.max_body, 10 << 20);
	ck_assert_int_eq(c->defaults.timeout.connect_ms, 3000);
	ck_assert_int_eq(c->forward.timeout.connect_ms, 10000);
	ck_assert_int_eq(c->forward.max_body, 0);
	ck_assert_int_eq(c->services[0].tries, 2);
	ck_assert_double_eq(c->services[0].retry_budget, 0.2);
	ck_assert_double_eq(c->services[0].outlier.max_ejected, 0.5);
	ck_assert_int_eq(c->services[0].timeout.connect_ms, -1);
	ck_assert_int_eq(c->routes[0].max_body, -1);
	ck_assert_str_eq(c->routes[0].upgrade.v[0], "websocket");
	ck_assert_str_eq(c->routes[0].match.path, "/**");
	ck_assert(c->defaults.x_forwarded && c->defaults.via && !c->defaults.forwarded);
	ck_assert(!c->forward.x_forwarded && c->forward.via);
	ck_assert_str_eq(c->telemetry.access_log.path, "stdout");
	conf_free(&c);
}
END_TEST

START_TEST(the_environment_is_put_into_texts_and_must_be_set)
{
	struct conf *c;

	setenv("CONF_TEST_NAME", "edge", 1);
	unsetenv("CONF_TEST_NONE");
	c = load_good(FORWARD "name = \"x-${CONF_TEST_NAME}-y\";");
	ck_assert_str_eq(c->name, "x-edge-y");
	conf_free(&c);
	load_bad(FORWARD "name = \"a${CONF_TEST_NONE}\";",
	    "t.conf:2: ${CONF_TEST_NONE} is not set in the environment");
}
END_TEST

START_TEST(expressions_of_routes_are_not_the_environment)
{
	struct conf *c = load_good(REVERSE
	    "routes = ( { name = \"r\"; match = { path = \"/u/{id}\"; }; service = \"web\"; "
	    "request = { path = \"/${path.id}\"; }; } );");

	ck_assert_str_eq(c->routes[0].request.path, "/${path.id}");
	conf_free(&c);
}
END_TEST

START_TEST(includes_are_joined_and_keep_their_lines)
{
	struct str said = STR_INIT;
	char path[128];

	new_dir();
	(void)write_file("b.conf", "\nname = 5;\n");
	(void)snprintf(path, sizeof path, "%s",
	    write_file(
		"a.conf", "mode = \"forward\";\n  @include \"b.conf\"  # more\nproces = { };\n"));
	ck_assert_ptr_null(load_file(path, &said));
	ck_assert_msg(strstr(said.data,
			  "/b.conf:2: \"name\" is a number: write name = a text in quotes") != NULL,
	    "%s", said.data);
	ck_assert_msg(strstr(said.data,
			  "/a.conf:3: unknown key \"proces\": did you mean \"process\"?") != NULL,
	    "%s", said.data);
	str_fini(&said);
	drop_dir("a.conf", "b.conf");
}
END_TEST

START_TEST(an_include_counts_only_where_code_is)
{
	struct conf *c = load_good(FORWARD
	    "/*\n@include \"nowhere.conf\"\n*/\nname = \"a\"\n\"b\";\n# @include \"nowhere.conf\"\n");

	ck_assert_str_eq(c->name, "ab");
	conf_free(&c);
	load_bad(FORWARD "@include \"/nowhere/x.conf\"\n",
	    "t.conf:2: included file /nowhere/x.conf: No such file");
	load_bad(FORWARD "name = \"a\"; @include \"x\"\n", "t.conf:2: '@' means nothing here");
}
END_TEST

START_TEST(an_include_of_itself_is_refused)
{
	struct str said = STR_INIT;

	new_dir();
	ck_assert_ptr_null(load_file(write_file("a.conf", "@include \"a.conf\"\n"), &said));
	ck_assert_msg(strstr(said.data, "a.conf:1: included file") != NULL &&
		strstr(said.data, "includes itself") != NULL,
	    "%s", said.data);
	str_fini(&said);
	drop_dir("a.conf", NULL);
}
END_TEST

START_TEST(only_regular_files_are_read)
{
	struct str said = STR_INIT;

	ck_assert_ptr_null(load_file("/dev/zero", &said));
	ck_assert_msg(strstr(said.data, "/dev/zero: not a regular file") != NULL, "%s", said.data);
	str_clear(&said);
	ck_assert_ptr_null(load_file("/nowhere/proxyd.conf", &said));
	ck_assert_msg(
	    strstr(said.data, "/nowhere/proxyd.conf: No such file") != NULL, "%s", said.data);
	str_fini(&said);
}
END_TEST

START_TEST(syntax_errors_name_line_and_remedy)
{
	static const char *const rows[][2] = {
		{ FORWARD "name = \"x;\n\n", "t.conf:2: the text that begins here never ends: write its closing '\"'" },
		{ FORWARD "/* x\n", "t.conf:2: the comment that begins here never ends" },
		{ FORWARD "rules = ( { id = \"a\"; ];\n",
		    "t.conf:2: ']' where '{' of t.conf:2 must be closed: write '}'" },
		{ FORWARD "rules = (\n", "t.conf:2: '(' is never closed" },
		{ FORWARD "};\n", "t.conf:2: '}' closes nothing" },
		{ FORWARD "name = 'x';\n", "t.conf:2: a text stands in double quotes" },
		{ FORWARD "process = { workers = 99999999999; };\n",
		    "t.conf:2: the number 99999999999 is too large" },
		{ FORWARD "process = { workers = 0xfffffffff; };\n",
		    "t.conf:2: the number 0xfffffffff is too large" },
		{ FORWARD "process = { workers = 99999999999999999999L; };\n",
		    "t.conf:2: the number 99999999999999999999L is too large" },
		{ FORWARD "name = \"a\";\nname = \"b\";\n",
		    "t.conf:3: duplicate setting name: a key may be given once" },
		{ FORWARD "rules = ( { id = \"a\"; deny = true; }\n { id = \"b\"; } );\n",
		    "t.conf:3: syntax error: look here and at the line before" },
		{ FORWARD "name = \n", "syntax error" },
		{ FORWARD "acls = { a = { port = [ 1, \"2\" ]; }; };\n",
		    "t.conf:2: mismatched element type in array: [ ] holds values of one kind" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		load_bad(rows[i][0], rows[i][1]);
}
END_TEST

START_TEST(nesting_is_bounded_before_the_parser_sees_it)
{
	struct str text = STR_INIT;

	str_adds(&text, "a = ");
	for (int i = 0; i < 100000; i++)
		str_addc(&text, '(');
	load_bad(text.data, "t.conf:1: groups and lists are nested deeper than 24");
	str_fini(&text);
}
END_TEST

START_TEST(a_nul_byte_is_refused_and_not_the_end)
{
	static const char text[] = "mode = \"forward\";\n\0nonsense";
	struct conf_source src;
	struct errdetail ed = { 0 };

	ck_assert_int_eq(
	    conf_source_text(&src, "t.conf", span_make(text, sizeof text - 1), &ed), -E_SYNTAX);
	ck_assert_msg(
	    strncmp(ed.text, "t.conf:2: the line holds a NUL byte", 34) == 0, "%s", ed.text);
}
END_TEST

START_TEST(all_errors_are_told_in_file_order)
{
	struct str said = STR_INIT;

	ck_assert_ptr_null(load_text(FORWARD
	    "rules = ( { id = \"a\"; allow = true; all = [ \"nobody\" ]; } );\nnmae = \"x\";\n"
	    "process = { drain = 5; };\n",
	    &said));
	ck_assert_str_eq(said.data,
	    "t.conf:2: rule \"a\": there is no acl \"nobody\": known are \"all\", \"localhost\", \"localnet\", "
	    "\"to_localhost\", \"to_linklocal\", \"to_private\", \"connect\", \"safe_ports\", \"ssl_ports\"\n"
	    "t.conf:3: unknown key \"nmae\": did you mean \"name\"?\n"
	    "t.conf:4: \"drain\" is a number: write drain = a duration in quotes, \"10s\" (ms, s, m, h, d)\n");
	str_fini(&said);
}
END_TEST

START_TEST(a_file_of_mistakes_is_counted_and_not_collected)
{
	struct str text = STR_INIT, said = STR_INIT;

	str_adds(&text, FORWARD);
	for (int i = 0; i < 5000; i++)
		str_printf(&text, "k%d = 1;\n", i);
	ck_assert_ptr_null(load_text(text.data, &said));
	ck_assert_ptr_nonnull(strstr(said.data, "5000 errors in all\n"));
	ck_assert_uint_lt(said.len, 100000);
	str_fini(&text);
	str_fini(&said);
}
END_TEST

START_TEST(equal_bytes_have_equal_digests)
{
	struct conf *a = load_good(FORWARD), *b = load_good(FORWARD), *c = load_good(FORWARD "#\n");

	ck_assert_uint_eq(a->digest, b->digest);
	ck_assert_uint_ne(a->digest, c->digest);
	conf_free(&a);
	conf_free(&b);
	conf_free(&c);
	ck_assert_ptr_null(a);
}
END_TEST

UNIT_MAIN("conf/load", the_shipped_examples_load_without_a_word,
    forward_alone_serves_loopback_clients_on_loopback,
    reverse_alone_is_refused_with_the_two_missing_lines, a_mode_must_be_given,
    defaults_are_the_documented_ones, the_environment_is_put_into_texts_and_must_be_set,
    expressions_of_routes_are_not_the_environment, includes_are_joined_and_keep_their_lines,
    an_include_counts_only_where_code_is, an_include_of_itself_is_refused,
    only_regular_files_are_read, syntax_errors_name_line_and_remedy,
    nesting_is_bounded_before_the_parser_sees_it, a_nul_byte_is_refused_and_not_the_end,
    all_errors_are_told_in_file_order, a_file_of_mistakes_is_counted_and_not_collected,
    equal_bytes_have_equal_digests)

/*
 * Drained targets by name: what is listed can be taken again.
 */
#include "master/drain.c"
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

static const char text[] = "mode = \"reverse\";\n"
			   "listeners = ( { name = \"a\"; bind = [ \"127.0.0.1:1\" ]; } );\n"
			   "services = ( { name = \"app\"; targets = [ \"127.0.0.1:81\", \"name.example:80\" ]; },\n"
			   "             { name = \"local\"; targets = [ \"unix:/run/app.sock\" ]; } );\n"
			   "routes = ( { name = \"r\"; match = { path = \"/**\"; }; service = \"app\"; },\n"
			   "           { name = \"l\"; match = { path = \"/l\"; }; service = \"local\"; } );\n";

static struct master m;
static struct generation gens[2];

static void
generation_open(struct generation *g)
{
	*g = (struct generation){ .conf = load_good(text) };
	ck_assert_int_eq(shm_create(&g->endpoints, "endpoints", ENDPOINT_VERSION,
			     endpoint_size(g->conf, 2), NULL),
	    0);
	endpoint_init(g->endpoints.data, g->conf, 2);
	list_push(&m.generations, &g->node);
}

/* An older generation and the one that serves. */
static void
setup(void)
{
	list_init(&m.generations);
	generation_open(&gens[0]);
	generation_open(&gens[1]);
	m.current = &gens[1];
}

static void
teardown(void)
{
	for (unsigned i = 0; i < 2; i++) {
		shm_close(&gens[i].endpoints);
		conf_free(&gens[i].conf);
	}
}

static void
expect(const struct generation *g, const char *list)
{
	struct str out = STR_INIT;

	drain_list(g, &out);
	ck_assert_str_eq(str_span(&out).p, list);
	str_fini(&out);
}

static void
resolve(struct generation *g)
{
	struct addr list[2];

	ck_assert_int_eq(addr_parse(&list[0], "10.0.0.1:80", NULL), 0);
	ck_assert_int_eq(addr_parse(&list[1], "10.0.0.2:80", NULL), 0);
	endpoint_publish(g->endpoints.data, &g->conf->services[0], 1, list, 2);
}

START_TEST(a_name_has_a_service_or_none)
{
	static const struct {
		const char *name, *service, *target;
	} rows[] = {
		{ "127.0.0.1:80", "", "127.0.0.1:80" },
		{ "app/127.0.0.1:80", "app", "127.0.0.1:80" },
		{ "unix:/run/x", "", "unix:/run/x" },
		{ "app/unix:/run/x", "app", "unix:/run/x" },
		{ "/x", "", "x" },
		{ "app/", "app", "" },
		{ "", "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span service, target;

		drain_split(span_str(rows[i].name), &service, &target);
		ck_assert_msg(span_eq_str(service, rows[i].service), "%s", rows[i].name);
		ck_assert_msg(span_eq_str(target, rows[i].target), "%s", rows[i].name);
	}
}
END_TEST

START_TEST(every_generation_is_told)
{
	setup();
	ck_assert_uint_eq(drain_set(&m, "app", SPAN("127.0.0.1:81"), true), 1);
	ck_assert_uint_eq(drain_set(&m, "local", SPAN("127.0.0.1:81"), true), 0);
	ck_assert_uint_eq(drain_set(&m, "nothing", SPAN("127.0.0.1:81"), true), 0);
	expect(&gens[0], "app/127.0.0.1:81\n");
	expect(&gens[1], "app/127.0.0.1:81\n");
	drain_set(&m, "app", SPAN("127.0.0.1:81"), false);
	expect(&gens[0], "");
	teardown();
}
END_TEST

START_TEST(what_is_listed_is_taken_again)
{
	struct str list = STR_INIT;

	setup();
	resolve(&gens[1]);
	drain_set(&m, "app", SPAN("10.0.0.2:80"), true);
	expect(&gens[1], "app/10.0.0.2:80\n");
	drain_set(&m, "app", SPAN("name.example:80"), true);	/* once, with all it has */
	drain_set(&m, "local", SPAN("unix:/run/app.sock"), true);
	expect(&gens[1], "app/name.example:80\nlocal/unix:/run/app.sock\n");
	drain_list(&gens[1], &list);
	drain_set(&m, "app", SPAN("name.example:80"), false);
	drain_set(&m, "local", SPAN("unix:/run/app.sock"), false);
	expect(&gens[0], "");
	drain_take(&gens[0], SPAN("gone/127.0.0.1:1\n\nnonsense\n"));
	expect(&gens[0], "");
	drain_take(&gens[0], str_span(&list));
	expect(&gens[0], "app/name.example:80\nlocal/unix:/run/app.sock\n");
	str_fini(&list);
	teardown();
}
END_TEST

UNIT_MAIN("master/drain", a_name_has_a_service_or_none, every_generation_is_told,
    what_is_listed_is_taken_again)

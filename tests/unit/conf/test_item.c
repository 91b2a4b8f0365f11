/*
 * test_item.c - the walker on a small table of its own: defaults, types, bounds, and what each mistake is told.
 */
#include "conf/item.h"
#include "conf/schema/schema.h"
#include "tests/unit/unit.h"

enum colour { COLOUR_UNSET, COLOUR_RED, COLOUR_BLUE };
struct part {
	struct conf_pos at;
	const char *name;
	int64_t size;
};
struct thing {
	struct conf_pos at;
	bool on;
	int64_t count, wait, bytes, inherited;
	double share;
	const char *text, *choice;
	enum colour colour;
	struct conf_strs strs;
	struct conf_cidrs nets;
	struct conf_headers headers;
	struct part *parts;
	unsigned nparts;
	struct part *named;
	unsigned nnamed;
	int64_t optional;
};

#define AT(f) offsetof(struct thing, f)
#define PART(f) offsetof(struct part, f)
static const char *const colours[] = { "", "red", "blue", NULL };
static const char *const words[] = { "alpha", "beta", NULL };

static const struct item part_items[] = {
	{ "name", ITEM_STR, PART(name), .flags = ITEM_REQUIRED, .help = "its name" },
	{ "size", ITEM_SIZE, PART(size), "1KiB", 0, 4096, .help = "its size" },
};
static const struct section part_section = {
	.help = "", .items = part_items, .nitems = ARRAY_LEN(part_items), .size = sizeof(struct part),
	.pos = PART(at), .bare = "name",
};
static const struct item optional_items[] = {
	{ "number", ITEM_INT, AT(optional), "7", 1, 9, .help = "" },
};
static const struct section optional_section = {
	.help = "", .items = optional_items, .nitems = ARRAY_LEN(optional_items),
	.pos = SECTION_NO_POS,
};
static const struct item items[] = {
	{ "on", ITEM_BOOL, AT(on), "true", .help = "" },
	{ "count", ITEM_INT, AT(count), "3", 1, 10, .help = "" },
	{ "wait", ITEM_MSEC, AT(wait), "2s", 10, 60000, .help = "" },
	{ "bytes", ITEM_SIZE, AT(bytes), "4KiB", 1024, INT64_MAX, .help = "" },
	{ "inherited", ITEM_INT, AT(inherited), NULL, 0, 5, .flags = ITEM_INHERIT, .help = "" },
	{ "share", ITEM_PERCENT, AT(share), "20%", 0, 50, .help = "" },
	{ "text", ITEM_STR, AT(text), "default", .flags = ITEM_NONEMPTY, .help = "a word" },
	{ "choice", ITEM_CHOICE, AT(choice), "alpha", .names = words, .help = "" },
	{ "colour", ITEM_ENUM, AT(colour), .names = colours, .help = "" },
	{ "strs", ITEM_STRS, AT(strs), .help = "" },
	{ "nets", ITEM_CIDRS, AT(nets), .help = "" },
	{ "headers", ITEM_HEADERS, AT(headers), .help = "" },
	{ "parts", ITEM_LIST, AT(parts), .count = AT(nparts), .sub = &part_section, .help = "" },
	{ "named", ITEM_MAP, AT(named), .count = AT(nnamed), .sub = &part_section, .help = "" },
	{ "optional", ITEM_GROUP, 0, .sub = &optional_section, .flags = ITEM_OPTIONAL, .help = "" },
};
static const struct section section = {
	.help = "", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct thing),
	.pos = AT(at),
};

/* Fills *t from text; the messages are the caller's. Everything lives in the arena. */
static void
fill(struct thing *t, struct arena *arena, const char *text, struct str *said)
{
	struct conf_source src;
	struct conf_problems ps = { 0 };
	struct item_ctx c = { .arena = arena, .problems = &ps };
	struct node *root;

	memset(t, 0, sizeof *t);
	ck_assert_int_eq(conf_source_text(&src, "t.conf", span_str(text), NULL), 0);
	root = node_parse(&src, arena, &ps);
	ck_assert_msg(root != NULL, "%s", text);
	item_fill(&c, &section, t, root);
	conf_problems_text(&ps, said);
	conf_problems_fini(&ps);
	conf_source_fini(&src);
}

START_TEST(an_empty_group_is_all_defaults)
{
	struct arena a;
	struct str said = STR_INIT;
	struct thing t;

	arena_init(&a, NULL, 0, 0);
	fill(&t, &a, "", &said);
	ck_assert_uint_eq(said.len, 0);
	ck_assert(t.on && t.count == 3 && t.wait == 2000 && t.bytes == 4096 && t.inherited == -1);
	ck_assert_double_eq(t.share, 0.2);
	ck_assert_str_eq(t.text, "default");
	ck_assert_str_eq(t.choice, "alpha");
	ck_assert_int_eq(t.colour, COLOUR_UNSET);
	ck_assert(t.strs.n == 0 && t.nets.n == 0 && t.headers.n == 0 && t.nparts == 0);
	ck_assert_int_eq(t.optional, 0);
	arena_fini(&a);
}
END_TEST

START_TEST(every_type_is_read)
{
	struct arena a;
	struct str said = STR_INIT;
	struct thing t;

	arena_init(&a, NULL, 0, 0);
	fill(&t, &a,
	    "on = false; count = 10; wait = \"10ms\"; bytes = 2048; inherited = 0; share = 0.5;\n"
	    "text = \"x\"; choice = \"beta\"; colour = \"blue\"; strs = [ 1, 2 ]; nets = \"::1\";\n"
	    "headers = { X-A = \"1\"; };\nparts = ( \"p\", { name = \"q\"; size = \"2KiB\"; } );\n"
	    "named = { r = { size = \"0\"; }; }; optional = { };\n",
	    &said);
	ck_assert_msg(said.len == 0, "%s", said.data);
	ck_assert(!t.on && t.count == 10 && t.wait == 10 && t.bytes == 2048 && t.inherited == 0);
	ck_assert_double_eq(t.share, 0.5);
	ck_assert_int_eq(t.colour, COLOUR_BLUE);
	ck_assert_str_eq(t.choice, "beta");
	ck_assert_str_eq(t.strs.v[1], "2");
	ck_assert_uint_eq(t.nets.v[0].bits, 128);
	ck_assert_str_eq(t.headers.v[0].name, "X-A");
	ck_assert_uint_eq(t.nparts, 2);
	ck_assert_str_eq(t.parts[0].name, "p");
	ck_assert_int_eq(t.parts[0].size, 1024);
	ck_assert_int_eq(t.parts[1].size, 2048);
	ck_assert_int_eq(t.parts[1].at.line, 4);
	ck_assert_str_eq(t.named[0].name, "r");
	ck_assert_int_eq(t.named[0].size, 0);
	ck_assert_int_eq(t.optional, 7);
	arena_fini(&a);
}
END_TEST

START_TEST(each_mistake_is_told_what_to_write_and_leaves_the_default)
{
	static const char *const rows[][2] = {
		{ "on = 1;", "\"on\" is a number: write on = true or false" },
		{ "count = \"3\";", "\"count\" is a text in quotes: write count = a number" },
		{ "count = 1.5;", "\"count\" is a number with a point" },
		{ "count = 11;", "\"count\" = 11 is out of range: write 1 to 10" },
		{ "count = -1;", "\"count\" = a negative number is out of range" },
		{ "wait = 5;", "\"wait\" is a number: write wait = a duration in quotes" },
		{ "wait = \"5\";", "\"wait\": " },
		{ "wait = \"2h\";", "\"wait\" = 2h is out of range: write 10ms to 1m" },
		{ "bytes = \"1k\";", NULL },
		{ "bytes = \"999\";", "\"bytes\" = 999 is out of range: write 1KiB or more" },
		{ "bytes = \"99999999999999999999\";", "\"bytes\": " },
		{ "share = \"60%\";", "\"share\" is out of range: write 0% to 50%" },
		{ "share = true;", "\"share\" is true or false: write share = a share" },
		{ "text = \"\";", "\"text\" is empty: a word" },
		{ "text = [ \"a\" ];", "\"text\" is a list: write text = a text in quotes" },
		{ "choice = \"gamma\";", "unknown value \"gamma\": write one of \"alpha\", \"beta\"" },
		{ "choice = \"bta\";", "unknown value \"bta\": did you mean \"beta\"?" },
		{ "colour = \"\";", "\"colour\": unknown value \"\"" },
		{ "strs = true;", "\"strs\" is true or false: write strs = texts in quotes" },
		{ "strs = [ \"\" ];", "\"strs\" holds an empty text: remove it" },
		{ "nets = [ \"10.0.0.0/40\" ];", "\"nets\": " },
		{ "headers = [ \"a\" ];", "\"headers\" is a list: write headers = { Name" },
		{ "headers = { A = 1; };", "\"A\" in \"headers\" is a number: write A = \"value\"" },
		{ "headers = { A = \"1\"; a = \"2\"; };", "header a is given twice" },
		{ "parts = { };", "\"parts\" is a group { … }: write parts = ( { … }, { … } )" },
		{ "parts = ( 5 );", "\"parts\" holds a number: each entry is a group" },
		{ "parts = ( { size = \"1\"; } );", "\"name\" is missing: write name = a text" },
		{ "named = ( );", "\"named\" is a list: write named = { name = { … }; }" },
		{ "named = { a = 1; };", "\"named\" is a number: write named = { name" },
		{ "named = { a = { name = \"b\"; }; };", "unknown key \"name\"" },
		{ "optional = 3;", "\"optional\" is a number: write optional = { key = value; }" },
		{ "conut = 3;", "t.conf:1: unknown key \"conut\": did you mean \"count\"?" },
		{ "zzzzzz = 3;", "unknown key \"zzzzzz\": known here are on, count, wait, " },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str said = STR_INIT;
		struct arena a;
		struct thing t;

		arena_init(&a, NULL, 0, 0);
		fill(&t, &a, rows[i][0], &said);
		if (rows[i][1] == NULL)
			ck_assert_msg(said.len == 0, "%s: %s", rows[i][0], said.data);
		else
			ck_assert_msg(said.len > 0 && strstr(said.data, rows[i][1]) != NULL,
			    "%s says: %s", rows[i][0], said.data == NULL ? "" : said.data);
		ck_assert(t.on && t.count == 3 && t.wait == 2000 && t.share > 0.19 &&
		    strcmp(t.text, "default") == 0 && t.strs.n == 0 && t.optional == 0);
		str_fini(&said);
		arena_fini(&a);
	}
}
END_TEST

START_TEST(the_distance_of_words_counts_what_a_typist_does)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 },
		{ "a", "", 1 },
		{ "timeout", "timeout", 0 },
		{ "timeuot", "timeout", 1 },
		{ "timout", "timeout", 1 },
		{ "timeouts", "timeout", 1 },
		{ "tomeout", "timeout", 1 },
		{ "abcd", "wxyz", 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_uint_eq(suggest_distance(rows[i].a, rows[i].b), rows[i].distance);
		ck_assert_uint_eq(suggest_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}
END_TEST

static void
check_defaults(const struct section *s)
{
	for (unsigned i = 0; i < s->nitems; i++) {
		const struct item *it = &s->items[i];
		struct conf_problems ps = { 0 };
		struct item_ctx c;
		struct arena a;
		char field[64] __attribute__((aligned(16))) = { 0 };

		ck_assert_msg(it->help != NULL && it->help[0] != '\0', "%s has no help", it->name);
		if (it->sub != NULL) {
			check_defaults(it->sub);
			continue;
		}
		arena_init(&a, NULL, 0, 0);
		c = (struct item_ctx){ .arena = &a, .problems = &ps };
		value_default(&c, it, field);
		ck_assert_msg(ps.n == 0, "%s: %s", it->name, ps.n > 0 ? ps.v[0].text : "");
		ck_assert_msg(
		    value_is_default(it, field), "%s does not print its default", it->name);
		conf_problems_fini(&ps);
		arena_fini(&a);
	}
}

START_TEST(every_row_has_a_help_text_and_a_default_its_own_reader_takes)
{
	check_defaults(&schema_top);
}
END_TEST

UNIT_MAIN("conf/item", an_empty_group_is_all_defaults, every_type_is_read,
    each_mistake_is_told_what_to_write_and_leaves_the_default,
    the_distance_of_words_counts_what_a_typist_does,
    every_row_has_a_help_text_and_a_default_its_own_reader_takes)

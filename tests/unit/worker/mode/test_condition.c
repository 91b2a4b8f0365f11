#include "tests/unit/unit.h"
#include "worker/mode/condition.c"

static struct arena arena;
static struct field room[40];
static struct fields fields;

/* "Name: value\nName: value" */
static void
head(const char *text)
{
	struct span rest = span_str(text), line, name;

	fields = (struct fields){ .v = room, .size = ARRAY_LEN(room) };
	while (text[0] != '\0' && span_split(&rest, '\n', &line)) {
		ck_assert(span_split(&line, ':', &name));
		fields_add(&fields, name, span_trim(line), line);
		fields.v[fields.n - 1].id = (uint16_t)name_find(name);
		fields.have[fields.v[fields.n - 1].id >> 6] |=
		    1ull << (fields.v[fields.n - 1].id & 63);
	}
}

static enum regex_answer
ask(enum conf_where where, const char *name, const char *text, const char *headers,
    const char *query)
{
	struct conf_condition x = { .where = where, .name = name, .id = name_find(span_str(name)) };
	struct condition_query q = { .fields = &fields, .query = span_str(query) };

	arena_init(&arena, NULL, 0, 0);
	if (text[0] != '\0')
		ck_assert_ptr_nonnull(x.re = regex_compile(&arena, text, NULL));
	head(headers);
	q.nfields = fields.n;
	enum regex_answer a = condition_ask(&x, &q);

	arena_fini(&arena);
	return a;
}

struct row { const char *name, *text, *of; enum regex_answer answer; };

START_TEST(a_header_is_any_line_of_its_name)
{
	static const struct row rows[] = {
		{ "User-Agent", "^bot", "User-Agent: bot/1", REGEX_YES },
		{ "user-agent", "^bot", "USER-AGENT: bot/1", REGEX_YES },
		{ "User-Agent", "^bot", "User-Agent: a bot", REGEX_NO },
		{ "User-Agent", "^bot$", "User-Agent:   bot \t", REGEX_YES },
		{ "User-Agent", "^$", "User-Agent:", REGEX_YES },
		{ "User-Agent", "", "User-Agent:", REGEX_YES },
		{ "User-Agent", "", "X: y", REGEX_NO },
		{ "User-Agent", "", "", REGEX_NO },
		{ "User-Agent", "bot", "X-User-Agent: bot", REGEX_NO },
		{ "X-Canary", "^1$", "x-canary: 0\nX-CANARY: 1", REGEX_YES },
		{ "X-Canary", "^1$", "X-Canary: 1\nX-Canary: 0", REGEX_YES },
		{ "X-Canary", "^1$", "X-Canary: 0\nX-Other: 1", REGEX_NO },
		{ "X-Canary", "^1,0$", "X-Canary: 1\nX-Canary: 0", REGEX_NO },	/* lines are not joined */
		{ "X-Canary", "^(a+)+$", "X-Canary: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", REGEX_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(ask(IN_HEADER, rows[i].name, rows[i].text, rows[i].of, NULL) ==
		    rows[i].answer, "row %zu", i);
}
END_TEST

START_TEST(a_parameter_is_decoded_once_and_may_be_repeated)
{
	static const struct row rows[] = {
		{ "v", "^2$", "v=2", REGEX_YES },
		{ "v", "^2$", "a=1&v=2&b=3", REGEX_YES },
		{ "v", "^2$", "v=1&v=2", REGEX_YES },
		{ "v", "^2$", "v=2&v=1", REGEX_YES },
		{ "v", "^2$", "v=1&w=2", REGEX_NO },
		{ "v", "^2$", "V=2", REGEX_NO },
		{ "v", "^2$", "vv=2&av=2", REGEX_NO },
		{ "v", "^2$", "%76=2", REGEX_YES },
		{ "v", "^2$", "v=%32", REGEX_YES },
		{ "v", "^%32$", "v=%2532", REGEX_YES },		/* once */
		{ "v", "^2$", "v=%2532", REGEX_NO },
		{ "v", "^%zz%4$", "v=%zz%4", REGEX_YES },	/* broken escapes stay */
		{ "v", "^a+b c$", "v=a+b%20c", REGEX_NO },
		{ "v", "^a\\+b c$", "v=a+b%20c", REGEX_YES },
		{ "v", "^a=b$", "v=a=b", REGEX_YES },
		{ "v", "", "v", REGEX_YES },
		{ "v", "", "v=", REGEX_YES },
		{ "v", "^$", "v", REGEX_YES },
		{ "v", "", "w", REGEX_NO },
		{ "v", "", "", REGEX_NO },
		{ "v", "", "&&=&", REGEX_NO },
		{ "filter[x]", "1", "filter%5Bx%5D=1", REGEX_YES },
		{ "filter[x]", "1", "filter[x]=1", REGEX_YES },
		{ "v", "a.b", "v=a%0ab", REGEX_YES },
		{ "v", "b$", "v=b%0a", REGEX_NO },
		{ "v", "x", "v=0&v=1&v=2&v=3&v=4&v=5&v=6&v=7&v=8&v=9&v=a&v=b&v=c&v=d&v=e&v=x", REGEX_YES },
		{ "v", "x", "v=0&v=1&v=2&v=3&v=4&v=5&v=6&v=7&v=8&v=9&v=a&v=b&v=c&v=d&v=e&v=f&v=x", REGEX_FAILED },
		{ "v", "", "w=0&v=0", REGEX_YES },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(ask(IN_QUERY, rows[i].name, rows[i].text, "", rows[i].of) ==
		    rows[i].answer, "row %zu: %s", i, rows[i].of);
	ck_assert_int_eq(ask(IN_QUERY, "v", "", "", NULL), REGEX_NO);
}
END_TEST

START_TEST(a_cookie_is_found_in_whatever_a_client_sends)
{
	static const struct row rows[] = {
		{ "beta", "^1$", "Cookie: beta=1", REGEX_YES },
		{ "beta", "^1$", "Cookie: a=2; beta=1; c=3", REGEX_YES },
		{ "beta", "^1$", "Cookie: a=2;beta=1;", REGEX_YES },
		{ "beta", "^1$", "Cookie:  ; ;; beta = 1 ;", REGEX_YES },
		{ "beta", "^1$", "Cookie: beta=\"1\"", REGEX_YES },
		{ "beta", "^\"1$", "Cookie: beta=\"1", REGEX_YES },
		{ "beta", "^\"$", "Cookie: beta=\"", REGEX_YES },
		{ "beta", "^a=b$", "Cookie: beta=a=b", REGEX_YES },
		{ "beta", "^1$", "Cookie: Beta=1", REGEX_NO },
		{ "beta", "^1$", "Cookie: beta=0; beta=1", REGEX_YES },
		{ "beta", "^1$", "Cookie: beta=0\nCookie: beta=1", REGEX_YES },
		{ "beta", "^1$", "Cookie: beta=0\nX-Cookie: beta=1", REGEX_NO },
		{ "beta", "", "Cookie: alpha=beta", REGEX_NO },
		{ "beta", "", "Cookie: =beta", REGEX_NO },
		{ "beta", "", "Cookie: beta", REGEX_YES },
		{ "beta", "", "Cookie: beta=", REGEX_YES },
		{ "beta", "%31", "Cookie: beta=%31", REGEX_YES },	/* a cookie has no escapes */
		{ "__Host-sid", "^x", "Cookie: __Host-sid=xyz", REGEX_YES },
		{ "beta", "", "Accept: beta=1", REGEX_NO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(ask(IN_COOKIE, rows[i].name, rows[i].text, rows[i].of, NULL) ==
		    rows[i].answer, "row %zu: %s", i, rows[i].of);
}
END_TEST

START_TEST(fields_of_our_own_are_not_the_clients)
{
	struct conf_condition x = { .where = IN_HEADER, .name = "Via", .id = H_VIA };
	struct condition_query q = { .fields = &fields, .nfields = 1 };

	head("Accept: x\nVia: 1.1 proxyd");
	ck_assert_int_eq(condition_ask(&x, &q), REGEX_NO);
	q.nfields = 2;
	ck_assert_int_eq(condition_ask(&x, &q), REGEX_YES);
	q.fields = NULL;
	ck_assert_int_eq(condition_ask(&x, &q), REGEX_NO);
}
END_TEST

UNIT_MAIN("worker/mode/condition", a_header_is_any_line_of_its_name,
    a_parameter_is_decoded_once_and_may_be_repeated, a_cookie_is_found_in_whatever_a_client_sends,
    fields_of_our_own_are_not_the_clients)

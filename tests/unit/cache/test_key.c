/* test_key.c - the text of keys, query rules, and that every part counts. */
#include "tests/unit/unit.h"
#include "cache/key.h"

static char room[KEY_TEXT_MAX];

static struct span
text(struct key_parts k)
{
	size_t n = key_text(room, &k);

	return n == 0 ? SPAN("none") : span_make(room, n);
}

static struct span
query(const char *q, bool sort, const char *const *drop)
{
	return text((struct key_parts){ .scope = SPAN("s"), .host = SPAN("h"), .path = SPAN("/p"),
	    .query = span_str(q), .sort_query = sort, .drop = drop });
}

#define IS(span, str)	ck_assert_msg(span_eq_str(span, str), "%.*s", SPAN_ARG(span))

START_TEST(a_key_names_all_that_picks_the_response)
{
	IS(text((struct key_parts){ .scope = SPAN("api"),
	       .https = true,
	       .host = SPAN("a.example:8443"),
	       .path = SPAN("/x%2F"),
	       .query = SPAN("b=1&a") }),
	    "api https://a.example:8443/x%2F?b=1&a");
	IS(text((struct key_parts){ .host = SPAN("h"), .path = SPAN(""), .query = SPAN_NONE }),
	    " http://h/");
	IS(text((struct key_parts){ .host = SPAN("h"), .path = SPAN("/"), .query = SPAN("") }),
	    " http://h/?");
}
END_TEST

START_TEST(queries_are_sorted_and_thinned_where_asked)
{
	static const char *const drop[] = { "utm_source", "fbclid", NULL };

	IS(query("b=2&a=1&b=1", true, NULL), "s http://h/p?a=1&b=2&b=1");
	IS(query("b=2&a=1&b=1", false, NULL), "s http://h/p?b=2&a=1&b=1");
	IS(query("ab=1&a=2&a", true, NULL), "s http://h/p?a=2&a&ab=1");
	IS(query("z=1&utm_source=x&fbclid&a=2", false, drop), "s http://h/p?z=1&a=2");
	IS(query("z=1&utm_source=x&fbclid&a=2", true, drop), "s http://h/p?a=2&z=1");
	IS(query("utm_source=x&fbclid", true, drop), "s http://h/p");
	IS(query("utm_sourcex=x", true, drop), "s http://h/p?utm_sourcex=x");
	IS(query("&&", true, NULL), "s http://h/p?&&");
	IS(query("", true, drop), "s http://h/p?");
}
END_TEST

START_TEST(what_is_too_long_has_no_key)
{
	static char path[KEY_TEXT_MAX + 1];
	static char many[2048];

	memset(path, 'x', sizeof path);
	IS(text((struct key_parts){
	       .host = SPAN("h"), .path = span_make(path, KEY_TEXT_MAX - 9 + 1) }),
	    "none");
	ck_assert_uint_eq(
	    text((struct key_parts){ .host = SPAN("h"), .path = span_make(path, KEY_TEXT_MAX - 9) })
		.n,
	    KEY_TEXT_MAX);
	/* Too many parameters to sort: as they came. */
	for (size_t i = 0; i < 600; i++)
		memcpy(many + 3 * i, i == 0 ? "b=1" : "&a=", 3);
	ck_assert_ptr_nonnull(strstr(query(many, true, NULL).p, "?b=1&a="));
}
END_TEST

START_TEST(another_text_or_secret_is_another_key)
{
	struct sip_key one = { { 1, 2 } }, two = { { 1, 3 } };
	struct key a = key_of(&one, SPAN("x")), b = key_of(&one, SPAN("x"));

	ck_assert_mem_eq(a.b, b.b, sizeof a.b);
	b = key_of(&one, SPAN("y"));
	ck_assert_mem_ne(a.b, b.b, sizeof a.b);
	b = key_of(&two, SPAN("x"));
	ck_assert_mem_ne(a.b, b.b, sizeof a.b);
}
END_TEST

UNIT_MAIN("cache/key", a_key_names_all_that_picks_the_response,
    queries_are_sorted_and_thinned_where_asked, what_is_too_long_has_no_key,
    another_text_or_secret_is_another_key)

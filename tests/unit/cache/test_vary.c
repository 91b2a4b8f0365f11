/* test_vary.c - which requests share a variant, and which do not. */
#include "tests/unit/unit.h"
#include "cache/key.h"

#include <stdio.h>

static struct field rooms[2][64];
static struct fields sets[2];
static const struct sip_key secret = { { 7, 8 } };
static const struct key primary = { "0123456789abcde" };

/* "Name: value|Name: value" */
static const struct fields *
head(int which, const char *text)
{
	struct fields *f = &sets[which];
	struct span rest = span_str(text), line;

	*f = (struct fields){ .v = rooms[which], .size = 64 };
	while (span_split(&rest, '|', &line)) {
		ptrdiff_t colon = span_find(line, ':');

		if (colon >= 0)
			fields_add(f, span_make(line.p, (size_t)colon),
			    span_trim(span_make(line.p + colon + 1, line.n - (size_t)colon - 1)),
			    SPAN_NONE);
	}
	return f;
}

static bool
same(const char *vary, const char *a, const char *b, struct vary_rules rules)
{
	char names[VARY_TEXT_MAX];
	struct key keys[2];
	size_t n = vary_names(names, head(0, vary));

	ck_assert(n != SIZE_MAX);
	ck_assert(
	    vary_key(&keys[0], &secret, &primary, 1, span_make(names, n), head(0, a), &rules));
	ck_assert(
	    vary_key(&keys[1], &secret, &primary, 1, span_make(names, n), head(1, b), &rules));
	return memcmp(keys[0].b, keys[1].b, sizeof keys[0].b) == 0;
}

START_TEST(names_are_a_sorted_set)
{
	char out[VARY_TEXT_MAX];
	static const struct {
		const char *vary, *names;
	} rows[] = { { "Vary: Foo", "foo" }, { "Vary: b, A,b", "a,b" },
		{ "Vary: b|X: y|vary: , a ,", "a,b" }, { "X: y", "" }, { "Vary:", "" },
		{ "Vary: *", NULL }, { "Vary: a, *", NULL }, { "Vary: a|Vary: *", NULL },
		{ "Vary: \"a, b\"", NULL }, { "Vary: a b", NULL }, { "Vary: a;q=1", NULL } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = vary_names(out, head(0, rows[i].vary));

		if (rows[i].names == NULL)
			ck_assert_uint_eq(n, SIZE_MAX);
		else
			ck_assert_msg(span_eq_str(span_make(out, n), rows[i].names), "%s: %.*s",
			    rows[i].vary, (int)n, out);
	}
}
END_TEST

START_TEST(too_many_or_too_long_names_are_not_stored)
{
	static char vary[VARY_TEXT_MAX + 16] = "Vary: a0", out[VARY_TEXT_MAX];
	size_t n = strlen(vary);

	for (int i = 1; i < VARY_MAX; i++)
		n += (size_t)snprintf(vary + n, sizeof vary - n, ",a%d", i);
	ck_assert_uint_ne(vary_names(out, head(0, vary)), SIZE_MAX);
	snprintf(vary + n, sizeof vary - n, ",one-more");
	ck_assert_uint_eq(vary_names(out, head(0, vary)), SIZE_MAX);
	memset(vary + 6, 'x', VARY_TEXT_MAX + 1);
	ck_assert_uint_eq(vary_names(out, head(0, vary)), SIZE_MAX);
}
END_TEST

START_TEST(values_are_compared_without_what_does_not_matter)
{
	static const struct vary_rules none;

	ck_assert(same("Vary: foo", "Foo: a, b", "foo: a,b", none));
	ck_assert(same("Vary: foo", "Foo: a|Foo: b", "Foo: a ,\tb", none));
	ck_assert(same("Vary: foo", "X: 1", "X: 2", none));
	ck_assert(!same("Vary: foo", "Foo: a", "Foo: b", none));
	ck_assert(!same("Vary: foo", "Foo: a", "Foo: A", none));
	ck_assert(!same("Vary: foo", "Foo:", "X: 1", none));
	ck_assert(!same("Vary: foo", "Foo: a, b", "Foo: b, a", none));
	/* values may not run into each other */
	ck_assert(!same("Vary: foo, goo", "Foo: a|Goo: b", "Foo: ab|Goo:", none));
	ck_assert(!same("Vary: foo, goo", "Foo: a", "Goo: a", none));
}
END_TEST

START_TEST(preferences_are_compared_as_such_where_a_route_says_so)
{
	static const struct vary_rules none, all = { true, true };
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "Accept-Encoding: gzip;q=1, br", "Accept-Encoding: br,GZIP", true },
		{ "Accept-Encoding: gzip;q=0.5, br", "Accept-Encoding: br , gzip;q=0.9", true },
		{ "Accept-Encoding: gzip;q=0.5, br", "Accept-Encoding: gzip, br;q=0.9", false },
		{ "Accept-Encoding: gzip;q=0, br", "Accept-Encoding: gzip;q=0.001, br", false },
		{ "Accept-Encoding: gzip;q=0.000", "Accept-Encoding: gzip;q=0", true },
		{ "Accept-Encoding: gzip", "Accept-Encoding: br", false },
		{ "Accept-Encoding: gzip", "X: y", false },
		{ "Accept-Encoding: gzip;q=x", "Accept-Encoding: gzip", true },
		{ "Accept-Encoding: gzip;q=7", "Accept-Encoding: gzip", true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(
		    same("Vary: Accept-Encoding", rows[i].a, rows[i].b, all) == rows[i].same,
		    "%s / %s", rows[i].a, rows[i].b);
	ck_assert(same("Vary: Accept-Language", "Accept-Language: en, de;q=0.5",
	    "Accept-Language: EN,de;q=0.1", all));
	ck_assert(!same("Vary: Accept-Language", "Accept-Language: en, de;q=0.5",
	    "Accept-Language: EN,de;q=0.1", none));
}
END_TEST

START_TEST(a_purge_or_another_url_is_another_variant)
{
	static const struct vary_rules none;
	struct key a, b, other = { "x" };

	ck_assert(vary_key(&a, &secret, &primary, 1, SPAN("foo"), head(0, "Foo: a"), &none));
	ck_assert(vary_key(&b, &secret, &primary, 2, SPAN("foo"), head(0, "Foo: a"), &none));
	ck_assert_mem_ne(a.b, b.b, sizeof a.b);
	ck_assert(vary_key(&b, &secret, &other, 1, SPAN("foo"), head(0, "Foo: a"), &none));
	ck_assert_mem_ne(a.b, b.b, sizeof a.b);
}
END_TEST

START_TEST(values_that_do_not_fit_have_no_variant)
{
	static char text[VARY_TEXT_MAX + 16] = "Foo: ";
	static const struct vary_rules none;
	struct key k;

	memset(text + 5, 'x', VARY_TEXT_MAX);
	ck_assert(!vary_key(&k, &secret, &primary, 1, SPAN("foo"), head(0, text), &none));
}
END_TEST

UNIT_MAIN("cache/vary", names_are_a_sorted_set, too_many_or_too_long_names_are_not_stored,
    values_are_compared_without_what_does_not_matter,
    preferences_are_compared_as_such_where_a_route_says_so,
    a_purge_or_another_url_is_another_variant, values_that_do_not_fit_have_no_variant)

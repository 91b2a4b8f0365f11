/*
 * test_pattern.c - path templates: what matches, what is captured, which of two wins, what is refused.
 */
#include "conf/pattern.h"
#include "tests/unit/unit.h"

static struct pattern
compiled(struct arena *a, const char *text)
{
	struct pattern p;
	struct errdetail ed = { 0 };

	ck_assert_msg(pattern_compile(&p, a, text, &ed) == 0, "%s: %s", text, ed.text);
	return p;
}

START_TEST(templates_match_segment_by_segment)
{
	static const struct {
		const char *pattern, *path;
		bool match;
		const char *value;
	} rows[] = {
		{ "/", "/", true, NULL },
		{ "/", "/a", false, NULL },
		{ "/a", "/a", true, NULL },
		{ "/a", "/a/", false, NULL },
		{ "/a/", "/a/", true, NULL },
		{ "/a/", "/a", false, NULL },
		{ "/a", "/A", false, NULL },
		{ "/v1/{id}", "/v1/7", true, "7" },
		{ "/v1/{id}", "/v1/", false, NULL },
		{ "/v1/{id}", "/v1/7/8", false, NULL },
		{ "/v1/{id=*}/x", "/v1/7/x", true, "7" },
		{ "/v1/*/x", "/v1/7/x", true, NULL },
		{ "/**", "/", true, NULL },
		{ "/**", "/a//b/", true, NULL },
		{ "/static/**", "/static", true, NULL },
		{ "/static/**", "/static/", true, NULL },
		{ "/static/**", "/static/a/b", true, NULL },
		{ "/static/**", "/statics", false, NULL },
		{ "/f/{rest=**}", "/f/a/b", true, "a/b" },
		{ "/f/{rest=**}", "/f", true, "" },
		{ "/f/{rest=**}", "/f/", true, "" },
		{ "/v1/{id}:cancel", "/v1/7:cancel", true, "7" },
		{ "/v1/{id}:cancel", "/v1/7", false, NULL },
		{ "/v1/{id}:cancel", "/v1/:cancel", false, NULL },
		{ "/v1/{id}", "/v1/7:cancel", true, "7:cancel" },
		{ "/a:b", "/a:b", true, NULL },
		{ "/a%2Fb", "/a%2Fb", true, NULL },
		{ "/a", "", false, NULL },
		{ "/a", "a", false, NULL },
		{ "/a", "*", false, NULL },
	};
	struct pattern_capture v[PATTERN_CAPTURES];
	struct arena a;
	unsigned n;

	arena_init(&a, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pattern p = compiled(&a, rows[i].pattern);

		ck_assert_msg(pattern_match(&p, span_str(rows[i].path), v, &n) == rows[i].match,
		    "%s on %s", rows[i].pattern, rows[i].path);
		if (rows[i].value == NULL)
			continue;
		ck_assert_uint_eq(n, 1);
		ck_assert_msg(span_eq_str(v[0].value, rows[i].value), "%s: got " SPAN_FMT,
		    rows[i].path, SPAN_ARG(v[0].value));
	}
	arena_fini(&a);
}
END_TEST

START_TEST(bad_templates_are_refused_with_a_remedy)
{
	static const char *const rows[][2] = {
		{ "a", "does not begin with '/'" },
		{ "/a//b", "empty segment" },
		{ "/**/a", "must be last" },
		{ "/{a}/{a}", "there twice" },
		{ "/{a", "cannot stand in" },
		{ "/x{a}", "cannot stand in" },
		{ "/{}", "a name between braces" },
		{ "/{a-b}", "a name between braces" },
		{ "/{a=x/*}", "cannot stand in" },
		{ "/{a=b}", "=* or =** only" },
		{ "/a b", "cannot stand in" },
		{ "/a?b", "cannot stand in" },
		{ "/%7e", "write \"%7e\" as \"~\"" },
		{ "/%2f", "write \"%2f\" as \"%2F\"" },
		{ "/..", "can be in no accepted path" },
		{ "/%zz", "can be in no accepted path" },
		{ "/:v", "a verb follows a segment" },
		{ "/a:", "a verb follows a segment" },
		{ "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3",
		    "more than 32 segments" },
		{ "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}",
		    "more than 16 names" },
	};
	struct pattern p;
	struct arena a;

	arena_init(&a, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_msg(pattern_compile(&p, &a, rows[i][0], &ed) < 0, "%s", rows[i][0]);
		ck_assert_msg(strstr(ed.text, rows[i][1]) != NULL, "%s: %s", rows[i][0], ed.text);
	}
	arena_fini(&a);
}
END_TEST

START_TEST(literals_win_over_segments_over_the_end_over_the_rest)
{
	static const char *const order[] = { "/a/b/c", "/a/b/{x}", "/a/b", "/a/b/**", "/a/{x}:verb",
		"/a/{x}", "/a", "/a/**", "/{x}/b", "/{x}", "/**" };
	struct arena a;

	arena_init(&a, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t j = 0; j < ARRAY_LEN(order); j++) {
			struct pattern p = compiled(&a, order[i]), q = compiled(&a, order[j]);
			int c = pattern_compare(&p, &q);

			ck_assert_msg(i == j ? c == 0 :
				i < j        ? c < 0 :
					       c > 0,
			    "%s against %s: %d", order[i], order[j], c);
		}
	arena_fini(&a);
}
END_TEST

START_TEST(overlap_means_that_some_path_matches_both)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "/a", "/a", true },
		{ "/a", "/b", false },
		{ "/a/{x}", "/a/{y}", true },
		{ "/a/{x}", "/a/b", true },
		{ "/{x}/b", "/a/{y}", true },
		{ "/a/{x}", "/a/", false },
		{ "/a/**", "/a", true },
		{ "/a/**", "/b/**", false },
		{ "/**", "/a/b/c", true },
		{ "/a/{x}", "/a", false },
		{ "/a/{x}:v", "/a/{x}", true },
		{ "/a/{x}:v", "/a/{x}:w", false },
		{ "/a/b:v", "/a/b", false },
		{ "/", "/{x}", false },
	};
	struct arena a;

	arena_init(&a, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pattern p = compiled(&a, rows[i].a), q = compiled(&a, rows[i].b);

		ck_assert_msg(
		    pattern_overlap(&p, &q) == rows[i].overlap, "%s and %s", rows[i].a, rows[i].b);
		ck_assert_msg(
		    pattern_overlap(&q, &p) == rows[i].overlap, "%s and %s", rows[i].b, rows[i].a);
	}
	arena_fini(&a);
}
END_TEST

UNIT_MAIN("conf/pattern", templates_match_segment_by_segment,
    bad_templates_are_refused_with_a_remedy, literals_win_over_segments_over_the_end_over_the_rest,
    overlap_means_that_some_path_matches_both)

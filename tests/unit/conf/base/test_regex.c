#include <stdio.h>
#include <time.h>
#include "tests/unit/unit.h"

#include "conf/base/regex.c"

static struct arena arena;

static const struct regex *
compiled(const char *text)
{
	struct errdetail ed = { 0 };
	const struct regex *re;

	if (arena.total == 0)
		arena_init(&arena, NULL, 0, 0);
	re = regex_compile(&arena, text, &ed);
	ck_assert_msg(re != NULL, "%s: %s", text, ed.text);
	return re;
}

START_TEST(it_searches_bytes_and_anchors_only_where_told)
{
	static const struct { const char *text, *subject; enum regex_answer answer; } rows[] = {
		{ "b", "abc", REGEX_YES },
		{ "^b", "abc", REGEX_NO },
		{ "b$", "abc", REGEX_NO },
		{ "c$", "abc", REGEX_YES },
		{ "c$", "abc\n", REGEX_NO },		/* "$" is the very end */
		{ "a.c", "a\nc", REGEX_YES },		/* "." is any byte */
		{ "^...$", "\xc3\xa4x", REGEX_YES },	/* an umlaut is two of them */
		{ "B", "abc", REGEX_NO },
		{ "(?i)B", "abc", REGEX_YES },
		{ "(?i:B)c", "abc", REGEX_YES },
		{ "(?i:B)C", "abc", REGEX_NO },
		{ "", "", REGEX_YES },
		{ "", "abc", REGEX_YES },
		{ "^$", "", REGEX_YES },
		{ "^$", "a", REGEX_NO },
		{ "(a)(b)\\2\\1", "xabbay", REGEX_YES },
		{ "^(?:a|b)+$", "abba", REGEX_YES },
		{ "^a|b$", "xb", REGEX_YES },
		{ "(?x) a b # c", "ab", REGEX_YES },
		{ "\\Qa.b", "xa.b", REGEX_YES },
		{ "(?=b)a?b", "b", REGEX_YES },		/* refused by PCRE2 10.42 on its own */
		{ "\\Qa.b", "xacb", REGEX_NO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(regex_match(compiled(rows[i].text), span_str(rows[i].subject)) ==
		    rows[i].answer, "row %zu: %s", i, rows[i].text);
	arena_fini(&arena);
}
END_TEST

START_TEST(what_is_wrong_is_told_with_its_column)
{
	static const struct { const char *text, *said; } rows[] = {
		{ "a(b", "column 4: missing closing parenthesis" },
		{ "ab)", "column 3: unmatched closing parenthesis" },
		{ "x[a-", "column 5: missing terminating ] for character class" },
		{ "*", "column 1: quantifier does not follow a repeatable item" },
		{ "(*UTF)a", "column 7: using UTF is disabled" },
		{ "(?<=a*)b", "lookbehind assertion is not fixed length" },
		{ "(((abc){99}){99}){99}", "regular expression is too large" },
	};
	char text[REGEX_TEXT + 2];

	arena_init(&arena, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_msg(
		    regex_compile(&arena, rows[i].text, &ed) == NULL, "%s", rows[i].text);
		ck_assert_msg(strstr(ed.text, rows[i].said) != NULL, "%s", ed.text);
		ck_assert_int_eq(ed.code, -E_SYNTAX);
	}
	memset(text, 'a', sizeof text);
	text[REGEX_TEXT + 1] = '\0';
	struct errdetail ed = { 0 };

	ck_assert_ptr_null(regex_compile(&arena, text, &ed));
	ck_assert_int_eq(ed.code, -E_LIMIT);
	text[REGEX_TEXT] = '\0';
	ck_assert_ptr_nonnull(regex_compile(&arena, text, NULL));
	arena_fini(&arena);
}
END_TEST

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Subjects that take the plain form seconds when only its own limit holds it. */
START_TEST(no_subject_makes_a_match_expensive)
{
	static const struct { const char *text, *tail; enum regex_answer answer; } rows[] = {
		{ "a*a*a*b", "!b", REGEX_FAILED },
		{ "^(a+)+$", "!", REGEX_FAILED },
		{ "(a+)+b", "!b", REGEX_FAILED },
		{ "(a|aa)+$", "!", REGEX_FAILED },
		{ "(?:a|b)*c", "!cx", REGEX_FAILED },
		{ "(a+)+b(*ACCEPT)", "!b", REGEX_FAILED },
		{ "a*b", "!b", REGEX_YES },		/* long, and no step of it is one too many */
		{ "aa!b", "!b", REGEX_YES },
	};
	static const size_t lengths[] = { 64, 447, 2000, REGEX_SUBJECT };
	char subject[REGEX_SUBJECT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			size_t n = lengths[k], tail = strlen(rows[i].tail);
			const struct regex *re = compiled(rows[i].text);
			enum regex_answer a;
			double ms;

			memset(subject, 'a', n);
			memcpy(subject + n - tail, rows[i].tail, tail);
			ms = cpu_ms();
			a = regex_match(re, span_make(subject, n));
			ms = cpu_ms() - ms;
			ck_assert_msg(ms < 400, "%s on %zu bytes: %.1f ms", rows[i].text, n, ms);
			if (n == REGEX_SUBJECT || rows[i].answer == REGEX_YES)
				ck_assert_msg(a == rows[i].answer, "%s on %zu bytes: %d",
				    rows[i].text, n, (int)a);
		}
	arena_fini(&arena);
}
END_TEST

START_TEST(a_subject_beyond_the_bound_fails_whatever_is_in_it)
{
	char subject[REGEX_SUBJECT + 1];

	memset(subject, 'a', sizeof subject);
	ck_assert_int_eq(regex_match(compiled("^a"), span_make(subject, REGEX_SUBJECT)), REGEX_YES);
	ck_assert_int_eq(
	    regex_match(compiled("^a"), span_make(subject, REGEX_SUBJECT + 1)), REGEX_FAILED);
	arena_fini(&arena);
}
END_TEST

/* The second form may decide what the first could not, but never something else. */
START_TEST(both_forms_say_the_same)
{
	static const char *const parts[] = { "a", "b", ".", "a*", "(?:ab)+", "[^a]", "(a|b)", "b?",
		"$", "^", "|", "a+?", "(?=b)", "(?<=a)", "(?i)A", "\\b" };
	unsigned matched = 0, compared = 0;

	srandom(7);
	for (unsigned i = 0; i < 5000; i++) {
		char text[64] = "", subject[12];
		size_t n = (size_t)random() % sizeof subject;
		const struct regex *re;
		int plain, whole;

		for (long k = 1 + random() % 5, at = 0; k > 0; k--)
			at += snprintf(text + at, sizeof text - (size_t)at, "%s",
			    parts[(size_t)random() % ARRAY_LEN(parts)]);
		for (size_t k = 0; k < n; k++)
			subject[k] = "ab \n"[random() % 4];
		re = compiled(text);
		if (re->whole == NULL)
			continue;
		plain = run(re->plain, span_make(subject, n), REGEX_STEPS);
		whole = run(re->whole, span_make(subject, n), REGEX_STEPS);
		ck_assert_msg(plain < -1 || whole < -1 || (plain < 0) == (whole < 0), "%s", text);
		compared += plain >= -1 && whole >= -1;
		matched += plain >= 0;
	}
	ck_assert_uint_gt(compared, 3000);
	ck_assert_uint_gt(matched, 1000);
	arena_fini(&arena);
}
END_TEST

UNIT_MAIN("conf/base/regex", it_searches_bytes_and_anchors_only_where_told,
    what_is_wrong_is_told_with_its_column, no_subject_makes_a_match_expensive,
    a_subject_beyond_the_bound_fails_whatever_is_in_it, both_forms_say_the_same)

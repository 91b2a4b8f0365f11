/*
 * fuzz_regex.c - any text as a regex of the configuration, against any subject. What compiles answers yes, no or that
 * it came to its limits, the same twice; a condition on it finds no more in a query or a cookie than is there.
 *
 *	the text of the regex, a newline, the subject
 */
#include <stdlib.h>
#include "worker/mode/condition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 64 << 10;	/* the arena's block and what PCRE2 begins with */

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Without the name in the text there is nothing to match. */
static void
judge(const struct regex *re, enum conf_where where, const struct condition_query *q, struct span s)
{
	const struct conf_condition x = {
		.where = where, .name = "n", .id = H_OTHER, .text = "x", .re = re
	};
	const struct conf_condition there = { .where = where, .name = "n", .text = "" };
	enum regex_answer a = condition_ask(&x, q);

	require(a == condition_ask(&x, q));
	if (condition_ask(&there, q) == REGEX_NO)
		require(a == REGEX_NO);
	if (span_find(s, 'n') < 0 && span_find(s, '%') < 0)
		require(a == REGEX_NO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size), text;
	struct field cookie = { .name = SPAN("Cookie"), .id = H_COOKIE };
	struct fields fields = { .v = &cookie, .n = 1, .size = 1 };
	struct condition_query q = { .fields = &fields, .nfields = 1 };
	struct arena arena;
	struct regex *re;
	char *copy;

	if (!span_split(&rest, '\n', &text) || rest.p == NULL ||
	    memchr(text.p, '\0', text.n) != NULL)
		return 0;
	arena_init(&arena, NULL, 0, 0);
	copy = arena_alloc(&arena, text.n + 1);
	memcpy(copy, text.p, text.n);
	re = regex_compile(&arena, copy, NULL);
	if (re != NULL) {
		require(regex_match(re, rest) == regex_match(re, rest));
		fields.have[H_COOKIE >> 6] |= 1ull << (H_COOKIE & 63);
		cookie.value = q.query = rest;
		judge(re, IN_QUERY, &q, rest);
		judge(re, IN_COOKIE, &q, rest);
	}
	arena_fini(&arena);
	return 0;
}

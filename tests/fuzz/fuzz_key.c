/*
 * fuzz_key.c - any bytes as Vary, as a query and as the fields Vary names: a text of names read again is itself,
 * and the same whatever the order of the names and the lines they came in; a sorted query sorts to itself; one
 * request has one key, which fields that are not named and the order of those that are do not change, and a purge
 * does.
 *
 *	lines: Vary, the query, then Accept-Encoding and Accept-Language in turn
 */
#include <stdlib.h>

#include "cache/key.h"
#include "conf/base/assert.h"

#define LINES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sip_key secret;

static void
add(struct fields *f, const char *name, struct span value)
{
	value = span_trim(value);
	if (http_is_value(value))
		(void)fields_add(f, span_str(name), value, SPAN_NONE);
}

static size_t
names_of(char *out, struct span value)
{
	struct field v[1];
	struct fields response = { .v = v, .size = 1 };

	add(&response, "Vary", value);
	return vary_names(out, &response);
}

/* Names as vary_names gives them, the last one first, each in a line of its own. */
static void
check_order(struct span names)
{
	static char again[VARY_TEXT_MAX];
	struct field v[VARY_MAX];
	struct fields response = { .v = v, .size = VARY_MAX };
	struct span name[VARY_MAX], rest = names;
	unsigned n = 0;

	while (span_split(&rest, ',', &name[n])) {
		ASSERT(n == 0 || !span_eq(name[n], name[n - 1]));
		if (++n == VARY_MAX)
			break;
	}
	ASSERT(rest.n == 0);
	while (n-- > 0)
		add(&response, "Vary", name[n]);
	ASSERT(vary_names(again, &response) == names.n && memcmp(again, names.p, names.n) == 0);
}

/* The fields of the second kind first, and one that nobody can name between them. */
static void
reorder(struct fields *out, const struct fields *request)
{
	for (unsigned i = 0; i < request->n; i++)
		if (request->v[i].id == H_ACCEPT_LANGUAGE)
			add(out, "Accept-Language", request->v[i].value);
	(void)fields_add(out, SPAN("("), SPAN("x"), SPAN_NONE);
	for (unsigned i = 0; i < request->n; i++)
		if (request->v[i].id != H_ACCEPT_LANGUAGE)
			add(out, "Accept-Encoding", request->v[i].value);
}

static void
check_names(struct span vary, const struct fields *request)
{
	static char names[VARY_TEXT_MAX], again[VARY_TEXT_MAX];
	const struct vary_rules rules = { .languages = true, .encodings = vary.n % 2 != 0 };
	struct field v[LINES + 1];
	struct fields other = { .v = v, .size = LINES + 1 };
	struct key primary = { { 1 } }, a = { { 0 } }, b = { { 0 } };
	size_t n = names_of(names, vary);

	if (n == 0 || n == SIZE_MAX)
		return;
	ASSERT(n <= sizeof names);
	ASSERT(names_of(again, span_make(names, n)) == n && memcmp(names, again, n) == 0);
	check_order(span_make(names, n));
	if (!vary_key(&a, &secret, &primary, 7, span_make(names, n), request, &rules))
		return;
	reorder(&other, request);
	ASSERT(vary_key(&b, &secret, &primary, 7, span_make(names, n), &other, &rules));
	ASSERT(memcmp(&a, &b, sizeof a) == 0);
	ASSERT(vary_key(&b, &secret, &primary, 8, span_make(names, n), request, &rules));
	ASSERT(memcmp(&a, &b, sizeof a) != 0);
}

static void
check_query(struct span query)
{
	static char text[KEY_TEXT_MAX], again[KEY_TEXT_MAX];
	static const char *const drop[] = { "utm", NULL };
	struct key_parts k = { .scope = SPAN("app"), .host = SPAN("a.test"), .path = SPAN("/"),
		.query = query, .sort_query = true, .drop = drop };
	size_t n = key_text(text, &k);
	ptrdiff_t mark = n == 0 ? -1 : span_find(span_make(text, n), '?');

	ASSERT(n <= sizeof text);
	if (mark < 0)
		return;
	k.query = span_make(text + mark + 1, n - (size_t)mark - 1);
	ASSERT(key_text(again, &k) == n && memcmp(text, again, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct field v[LINES];
	struct fields request = { .v = v, .size = LINES };
	struct span rest = span_make((const char *)data, size), vary, query, line;

	if (size == 0 || !span_split(&rest, '\n', &vary))
		return 0;
	if (!span_split(&rest, '\n', &query))
		query = SPAN_NONE;
	for (unsigned i = 0; span_split(&rest, '\n', &line); i++)
		add(&request, i % 2 == 0 ? "Accept-Encoding" : "Accept-Language", line);
	check_names(vary, &request);
	check_query(query);
	return 0;
}

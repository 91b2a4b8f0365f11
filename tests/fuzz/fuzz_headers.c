/*
 * fuzz_headers.c - any bytes as the fields we interpret: Cache-Control and what replaces it, Range, validators and
 * conditions. Seconds stay within bounds, ranges within the representation, an item within its field; nothing depends
 * on who looked before, and a list means the same in one line as in many.
 *
 *	lines: a letter that picks the name, then the value; the length of the representation is that of the input
 */
#include <stdlib.h>
#include "cache/directives.h"
#include "cache/precondition.h"
#include "cache/range.h"
#include "conf/http/sf.h"

#define LINES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "Cache-Control", "CDN-Cache-Control", "Range", "If-Range",
	"If-None-Match", "If-Modified-Since", "ETag", "Last-Modified", "Date", "Expires" };

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
check_seconds(const struct directives *d)
{
	const uint32_t v[] = { d->max_age, d->s_maxage, d->max_stale, d->min_fresh,
		d->stale_while_revalidate, d->stale_if_error };

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		require(v[i] <= SECONDS_MAX || v[i] == SECONDS_NONE);
}

static bool
same_directives(const struct directives *a, const struct directives *b)
{
	return a->set == b->set && a->max_age == b->max_age && a->s_maxage == b->s_maxage &&
	    a->max_stale == b->max_stale && a->min_fresh == b->min_fresh &&
	    a->stale_while_revalidate == b->stale_while_revalidate &&
	    a->stale_if_error == b->stale_if_error;
}

/* All lines of Cache-Control as one; where a quote is left open a line's end closes it, so that this is no list. */
static void
check_joined(const struct fields *f, const struct directives *want)
{
	static char text[8192];
	struct field v[1];
	struct fields one = { .v = v, .size = 1 };
	struct directives d;
	size_t n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		struct span value = f->v[i].value;

		if (f->v[i].id != H_CACHE_CONTROL)
			continue;
		if (n + value.n + 2 > sizeof text || span_find(value, '"') >= 0)
			return;
		memcpy(text + n, value.p, value.n);
		memcpy(text + n + value.n, ", ", 2);
		n += value.n + 2;
	}
	if (n == 0)
		return;
	require(fields_add(&one, SPAN("Cache-Control"), span_trim(span_make(text, n)), SPAN_NONE) !=
	    NULL);
	directives_request(&d, &one);
	require(same_directives(&d, want));
}

static void
check_directives(const struct fields *f)
{
	struct directives d, again;

	directives_request(&d, f);
	check_seconds(&d);
	check_joined(f, &d);
	directives_response(&d, f);
	check_seconds(&d);
	directives_response(&again, f);
	require(same_directives(&d, &again));
}

static void
check_items(const struct fields *f)
{
	struct sf_dict it = sf_dict_init(f, H_CDN_CACHE_CONTROL);
	struct sf_item item;
	struct span key;
	size_t total = 0, seen = 0;
	int rc;

	for (unsigned i = 0; i < f->n; i++)
		total += f->v[i].value.n;
	while ((rc = sf_dict_next(&it, &key, &item)) == 1) {
		require(key.n > 0 && item.type <= SF_LIST);
		require(item.type != SF_BOOLEAN || item.integer == 0 || item.integer == 1);
		require(item.integer <= 999999999999999 && item.integer >= -999999999999999);
		seen += key.n + item.text.n;
		require(seen <= total + 1);
	}
	require(rc <= 0);
}

static void
check_ranges(const struct fields *f, uint64_t length)
{
	struct ranges r = { 0 };
	enum range_verdict v = ranges_of(&r, f, length);

	require((v == RANGE_SATISFIABLE) == (r.n > 0) || v == RANGE_IGNORE);
	require(r.n <= RANGES_MAX);
	for (unsigned i = 0; i < r.n && v == RANGE_SATISFIABLE; i++)
		require(r.v[i].first <= r.v[i].last && r.v[i].last < length);
}

static void
check_conditions(const struct fields *f)
{
	struct validators v = validators_of(f, 1000000);

	require(v.etag.p == NULL || (etag_valid(v.etag) && etag_same_weakly(v.etag, v.etag)));
	require(v.etag.p == NULL || !etag_same_strongly(v.etag, v.etag) || v.etag.p[0] == '"');
	require(
	    precondition_not_modified(f, &v, 1000000) == precondition_not_modified(f, &v, 1000000));
	require(fields_has(f, H_IF_RANGE) || precondition_range(f, &v, 1000000));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct field v[LINES];
	struct fields f = { .v = v, .size = LINES };
	struct span rest = span_make((const char *)data, size), line;

	if (size == 0)
		return 0;
	while (span_split(&rest, '\n', &line)) {
		struct span value;

		if (line.n == 0)
			continue;
		value = span_trim(span_make(line.p + 1, line.n - 1));
		if (http_is_value(value))
			(void)fields_add(&f, span_str(names[(uint8_t)line.p[0] % ARRAY_LEN(names)]),
			    value, SPAN_NONE);
	}
	check_directives(&f);
	check_items(&f);
	check_ranges(&f, size);
	check_conditions(&f);
	return 0;
}

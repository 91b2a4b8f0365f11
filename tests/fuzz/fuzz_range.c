/*
 * fuzz_range.c - any bytes as Range: what may be sent lies within the representation, is no more than it, and asked for
 * again in our words is the same. A second reader, written for clarity alone, agrees.
 *
 *	eight bytes of length, then the value of the field
 */
#include <stdio.h>
#include <stdlib.h>

#include "cache/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static enum range_verdict
ask(struct ranges *r, struct span value, uint64_t length)
{
	struct field v[1];
	struct fields f = { .v = v, .size = 1 };

	require(fields_add(&f, SPAN("Range"), value, SPAN_NONE) != NULL);
	return ranges_of(r, &f, length);
}

static void
check_bounds(const struct ranges *r, uint64_t length)
{
	uint64_t sum = 0;

	require(r->n > 0 && r->n <= RANGES_MAX);
	for (unsigned i = 0; i < r->n; i++) {
		require(r->v[i].first <= r->v[i].last && r->v[i].last < length);
		require(r->v[i].last - r->v[i].first < length - sum);
		sum += r->v[i].last - r->v[i].first + 1;
	}
}

static void
check_again(const struct ranges *r, uint64_t length)
{
	char text[RANGES_MAX * 48] = "bytes=";
	size_t n = 6;
	struct ranges again;

	for (unsigned i = 0; i < r->n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu-%llu", i > 0 ? "," : "",
		    (unsigned long long)r->v[i].first, (unsigned long long)r->v[i].last);
	require(ask(&again, span_make(text, n), length) == RANGE_SATISFIABLE && again.n == r->n);
	require(memcmp(again.v, r->v, r->n * sizeof r->v[0]) == 0);
}

/* ---- the second reader ---- */

struct number { bool there, good; uint64_t value; };

static struct number
number_of(struct span s)
{
	struct number n = { s.n > 0, true, 0 };

	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(uint8_t)s.p[i] - '0';

		if (digit > 9 || n.value > (INT64_MAX - digit) / 10)
			return (struct number){ true, false, 0 };
		n.value = n.value * 10 + digit;
	}
	return n;
}

static enum range_verdict
one_by_hand(struct span s, uint64_t length, struct range *out)
{
	struct span before;
	struct number first, last;

	if (span_find(s, '-') < 0)
		return RANGE_IGNORE;
	span_split(&s, '-', &before);
	first = number_of(before);
	last = number_of(s);
	if (!first.good || !last.good || (!first.there && !last.there))
		return RANGE_IGNORE;
	if (!first.there) {
		first.value = last.value > length ? 0 : length - last.value;
		last.value = length;
	} else if (!last.there) {
		last.value = UINT64_MAX;
	} else if (last.value < first.value) {
		return RANGE_IGNORE;
	}
	if (first.value >= length)
		return RANGE_UNSATISFIABLE;
	*out = (struct range){ first.value, last.value < length ? last.value : length - 1 };
	return RANGE_SATISFIABLE;
}

/* One that is bad spoils the set; those with a byte to send are the set's, in order, unless they are too many. */
static void
check_members(struct span value, enum range_verdict v, const struct ranges *r, uint64_t length)
{
	unsigned members = 0, hits = 0;
	struct span rest = span_make(value.p + 6, value.n - 6), part;
	struct range want = { 0, 0 };
	uint64_t left = length;
	bool fits = true;

	while (span_split(&rest, ',', &part)) {
		enum range_verdict one;

		part = span_trim(part);
		if (part.n == 0)
			continue;
		one = one_by_hand(part, length, &want);
		fits = fits && ++members <= RANGES_MAX && one != RANGE_IGNORE;
		if (one != RANGE_SATISFIABLE)
			continue;
		fits = fits && want.last - want.first < left;
		left -= fits ? want.last - want.first + 1 : 0;
		if (v == RANGE_SATISFIABLE)
			require(hits < r->n && memcmp(&r->v[hits], &want, sizeof want) == 0);
		hits++;
	}
	require((v == RANGE_IGNORE) == (!fits || members == 0));
	require(v == RANGE_IGNORE || (v == RANGE_SATISFIABLE ? hits == r->n : hits == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ranges r;
	uint64_t length;
	struct span value;
	enum range_verdict v;

	if (size < sizeof length)
		return 0;
	memcpy(&length, data, sizeof length);
	length %= UINT64_C(1) << 62;
	value = span_trim(span_make((const char *)data + sizeof length, size - sizeof length));
	if (!http_is_value(value))
		return 0;
	v = ask(&r, value, length);
	if (v == RANGE_SATISFIABLE) {
		check_bounds(&r, length);
		check_again(&r, length);
	}
	if (span_istarts(value, SPAN("bytes=")))
		check_members(value, v, &r, length);
	else
		require(v == RANGE_IGNORE);
	return 0;
}

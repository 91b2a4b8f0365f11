/*
 * range.c - the byte-range grammar: "bytes=" 1#( first "-" [ last ] / "-" suffix-length ).
 */
#include "cache/range.h"

/* False: no byte-range at all. *hit is whether the representation has any byte of it. */
static bool
one_range(struct span s, uint64_t length, struct range *out, bool *hit)
{
	ptrdiff_t dash = span_find(s, '-');
	struct span first, last;
	uint64_t from = 0, to = UINT64_MAX;

	if (dash < 0 || s.n == 1)
		return false;
	first = span_make(s.p, (size_t)dash);
	last = span_make(s.p + dash + 1, s.n - (size_t)dash - 1);
	if ((first.n > 0 && span_to_u64(first, INT64_MAX, &from) != 0) ||
	    (last.n > 0 && span_to_u64(last, INT64_MAX, &to) != 0))
		return false;
	if (first.n == 0) {
		*hit = to > 0 && length > 0;
		*out = (struct range){ to < length ? length - to : 0, length - 1 };
		return true;
	}
	*hit = from < length;
	*out = (struct range){ from, to < length ? to : length - 1 };
	return from <= to;
}

static bool
strip_unit(struct span *s)
{
	if (!span_istarts(*s, SPAN("bytes=")))
		return false;
	*s = span_make(s->p + 6, s->n - 6);
	return true;
}

enum range_verdict
ranges_of(struct ranges *r, const struct fields *request, uint64_t length)
{
	struct span rest = fields_value(request, H_RANGE), part;
	uint64_t left = length;
	unsigned asked = 0;
	struct range one;
	bool hit;

	r->n = 0;
	if (fields_count(request, H_RANGE) != 1 || !strip_unit(&rest))
		return RANGE_IGNORE;
	while (span_split(&rest, ',', &part)) {
		part = span_trim(part);
		if (part.n == 0)
			continue;
		if (asked++ == RANGES_MAX || !one_range(part, length, &one, &hit))
			return RANGE_IGNORE;
		if (!hit)
			continue;
		if (one.last - one.first >= left)
			return RANGE_IGNORE;
		left -= one.last - one.first + 1;
		r->v[r->n++] = one;
	}
	if (asked == 0)
		return RANGE_IGNORE;
	return r->n > 0 ? RANGE_SATISFIABLE : RANGE_UNSATISFIABLE;
}

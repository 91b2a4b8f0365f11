/*
 * range.h - Range of a request against a representation of known length (RFC 9110 14.1.2, 14.2).
 *
 * A range we do not like is no error: the whole representation is a correct answer. So other units, bad syntax, more
 * than RANGES_MAX ranges and sets that together ask for more than there is (CVE-2011-3192) are RANGE_IGNORE.
 */
#pragma once
#include "conf/http/field.h"

enum { RANGES_MAX = 16 };

struct range { uint64_t first, last; };		/* both included, first <= last < length */

struct ranges {
	struct range	v[RANGES_MAX];		/* those that can be satisfied, in the order asked for */
	unsigned	n;
};

enum range_verdict {
	RANGE_IGNORE,				/* 200 */
	RANGE_SATISFIABLE,			/* 206; multipart when n > 1 */
	RANGE_UNSATISFIABLE,			/* 416 with Content-Range: bytes and the length */
};

enum range_verdict ranges_of(struct ranges *, const struct fields *request, uint64_t length);

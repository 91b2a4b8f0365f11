/*
 * span.h - a pointer and a length: bytes that somebody else owns, never NUL-terminated by contract.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "conf/base/err.h"

struct span {
	const char	*p;
	size_t		 n;
};

#define SPAN(lit)	((struct span){ (lit), sizeof(lit) - 1 })	/* of a string literal */
#define SPAN_NONE	((struct span){ NULL, 0 })
#define SPAN_FMT	"%.*s"
#define SPAN_ARG(s)	(int)(s).n, (s).p

static inline struct span
span_make(const char *p, size_t n)
{
	return (struct span){ p, n };
}
static inline struct span
span_str(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}
static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool
span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

bool	span_ieq(struct span, struct span);		/* ASCII letters without case */
bool	span_ieq_str(struct span, const char *);
bool	span_istarts(struct span, struct span prefix);	/* without case */
bool	span_iends(struct span, struct span suffix);	/* without case */
struct span span_trim(struct span);			/* SP and HTAB off both ends */
ptrdiff_t span_find(struct span, char);			/* index or -1 */
/* Cuts the part before sep off *rest (rest then starts behind sep); false when *rest is exhausted (p == NULL). */
bool	span_split(struct span *rest, char sep, struct span *part);

/* Digits only, whole span, no sign, no blanks; -E_SYNTAX, or -E_RANGE above max. */
int	span_to_u64(struct span, uint64_t max, uint64_t *out) MUST_CHECK;
int	span_hex_to_u64(struct span, uint64_t max, uint64_t *out) MUST_CHECK;
uint32_t span_hash(struct span, uint32_t seed);		/* not for peers' keys: use map.h there */

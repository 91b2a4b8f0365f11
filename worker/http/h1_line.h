/*
 * h1_line.h - what scanner and parser of HTTP/1 heads share: where lines end, how wide they may be, and the
 * reason tokens of the sides. For worker/http/h1_*.c only.
 */
#pragma once
#include "conf/base/span.h"
#include "conf/http/field.h"
#include "conf/http/reason.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define H1_METHOD_MAX	32				/* bytes of a method; the longest registered has 17 */
#define H1_NAME_MAX	256				/* bytes of a field name */
#define H1_LINE_EXTRA	(H1_METHOD_MAX + 10)		/* of a request line besides the target */

#ifdef __SSE2__
/* One bit per byte that is a control byte other than HTAB. */
static inline unsigned
h1_ctl_mask(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
	__m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}
#endif

/* The first control byte other than HTAB in p[i..n): a line's end or an error. n when there is none. */
static inline size_t
h1_find_ctl(const char *p, size_t i, size_t n)
{
#ifdef __SSE2__
	unsigned mask;

	for (; i + 16 <= n; i += 16) {
		mask = h1_ctl_mask(p + i);
		if (mask != 0)
			return i + (size_t)__builtin_ctz(mask);
	}
	if (n >= 16 && i < n) {		/* the rest, in a step that overlaps the one before */
		mask = h1_ctl_mask(p + n - 16) >> (16 - (n - i));
		return mask != 0 ? i + (size_t)__builtin_ctz(mask) : n;
	}
#endif
	while (i < n && http_char[(uint8_t)p[i]] & HC_VALUE)
		i++;
	return i;
}

/* The first ':' in p[0..n), or n; `room` bytes may be looked at. */
static inline size_t
h1_find_colon(const char *p, size_t n, size_t room)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i < n && i + 16 <= room; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(':')));

		if (mask != 0) {
			i += (size_t)__builtin_ctz(mask);
			return i < n ? i : n;
		}
	}
#else
	(void)room;
#endif
	while (i < n && p[i] != ':')
		i++;
	return i < n ? i : n;
}

/*
 * p[i] is a control byte. *next: where the next line begins, or 0 when CR is the last byte there is.
 * R_FIELD_VALUE: not a line end at all.
 */
static inline enum reason
h1_line_end(const char *p, size_t i, size_t n, bool relaxed, size_t *next)
{
	*next = 0;
	if (p[i] == '\r') {
		if (i + 1 == n)
			return R_NONE;
		*next = i + 2;
		return p[i + 1] == '\n' ? R_NONE : R_BARE_CR;
	}
	*next = i + 1;
	if (p[i] == '\n')
		return relaxed ? R_NONE : R_BARE_LF;
	return R_FIELD_VALUE;
}

static inline bool
h1_is_large(enum reason why)
{
	return why == R_HEAD_LARGE || why == R_FIELD_LARGE || why == R_FIELDS_MANY;
}

/* The same fault in an upstream's head. */
static inline enum reason
h1_as_response(enum reason why)
{
	if (why == R_NONE || why == R_RESPONSE_LARGE)
		return why;
	if (why == R_REQUEST_LINE)
		return R_RESPONSE_LINE;
	return h1_is_large(why) ? R_RESPONSE_LARGE : R_RESPONSE_HEAD;
}

/* And in a trailer section. */
static inline enum reason
h1_as_trailer(enum reason why)
{
	return why == R_NONE || h1_is_large(why) ? why : R_TRAILER_BAD;
}

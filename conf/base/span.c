/*
 * span.c - comparing, cutting and reading numbers out of bytes we do not own.
 *
 * Case folding and digits are ASCII, whatever the locale: these bytes come from protocols.
 */
#include "conf/base/span.h"

static inline unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
same_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
span_ieq(struct span a, struct span b)
{
	return a.n == b.n && same_nocase(a.p, b.p, a.n);
}

bool
span_ieq_str(struct span a, const char *s)
{
	return span_ieq(a, span_str(s));
}

bool
span_istarts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && same_nocase(s.p, prefix.p, prefix.n);
}

bool
span_iends(struct span s, struct span suffix)
{
	if (s.n < suffix.n)
		return false;
	return suffix.n == 0 || same_nocase(s.p + (s.n - suffix.n), suffix.p, suffix.n);
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

ptrdiff_t
span_find(struct span s, char c)
{
	const char *hit = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return hit == NULL ? -1 : hit - s.p;
}

bool
span_split(struct span *rest, char sep, struct span *part)
{
	ptrdiff_t at;

	if (rest->p == NULL)
		return false;
	at = span_find(*rest, sep);
	if (at < 0) {
		*part = *rest;
		*rest = SPAN_NONE;
		return true;
	}
	*part = span_make(rest->p, (size_t)at);
	rest->p += at + 1;
	rest->n -= (size_t)at + 1;
	return true;
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Reads the whole span even after an overflow: a bad digit is the better message. */
static int
to_u64(struct span s, unsigned base, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	bool over = false;

	if (s.n == 0)
		return -E_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)digit_value(s.p[i]);

		if (d >= base)
			return -E_SYNTAX;
		over = over || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, d, &v);
	}
	if (over || v > max)
		return -E_RANGE;
	*out = v;
	return 0;
}

int
span_to_u64(struct span s, uint64_t max, uint64_t *out)
{
	return to_u64(s, 10, max, out);
}

int
span_hex_to_u64(struct span s, uint64_t max, uint64_t *out)
{
	return to_u64(s, 16, max, out);
}

uint32_t
span_hash(struct span s, uint32_t seed) /* FNV-1a */
{
	uint32_t h = 2166136261u ^ seed;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619u;
	return h;
}

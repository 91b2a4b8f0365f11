/*
 * fuzz_h1.h - what fuzz_h1_request and fuzz_h1_response share: cuts derived from the input, exact allocations.
 */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "worker/http/h1_parse.h"

#define FUZZ_FIELDS 32

static const struct h1_limits fuzz_limits = {
	.max_head = 2048, .max_field = 512, .max_target = 256, .max_fields = FUZZ_FIELDS,
};

typedef enum reason fuzz_scan_f(struct h1_scan *, struct span, const struct h1_limits *, size_t *);

static inline void
fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

static inline bool
fuzz_inside(struct span s, struct span outer)
{
	return s.n == 0 || (s.p >= outer.p && s.p + s.n <= outer.p + outer.n);
}

/* Scans raw in reads of `step` bytes; each read lies in memory of its exact size. */
static inline enum reason
fuzz_scan(fuzz_scan_f *scan, struct span raw, size_t step, struct h1_scan *s, size_t *len)
{
	enum reason why = R_NONE;
	size_t n = 0;

	*len = 0;
	*s = (struct h1_scan){ 0 };
	while (why == R_NONE && *len == 0 && n < raw.n) {
		char *buf;

		n = raw.n - n > step ? n + step : raw.n;
		buf = malloc(n);
		memcpy(buf, raw.p, n);
		why = scan(s, span_make(buf, n), &fuzz_limits, len);
		fuzz_require(*len <= n && s->at <= n);
		free(buf);
	}
	return why;
}

/* The verdict and the end must be the same whatever the cuts. */
static inline enum reason
fuzz_scan_all(fuzz_scan_f *scan, struct span raw, struct h1_scan *s, size_t *len)
{
	static const size_t steps[] = { 1, 2, 7, 16, 33 };
	enum reason why = fuzz_scan(scan, raw, raw.n, s, len);

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct h1_scan cut;
		size_t cut_len;

		fuzz_require(fuzz_scan(scan, raw, steps[i], &cut, &cut_len) == why);
		fuzz_require(cut_len == *len && (*len == 0 || cut.skip == s->skip));
	}
	return why;
}

/* What the rest of the program relies on in the fields of an accepted head. */
static inline void
fuzz_check_fields(const struct fields *f, struct span head)
{
	fuzz_require(f->n <= fuzz_limits.max_fields);
	for (unsigned i = 0; i < f->n; i++) {
		const struct field *x = &f->v[i];

		fuzz_require(http_is_token(x->name) && http_is_value(x->value));
		fuzz_require(fuzz_inside(x->name, head) && fuzz_inside(x->value, head) && fuzz_inside(x->line, head));
		fuzz_require(x->line.n >= 2 && memcmp(x->line.p + x->line.n - 2, "\r\n", 2) == 0);
		fuzz_require(memchr(x->line.p, '\r', x->line.n) == x->line.p + x->line.n - 2);
		fuzz_require(fields_has(f, (enum hname)x->id));
	}
}

/*
 * fuzz_h1.h - what fuzz_h1_request and fuzz_h1_response share: cuts derived from the input, exact allocations, heads
 * written again.
 */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "worker/http/h1_parse.h"
#include "worker/http/h1_write.h"

#define FUZZ_FIELDS 32
#define FUZZ_CUTS 64			/* places where an input is cut in two */

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

/* Scans raw in reads of `first` and then `step` bytes; each read lies in memory of its exact size. */
static inline enum reason
fuzz_scan(fuzz_scan_f *scan, struct span raw, size_t first, size_t step, struct h1_scan *s, size_t *len)
{
	enum reason why = R_NONE;
	size_t n = 0;

	*len = 0;
	*s = (struct h1_scan){ 0 };
	while (why == R_NONE && *len == 0 && n < raw.n) {
		size_t part = n == 0 ? first : step;
		char *buf;

		n = raw.n - n > part ? n + part : raw.n;
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
	enum reason why = fuzz_scan(scan, raw, raw.n, raw.n, s, len);
	struct h1_scan cut;
	size_t cut_len;

	for (size_t i = raw.n > 8 * FUZZ_CUTS ? 2 : 0; i < ARRAY_LEN(steps); i++) {
		fuzz_require(fuzz_scan(scan, raw, steps[i], steps[i], &cut, &cut_len) == why);
		fuzz_require(cut_len == *len && (*len == 0 || cut.skip == s->skip));
	}
	for (size_t at = 1; at < raw.n; at += raw.n / FUZZ_CUTS + 1) {
		fuzz_require(fuzz_scan(scan, raw, at, raw.n, &cut, &cut_len) == why);
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

/* The head that line and all fields, dropped or not, make when they are written; lent until the next call. */
static inline struct span
fuzz_written(struct span line, const struct fields *f)
{
	static char text[8192], room[16384];
	struct field v[FUZZ_FIELDS];
	struct fields all = { .v = v, .n = f->n, .size = FUZZ_FIELDS };
	struct arena arena;
	struct h1_out out;
	size_t n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		fuzz_require(!(f->v[i].flags & ~FIELD_DROP));
		v[i] = f->v[i];
		v[i].flags = 0;
	}
	arena_init(&arena, room, sizeof room, 0);
	h1_out_init(&out, &arena, FUZZ_FIELDS + 12, 64);
	h1_out_text(&out, line);
	h1_out_fields(&out, &all);
	h1_out_end(&out);
	fuzz_require(!out.failed && out.len <= sizeof text);
	for (unsigned i = 0; i < out.n; i++) {
		memcpy(text + n, out.iov[i].iov_base, out.iov[i].iov_len);
		n += out.iov[i].iov_len;
	}
	fuzz_require(n == out.len);
	arena_fini(&arena);
	return span_make(text, n);
}

/* Whatever was read is read again, field by field. */
static inline void
fuzz_same_fields(const struct fields *a, const struct fields *b)
{
	fuzz_require(a->n == b->n);
	for (unsigned i = 0; i < a->n; i++) {
		fuzz_require(span_eq(a->v[i].name, b->v[i].name) && span_eq(a->v[i].value, b->v[i].value));
		fuzz_require(a->v[i].id == b->v[i].id && a->v[i].flags == b->v[i].flags);
	}
}

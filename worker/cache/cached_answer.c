/*
 * cached_answer.c - an answer made of an object: 200, or what the request's conditions and ranges make of it
 * (RFC 9110 13.2, 14.2, RFC 9111 4.3.2).
 */
#include <stdio.h>

#include "cache/precondition.h"
#include "cache/range.h"
#include "cache/text.h"
#include "conf/http/status.h"
#include "worker/cache/cached.h"

#define STATUS_MAX 128		/* of Cache-Status */
#define FIELDS_OWN 8		/* Age, Cache-Status, Content-Length, Content-Range, Content-Type, and some more */

/* ---- fields ---- */

bool
cached_fields(struct req *r, struct fields *f, unsigned more)
{
	const struct cached *k = r->cached;
	struct head_field h;

	*f = (struct fields){ .size = (uint16_t)(k->found.head.n_fields + more) };
	f->v = arena_try_alloc(&r->arena, f->size * sizeof *f->v);
	if (f->v == NULL)
		return false;
	for (unsigned i = 0; head_field(k->found.record, i, &h); i++) {
		const char *end = h.value.p + h.value.n + 2;

		fields_add(f, h.name, h.value, span_make(h.name.p, (size_t)(end - h.name.p)));
	}
	return true;
}

static void
add(struct req *r, const char *name, struct span value)
{
	if (value.p == NULL ||
	    fields_add(&r->resp.fields, span_str(name), value, SPAN_NONE) == NULL)
		r->cut = true;
}

static void
put_number(struct text *t, uint64_t n)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	text_put(t, span_make(p, (size_t)(digits + sizeof digits - p)));
}

static void
put_signed(struct text *t, int64_t n)
{
	if (n < 0)
		text_put(t, SPAN("-"));
	put_number(t, n < 0 ? (uint64_t)-n : (uint64_t)n);
}

static void
add_u64(struct req *r, const char *name, uint64_t n)
{
	char digits[24];
	struct text t = { .p = digits, .size = sizeof digits };

	put_number(&t, n);
	add(r, name, arena_try_copy(&r->arena, span_make(t.p, t.n)));
}

static void
put_forwarded(struct text *t, const struct req *r, const char *why)
{
	const struct cached *k = r->cached;

	text_put(t, k->fresh_answer ? SPAN("; hit; fwd=") : SPAN("; fwd="));
	text_put(t, span_str(why));
	if (k->fresh_answer) {
		text_put(t, SPAN("; fwd-status="));
		put_number(t, r->upstream_status);
	} else if (k->fill.cache != NULL) {
		text_put(t, SPAN("; stored"));
	} else if (k->why != NULL) {
		text_put(t, SPAN("; detail="));
		text_put(t, span_str(k->why));
	}
}

void
cached_status(struct req *r, const char *forwarded)
{
	const struct lifetime *life = &r->cached->found.entry.life;
	char room[STATUS_MAX];
	struct text t = { .p = room, .size = sizeof room };
	struct span s;

	text_put(&t, SPAN("proxyd"));
	if (forwarded == NULL) {
		text_put(&t, SPAN("; hit; ttl="));
		put_signed(
		    &t, (int64_t)life->fresh_for - lifetime_age(life, r->x->loop.wall_s));
	} else {
		put_forwarded(&t, r, forwarded);
	}
	s = arena_try_copy(&r->arena, span_make(t.p, t.n));
	if (s.p != NULL)
		(void)fields_add(&r->resp.fields, SPAN("Cache-Status"), s, SPAN_NONE);
}

/* ---- what the request makes of it ---- */

/* A 304 says what would have changed with a 200, and nothing of the body (RFC 9110 15.4.5). */
static void
make_304(struct req *r)
{
	struct fields *f = &r->resp.fields;

	r->resp.status = 304;
	r->resp.body = H1_NONE;
	for (unsigned i = 0; i < f->n; i++)
		if (span_istarts(f->v[i].name, SPAN("content-")) &&
		    !span_ieq_str(f->v[i].name, "content-location"))
			f->v[i].flags |= FIELD_DROP;
}

static bool
parts_new(struct req *r, unsigned n)
{
	struct cached *k = r->cached;

	k->parts = arena_try_zalloc(&r->arena, n * sizeof *k->parts);
	return k->parts != NULL;
}

/* RFC 9110 15.3.7.1 */
static bool
make_206(struct req *r, const struct range *range)
{
	struct cached *k = r->cached;

	r->resp.status = 206;
	r->resp.length = range->last - range->first + 1;
	if (!parts_new(r, 1))
		return false;
	k->parts[0] = (struct stored_part){ .at = range->first, .n = r->resp.length };
	add(r, "Content-Range",
	    arena_try_printf(&r->arena, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
		(unsigned long long)range->last, (unsigned long long)k->found.entry.length));
	return true;
}

/* RFC 9110 15.3.7.2. The boundary is random enough that no stored body has it by intent. */
static bool
make_multipart(struct req *r, const struct ranges *ranges, unsigned *n)
{
	struct cached *k = r->cached;
	struct span type = fields_value(&r->resp.fields, H_CONTENT_TYPE);
	char boundary[40];

	r->x->id_state = r->x->id_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	snprintf(boundary, sizeof boundary, "proxyd-%016llx%08x",
	    (unsigned long long)r->x->id_state, (unsigned)(r->start_us & 0xffffffffu));
	*n = ranges->n + 1;
	if (!parts_new(r, *n))
		return false;
	r->resp.status = 206;
	r->resp.length = 0;
	for (unsigned i = 0; i < *n; i++) {
		struct stored_part *p = &k->parts[i];

		if (i < ranges->n) {
			p->at = ranges->v[i].first;
			p->n = ranges->v[i].last - ranges->v[i].first + 1;
			p->text = arena_try_printf(&r->arena,
			    "\r\n--%s\r\n%s%.*s%sContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
			    boundary, type.n > 0 ? "Content-Type: " : "", SPAN_ARG(type),
			    type.n > 0 ? "\r\n" : "", (unsigned long long)p->at,
			    (unsigned long long)ranges->v[i].last,
			    (unsigned long long)k->found.entry.length);
		} else {
			p->text = arena_try_printf(&r->arena, "\r\n--%s--\r\n", boundary);
		}
		if (p->text.p == NULL)
			return false;
		r->resp.length += p->text.n + p->n;
	}
	fields_drop(&r->resp.fields, H_CONTENT_TYPE);
	add(r, "Content-Type",
	    arena_try_printf(&r->arena, "multipart/byteranges; boundary=%s", boundary));
	return true;
}

static bool
make_416(struct req *r)
{
	make_304(r);
	r->resp.status = 416;
	add(r, "Content-Range",
	    arena_try_printf(&r->arena, "bytes */%llu",
		(unsigned long long)r->cached->found.entry.length));
	r->resp.length = 0;
	return true;
}

/* What of a 200 is asked for; *n parts are in k->parts. False: no memory. */
static bool
apply_request(struct req *r, unsigned *n)
{
	struct cached *k = r->cached;
	const struct validators *v = &k->found.head.validators;
	int64_t now = r->x->loop.wall_s;
	struct ranges ranges;

	if (precondition_not_modified(&r->in.fields, v, now)) {
		make_304(r);
		return true;
	}
	if (r->in.method == M_GET && fields_has(&r->in.fields, H_RANGE) &&
	    precondition_range(&r->in.fields, v, now)) {
		switch (ranges_of(&ranges, &r->in.fields, k->found.entry.length)) {
		case RANGE_IGNORE:
			break;
		case RANGE_SATISFIABLE:
			*n = 1;
			return ranges.n == 1 ? make_206(r, &ranges.v[0]) :
					       make_multipart(r, &ranges, n);
		case RANGE_UNSATISFIABLE:
			return make_416(r);
		}
	}
	return true;
}

static bool
make_body(struct req *r, unsigned n)
{
	struct cached *k = r->cached;

	if (n == 0 && r->resp.length > 0) {
		if (!parts_new(r, 1))
			return false;
		k->parts[0].n = r->resp.length;
		n = 1;
	}
	if (r->in.method == M_HEAD || r->resp.length == 0 || r->resp.body == H1_NONE)
		return true;
	if (!stored_init(&k->stored, k->cache, &k->found.entry, k->parts, n)) {
		cache_damaged(k->cache, "an object's bytes are missing or wrong");
		return false;
	}
	r->down = &k->stored.body;
	return true;
}

/* ---- the answer ---- */

static bool
answer(struct req *r)
{
	struct cached *k = r->cached;
	const struct entry *e = &k->found.entry;
	bool bodiless = status_no_body(e->status);
	unsigned n = 0;

	r->resp.status = e->status;
	r->resp.minor = 1;
	r->resp.keep_alive = r->resp.has_length = true;
	r->resp.length = e->length;
	r->resp.body = bodiless ? H1_NONE : H1_LENGTH;
	if (e->status == 200 && !apply_request(r, &n))
		return false;
	if (!make_body(r, n))
		return false;
	if (r->resp.status != 304 && !bodiless)
		add_u64(r, "Content-Length", r->resp.length);
	if (r->down == NULL)
		r->resp.body = H1_NONE;
	add_u64(r, "Age", lifetime_age(&e->life, r->x->loop.wall_s));
	k->fresh_answer = true;
	return !r->cut;
}

static bool
answer_with(struct req *r, const struct fields *f)
{
	struct h1_response was = r->resp;
	struct body *down = r->down;

	r->resp = (struct h1_response){ .fields = *f };
	r->down = NULL;
	if (answer(r))
		return true;
	stored_fini(&r->cached->stored);
	r->resp = was;
	r->down = down;
	r->cut = false;
	return false;
}

bool
cached_answer(struct req *r)
{
	struct fields f;

	if (!cached_fields(r, &f, r->x->fields_added + FIELDS_OWN) || !answer_with(r, &f))
		return false;
	cached_status(r, r->cached->asking ? "stale" : NULL);
	return true;
}

bool
cached_answer_with(struct req *r, const struct fields *merged)
{
	if (!answer_with(r, merged))
		return false;
	cached_status(r, "stale");
	return true;
}

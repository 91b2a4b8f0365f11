/*
 * h1_write.c - a head as a list of pieces: what was received is pointed at, what is made here is copied into
 * text areas of the arena. A text area is filled from its front, so bytes made one after the other touch and
 * merge into one piece just like neighbouring received lines do.
 */
#include "worker/http/h1_write.h"

#include "conf/http/status.h"

#define TEXT_MORE 512		/* a further text area has at least this size */

void
h1_out_init(struct h1_out *o, struct arena *arena, unsigned max, size_t text_size)
{
	*o = (struct h1_out){ .arena = arena, .max = max };
	o->iov = arena_try_alloc(arena, max * sizeof *o->iov);
	o->text = arena_try_alloc(arena, text_size);
	o->failed = o->iov == NULL || o->text == NULL;
	if (!o->failed)
		o->text_end = o->text + text_size;
}

void
h1_out_lent(struct h1_out *o, struct span s)
{
	struct iovec *next;

	if (o->failed || s.n == 0)
		return;
	next = &o->iov[o->n];
	if (o->n > 0 && (const char *)next[-1].iov_base + next[-1].iov_len == s.p) {
		next[-1].iov_len += s.n;
	} else if (o->n < o->max) {
		next->iov_base = (void *)(uintptr_t)s.p;
		next->iov_len = s.n;
		o->n++;
	} else {
		o->failed = true;
		return;
	}
	o->len += s.n;
}

/* n bytes of text area to be filled by the caller and given to h1_out_lent; NULL after a failure. */
static char *
text_room(struct h1_out *o, size_t n)
{
	size_t size = n > TEXT_MORE ? n : TEXT_MORE;
	char *p;

	if (o->failed)
		return NULL;
	if ((size_t)(o->text_end - o->text) < n) {
		o->text = arena_try_alloc(o->arena, size);
		o->failed = o->text == NULL;
		if (o->failed)
			return NULL;
		o->text_end = o->text + size;
	}
	p = o->text;
	o->text += n;
	return p;
}

static char *
put(char *out, struct span s)
{
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	return out + s.n;
}

void
h1_out_text(struct h1_out *o, struct span s)
{
	char *p = text_room(o, s.n);

	if (p == NULL)
		return;
	put(p, s);
	h1_out_lent(o, span_make(p, s.n));
}

void
h1_out_u64(struct h1_out *o, uint64_t v)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	h1_out_text(o, span_make(p, (size_t)(digits + sizeof digits - p)));
}

void
h1_out_field(struct h1_out *o, struct span name, struct span value)
{
	size_t n = name.n + 2 + value.n + 2;
	char *p = text_room(o, n), *at;

	if (p == NULL)
		return;
	at = put(p, name);
	at = put(at, SPAN(": "));
	at = put(at, value);
	put(at, SPAN("\r\n"));
	h1_out_lent(o, span_make(p, n));
}

void
h1_out_fields(struct h1_out *o, const struct fields *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct field *x = &f->v[i];

		if (x->flags & FIELD_DROP)
			continue;
		if (x->line.p != NULL)
			h1_out_lent(o, x->line);
		else
			h1_out_field(o, x->name, x->value);
	}
}

void
h1_out_status(struct h1_out *o, int status)
{
	h1_out_text(o, SPAN("HTTP/1.1 "));
	h1_out_u64(o, (uint64_t)status);
	h1_out_text(o, SPAN(" "));
	h1_out_text(o, span_str(status_text(status)));
	h1_out_text(o, SPAN("\r\n"));
}

void
h1_out_end(struct h1_out *o)
{
	h1_out_text(o, SPAN("\r\n"));
}

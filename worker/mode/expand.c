/*
 * Values come from the normalised path and the received query, whose bytes are all valid in a URI, so what is
 * put together is one again; the result is checked all the same before it is sent (SECURITY.md row 28).
 */
#include "worker/mode/expand.h"

static bool
lookup(const struct req *r, struct span name, struct span *value)
{
	if (span_eq_str(name, "path"))
		*value = r->path;
	else if (span_eq_str(name, "query"))
		*value = r->in.uri.query.p == NULL ? SPAN("") : r->in.uri.query;
	else if (span_eq_str(name, "host"))
		*value = r->host;
	else if (name.n > 5 && memcmp(name.p, "path.", 5) == 0) {
		struct span want = span_make(name.p + 5, name.n - 5);

		for (unsigned i = 0; i < r->ncaptures; i++) {
			if (!span_eq(r->captures[i].name, want))
				continue;
			*value = r->captures[i].value;
			return true;
		}
		return false;
	} else
		return false;
	return true;
}

/* Walks the pieces; out NULL: only measures. -1: unknown name. */
static ptrdiff_t
walk(const struct req *r, const char *text, char *out)
{
	size_t len = 0;

	while (*text != '\0') {
		struct span piece = span_make(text, 1);
		const char *end = text[0] == '$' && text[1] == '{' ? strchr(text, '}') : NULL;

		if (end != NULL &&
		    !lookup(r, span_make(text + 2, (size_t)(end - text - 2)), &piece))
			return -1;
		text = end != NULL ? end + 1 : text + 1;
		if (out != NULL && piece.n > 0)
			memcpy(out + len, piece.p, piece.n);
		len += piece.n;
	}
	return (ptrdiff_t)len;
}

struct span
expand(struct req *r, const char *text)
{
	ptrdiff_t len = walk(r, text, NULL);
	char *p;

	if (len < 0)
		return SPAN_NONE;
	p = arena_try_alloc(&r->arena, (size_t)len + 1);
	if (p == NULL)
		return SPAN_NONE;
	(void)walk(r, text, p);
	p[len] = '\0';
	return span_make(p, (size_t)len);
}

/*
 * fuzz_sf.c - any bytes as the lines of a dictionary (RFC 8941 3.2): what is read, written again member by member,
 * reads as the same; lines that read well mean the same joined by commas, and each member in a line of its own.
 */
#include <stdlib.h>

#include "conf/http/sf.h"

#define LINES	16
#define MEMBERS	256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct member { struct span key; struct sf_item item; };
struct dict { struct member v[MEMBERS]; unsigned n; };

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
add(struct fields *f, struct span value)
{
	value = span_trim(value);
	if (http_is_value(value))
		(void)fields_add(f, SPAN("CDN-Cache-Control"), value, SPAN_NONE);
}

/* 0, or -E_SYNTAX; the first MEMBERS are kept. */
static int
read_dict(struct dict *d, const struct fields *f)
{
	struct sf_dict it = sf_dict_init(f, H_CDN_CACHE_CONTROL);
	struct member m;
	int rc;

	d->n = 0;
	while ((rc = sf_dict_next(&it, &m.key, &m.item)) == 1)
		if (d->n < MEMBERS)
			d->v[d->n++] = m;
	require(rc <= 0);
	return rc;
}

static bool
same_item(const struct sf_item *a, const struct sf_item *b)
{
	if (a->type != b->type || a->integer != b->integer)
		return false;
	return a->type == SF_BOOLEAN || span_eq(a->text, b->text);
}

static void
require_same(const struct fields *f, const struct dict *want)
{
	static struct dict got;

	require(read_dict(&got, f) == 0 && got.n == want->n);
	for (unsigned i = 0; i < got.n; i++)
		require(span_eq(got.v[i].key, want->v[i].key) &&
		    same_item(&got.v[i].item, &want->v[i].item));
}

/* ---- written again ---- */

static size_t
write_member(char *out, const struct member *m)
{
	static const char open[] = { [SF_STRING] = '"', [SF_BYTES] = ':' };
	size_t n = m->key.n;
	char quote = m->item.type == SF_STRING || m->item.type == SF_BYTES ? open[m->item.type] :
									     '\0';

	memcpy(out, m->key.p, n);
	out[n++] = '=';
	if (m->item.type == SF_BOOLEAN) {
		out[n++] = '?';
		out[n++] = m->item.integer != 0 ? '1' : '0';
		return n;
	}
	if (quote != '\0')
		out[n++] = quote;
	memcpy(out + n, m->item.text.p, m->item.text.n);
	n += m->item.text.n;
	if (quote != '\0')
		out[n++] = quote;
	return n;
}

static void
check_written(const struct dict *d, size_t size)
{
	struct field v[MEMBERS];
	struct fields f = { .v = v, .size = MEMBERS };
	char *text = malloc(size + 4 * MEMBERS + 1), *at = text;

	require(text != NULL);
	for (unsigned i = 0; i < d->n; i++) {
		size_t n = write_member(at, &d->v[i]);

		add(&f, span_make(at, n));
		at += n;
	}
	require((size_t)(at - text) <= size + 4 * MEMBERS);
	require_same(&f, d);
	free(text);
}

static void
check_joined(const struct fields *lines, const struct dict *d, size_t size)
{
	struct field v[1];
	struct fields f = { .v = v, .size = 1 };
	char *text = malloc(size + LINES);
	size_t n = 0;

	require(text != NULL);
	for (unsigned i = 0; i < lines->n; i++) {
		struct span value = lines->v[i].value;

		if (value.n == 0)
			continue;
		if (n > 0)
			text[n++] = ',';
		memcpy(text + n, value.p, value.n);
		n += value.n;
	}
	add(&f, span_make(text, n));
	require_same(&f, d);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dict d;
	struct field v[LINES];
	struct fields f = { .v = v, .size = LINES };
	struct span rest = span_make((const char *)data, size), line;

	if (size == 0)
		return 0;
	while (span_split(&rest, '\n', &line))
		add(&f, line);
	if (read_dict(&d, &f) != 0 || d.n == MEMBERS)
		return 0;
	check_written(&d, size);
	check_joined(&f, &d, size);
	return 0;
}

/*
 * key.c - the text of a request's key: what is asked for upstream, with the query's parameters sorted or thinned out
 * where a route says so.
 */
#include "cache/key.h"

#include <stdlib.h>

#include "cache/text.h"

enum { PARAMS_MAX = 256 };		/* more are taken as they come */

static struct span
name_of(struct span param)
{
	ptrdiff_t eq = span_find(param, '=');

	return eq < 0 ? param : span_make(param.p, (size_t)eq);
}

static bool
dropped(struct span param, const char *const *names)
{
	for (; names != NULL && *names != NULL; names++)
		if (span_eq_str(name_of(param), *names))
			return true;
	return false;
}

static int
by_name(const void *pa, const void *pb)
{
	struct span a = name_of(*(const struct span *)pa), b = name_of(*(const struct span *)pb);
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	if (order == 0 && a.n != b.n)
		order = a.n < b.n ? -1 : 1;
	/* Values of one name keep their order: the array is one buffer, so addresses tell it. */
	return order != 0 ? order : (a.p > b.p) - (a.p < b.p);
}

static void
put_params(struct text *t, const struct span *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		text_put(t, i == 0 ? SPAN("?") : SPAN("&"));
		text_put(t, v[i]);
	}
}

/* False: too many parameters to be looked at. */
static bool
put_chosen(struct text *t, const struct key_parts *k)
{
	struct span v[PARAMS_MAX], rest = k->query, param;
	unsigned n = 0;

	while (span_split(&rest, '&', &param)) {
		if (dropped(param, k->drop))
			continue;
		if (n == PARAMS_MAX)
			return false;
		v[n++] = param;
	}
	if (k->sort_query)
		qsort(v, n, sizeof v[0], by_name);
	put_params(t, v, n);
	return true;
}

static void
put_query(struct text *t, const struct key_parts *k)
{
	if (k->query.p == NULL || ((k->sort_query || k->drop != NULL) && put_chosen(t, k)))
		return;
	text_put(t, SPAN("?"));
	text_put(t, k->query);
}

size_t
key_text(char *out, const struct key_parts *k)
{
	struct text t = { .p = out, .size = KEY_TEXT_MAX };

	text_put(&t, k->scope);
	text_put(&t, k->https ? SPAN(" https://") : SPAN(" http://"));
	text_put(&t, k->host);
	text_put(&t, k->path.n > 0 ? k->path : SPAN("/"));
	put_query(&t, k);
	return t.full ? 0 : t.n;
}

struct key
key_of(const struct sip_key *secret, struct span text)
{
	struct key key = { { 0 } };

	sip128(secret, text, key.b);
	return key;
}

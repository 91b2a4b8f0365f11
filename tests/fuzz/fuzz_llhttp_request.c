/*
 * fuzz_llhttp_request.c - any bytes as a request: whoever reads it behind this program ends it at the same byte.
 */
#include "tests/fuzz/fuzz_llhttp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the methods llhttp takes over HTTP; the rest of its list is RTSP's, Icecast's and PRI. */
static bool
llhttp_knows(struct span method)
{
	for (int i = 0; i < HTTP_SOURCE; i++)
		if (span_eq_str(method, llhttp_method_name((llhttp_method_t)i)))
			return true;
	return false;
}

/* The head in llhttp's words: a method and a version it knows. Returns the text, *shift what it is longer. */
static char *
ironed(const struct h1_request *r, struct span raw, size_t *n, ptrdiff_t *shift)
{
	struct span method = llhttp_knows(r->method_text) ? r->method_text : SPAN("GET");
	size_t behind = (size_t)(r->target.p - raw.p);
	char *text = calloc(1, method.n + 2 + raw.n), *version;

	memcpy(text, method.p, method.n);
	text[method.n] = ' ';
	memcpy(text + method.n + 1, raw.p + behind, raw.n - behind);
	version = text + method.n + 1 + r->target.n + strlen(" HTTP/1.");
	if (*version > '1')
		*version = '1';
	oracle_iron_tabs(text + method.n + 1, raw.p + behind, &r->fields);
	*n = method.n + 1 + raw.n - behind;
	*shift = (ptrdiff_t)(method.n + 1) - (ptrdiff_t)behind;
	return text;
}

static bool
read_ours(struct oracle_message *m, struct h1_request *r, struct span raw)
{
	struct h1_scan s = { 0 };
	size_t len;

	oracle_clear(m);
	if (h1_scan_request(&s, raw, &oracle_limits, &len) != R_NONE || len == 0 ||
	    h1_parse_request(r, span_make(raw.p + s.skip, len - s.skip), &oracle_limits) != R_NONE)
		return false;
	m->head_end = len;
	m->keep_alive = r->keep_alive && !fields_has(&r->fields, H_PROXY_CONNECTION);
	oracle_put(&m->start, r->target.p, r->target.n);
	oracle_put_fields(&m->fields, &r->fields);
	oracle_our_body(m, raw, r->body, r->length);
	return m->state != ORACLE_REFUSED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct oracle_message ours, theirs;
	static struct field v[ORACLE_FIELDS];
	struct h1_request r = { .fields = { .v = v, .size = ORACLE_FIELDS } };
	struct span raw = span_make((const char *)data, size);
	ptrdiff_t shift;
	char *text;
	size_t n;

	if (size > ORACLE_INPUT || !read_ours(&ours, &r, raw))
		return 0;
	text = ironed(&r, raw, &n, &shift);
	oracle_ask(
	    &theirs, text, n, (size_t)((ptrdiff_t)ours.head_end + shift), HTTP_REQUEST, NULL);
	theirs.end -= (size_t)shift;
	oracle_compare(&ours, &theirs);
	free(text);
	return 0;
}

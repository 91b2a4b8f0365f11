/*
 * fuzz_llhttp_response.c - any bytes as a response: this program ends it where its sender and any client would. The
 * first byte picks the method that was asked.
 */
#include "tests/fuzz/fuzz_llhttp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum method asked;

static bool
bodyless(const llhttp_t *p)
{
	return asked == M_HEAD || (asked == M_CONNECT && p->status_code / 100 == 2) ||
	    p->status_code / 100 == 1 || p->status_code == 204 || p->status_code == 304;
}

static bool
read_ours(struct oracle_message *m, struct h1_response *r, struct span raw)
{
	struct h1_scan s = { 0 };
	size_t len;

	oracle_clear(m);
	if (h1_scan_response(&s, raw, &oracle_limits, &len) != R_NONE || len == 0 ||
	    h1_parse_response(r, span_make(raw.p, len), asked, &oracle_limits) != R_NONE)
		return false;
	m->head_end = len;
	m->keep_alive = r->keep_alive && !fields_has(&r->fields, H_PROXY_CONNECTION);
	oracle_put(&m->start, r->phrase.p, r->phrase.n);
	oracle_put_fields(&m->fields, &r->fields);
	oracle_our_body(m, raw, r->body, r->length);
	return m->state != ORACLE_REFUSED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum method methods[] = { M_GET, M_HEAD, M_CONNECT, M_POST };
	static struct oracle_message ours, theirs;
	static struct field v[ORACLE_FIELDS];
	struct h1_response r = { .fields = { .v = v, .size = ORACLE_FIELDS } };
	struct span raw;
	char *text;

	if (size == 0 || size > ORACLE_INPUT)
		return 0;
	asked = methods[data[0] % ARRAY_LEN(methods)];
	raw = span_make((const char *)data + 1, size - 1);
	if (!read_ours(&ours, &r, raw))
		return 0;
	text = calloc(1, raw.n + 1);
	memcpy(text, raw.p, raw.n);
	if (text[strlen("HTTP/1.")] > '1')
		text[strlen("HTTP/1.")] = '1';
	oracle_iron_tabs(text, raw.p, &r.fields);
	oracle_ask(&theirs, text, raw.n, ours.head_end, HTTP_RESPONSE, bodyless);
	oracle_compare(&ours, &theirs);
	free(text);
	return 0;
}

/*
 * fuzz_h1_response.c - any bytes as a response and as a trailer section: one verdict whatever the cuts, and an
 * accepted head keeps every promise the program builds on, and written again it parses to the same. The first byte
 * picks the method that was asked.
 */
#include <stdio.h>
#include "tests/fuzz/fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_promises(const struct h1_response *r, enum method method, struct span head)
{
	fuzz_check_fields(&r->fields, head);
	fuzz_require(r->status >= 100 && r->status <= 999 && r->minor <= 1);
	fuzz_require(http_is_value(r->phrase) && fuzz_inside(r->phrase, head));
	if (method == M_HEAD || r->status < 200 || r->status == 204 || r->status == 304)
		fuzz_require(r->body == H1_NONE);
	else if (method != M_CONNECT)
		fuzz_require(r->body != H1_NONE);
	fuzz_require(r->body != H1_LENGTH || (r->has_length && r->length <= INT64_MAX));
	fuzz_require(r->body != H1_CHUNKED || !fields_has(&r->fields, H_CONTENT_LENGTH));
	fuzz_require(r->body != H1_CLOSE || !r->keep_alive);
	fuzz_require(!r->upgrade || r->status == 101);
}

static void
check_again(const struct h1_response *r, enum method method)
{
	struct field v[FUZZ_FIELDS];
	struct h1_response again = { .fields = { .v = v, .size = FUZZ_FIELDS } };
	char line[600];
	int n = snprintf(
	    line, sizeof line, "HTTP/1.%d %d %.*s\r\n", r->minor, r->status, SPAN_ARG(r->phrase));
	struct span head = fuzz_written(span_make(line, (size_t)n), &r->fields);

	fuzz_require(h1_parse_response(&again, head, method, &fuzz_limits) == R_NONE);
	fuzz_require(
	    again.status == r->status && again.body == r->body && again.length == r->length);
	fuzz_require(again.has_length == r->has_length && again.keep_alive == r->keep_alive &&
	    again.upgrade == r->upgrade && span_eq(again.phrase, r->phrase));
	fuzz_same_fields(&again.fields, &r->fields);
}

static void
try_response(struct span raw, enum method method)
{
	struct field v[FUZZ_FIELDS];
	struct h1_response r = { .fields = { .v = v, .size = FUZZ_FIELDS } };
	struct h1_scan s;
	struct span head;
	size_t len;

	(void)!h1_parse_response(&r, raw, method, &fuzz_limits);
	if (fuzz_scan_all(h1_scan_response, raw, &s, &len) != R_NONE || len == 0)
		return;
	head = span_make(raw.p, len);
	if (h1_parse_response(&r, head, method, &fuzz_limits) == R_NONE) {
		check_promises(&r, method, head);
		check_again(&r, method);
	}
}

static void
check_trailer_again(const struct fields *f)
{
	struct field v[FUZZ_FIELDS];
	struct fields again = { .v = v, .size = FUZZ_FIELDS };

	fuzz_require(h1_parse_trailer(&again, fuzz_written(SPAN(""), f), &fuzz_limits) == R_NONE);
	fuzz_same_fields(&again, f);
}

static void
try_trailer(struct span raw)
{
	struct field v[FUZZ_FIELDS];
	struct fields f = { .v = v, .size = FUZZ_FIELDS };
	struct h1_scan s;
	size_t len;

	if (fuzz_scan_all(h1_scan_trailer, raw, &s, &len) != R_NONE || len == 0)
		return;
	if (h1_parse_trailer(&f, span_make(raw.p, len), &fuzz_limits) == R_NONE) {
		fuzz_check_fields(&f, span_make(raw.p, len));
		check_trailer_again(&f);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum method methods[] = { M_GET, M_HEAD, M_CONNECT, M_POST };
	struct span raw;

	if (size == 0)
		return 0;
	raw = span_make((const char *)data + 1, size - 1);
	try_response(raw, methods[data[0] % ARRAY_LEN(methods)]);
	try_trailer(raw);
	return 0;
}

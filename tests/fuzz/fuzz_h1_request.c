/*
 * fuzz_h1_request.c - any bytes as a request: one verdict whatever the cuts, an accepted head keeps every promise
 * the program builds on, and written again it parses to the same.
 */
#include <stdio.h>
#include "tests/fuzz/fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum reason
parse(struct h1_request *r, struct field *v, struct span head)
{
	*r = (struct h1_request){ .fields = { .v = v, .size = FUZZ_FIELDS } };
	return h1_parse_request(r, head, &fuzz_limits);
}

static void
check_promises(const struct h1_request *r, struct span head)
{
	bool coded = fields_has(&r->fields, H_TRANSFER_ENCODING);
	bool sized = fields_has(&r->fields, H_CONTENT_LENGTH);

	fuzz_check_fields(&r->fields, head);
	fuzz_require(http_is_token(r->method_text) && r->minor <= 1);
	fuzz_require(fuzz_inside(r->target, head) && fuzz_inside(r->host_raw, head));
	fuzz_require(!(coded && sized) && r->body != H1_CLOSE);
	fuzz_require((r->body == H1_CHUNKED) == coded && (r->body == H1_LENGTH) == sized);
	fuzz_require(r->minor == 0 || r->host.host.n > 0);
	fuzz_require(fields_count(&r->fields, H_HOST) <= 1 && r->length <= INT64_MAX);
	fuzz_require(memchr(r->target.p, ' ', r->target.n) == NULL);
}

static void
check_again(const struct h1_request *r)
{
	struct field v[FUZZ_FIELDS];
	struct h1_request again;
	char line[512];
	int n = snprintf(line, sizeof line, "%.*s %.*s HTTP/1.%d\r\n", SPAN_ARG(r->method_text),
	    SPAN_ARG(r->target), r->minor);

	fuzz_require(
	    parse(&again, v, fuzz_written(span_make(line, (size_t)n), &r->fields)) == R_NONE);
	fuzz_require(again.body == r->body && again.length == r->length &&
	    again.keep_alive == r->keep_alive && again.expect == r->expect);
	fuzz_require(again.upgrade == r->upgrade && again.te_trailers == r->te_trailers &&
	    span_eq(again.host_raw, r->host_raw));
	fuzz_same_fields(&again.fields, &r->fields);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span raw = span_make((const char *)data, size), head;
	struct field v[FUZZ_FIELDS];
	struct h1_request r;
	struct h1_scan s;
	size_t len;

	(void)parse(&r, v, raw);		/* what no scanner has seen may not harm either */
	if (fuzz_scan_all(h1_scan_request, raw, &s, &len) != R_NONE || len == 0)
		return 0;
	head = span_make(raw.p + s.skip, len - s.skip);
	if (parse(&r, v, head) == R_NONE) {
		check_promises(&r, head);
		check_again(&r);
	}
	return 0;
}

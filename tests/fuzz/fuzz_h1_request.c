/*
 * fuzz_h1_request.c - any bytes as a request: one verdict whatever the cuts, an accepted head keeps every promise
 * the program builds on, and written again it parses to the same.
 */
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

/* Request line and all fields, dropped or not, as received. */
static void
check_again(const struct h1_request *r)
{
	static char text[8192];
	struct field v[FUZZ_FIELDS];
	struct h1_request again;
	size_t n = 0;

	for (unsigned i = 0; i < r->fields.n; i++)
		fuzz_require(!(r->fields.v[i].flags & ~FIELD_DROP));
	memcpy(text, r->method_text.p, r->method_text.n);
	n = r->method_text.n;
	text[n++] = ' ';
	memcpy(text + n, r->target.p, r->target.n);
	n += r->target.n;
	memcpy(text + n, r->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n", 11);
	n += 11;
	for (unsigned i = 0; i < r->fields.n; i++) {
		memcpy(text + n, r->fields.v[i].line.p, r->fields.v[i].line.n);
		n += r->fields.v[i].line.n;
	}
	memcpy(text + n, "\r\n", 2);
	fuzz_require(parse(&again, v, span_make(text, n + 2)) == R_NONE);
	fuzz_require(again.body == r->body && again.length == r->length &&
	    again.keep_alive == r->keep_alive);
	fuzz_require(again.fields.n == r->fields.n && span_eq(again.host_raw, r->host_raw));
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

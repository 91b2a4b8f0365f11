/*
 * h1_framing.c - the one framing decision of the program (RFC 9112 6.3, strict as SECURITY.md rows 1-3 ask).
 *
 * What two readers could understand differently is an error in a request and ends the trust in a response.
 */
#include "worker/http/h1_framing.h"

/* Not exactly one "chunked": malformed, or a coding this program does not have? (SECURITY.md row 3) */
static enum reason
bad_coding(const struct fields *f)
{
	struct span rest, coding;
	bool chunked = false;

	for (unsigned i = 0; i < f->n; i++) {
		if (f->v[i].id != H_TRANSFER_ENCODING)
			continue;
		rest = f->v[i].value;
		while (span_split(&rest, ',', &coding)) {
			coding = span_trim(coding);
			if (chunked || !http_is_token(coding))
				return R_CODING_BAD;
			chunked = span_ieq(coding, SPAN("chunked"));
		}
	}
	return R_CODING_UNSUPPORTED;
}

/* R_NONE and *chunked, or why the Transfer-Encoding is refused. */
static enum reason
read_coding(const struct fields *f, unsigned minor, bool *chunked)
{
	*chunked = fields_has(f, H_TRANSFER_ENCODING);
	if (!*chunked)
		return R_NONE;
	if (fields_has(f, H_CONTENT_LENGTH))
		return R_LENGTH_AND_CODING;
	if (minor == 0)
		return R_CODING_OLD;
	if (fields_count(f, H_TRANSFER_ENCODING) == 1 &&
	    span_ieq(fields_value(f, H_TRANSFER_ENCODING), SPAN("chunked")))
		return R_NONE;
	return bad_coding(f);
}

static enum reason
read_length(const struct fields *f, bool *present, uint64_t *length)
{
	*present = fields_has(f, H_CONTENT_LENGTH);
	if (*present && span_to_u64(fields_value(f, H_CONTENT_LENGTH), INT64_MAX, length) != 0)
		return R_LENGTH_BAD;
	return R_NONE;
}

enum reason
h1_request_framing(struct h1_request *r)
{
	bool chunked, sized;
	enum reason why = read_coding(&r->fields, r->minor, &chunked);

	if (why == R_NONE)
		why = read_length(&r->fields, &sized, &r->length);
	if (why != R_NONE)
		return why;
	if (r->method == M_CONNECT && (chunked || sized))
		return R_CONNECT_BODY;
	r->body = chunked ? H1_CHUNKED : sized ? H1_LENGTH : H1_NONE;
	return R_NONE;
}

/* Of a response whose status or request says that nothing follows the head (RFC 9112 6.3). */
static void
bodyless_framing(struct h1_response *r, bool chunked, bool may_describe)
{
	r->body = H1_NONE;
	if (may_describe)
		return;
	/* These may not even carry a length; one that is there is not passed on, and a coding ends the trust. */
	fields_drop(&r->fields, H_CONTENT_LENGTH);
	r->has_length = false;
	r->length = 0;
	if (chunked)
		r->keep_alive = false;
}

enum reason
h1_response_framing(struct h1_response *r, enum method method)
{
	bool chunked;
	bool tunnel = method == M_CONNECT && r->status / 100 == 2;
	bool silent = r->status / 100 == 1 || r->status == 204 || tunnel;

	if (read_coding(&r->fields, r->minor, &chunked) != R_NONE ||
	    read_length(&r->fields, &r->has_length, &r->length) != R_NONE)
		return R_RESPONSE_LENGTH;
	if (silent || r->status == 304 || method == M_HEAD) {
		bodyless_framing(r, chunked, !silent);
	} else if (chunked || r->has_length) {
		r->body = chunked ? H1_CHUNKED : H1_LENGTH;
	} else {
		r->body = H1_CLOSE;
		r->keep_alive = false;
	}
	return R_NONE;
}

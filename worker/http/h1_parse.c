/*
 * h1_parse.c - complete HTTP/1 heads to structs: the start line, then field by field, then what they mean
 * together. One pass over the bytes; the judgements behind it look at single fields and cost a bit test when
 * the field is absent.
 *
 * Read from the bottom: h1_parse_request and h1_parse_response say in which order a head is judged. How its body is
 * framed is decided in h1_framing.c. The code does not rely on the scanner: a head it has never seen is refused or
 * parsed, never misread.
 */
#include "worker/http/h1_parse.h"

#include "worker/http/h1_framing.h"
#include "worker/http/h1_line.h"

#define CONNECTION_MAX 64	/* names in Connection: each may cost a walk over all fields */

/* ---- lines ---- */

struct lines {
	const char	*p;
	size_t		 at, n;
	bool		 relaxed;
};

/* The next line without its end; *whole with it, p == NULL when its end is not CRLF: not to be repeated. */
static inline enum reason
line_next(struct lines *l, struct span *text, struct span *whole)
{
	size_t start = l->at, end = h1_find_ctl(l->p, start, l->n), next = 0;
	enum reason why = R_FIELD_LINE;

	if (end < l->n)
		why = h1_line_end(l->p, end, l->n, l->relaxed, &next);
	if (why != R_NONE)
		return why;
	if (next == 0)
		return R_BARE_CR;
	*text = span_make(l->p + start, end - start);
	*whole = next - end == 2 ? span_make(l->p + start, next - start) : SPAN_NONE;
	l->at = next;
	return R_NONE;
}

/* Cuts up to the first blank; false when there is none. */
static bool
cut_word(struct span *rest, struct span *word)
{
	const char *blank = memchr(rest->p, ' ', rest->n);

	if (blank == NULL)
		return false;
	*word = span_make(rest->p, (size_t)(blank - rest->p));
	rest->n -= word->n + 1;
	rest->p = blank + 1;
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/" DIGIT "." DIGIT; higher minors of 1 are read as 1.1. */
static enum reason
parse_version(struct span s, uint8_t *minor)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[6] != '.')
		return R_VERSION_BAD;
	if (s.p[5] < '1' || s.p[5] > '9' || !is_digit(s.p[7]))
		return R_VERSION_BAD;
	*minor = s.p[7] != '0';
	return s.p[5] == '1' ? R_NONE : R_VERSION_UNSUPPORTED;
}

/* ---- fields ---- */

#define HOP_BIT(id, flags, word) \
	(HN_HOP & (flags) && (id) / 64 == (word) ? UINT64_C(1) << (id) % 64 : 0)

static const uint64_t hop_names[2] = {
#define NAME(id, text, flags) | HOP_BIT(id, flags, 0)
	0
#include "conf/http/name_tbl.h"
#undef NAME
	,
#define NAME(id, text, flags) | HOP_BIT(id, flags, 1)
	0
#include "conf/http/name_tbl.h"
#undef NAME
};

static inline bool
has_bit(const uint64_t set[2], unsigned id)
{
	return set[id >> 6] >> (id & 63) & 1;
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Of a line whose first n bytes are no name; the colon stands behind them if there is one. */
static enum reason
bad_name(struct span line, size_t n)
{
	if (is_blank(line.p[0]))
		return R_OBS_FOLD;
	return n == line.n ? R_FIELD_LINE : R_FIELD_NAME;
}

/*
 * line is not empty and has no control byte but HTAB; `room` bytes from its start may be looked at. A name of the
 * table is a token: only other names are looked at byte by byte.
 */
static inline enum reason
parse_field(struct fields *f, struct span line, size_t room, struct span whole,
    const struct h1_limits *lim)
{
	size_t n = h1_find_colon(line.p, line.n, room), from, to = line.n;
	struct field *x;

	if (n == line.n || n == 0)
		return bad_name(line, n);
	if (n > H1_NAME_MAX || line.n > lim->max_field)
		return R_FIELD_LARGE;
	for (from = n + 1; from < to && is_blank(line.p[from]); from++)
		;
	while (to > from && is_blank(line.p[to - 1]))
		to--;
	x = f->n >= lim->max_fields ? NULL :
	    fields_add(f, span_make(line.p, n), span_make(line.p + from, to - from), whole);
	if (x == NULL)
		return R_FIELDS_MANY;
	if (x->id == H_OTHER && !http_is_token(x->name))
		return bad_name(line, n);
	if (has_bit(hop_names, x->id))
		x->flags = FIELD_DROP;
	return R_NONE;
}

/* Up to the empty line, which must be the last. */
static enum reason
parse_fields(struct fields *f, struct lines *l, const struct h1_limits *lim)
{
	struct span line, whole;
	enum reason why;

	f->n = 0;
	f->have[0] = f->have[1] = 0;
	for (;;) {
		why = line_next(l, &line, &whole);
		if (why != R_NONE)
			return why;
		if (line.n == 0)
			return l->at == l->n ? R_NONE : R_FIELD_LINE;
		why = parse_field(f, line, (size_t)(l->p + l->n - line.p), whole, lim);
		if (why != R_NONE)
			return why;
	}
}

static bool
comes_twice(const struct fields *f, enum hname id)
{
	return fields_has(f, id) && fields_count(f, id) > 1;
}

static enum reason
check_singles(const struct fields *f)
{
	if (comes_twice(f, H_HOST))
		return R_HOST_DUPLICATE;
	if (comes_twice(f, H_CONTENT_LENGTH))
		return R_LENGTH_DUPLICATE;
	if (comes_twice(f, H_AUTHORIZATION) || comes_twice(f, H_PROXY_AUTHORIZATION))
		return R_FIELD_DUPLICATE;
	return R_NONE;
}

/* ---- Connection ---- */

struct wishes { bool close, keep_alive, upgrade; };

static void
drop_named(struct fields *f, struct span name)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i].id == H_OTHER && span_ieq(f->v[i].name, name))
			f->v[i].flags |= FIELD_DROP;
}

static enum reason
nominate(struct fields *f, struct span name, struct wishes *w, bool strict)
{
	enum hname id = name_find(name);

	w->keep_alive = w->keep_alive || id == H_KEEP_ALIVE;
	w->upgrade = w->upgrade || id == H_UPGRADE;
	if (id == H_OTHER)
		drop_named(f, name);
	else if (!(name_flags(id) & HN_PROTECTED))
		fields_drop(f, id);
	else if (strict)
		return R_CONNECTION_PROTECTED;
	return R_NONE;
}

/* Names are tokens, so that every comma parts two of them: a quote that hid a "close" from us would not from others. */
static enum reason
read_names(struct fields *f, struct span rest, struct wishes *w, bool strict, unsigned *count)
{
	enum reason why = R_NONE;
	struct span name;

	while (why == R_NONE && span_split(&rest, ',', &name)) {
		name = span_trim(name);
		if (name.n == 0)
			continue;
		if (++*count > CONNECTION_MAX)
			return R_FIELDS_MANY;
		if (span_ieq(name, SPAN("close")))
			w->close = true;
		else
			why = nominate(f, name, w, strict);
	}
	return why;
}

/* strict: naming a protected field is an error, else it is ignored. */
static enum reason
read_connection(struct fields *f, struct wishes *w, bool strict)
{
	enum reason why = R_NONE;
	unsigned count = 0;

	*w = (struct wishes){ false, false, false };
	if (!fields_has(f, H_CONNECTION))
		return R_NONE;
	for (unsigned i = 0; i < f->n && why == R_NONE; i++)
		if (f->v[i].id == H_CONNECTION)
			why = read_names(f, f->v[i].value, w, strict, &count);
	return why;
}

static bool
persistent(const struct wishes *w, unsigned minor)
{
	return !w->close && (minor >= 1 || w->keep_alive);
}

/* ---- requests ---- */

static enum reason
target_reason(enum uri_err err)
{
	switch (err) {
	case URI_OK:		return R_NONE;
	case URI_BAD_TARGET:	return R_TARGET_BAD;
	case URI_BAD_SCHEME:	return R_SCHEME_BAD;
	case URI_BAD_HOST:	return R_HOST_BAD;
	case URI_BAD_PORT:	return R_TARGET_BAD;
	case URI_BAD_PATH:	return R_PATH_FORBIDDEN;
	}
	return R_TARGET_BAD;
}

/* method SP target SP version, single blanks (SECURITY.md row 22). */
static enum reason
parse_request_line(struct h1_request *r, struct span line, const struct h1_limits *lim)
{
	enum reason why;

	if (!cut_word(&line, &r->method_text) || !cut_word(&line, &r->target) ||
	    r->method_text.n == 0 || r->target.n == 0 || memchr(line.p, ' ', line.n) != NULL)
		return R_REQUEST_LINE;
	if (r->method_text.n > H1_METHOD_MAX || !http_is_token(r->method_text))
		return R_METHOD_BAD;
	why = parse_version(line, &r->minor);
	if (why != R_NONE)
		return why;
	if (r->target.n > lim->max_target)
		return R_TARGET_LONG;
	r->method = method_find(r->method_text);
	why = target_reason(uri_parse_target(&r->uri, r->target, r->method == M_CONNECT));
	if (why == R_NONE && r->uri.form == TARGET_ASTERISK && r->method != M_OPTIONS)
		return R_TARGET_BAD;
	return why;
}

/* The target's authority wins over Host, which must be well-formed all the same (RFC 9112 3.2). */
static enum reason
judge_host(struct h1_request *r)
{
	const struct field *host = fields_find(&r->fields, H_HOST);
	bool in_target = r->uri.form == TARGET_ABSOLUTE || r->uri.form == TARGET_AUTHORITY;

	if (host == NULL && r->minor >= 1)
		return R_HOST_MISSING;
	if (host != NULL && uri_parse_authority(&r->host, host->value) != URI_OK)
		return R_HOST_BAD;
	if (in_target) {
		r->host = r->uri.auth;
		r->host_raw = r->uri.auth_raw;
	} else if (host != NULL) {
		r->host_raw = host->value;
		if (host->value.n == 0)
			return R_HOST_BAD;
	}
	return R_NONE;
}

/* HTTP/1.0 clients cannot mean it (RFC 9110 10.1.1). */
static enum reason
judge_expect(struct h1_request *r)
{
	if (r->minor == 0 || !fields_has(&r->fields, H_EXPECT))
		return R_NONE;
	if (fields_count(&r->fields, H_EXPECT) > 1)
		return R_EXPECT_BAD;
	r->expect = span_ieq(fields_value(&r->fields, H_EXPECT), SPAN("100-continue"));
	return r->expect ? R_NONE : R_EXPECT_BAD;
}

static enum reason
judge_connection(struct h1_request *r)
{
	struct wishes w;
	enum reason why = read_connection(&r->fields, &w, true);

	r->keep_alive = persistent(&w, r->minor);
	r->upgrade = w.upgrade && r->minor >= 1 && fields_has(&r->fields, H_UPGRADE);
	r->te_trailers = fields_list_has(&r->fields, H_TE, "trailers");
	return why;
}

enum reason
h1_parse_request(struct h1_request *r, struct span head, const struct h1_limits *lim)
{
	struct fields lent = { .v = r->fields.v, .size = r->fields.size };
	struct lines l = { head.p, 0, head.n, lim->relaxed };
	struct span line, whole;
	enum reason why;

	*r = (struct h1_request){ .fields = lent };
	why = line_next(&l, &line, &whole);
	if (why != R_NONE)
		return why == R_FIELD_VALUE || why == R_FIELD_LINE ? R_REQUEST_LINE : why;
	if ((why = parse_request_line(r, line, lim)) != R_NONE ||
	    (why = parse_fields(&r->fields, &l, lim)) != R_NONE ||
	    (why = check_singles(&r->fields)) != R_NONE ||
	    (why = judge_host(r)) != R_NONE ||
	    (why = h1_request_framing(r)) != R_NONE ||
	    (why = judge_connection(r)) != R_NONE)
		return why;
	return judge_expect(r);
}

/* ---- responses ---- */

/* version SP 3DIGIT SP phrase; the second blank is there even when the phrase is not. */
static enum reason
parse_status_line(struct h1_response *r, struct span line)
{
	const char *p = line.p;

	if (line.n < 13 || parse_version(span_make(p, 8), &r->minor) != R_NONE || p[8] != ' ')
		return R_RESPONSE_LINE;
	if (p[9] < '1' || p[9] > '9' || !is_digit(p[10]) || !is_digit(p[11]) || p[12] != ' ')
		return R_RESPONSE_LINE;
	r->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	r->phrase = span_make(p + 13, line.n - 13);
	return R_NONE;
}

static enum reason
judge_response(struct h1_response *r, enum method method)
{
	struct wishes w;
	enum reason why = read_connection(&r->fields, &w, false);

	if (why != R_NONE)
		return h1_as_response(why);
	if (comes_twice(&r->fields, H_CONTENT_LENGTH))
		return R_RESPONSE_LENGTH;
	r->keep_alive = persistent(&w, r->minor);
	r->upgrade = r->status == 101 && w.upgrade && fields_has(&r->fields, H_UPGRADE);
	return h1_response_framing(r, method);
}

enum reason
h1_parse_response(
    struct h1_response *r, struct span head, enum method method, const struct h1_limits *lim)
{
	struct fields lent = { .v = r->fields.v, .size = r->fields.size };
	struct lines l = { head.p, 0, head.n, lim->relaxed };
	struct span line, whole;
	enum reason why;

	*r = (struct h1_response){ .fields = lent };
	why = line_next(&l, &line, &whole);
	if (why == R_FIELD_VALUE || why == R_FIELD_LINE)
		return R_RESPONSE_LINE;
	if (why != R_NONE)
		return R_RESPONSE_HEAD;
	why = parse_status_line(r, line);
	if (why != R_NONE)
		return why;
	why = parse_fields(&r->fields, &l, lim);
	return why != R_NONE ? h1_as_response(why) : judge_response(r, method);
}

/* ---- trailers ---- */

enum reason
h1_parse_trailer(struct fields *f, struct span section, const struct h1_limits *lim)
{
	struct lines l = { section.p, 0, section.n, lim->relaxed };
	enum reason why = parse_fields(f, &l, lim);

	if (why != R_NONE)
		return h1_as_trailer(why);
	for (unsigned i = 0; i < f->n; i++)
		if (name_flags(f->v[i].id) & HN_NO_TRAILER)
			return R_TRAILER_BAD;
	return R_NONE;
}

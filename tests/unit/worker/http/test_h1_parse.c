/*
 * test_h1_parse.c - verdicts on raw heads, the same whatever the cuts between reads, and what a good head means.
 */
#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/http/h1_parse.h"

struct vector {
	enum reason	 want;
	const char	*name, *raw;
	size_t		 n;
};

#define V(want, name, raw) { want, name, raw, sizeof(raw) - 1 },
static const struct vector requests[] = {
#include "tests/unit/worker/http/h1_request_vectors.h"
};
static const struct vector responses[] = {
#include "tests/unit/worker/http/h1_response_vectors.h"
};
#undef V

static const struct h1_limits limits = {
	.max_head = 32768, .max_field = 8192, .max_target = 8192, .max_fields = 100,
};

/* ---- scanning and parsing as a connection does it ---- */

enum side { REQUEST, RESPONSE };

static enum reason
scan(enum side side, struct h1_scan *s, struct span buf, const struct h1_limits *lim, size_t *len)
{
	return side == REQUEST ? h1_scan_request(s, buf, lim, len) :
				 h1_scan_response(s, buf, lim, len);
}

static enum reason
parse(enum side side, struct span head, const struct h1_limits *lim)
{
	struct field v[100];
	struct h1_request r = { .fields = { .v = v, .size = 100 } };
	struct h1_response p = { .fields = { .v = v, .size = 100 } };

	return side == REQUEST ? h1_parse_request(&r, head, lim) :
	    h1_parse_response(&p, head, M_GET, lim);
}

/*
 * The verdict on raw when the reads end at cut, cut + step, cut + 2 * step... Each read's bytes are copied to
 * an allocation of their exact size, so that a sanitizer sees a look ahead. R_MAX: incomplete.
 */
static enum reason
verdict(enum side side, struct span raw, size_t cut, size_t step, const struct h1_limits *lim)
{
	struct h1_scan s = { 0 };
	enum reason why = R_MAX;

	for (size_t n = cut; why == R_MAX; n += step) {
		size_t have = n < raw.n ? n : raw.n, len;
		char *buf = malloc(have + 1);

		if (have > 0)
			memcpy(buf + 1, raw.p, have);
		why = scan(side, &s, span_make(buf + 1, have), lim, &len);
		if (why == R_NONE)
			why = len == 0 ?
			    R_MAX :
			    parse(side, span_make(buf + 1 + s.skip, len - s.skip), lim);
		free(buf);
		if (have == raw.n)
			break;
	}
	return why;
}

static const char *
token(enum reason why)
{
	return why == R_MAX ? "incomplete" : reason_token(why);
}

static void
check_verdicts(enum side side, const struct vector *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum reason why = verdict(side, span_make(v[i].raw, v[i].n), v[i].n, 1, &limits);

		ck_assert_msg(why == v[i].want, "%s: %s instead of %s", v[i].name, token(why),
		    token(v[i].want));
	}
}

static void
check_cuts(enum side side, const struct vector *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span raw = span_make(v[i].raw, v[i].n);
		enum reason why = verdict(side, raw, 1, 1, &limits);

		ck_assert_msg(why == v[i].want, "%s: byte by byte %s", v[i].name, token(why));
		for (size_t cut = 0; cut <= raw.n; cut++) {
			why = verdict(side, raw, cut, raw.n + 1, &limits);
			ck_assert_msg(
			    why == v[i].want, "%s: cut at %zu %s", v[i].name, cut, token(why));
		}
	}
}

START_TEST(every_request_head_gets_its_verdict)
{
	ck_assert_uint_ge(ARRAY_LEN(requests), 250);
	check_verdicts(REQUEST, requests, ARRAY_LEN(requests));
}
END_TEST

START_TEST(every_response_head_gets_its_verdict)
{
	ck_assert_uint_ge(ARRAY_LEN(responses), 120);
	check_verdicts(RESPONSE, responses, ARRAY_LEN(responses));
}
END_TEST

START_TEST(a_request_verdict_does_not_depend_on_the_cuts)
{
	check_cuts(REQUEST, requests, ARRAY_LEN(requests));
}
END_TEST

START_TEST(a_response_verdict_does_not_depend_on_the_cuts)
{
	check_cuts(RESPONSE, responses, ARRAY_LEN(responses));
}
END_TEST

START_TEST(every_byte_has_one_verdict_in_a_value)
{
	for (int c = 0; c < 256; c++) {
		char raw[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a?b\r\n\r\n";
		enum reason want = c == '\r' ? R_BARE_CR : c == '\n' ? R_BARE_LF :
		    (c < ' ' && c != '\t') || c == 0x7f ? R_FIELD_VALUE : R_NONE;

		*strchr(raw, '?') = (char)c;
		ck_assert_int_eq(
		    verdict(REQUEST, span_make(raw, sizeof raw - 1), 1000, 1, &limits), want);
	}
}
END_TEST

START_TEST(every_byte_has_one_verdict_in_a_name)
{
	const char *tchar =
	    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (int c = 1; c < 256; c++) {
		char raw[] = "GET / HTTP/1.1\r\nHost: a\r\nX?b: a\r\n\r\n";
		enum reason why;

		*strchr(raw, '?') = (char)c;
		why = verdict(REQUEST, span_make(raw, sizeof raw - 1), 1000, 1, &limits);
		ck_assert_msg(
		    (why == R_NONE) == (strchr(tchar, c) != NULL || c == ':'), "byte %d", c);
	}
}
END_TEST

/* ---- limits ---- */

static enum reason
limited(const char *raw, const struct h1_limits *lim)
{
	struct span s = span_str(raw);
	enum reason whole = verdict(REQUEST, s, s.n, 1, lim);

	ck_assert_int_eq(verdict(REQUEST, s, 1, 1, lim), whole);
	for (size_t cut = 1; cut < s.n; cut++)
		ck_assert_int_eq(verdict(REQUEST, s, cut, s.n, lim), whole);
	return whole;
}

START_TEST(a_head_may_have_exactly_as_many_bytes_as_the_limit)
{
	const char *raw = "GET / HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n";
	struct h1_limits lim = limits;

	lim.max_head = (uint32_t)strlen(raw);
	ck_assert_int_eq(limited(raw, &lim), R_NONE);
	lim.max_head--;
	ck_assert_int_eq(limited(raw, &lim), R_HEAD_LARGE);
	lim.max_head = 10;
	ck_assert_int_eq(limited(raw, &lim), R_HEAD_LARGE);
}
END_TEST

START_TEST(empty_lines_before_the_head_do_not_count)
{
	struct h1_limits lim = limits;

	lim.max_head = (uint32_t)strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_int_eq(limited("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &lim), R_NONE);
}
END_TEST

START_TEST(a_field_line_may_have_exactly_as_many_bytes_as_the_limit)
{
	struct h1_limits lim = limits;

	lim.max_field = 10;
	ck_assert_int_eq(limited("GET / HTTP/1.1\r\nHost: abcd\r\n\r\n", &lim), R_NONE);
	ck_assert_int_eq(limited("GET / HTTP/1.1\r\nHost: abcde\r\n\r\n", &lim), R_FIELD_LARGE);
	ck_assert_int_eq(limited("GET / HTTP/1.1\r\nHost: abcdefgh", &lim), R_FIELD_LARGE);
	ck_assert_int_eq(limited("GET / HTTP/1.1\r\nHost: abcdefgh\n", &lim), R_FIELD_LARGE);
}
END_TEST

START_TEST(a_target_may_have_exactly_as_many_bytes_as_the_limit)
{
	struct h1_limits lim = limits;
	char raw[300] = "GET /";

	lim.max_target = 10;
	ck_assert_int_eq(limited("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n", &lim), R_NONE);
	ck_assert_int_eq(
	    limited("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n", &lim), R_TARGET_LONG);
	memset(raw + 5, 'x', 200);
	ck_assert_int_eq(limited(raw, &lim), R_TARGET_LONG);
}
END_TEST

START_TEST(a_name_may_have_256_bytes)
{
	char raw[600];
	int n;

	for (int len = 255; len <= 257; len++) {
		n = snprintf(
		    raw, sizeof raw, "GET / HTTP/1.1\r\nHost: a\r\n%0*d: 1\r\n\r\n", len, 0);
		ck_assert_int_gt(n, len);
		ck_assert_int_eq(limited(raw, &limits), len <= 256 ? R_NONE : R_FIELD_LARGE);
	}
}
END_TEST

START_TEST(there_may_be_exactly_as_many_fields_as_the_limit)
{
	struct h1_limits lim = limits;

	lim.max_fields = 3;
	ck_assert_int_eq(limited("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY:\r\n\r\n", &lim), R_NONE);
	ck_assert_int_eq(
	    limited("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY:\r\nZ:\r\n\r\n", &lim), R_FIELDS_MANY);
}
END_TEST

START_TEST(s12_300_fields_are_refused)
{
	char raw[4096] = "GET / HTTP/1.1\r\nHost: a\r\n";

	for (int i = 0; i < 300; i++)
		memcpy(raw + strlen(raw), "X: 1\r\n", 7);
	memcpy(raw + strlen(raw), "\r\n", 3);
	ck_assert_int_eq(verdict(REQUEST, span_str(raw), 4096, 1, &limits), R_FIELDS_MANY);
}
END_TEST

START_TEST(connection_may_name_64_fields)
{
	char raw[1024] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: a";

	for (int i = 1; i < 64; i++)
		memcpy(raw + strlen(raw), ",b", 3);
	memcpy(raw + strlen(raw), "\r\n\r\n", 5);
	ck_assert_int_eq(verdict(REQUEST, span_str(raw), 1024, 1, &limits), R_NONE);
	memcpy(raw + strlen(raw) - 4, ",b\r\n\r\n", 7);
	ck_assert_int_eq(verdict(REQUEST, span_str(raw), 1024, 1, &limits), R_FIELDS_MANY);
}
END_TEST

START_TEST(response_limits_have_their_own_token)
{
	struct h1_limits lim = limits;
	struct span raw = SPAN("HTTP/1.1 200 OK\r\nX: 1\r\nY: 2\r\nLonger: 1234567890\r\n\r\n");

	lim.max_fields = 2;
	ck_assert_int_eq(verdict(RESPONSE, raw, raw.n, 1, &lim), R_RESPONSE_LARGE);
	lim = limits;
	lim.max_field = 16;
	ck_assert_int_eq(verdict(RESPONSE, raw, raw.n, 1, &lim), R_RESPONSE_LARGE);
	lim.max_field = 14;
	ck_assert_int_eq(verdict(RESPONSE, raw, raw.n, 1, &lim), R_RESPONSE_LARGE);
	lim = limits;
	lim.max_head = 30;
	ck_assert_int_eq(verdict(RESPONSE, raw, raw.n, 1, &lim), R_RESPONSE_LARGE);
}
END_TEST

/* ---- relaxed line ends ---- */

START_TEST(relaxed_line_ends_take_a_bare_lf_and_nothing_else)
{
	static const struct { const char *raw; enum reason want; } rows[] = {
		{ "GET / HTTP/1.1\nHost: a\n\n", R_NONE },
		{ "\nGET / HTTP/1.1\nHost: a\r\n\n", R_NONE },
		{ "GET / HTTP/1.1\nHost: a\nX: a\rb\n\n", R_BARE_CR },
		{ "GET / HTTP/1.1\nHost: a\n b\n\n", R_OBS_FOLD },
		{ "GET / HTTP/1.1\nHost: a\nX\n\n", R_FIELD_LINE },
		{ "GET /\n\n", R_REQUEST_LINE },
	};
	struct h1_limits lim = limits;

	lim.relaxed = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(limited(rows[i].raw, &lim), rows[i].want);
}
END_TEST

START_TEST(a_line_that_ended_in_lf_is_not_repeated_as_received)
{
	struct field v[4];
	struct h1_request r = { .fields = { .v = v, .size = 4 } };
	struct h1_limits lim = limits;

	lim.relaxed = true;
	ck_assert_int_eq(
	    h1_parse_request(&r, SPAN("GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"), &lim), R_NONE);
	ck_assert_ptr_null(v[0].line.p);
	ck_assert(span_eq_str(v[1].line, "X: 1\r\n"));
}
END_TEST

/* ---- what a good head means ---- */

static struct field field_room[32];

static struct h1_request
request(const char *raw)
{
	struct h1_request r = { .fields = { .v = field_room, .size = 32 } };

	ck_assert_int_eq(h1_parse_request(&r, span_str(raw), &limits), R_NONE);
	return r;
}

static struct h1_response
response(const char *raw, enum method method)
{
	struct h1_response r = { .fields = { .v = field_room, .size = 32 } };

	ck_assert_int_eq(h1_parse_response(&r, span_str(raw), method, &limits), R_NONE);
	return r;
}

START_TEST(a_request_is_taken_apart_into_spans_of_its_head)
{
	const char *raw = "GET /a/b?c=d HTTP/1.1\r\nHost: A.test:81\r\nX-Y:  z \r\n\r\n";
	struct h1_request r = request(raw);

	ck_assert_int_eq(r.method, M_GET);
	ck_assert(span_eq_str(r.method_text, "GET"));
	ck_assert(span_eq_str(r.target, "/a/b?c=d"));
	ck_assert(span_eq_str(r.uri.path, "/a/b"));
	ck_assert(span_eq_str(r.uri.query, "c=d"));
	ck_assert_int_eq(r.uri.form, TARGET_ORIGIN);
	ck_assert(span_eq_str(r.host.host, "A.test"));
	ck_assert_int_eq(r.host.port, 81);
	ck_assert(span_eq_str(r.host_raw, "A.test:81"));
	ck_assert_int_eq(r.fields.n, 2);
	ck_assert(span_eq_str(r.fields.v[1].name, "X-Y"));
	ck_assert(span_eq_str(r.fields.v[1].value, "z"));
	ck_assert(span_eq_str(r.fields.v[1].line, "X-Y:  z \r\n"));
	ck_assert_ptr_eq(r.fields.v[0].line.p + r.fields.v[0].line.n, r.fields.v[1].line.p);
	ck_assert_int_eq(r.body, H1_NONE);
	ck_assert_int_eq(r.minor, 1);
}
END_TEST

START_TEST(row22_the_authority_of_the_target_wins_over_host)
{
	struct h1_request r = request("GET http://b.test:8080/x HTTP/1.1\r\nHost: a.test\r\n\r\n");

	ck_assert(span_eq_str(r.host.host, "b.test"));
	ck_assert(span_eq_str(r.host_raw, "b.test:8080"));
	ck_assert_int_eq(r.host.port, 8080);
	ck_assert(span_eq_str(r.uri.path, "/x"));
	r = request("CONNECT c.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n");
	ck_assert(span_eq_str(r.host.host, "c.test"));
	ck_assert_int_eq(r.uri.form, TARGET_AUTHORITY);
	r = request("GET / HTTP/1.0\r\n\r\n");
	ck_assert_ptr_null(r.host.host.p);
}
END_TEST

START_TEST(the_length_of_a_request_body_is_decided_once)
{
	struct h1_request r = request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0042\r\n\r\n");

	ck_assert_int_eq(r.body, H1_LENGTH);
	ck_assert_uint_eq(r.length, 42);
	r = request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
	ck_assert_int_eq(r.body, H1_CHUNKED);
	r = request("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_int_eq(r.body, H1_NONE);
}
END_TEST

START_TEST(persistence_follows_version_and_connection)
{
	static const struct { const char *raw; bool keep; } rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: \"x, close, y\"\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: \"x\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: , ,\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(request(rows[i].raw).keep_alive == rows[i].keep, "%s", rows[i].raw);
}
END_TEST

START_TEST(wishes_of_the_client_are_read)
{
	struct h1_request r = request("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, TE\r\n"
				      "Upgrade: websocket\r\nTE: gzip, trailers;q=1\r\nExpect: 100-Continue\r\n\r\n");

	ck_assert(r.upgrade && r.te_trailers && r.expect && r.keep_alive);
	r = request("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
	ck_assert(!r.upgrade);
	r = request("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n");
	ck_assert(!r.upgrade);
	r = request(
	    "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\n\r\n");
	ck_assert(!r.upgrade && !r.expect);
}
END_TEST

START_TEST(row19_hop_by_hop_and_nominated_fields_are_marked_and_still_visible)
{
	struct h1_request r = request(
	    "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-foo, User-Agent\r\n"
	    "X-Foo: 1\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nTE: trailers\r\n"
	    "Upgrade: h2c\r\nHTTP2-Settings: AA\r\nUser-Agent: u\r\nX-Bar: 2\r\nx-fOO: 3\r\n\r\n");
	static const bool dropped[] = {
		false, true, true, true, true, true, true, true, true, false, true,
	};

	ck_assert_uint_eq(r.fields.n, ARRAY_LEN(dropped));
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		ck_assert_msg((r.fields.v[i].flags & FIELD_DROP) == dropped[i], "field %zu", i);
	ck_assert(span_eq_str(fields_value(&r.fields, H_USER_AGENT), "u"));
}
END_TEST

START_TEST(the_length_of_a_response_body_follows_status_and_method)
{
	static const struct {
		const char	*raw;
		enum method	 method;
		enum h1_body	 body;
		bool		 has_length, keep;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", M_GET, H1_LENGTH, true, true },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", M_HEAD, H1_NONE, true, true },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", M_GET, H1_CHUNKED, false, true },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", M_HEAD, H1_NONE, false, true },
		{ "HTTP/1.1 200 OK\r\n\r\n", M_GET, H1_CLOSE, false, false },
		{ "HTTP/1.1 200 OK\r\n\r\n", M_HEAD, H1_NONE, false, true },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", M_GET, H1_LENGTH, true, false },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", M_GET, H1_LENGTH, true, false },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", M_GET,
		    H1_LENGTH, true, true },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", M_GET, H1_CLOSE, false,
		    false },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", M_GET, H1_NONE, false,
		    true },
		{ "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", M_GET, H1_NONE,
		    false, false },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", M_GET, H1_NONE, true,
		    true },
		{ "HTTP/1.1 100 Continue\r\n\r\n", M_POST, H1_NONE, false, true },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", M_CONNECT, H1_NONE, false, true },
		{ "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n", M_CONNECT, H1_LENGTH, true, true },
		{ "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", M_GET, H1_LENGTH, true, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h1_response r = response(rows[i].raw, rows[i].method);

		ck_assert_msg(r.body == rows[i].body, "row %zu: body %d", i, r.body);
		ck_assert_msg(r.has_length == rows[i].has_length, "row %zu: length", i);
		ck_assert_msg(r.keep_alive == rows[i].keep, "row %zu: keep-alive", i);
	}
}
END_TEST

START_TEST(a_length_where_none_may_be_is_not_passed_on)
{
	struct h1_response r = response(
	    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", M_GET);

	ck_assert(r.fields.v[0].flags & FIELD_DROP);
	r = response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", M_GET);
	ck_assert(!(r.fields.v[0].flags & FIELD_DROP));
}
END_TEST

START_TEST(a_response_is_taken_apart)
{
	struct h1_response r = response(
	    "HTTP/1.1 101 Off we go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", M_GET);

	ck_assert_int_eq(r.status, 101);
	ck_assert(span_eq_str(r.phrase, "Off we go"));
	ck_assert(r.upgrade);
	r = response("HTTP/1.0 999 \r\n\r\n", M_GET);
	ck_assert_int_eq(r.status, 999);
	ck_assert_uint_eq(r.phrase.n, 0);
	ck_assert_int_eq(r.minor, 0);
}
END_TEST

/* ---- trailers ---- */

static enum reason
trailer(struct span raw, size_t cut)
{
	struct field v[8];
	struct fields f = { .v = v, .size = 8 };
	struct h1_scan s = { 0 };
	size_t len = 0;
	enum reason why;

	why = h1_scan_trailer(&s, span_make(raw.p, cut), &limits, &len);
	if (why == R_NONE && len == 0)
		why = h1_scan_trailer(&s, raw, &limits, &len);
	if (why != R_NONE)
		return why;
	return len == 0 ? R_MAX : h1_parse_trailer(&f, span_make(raw.p, len), &limits);
}

START_TEST(row8_trailers_are_as_strict_as_heads_and_name_nothing_forbidden)
{
	static const struct { const char *raw; enum reason want; } rows[] = {
		{ "\r\n", R_NONE },
		{ "\r\nGET / HTTP/1.1\r\n", R_NONE },
		{ "X-Checksum: 1\r\n\r\n", R_NONE },
		{ "X: 1\r\nY: 2\r\n\r\n", R_NONE },
		{ "ETag: \"a\"\r\n\r\n", R_NONE },
		{ "Content-Length: 5\r\n\r\n", R_TRAILER_BAD },
		{ "Host: a\r\n\r\n", R_TRAILER_BAD },
		{ "Authorization: a\r\n\r\n", R_TRAILER_BAD },
		{ "Transfer-Encoding: chunked\r\n\r\n", R_TRAILER_BAD },
		{ "Set-Cookie: a\r\n\r\n", R_TRAILER_BAD },
		{ "Connection: close\r\n\r\n", R_TRAILER_BAD },
		{ "X: 1\r\nX-Forwarded-For: a\r\n\r\n", R_TRAILER_BAD },
		{ "X\r\n\r\n", R_TRAILER_BAD },
		{ "X : 1\r\n\r\n", R_TRAILER_BAD },
		{ ": 1\r\n\r\n", R_TRAILER_BAD },
		{ " X: 1\r\n\r\n", R_TRAILER_BAD },
		{ "X: 1\r\n y\r\n\r\n", R_TRAILER_BAD },
		{ "X: 1\n\r\n", R_TRAILER_BAD },
		{ "\n", R_TRAILER_BAD },
		{ "\rX", R_TRAILER_BAD },
		{ "X: \001\r\n\r\n", R_TRAILER_BAD },
		{ "X: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\nX: 5\r\nX: 6\r\nX: 7\r\nX: 8\r\nX: 9\r\n\r\n", R_FIELDS_MANY },
		{ "", R_MAX },
		{ "\r", R_MAX },
		{ "X: 1\r\n", R_MAX },
		{ "X: 1\r\n\r", R_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 0; cut <= strlen(rows[i].raw); cut++) {
			enum reason why = trailer(span_str(rows[i].raw), cut);

			ck_assert_msg(
			    why == rows[i].want, "row %zu cut %zu: %s", i, cut, token(why));
		}
}
END_TEST

START_TEST(the_scanner_stops_at_the_end_of_the_first_head)
{
	struct span raw = SPAN("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\n\n");
	struct h1_scan s = { 0 };
	size_t len;

	ck_assert_int_eq(h1_scan_request(&s, raw, &limits, &len), R_NONE);
	ck_assert_uint_eq(len, strlen("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	ck_assert_uint_eq(s.skip, 2);
}
END_TEST

UNIT_MAIN("worker/http/h1_parse", every_request_head_gets_its_verdict,
    every_response_head_gets_its_verdict, a_request_verdict_does_not_depend_on_the_cuts,
    a_response_verdict_does_not_depend_on_the_cuts, every_byte_has_one_verdict_in_a_value,
    every_byte_has_one_verdict_in_a_name, a_head_may_have_exactly_as_many_bytes_as_the_limit,
    empty_lines_before_the_head_do_not_count,
    a_field_line_may_have_exactly_as_many_bytes_as_the_limit,
    a_target_may_have_exactly_as_many_bytes_as_the_limit, a_name_may_have_256_bytes,
    there_may_be_exactly_as_many_fields_as_the_limit, s12_300_fields_are_refused,
    connection_may_name_64_fields, response_limits_have_their_own_token,
    relaxed_line_ends_take_a_bare_lf_and_nothing_else,
    a_line_that_ended_in_lf_is_not_repeated_as_received,
    a_request_is_taken_apart_into_spans_of_its_head,
    row22_the_authority_of_the_target_wins_over_host,
    the_length_of_a_request_body_is_decided_once, persistence_follows_version_and_connection,
    wishes_of_the_client_are_read,
    row19_hop_by_hop_and_nominated_fields_are_marked_and_still_visible,
    the_length_of_a_response_body_follows_status_and_method,
    a_length_where_none_may_be_is_not_passed_on, a_response_is_taken_apart,
    row8_trailers_are_as_strict_as_heads_and_name_nothing_forbidden,
    the_scanner_stops_at_the_end_of_the_first_head)

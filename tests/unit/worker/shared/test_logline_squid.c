#include "tests/unit/unit.h"
#include "worker/shared/logline.h"

/* A forward GET that was relayed. */
static struct journal_view
view_of(const char *method, const char *target)
{
	struct journal_view v = { .rec = { .status = 200,
				      .upstream_status = 200,
				      .wall_us = 971211336123456ull,
				      .bytes_out = 10,
				      .sent = 238,
				      .t = { UINT32_MAX, 250, 1500, 12345 },
				      .minor = 1,
				      .tries = 1,
				      .flags = JF_FORWARD,
				      .client_family = AF_INET,
				      .client_ip = { 192, 0, 2, 7 } } };

	v.s[JS_METHOD] = span_str(method);
	v.s[JS_TARGET] = span_str(target);
	v.s[JS_HOST] = SPAN("www.example.com");
	v.s[JS_UPSTREAM] = SPAN("203.0.113.9:80");
	v.s[JS_TYPE] = SPAN("text/html; charset=utf-8");
	return v;
}

static void
expect(const struct journal_view *v, const char *line)
{
	struct str out = STR_INIT;

	logline_write(&out, LOGLINE_SQUID, v);
	ck_assert_str_eq(out.data, line);
	str_fini(&out);
}

START_TEST(line_has_the_fields_and_widths_of_squid)
{
	struct journal_view v = view_of("GET", "http://www.example.com/a?b=c");

	expect(&v,
	    "971211336.135     12 192.0.2.7 TCP_MISS/200 238 GET http://www.example.com/a?b=c "
	    "- HIER_DIRECT/203.0.113.9 text/html\n");
	v.rec.t.total = 1234567890;
	expect(&v,
	    "971212570.691 1234567 192.0.2.7 TCP_MISS/200 238 GET http://www.example.com/a?b=c "
	    "- HIER_DIRECT/203.0.113.9 text/html\n");
}
END_TEST

START_TEST(reverse_targets_become_whole_urls)
{
	struct journal_view v = view_of("GET", "/a b\"%41'|\xff");

	v.rec.flags = 0;
	v.s[JS_UPSTREAM] = SPAN("[2001:db8::1]:80");
	v.s[JS_TYPE] = SPAN_NONE;
	expect(&v, "971211336.135     12 192.0.2.7 TCP_MISS/200 238 GET "
		   "http://www.example.com/a%20b%22%41'|%FF - FIRSTUP_PARENT/2001:db8::1 -\n");
}
END_TEST

/* The word and the status of each kind of end. */
START_TEST(results_have_squids_words)
{
	static const struct {
		const char *method;
		uint16_t status, reason, flags;
		uint8_t tries;
		const char *word;
	} rows[] = {
		{ "GET", 200, R_NONE, 0, 1, "TCP_MISS/200" },
		{ "GET", 404, R_NONE, 0, 1, "TCP_MISS/404" },
		{ "GET", 200, R_CLIENT_GONE, JF_ABORTED, 1, "TCP_MISS_ABORTED/200" },
		{ "GET", 499, R_CLIENT_GONE, JF_ABORTED, 1, "TCP_MISS_ABORTED/000" },
		{ "GET", 200, R_CLIENT_SLOW, JF_ABORTED, 1, "TCP_MISS_TIMEDOUT/200" },
		{ "GET", 200, R_UPSTREAM_TRUNCATED, JF_ABORTED, 1, "TCP_MISS/200" },
		{ "POST", 408, R_BODY_TIMEOUT, JF_LOCAL, 1, "TCP_MISS_TIMEDOUT/408" },
		{ "GET", 403, R_DENIED, JF_LOCAL, 0, "TCP_DENIED/403" },
		{ "GET", 403, R_ADDRESS_DENIED, JF_LOCAL, 0, "TCP_DENIED/403" },
		{ "CONNECT", 403, R_DENIED, JF_LOCAL, 0, "TCP_DENIED/403" },
		{ "GET", 301, R_REDIRECT, JF_LOCAL, 0, "TCP_REDIRECT/301" },
		{ "GET", 200, R_RESPOND, JF_LOCAL, 0, "NONE_NONE/200" },
		{ "GET", 400, R_FIELD_LINE, JF_LOCAL, 0, "NONE_NONE/400" },
		{ "GET", 404, R_ROUTE_NONE, JF_LOCAL, 0, "NONE_NONE/404" },
		{ "GET", 502, R_DNS_FAILED, JF_LOCAL, 0, "TCP_MISS/502" },
		{ "GET", 502, R_CONNECT_FAILED, JF_LOCAL, 2, "TCP_MISS/502" },
		{ "GET", 503, R_TARGET_NONE, JF_LOCAL, 0, "TCP_MISS/503" },
		{ "CONNECT", 502, R_CONNECT_FAILED, JF_LOCAL | JF_TUNNEL, 1, "NONE_NONE/502" },
		{ "CONNECT", 200, R_NONE, JF_TUNNEL, 1, "TCP_TUNNEL/200" },
		{ "CONNECT", 200, R_TUNNEL_IDLE, JF_TUNNEL, 1, "TCP_TUNNEL/200" },
		{ "GET", 101, R_NONE, JF_TUNNEL, 1, "TCP_TUNNEL/101" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct journal_view v = view_of(rows[i].method, "/");
		struct str out = STR_INIT;
		struct span rest, word = SPAN_NONE;

		v.rec.status = rows[i].status;
		v.rec.reason = rows[i].reason;
		v.rec.flags = rows[i].flags;
		v.rec.tries = rows[i].tries;
		logline_write(&out, LOGLINE_SQUID, &v);
		rest = span_str(strstr(out.data, "192.0.2.7 ") + 10);
		ck_assert(span_split(&rest, ' ', &word));
		ck_assert_msg(
		    span_eq_str(word, rows[i].word), "row %zu: " SPAN_FMT, i, SPAN_ARG(word));
		str_fini(&out);
	}
}
END_TEST

START_TEST(what_never_became_a_request_is_an_error_url)
{
	struct journal_view v = { .rec = { .status = 400,
				      .reason = R_REQUEST_LINE,
				      .flags = JF_LOCAL,
				      .t.total = UINT32_MAX } };

	expect(&v, "0.000      0 - NONE_NONE/400 0 - error:invalid-request - HIER_NONE/- -\n");
	v.rec.status = 408;
	v.rec.reason = R_HEAD_TIMEOUT;
	expect(&v,
	    "0.000      0 - NONE_NONE/408 0 - error:transaction-end-before-headers - HIER_NONE/- -\n");
}
END_TEST

START_TEST(every_line_has_ten_words_whatever_a_peer_sent)
{
	char hostile[256];
	struct journal_view v = view_of("GET", NULL);

	for (unsigned i = 0; i < sizeof hostile; i++)
		hostile[i] = (char)i;
	for (unsigned i = 0; i < JS_MAX; i++)
		v.s[i] = span_make(hostile, sizeof hostile);
	for (unsigned from = 0; from < sizeof hostile; from++) {
		struct str out = STR_INIT;
		unsigned words = 0;

		v.s[JS_TYPE] = v.s[JS_TARGET] = span_make(hostile + from, sizeof hostile - from);
		logline_write(&out, LOGLINE_SQUID, &v);
		for (char *p = out.data, *rest = NULL; strtok_r(p, " \t\n", &rest) != NULL;
		     p = NULL)
			words++;
		ck_assert_msg(words == 10, "from %u: %u words", from, words);
		str_fini(&out);
	}
}
END_TEST

UNIT_MAIN("worker/shared/logline_squid", line_has_the_fields_and_widths_of_squid,
    reverse_targets_become_whole_urls, results_have_squids_words,
    what_never_became_a_request_is_an_error_url, every_line_has_ten_words_whatever_a_peer_sent)

#include "tests/unit/lib/request.h"

START_TEST(host_port_and_path_are_normalised)
{
	static const struct {
		const char *head, *host;
		uint16_t port;
		const char *path;
		bool dots;
		enum reason why;
	} rows[] = {
		{ "GET /a/./b/../c?x HTTP/1.1\r\nHost: A.Example.\r\n\r\n", "a.example", 80, "/a/c",
		    true, R_NONE },
		{ "GET /a%2db HTTP/1.1\r\nHost: a:8080\r\n\r\n", "a", 8080, "/a-b", false, R_NONE },
		{ "GET http://B.example/ HTTP/1.1\r\nHost: a\r\n\r\n", "b.example", 80, "/", false, R_NONE },
		{ "GET https://b HTTP/1.1\r\nHost: b\r\n\r\n", "b", 443, "/", false, R_NONE },
		{ "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "b", 443, "", false, R_NONE },
		{ "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", "b", 80, "", false, R_NONE },
		{ "GET / HTTP/1.0\r\n\r\n", "", 80, "/", false, R_NONE },
		{ "GET /a/%2e%2e/%2e%2e/b HTTP/1.1\r\nHost: b\r\n\r\n", NULL, 0, NULL, false, R_PATH_FORBIDDEN },
		{ "GET /a%00 HTTP/1.1\r\nHost: b\r\n\r\n", NULL, 0, NULL, false, R_PATH_FORBIDDEN },
	};

	request_start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = request_make(rows[i].head);
		enum reason why = r->reason == R_NONE ? req_target(r) : r->reason;

		if (rows[i].why == R_NONE) {
			ck_assert_msg(why == R_NONE, "row %zu: %s", i, reason_token(why));
			ck_assert_msg(span_eq_str(r->host, rows[i].host), "row %zu", i);
			ck_assert_msg(span_eq_str(r->path, rows[i].path), "row %zu: %.*s", i,
			    SPAN_ARG(r->path));
			ck_assert_uint_eq(r->port, rows[i].port);
			ck_assert_msg(r->dots == rows[i].dots, "row %zu", i);
		} else {
			ck_assert_msg(why != R_NONE, "row %zu passed: %.*s", i, SPAN_ARG(r->path));
		}
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(a_request_is_counted_once_and_written_to_the_journal)
{
	static char text[JOURNAL_RECORD];
	struct conf_rule rule = { .id = "allow-web" };
	struct journal_view v;
	struct ctx *x = request_start(MODE_FORWARD);
	struct req *r = request_make(
	    "GET http://b/x HTTP/1.1\r\nHost: b\r\nUser-Agent: me\r\n\r\n");

	ck_assert_uint_eq(x->stats->counter[C_REQUESTS_ACTIVE], 1);
	ck_assert_uint_eq(x->reqs.count, 1);
	r->rule = &rule;
	r->id = SPAN("id-9");
	r->tries = 2;
	req_reply(r, R_DENIED, 0);
	body_consume(r->down, 10);
	req_log(r);
	req_free(&r);
	ck_assert_ptr_null(r);
	ck_assert_uint_eq(x->stats->counter[C_REQUESTS_ACTIVE], 0);
	ck_assert_uint_eq(x->stats->counter[C_REQUESTS], 1);
	ck_assert_uint_eq(x->stats->counter[C_STATUS_4XX], 1);
	ck_assert_uint_eq(x->stats->reason[R_DENIED], 1);
	ck_assert_uint_eq(x->stats->hist_total[0].count, 1);
	ck_assert(journal_next(x->journal, text, &v));
	ck_assert_uint_eq(v.rec.status, 403);
	ck_assert_uint_eq(v.rec.bytes_out, 10);
	ck_assert_uint_eq(v.rec.flags, JF_RETRIED | JF_LOCAL | JF_FORWARD);
	ck_assert(span_eq_str(v.s[JS_ROUTE], "allow-web"));
	ck_assert(span_eq_str(v.s[JS_TARGET], "http://b/x"));
	ck_assert(span_eq_str(v.s[JS_AGENT], "me"));
	ck_assert(span_eq_str(v.s[JS_REQUEST_ID], "id-9"));
	ck_assert_uint_eq(v.rec.client_family, AF_INET);
	ck_assert(!journal_next(x->journal, text, &v));
	request_end();
}
END_TEST

START_TEST(a_full_journal_costs_the_record_not_the_request)
{
	struct ctx *x = request_start(MODE_REVERSE);

	for (int i = 0; i < 10000; i++) {
		struct req *r = request_make("GET / HTTP/1.1\r\nHost: b\r\n\r\n");

		req_reply(r, R_ROUTE_NONE, 0);
		req_log(r);
		req_free(&r);
		loop_turn(&x->loop, 0);
	}
	ck_assert_uint_gt(x->stats->counter[C_JOURNAL_DROPPED], 0);
	ck_assert_uint_eq(x->stats->counter[C_REQUESTS], 10000);
	request_end();
}
END_TEST

UNIT_MAIN("worker/req/req", host_port_and_path_are_normalised,
    a_request_is_counted_once_and_written_to_the_journal,
    a_full_journal_costs_the_record_not_the_request)

#include <stdio.h>
#include "tests/unit/lib/request.h"
#include "worker/mode/mode.h"

static struct req *
ask(const char *line, const char *lines)
{
	static char head[1024];
	struct req *r;

	(void)snprintf(head, sizeof head, "%s\r\nHost: a\r\n%s\r\n", line, lines);
	r = request_make(head);
	ck_assert_msg(r->reason == R_NONE, "%s: %s", line, reason_token(r->reason));
	return r;
}

START_TEST(what_both_modes_refuse_and_answer_themselves)
{
	static const struct { const char *line, *lines; enum reason why; int status; } rows[] = {
		{ "GET / HTTP/1.1", "", R_NONE, 0 },
		{ "TRACE / HTTP/1.1", "", R_METHOD_REFUSED, 405 },
		{ "TRACE / HTTP/1.1", "Max-Forwards: 0\r\n", R_METHOD_REFUSED, 405 },
		{ "GET / HTTP/1.1", "Via: 1.1 proxyd-0badcafe\r\n", R_LOOP, 508 },
		{ "OPTIONS * HTTP/1.1", "Max-Forwards: 0\r\n", R_MAX_FORWARDS, 200 },
		{ "OPTIONS / HTTP/1.1", "Max-Forwards: 00\r\n", R_MAX_FORWARDS, 200 },
		{ "GET / HTTP/1.1", "Max-Forwards: 0\r\n", R_NONE, 0 },
		{ "OPTIONS / HTTP/1.1", "Max-Forwards: many\r\n", R_NONE, 0 },
	};

	request_start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = ask(rows[i].line, rows[i].lines);

		ck_assert_msg(mode_common(r) == rows[i].why, "%s %s", rows[i].line, rows[i].lines);
		ck_assert_msg(
		    r->resp.status == rows[i].status, "%s: %d", rows[i].line, r->resp.status);
		ck_assert(r->is_local == (rows[i].why != R_NONE));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(max_forwards_counts_down_and_secrets_for_us_stay_here)
{
	struct req *r;

	request_start(MODE_FORWARD);
	r = ask("OPTIONS / HTTP/1.1",
	    "Max-Forwards: 10\r\nProxy-Authorization: Basic eDp5\r\nX: y\r\n");
	ck_assert_int_eq(mode_common(r), R_NONE);
	ck_assert_str_eq(request_fields(r, &r->in.fields), "Host: a|X: y|Max-Forwards: 9|");
	req_free(&r);
	r = ask("GET / HTTP/1.0", "Expect: 100-continue\r\n");
	ck_assert_int_eq(mode_common(r), R_NONE);
	ck_assert_str_eq(request_fields(r, &r->in.fields), "Host: a|");
	req_free(&r);
	r = ask("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n");
	ck_assert_int_eq(mode_common(r), R_NONE);
	ck_assert_str_eq(
	    request_fields(r, &r->in.fields), "Host: a|Expect: 100-continue|Content-Length: 1|");
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(the_origin_form_is_the_target_behind_its_authority)
{
	static const struct { const char *line, *out; } rows[] = {
		{ "GET http://b/x/../y?q=1 HTTP/1.1", "/x/../y?q=1" },
		{ "GET http://b HTTP/1.1", "/" },
		{ "GET http://b/ HTTP/1.1", "/" },
		{ "GET http://b?q HTTP/1.1", "/?q" },
		{ "GET http://b/? HTTP/1.1", "/?" },
		{ "OPTIONS http://b HTTP/1.1", "*" },
		{ "OPTIONS http://b/ HTTP/1.1", "/" },
		{ "OPTIONS * HTTP/1.1", "*" },
		{ "GET /p?q HTTP/1.1", "/p?q" },
	};

	request_start(MODE_FORWARD);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = ask(rows[i].line, "");
		struct span s = mode_origin_form(r);

		ck_assert_msg(s.p != NULL && span_eq_str(s, rows[i].out), "%s: %.*s", rows[i].line,
		    SPAN_ARG(s));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(only_an_allowed_upgrade_without_a_body_is_wanted)
{
	static const char *both[] = { "websocket", "h2c-not" }, *none[1];
	static const struct { const char *lines; bool usual, listed; } rows[] = {
		{ "Connection: upgrade\r\nUpgrade: websocket\r\n", true, true },
		{ "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n", true, true },
		{ "Connection: upgrade\r\nUpgrade: h2c-not\r\n", false, true },
		{ "Connection: upgrade\r\nUpgrade: h2c\r\n", false, false },
		{ "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", false, false },
		{ "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", false, false },
		{ "Upgrade: websocket\r\n", false, false },
		{ "Connection: upgrade\r\n", false, false },
	};
	struct conf_strs allowed = { both, 2 }, nothing = { none, 0 };

	request_start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = ask("GET / HTTP/1.1", rows[i].lines);

		mode_want_upgrade(r, &nothing);
		ck_assert(!r->want_upgrade);
		mode_want_upgrade(r, NULL);
		ck_assert_msg(r->want_upgrade == rows[i].usual, "%s", rows[i].lines);
		r->want_upgrade = false;
		mode_want_upgrade(r, &allowed);
		ck_assert_msg(r->want_upgrade == rows[i].listed, "%s", rows[i].lines);
		r->want_upgrade = false;
		r->up = &r->up_source.body;
		mode_want_upgrade(r, NULL);
		ck_assert(!r->want_upgrade);
		req_free(&r);
	}
	request_end();
}
END_TEST

UNIT_MAIN("worker/mode/mode", what_both_modes_refuse_and_answer_themselves,
    max_forwards_counts_down_and_secrets_for_us_stay_here,
    the_origin_form_is_the_target_behind_its_authority,
    only_an_allowed_upgrade_without_a_body_is_wanted)

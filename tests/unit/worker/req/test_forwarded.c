#include <stdio.h>
#include "tests/unit/lib/request.h"

static struct cidr trusted[2];

static void
start(enum conf_mode mode)
{
	request_start(mode);
	ck_assert_int_eq(cidr_parse(&trusted[0], "127.0.0.0/8", NULL), 0);
	ck_assert_int_eq(cidr_parse(&trusted[1], "10.0.0.0/8", NULL), 0);
	request_listener.trusted_proxies = (struct conf_cidrs){ .v = trusted, .n = 2 };
}

static struct req *
with(const char *lines)
{
	static char head[8192];
	struct req *r;

	(void)snprintf(head, sizeof head, "GET /x HTTP/1.1\r\nHost: a.example:81\r\n%s\r\n", lines);
	r = request_make(head);
	ck_assert_int_eq(r->reason, R_NONE);
	return r;
}

START_TEST(the_client_is_the_first_hop_from_the_right_that_is_not_trusted)
{
	static const struct { const char *lines, *client; } rows[] = {
		{ "", "127.0.0.1" },
		{ "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.1.1.1\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.1.1.1, 10.1.1.2\r\n", "203.0.113.9" },
		{ "X-Forwarded-For: 10.1.1.1\r\n", "10.1.1.1" },
		{ "X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: 192.0.2.7, unknown\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: 192.0.2.7, _hidden, 10.1.1.1\r\n", "10.1.1.1" },
		{ "X-Forwarded-For: 192.0.2.7,,, \r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 010.0.0.1\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: \"192.0.2.7\"\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: []\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: :80\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: [2001:db8::1]x\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: 192.0.2.7:http\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: ::ffff:10.9.9.9\r\n", NULL },
	};

	start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = with(rows[i].lines);
		char text[ADDR_TEXT];

		req_find_client(r);
		ck_assert(r->trusted);
		if (rows[i].client != NULL)
			ck_assert_msg(strcmp(addr_ip_text(&r->client, text), rows[i].client) == 0,
			    "%s: %s", rows[i].lines, text);
		req_free(&r);
	}
	request_end();
}
END_TEST

/* Only the nearest hops are looked at: a list of a thousand costs no more and reaches no further. */
START_TEST(a_long_list_is_read_from_its_right_end)
{
	static char line[8000];
	size_t n = (size_t)snprintf(line, sizeof line, "X-Forwarded-For: 192.0.2.1");
	struct req *r;
	char text[ADDR_TEXT];

	start(MODE_REVERSE);
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(line + n, sizeof line - n, ", 10.0.0.%d", i);
	(void)snprintf(line + n, sizeof line - n, "\r\n");
	r = with(line);
	req_find_client(r);
	ck_assert_str_eq(addr_ip_text(&r->client, text), "10.0.0.168");
	req_free(&r);
	request_end();
}
END_TEST

/* Each line was once joined to a copy of all before it: 6 KB of a trusted peer's lines took 190 KB. */
START_TEST(r4_joining_many_lines_takes_their_own_size_and_no_more)
{
	static char lines[8000];
	size_t n = 0;
	struct req *r;
	struct span value = SPAN_NONE;

	start(MODE_REVERSE);
	request_conf.defaults.x_forwarded = true;
	request_conf.defaults.request_id = "";
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(lines + n, sizeof lines - n, "X-Forwarded-For: %083d\r\n", i);
	r = with(lines);
	req_find_client(r);
	ck_assert(req_add_forwarded(r));
	for (unsigned i = 0; i < r->in.fields.n; i++)
		if (r->in.fields.v[i].id == H_X_FORWARDED_FOR &&
		    !(r->in.fields.v[i].flags & FIELD_DROP))
			value = r->in.fields.v[i].value;
	ck_assert_uint_eq(value.n, 60 * 85 + strlen("127.0.0.1"));
	ck_assert(span_eq(span_make(value.p + 59 * 85, 94), SPAN(
	    "00000000000000000000000000000000000000000000000000000000000000000000000000000000059, 127.0.0.1")));
	ck_assert_uint_le(r->arena.total, 16384);
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(an_untrusted_peers_claims_are_dropped)
{
	struct req *r;
	char text[ADDR_TEXT];

	start(MODE_REVERSE);
	request_listener.trusted_proxies.n = 0;
	request_conf.defaults.x_forwarded = request_conf.defaults.forwarded = true;
	request_conf.defaults.request_id = "";
	r = with(
	    "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.0.0.1\r\n"
	    "X-Forwarded-Host: evil\r\nX-Real-IP: 10.0.0.1\r\n");
	req_find_client(r);
	ck_assert(!r->trusted);
	ck_assert_str_eq(addr_ip_text(&r->client, text), "127.0.0.1");
	ck_assert(req_add_forwarded(r));
	ck_assert_str_eq(request_fields(r, &r->in.fields),
	    "Host: a.example:81|X-Forwarded-For: 127.0.0.1|"
	    "X-Forwarded-Proto: http|X-Forwarded-Host: a.example:81|"
	    "Forwarded: for=127.0.0.1;proto=http;host=\"a.example:81\"|");
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(a_trusted_peers_claims_are_kept_and_it_is_appended)
{
	struct req *r;

	start(MODE_REVERSE);
	request_conf.defaults.x_forwarded = request_conf.defaults.forwarded = request_conf.defaults
										  .via = true;
	request_conf.defaults.request_id = "";
	r = with(
	    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nForwarded: for=192.0.2.7\r\n"
	    "X-Forwarded-For: 10.0.0.1\r\nVia: 1.1 edge\r\n");
	req_find_client(r);
	ck_assert(req_add_forwarded(r));
	ck_assert_str_eq(request_fields(r, &r->in.fields),
	    "Host: a.example:81|X-Forwarded-Proto: https|Via: 1.1 edge|"
	    "X-Forwarded-For: 192.0.2.7, 10.0.0.1, 127.0.0.1|X-Forwarded-Host: a.example:81|"
	    "Forwarded: for=192.0.2.7, for=127.0.0.1;proto=http;host=\"a.example:81\"|Via: 1.1 proxyd-0badcafe|");
	req_free(&r);
	request_end();
}
END_TEST

/* "unix" among the trusted says that its claims are believed; what it is called is nobody's business. */
START_TEST(a_peer_over_a_unix_socket_is_unknown_and_trusted_only_when_named)
{
	static const struct {
		bool trusted;
		const char *client, *fields;
	} rows[] = {
		{ false, "unix:/e\r\nX: vil", "Host: a.example:81|X-Forwarded-For: unknown|" },
		{ true, "192.0.2.7", "Host: a.example:81|X-Forwarded-For: 192.0.2.7, unknown|" },
	};
	char text[ADDR_TEXT], peer[INET6_ADDRSTRLEN];

	start(MODE_REVERSE);
	request_conf.defaults.x_forwarded = true;
	request_conf.defaults.request_id = "";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = with("X-Forwarded-For: 192.0.2.7\r\n");

		if (rows[i].trusted)
			trusted[0] = (struct cidr){ .family = AF_UNIX };
		ck_assert_int_eq(addr_parse(&r->peer, "unix:/e\r\nX: vil", NULL), 0);
		req_peer_text(&r->peer, peer);
		r->peer_text = span_str(peer);
		req_find_client(r);
		ck_assert(r->trusted == rows[i].trusted);
		ck_assert_str_eq(addr_ip_text(&r->client, text), rows[i].client);
		ck_assert(req_add_forwarded(r));
		ck_assert_msg(strncmp(request_fields(r, &r->in.fields), rows[i].fields,
				  strlen(rows[i].fields)) == 0,
		    "%s", request_fields(r, &r->in.fields));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(an_ipv6_peer_is_quoted_in_forwarded_and_a_mapped_one_is_ipv4)
{
	static const struct { const char *ip, *xff, *fwd; } rows[] = {
		{ "2001:db8::5", "2001:db8::5", "for=\"[2001:db8::5]\";proto=http;host=\"a.example:81\"" },
		{ "::ffff:192.0.2.9", "192.0.2.9", "for=192.0.2.9;proto=http;host=\"a.example:81\"" },
	};

	start(MODE_FORWARD);
	request_conf.forward.forwarded = request_conf.forward.x_forwarded = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = with("");
		char peer[INET6_ADDRSTRLEN];

		ck_assert_int_eq(addr_parse_ip(&r->peer, span_str(rows[i].ip), 1), 0);
		req_peer_text(&r->peer, peer);
		r->peer_text = span_str(peer);
		req_find_client(r);
		ck_assert(req_add_forwarded(r));
		ck_assert(span_eq_str(fields_value(&r->in.fields, H_X_FORWARDED_FOR), rows[i].xff));
		ck_assert(span_eq_str(fields_value(&r->in.fields, H_FORWARDED), rows[i].fwd));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(a_request_id_is_taken_from_a_trusted_peer_only_and_only_when_it_is_a_token)
{
	static const struct { const char *lines; bool trust; const char *id; } rows[] = {
		{ "X-Request-Id: abc-1\r\n", true, "abc-1" },
		{ "x-request-id: abc-1\r\nX-Request-Id: abc-2\r\n", true, "abc-1" },
		{ "X-Request-Id: abc-1\r\n", false, NULL },
		{ "X-Request-Id: \"quoted\" words\r\n", true, NULL },
		{ "X-Request-Id:\r\n", true, NULL },
		{ "", true, NULL },
	};
	struct span last = SPAN_NONE;

	start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = with(rows[i].lines);

		r->trusted = rows[i].trust;
		ck_assert(req_find_id(r));
		if (rows[i].id != NULL)
			ck_assert(span_eq_str(r->id, rows[i].id));
		else
			ck_assert_uint_eq(r->id.n, 24);
		ck_assert(!span_eq(r->id, last));
		ck_assert(req_add_forwarded(r));
		ck_assert_str_eq(request_fields(r, &r->in.fields),
		    arena_try_printf(
			&r->arena, "Host: a.example:81|X-Request-Id: %.*s|", SPAN_ARG(r->id))
			.p);	/* exactly one */
		last = SPAN_NONE;
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(a_loop_is_found_by_our_own_name_in_via)
{
	static const struct { const char *lines; bool loop; } rows[] = {
		{ "", false },
		{ "Via: 1.1 proxyd-12345678\r\n", false },
		{ "Via: 1.1 proxyd-0badcafe\r\n", true },
		{ "Via: 1.0 fred, 1.1   proxyd-0badcafe (comment)\r\n", true },
		{ "Via: 1.0 fred\r\nvia: HTTP/1.1 PROXYD-0BADCAFE\r\n", true },
		{ "Via: 1.1 notproxyd-0badcafe\r\n", false },
	};

	start(MODE_REVERSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = with(rows[i].lines);

		ck_assert_msg(req_via_loop(r) == rows[i].loop, "%s", rows[i].lines);
		req_free(&r);
	}
	request_end();
}
END_TEST

UNIT_MAIN("worker/req/forwarded", the_client_is_the_first_hop_from_the_right_that_is_not_trusted,
    a_long_list_is_read_from_its_right_end,
    r4_joining_many_lines_takes_their_own_size_and_no_more, an_untrusted_peers_claims_are_dropped,
    a_trusted_peers_claims_are_kept_and_it_is_appended,
    a_peer_over_a_unix_socket_is_unknown_and_trusted_only_when_named,
    an_ipv6_peer_is_quoted_in_forwarded_and_a_mapped_one_is_ipv4,
    a_request_id_is_taken_from_a_trusted_peer_only_and_only_when_it_is_a_token,
    a_loop_is_found_by_our_own_name_in_via)

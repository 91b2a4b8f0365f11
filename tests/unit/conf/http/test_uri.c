/* test_uri.c - authorities, targets, odd addresses. (Raw targets in heads: worker/http/h1_request_vectors.h.) */
#include "tests/unit/unit.h"
#include "conf/http/uri.h"

START_TEST(an_authority_is_host_and_port)
{
	static const struct {
		const char *raw;
		enum uri_err err;
		const char *host;
		int port;
		bool ip6;
	} rows[] = {
		{ "a", URI_OK, "a", 0, false },
		{ "a.b.", URI_OK, "a.b.", 0, false },
		{ "a:80", URI_OK, "a", 80, false },
		{ "", URI_OK, "", 0, false },
		{ "[::1]", URI_OK, "::1", 0, true },
		{ "[::1]:8", URI_OK, "::1", 8, true },
		{ "A_b-c~1", URI_OK, "A_b-c~1", 0, false },
		{ "a:00080", URI_OK, "a", 80, false },
		{ "[fe80::1%25e]", URI_BAD_HOST, NULL, 0, false },
		{ "[::1", URI_BAD_HOST, NULL, 0, false },
		{ "[", URI_BAD_HOST, NULL, 0, false },
		{ "[]", URI_BAD_HOST, NULL, 0, false },
		{ "[1:2]", URI_BAD_HOST, NULL, 0, false },
		{ "[::1]]", URI_BAD_HOST, NULL, 0, false },
		{ "a@b", URI_BAD_HOST, NULL, 0, false },
		{ "a,b", URI_BAD_HOST, NULL, 0, false },
		{ "a b", URI_BAD_HOST, NULL, 0, false },
		{ "a/b", URI_BAD_HOST, NULL, 0, false },
		{ "a%2e", URI_BAD_HOST, NULL, 0, false },
		{ ".", URI_BAD_HOST, NULL, 0, false },
		{ "a..", URI_BAD_HOST, NULL, 0, false },
		{ ".a", URI_BAD_HOST, NULL, 0, false },
		{ ":1", URI_BAD_HOST, NULL, 0, false },
		{ "a:", URI_BAD_PORT, NULL, 0, false },
		{ "a:0", URI_BAD_PORT, NULL, 0, false },
		{ "a:65536", URI_BAD_PORT, NULL, 0, false },
		{ "a:1x", URI_BAD_PORT, NULL, 0, false },
		{ "a: 1", URI_BAD_PORT, NULL, 0, false },
		{ "a:000001", URI_BAD_PORT, NULL, 0, false },
		{ "a:1:2", URI_BAD_PORT, NULL, 0, false },
	};
	struct authority a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(uri_parse_authority(&a, span_str(rows[i].raw)) == rows[i].err, "%s",
		    rows[i].raw);
		if (rows[i].err != URI_OK)
			continue;
		ck_assert(span_eq_str(a.host, rows[i].host));
		ck_assert_int_eq(a.port, rows[i].port);
		ck_assert_int_eq(a.has_port, rows[i].port != 0);
		ck_assert_int_eq(a.ip6, rows[i].ip6);
	}
}
END_TEST

START_TEST(a_host_has_at_most_255_bytes)
{
	char host[256];
	struct authority a;

	memset(host, 'a', sizeof host);
	ck_assert_int_eq(uri_parse_authority(&a, span_make(host, 255)), URI_OK);
	ck_assert_int_eq(uri_parse_authority(&a, span_make(host, 256)), URI_BAD_HOST);
	ck_assert_int_eq(uri_parse_authority(&a, SPAN("a\0b")), URI_BAD_HOST);
	ck_assert_int_eq(uri_parse_authority(&a, SPAN("[::1\0]")), URI_BAD_HOST);
}
END_TEST

START_TEST(a_target_is_one_of_four_forms)
{
	struct target t;

	ck_assert_int_eq(uri_parse_target(&t, SPAN("/a?b"), false), URI_OK);
	ck_assert_int_eq(t.form, TARGET_ORIGIN);
	ck_assert(span_eq_str(t.path, "/a") && span_eq_str(t.query, "b"));
	ck_assert_int_eq(uri_parse_target(&t, SPAN("/a"), false), URI_OK);
	ck_assert_ptr_null(t.query.p);
	ck_assert_int_eq(uri_parse_target(&t, SPAN("/a?"), false), URI_OK);
	ck_assert_ptr_nonnull(t.query.p);
	ck_assert_uint_eq(t.query.n, 0);
	ck_assert_int_eq(uri_parse_target(&t, SPAN("HTTPS://[::1]:8443?q"), false), URI_OK);
	ck_assert_int_eq(t.form, TARGET_ABSOLUTE);
	ck_assert(t.https && t.auth.ip6 && t.auth.port == 8443);
	ck_assert(span_eq_str(t.auth_raw, "[::1]:8443"));
	ck_assert(span_eq_str(t.path, "") && span_eq_str(t.query, "q"));
	ck_assert_int_eq(uri_parse_target(&t, SPAN("*"), false), URI_OK);
	ck_assert_int_eq(t.form, TARGET_ASTERISK);
	ck_assert_int_eq(uri_parse_target(&t, SPAN("a.test:443"), true), URI_OK);
	ck_assert_int_eq(t.form, TARGET_AUTHORITY);
	ck_assert_int_eq(uri_parse_target(&t, SPAN(""), false), URI_BAD_TARGET);
	ck_assert_int_eq(uri_parse_target(&t, SPAN(""), true), URI_BAD_TARGET);
	ck_assert_int_eq(uri_parse_target(&t, SPAN("/"), true), URI_BAD_HOST);
}
END_TEST

START_TEST(a_host_in_lower_case_has_no_final_dot)
{
	char out[64];

	ck_assert(span_eq_str(
	    span_make(out, uri_host_lower(out, SPAN("WWW.Example.COM."))), "www.example.com"));
	ck_assert(span_eq_str(span_make(out, uri_host_lower(out, SPAN("[@Z`{"))), "[@z`{"));
	ck_assert_uint_eq(uri_host_lower(out, SPAN_NONE), 0);
}
END_TEST

START_TEST(row53_odd_spellings_of_an_address_are_recognised)
{
	static const struct { const char *host; uint32_t ip; } odd[] = {
		{ "2130706433", 0x7f000001 }, { "0x7f000001", 0x7f000001 }, { "0X7F000001", 0x7f000001 },
		{ "017700000001", 0x7f000001 }, { "127.1", 0x7f000001 }, { "127.0.1", 0x7f000001 },
		{ "0x7f.1", 0x7f000001 }, { "0177.0.0.1", 0x7f000001 }, { "0x7f.0x0.0x0.0x1", 0x7f000001 },
		{ "127.0.0.1.", 0x7f000001 }, { "127.0.0.01", 0x7f000001 }, { "0", 0 }, { "0x", 0 }, { "0.", 0 },
		{ "10.1", 0x0a000001 }, { "192.168.257", 0xc0a80101 }, { "3232235777", 0xc0a80101 },
		{ "169.254.43518", 0xa9fea9fe }, { "0xA9FEA9FE", 0xa9fea9fe }, { "0251.0376.0251.0376", 0xa9fea9fe },
		{ "4294967295", 0xffffffff }, { "127.0x000000000001", 0x7f000001 }, { "00000000000127.1", 0x57000001 },
		{ "08.0.0.1", 0x08000001 }, { "127.16777215", 0x7fffffff },
	};
	static const char *const names[] = {
		"127.0.0.1", "10.0.0.1", "255.255.255.255", "0.0.0.0", "", ".", "a", "localhost", "1.2.3.4.5",
		"256.1.1.1", "1.256.1", "127.16777216", "4294967296", "0x1ffffffff", "0xg", "1..2", "127.0.0.1..",
		"a.1", "1.a", "0x7f.example.com", "-1", "1e3", "127.0.0.1:80", "99999999999999999999999",
	};
	uint8_t ip[4];

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		ck_assert_msg(uri_host_is_odd_ip4(span_str(odd[i].host), ip), "%s", odd[i].host);
		ck_assert_msg(
		    ((uint32_t)ip[0] << 24 | ip[1] << 16 | ip[2] << 8 | ip[3]) == odd[i].ip,
		    "%s: %u.%u.%u.%u", odd[i].host, ip[0], ip[1], ip[2], ip[3]);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_msg(!uri_host_is_odd_ip4(span_str(names[i]), ip), "%s", names[i]);
}
END_TEST

UNIT_MAIN("conf/http/uri", an_authority_is_host_and_port, a_host_has_at_most_255_bytes,
    a_target_is_one_of_four_forms, a_host_in_lower_case_has_no_final_dot,
    row53_odd_spellings_of_an_address_are_recognised)

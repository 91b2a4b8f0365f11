#include "tests/unit/unit.h"
#include <stdio.h>
#include "conf/base/json.h"
#include "conf/logfield.h"
#include "worker/shared/logline.h"

static struct journal_view
view_of(const char *target, const char *referer, const char *agent)
{
	struct journal_view v = { .rec = { .status = 200,
				      .upstream_status = 200,
				      .wall_us = 971211336123456ull,
				      .bytes_in = 5,
				      .bytes_out = 2326,
				      .t = { UINT32_MAX, 250, 1500, 12345 },
				      .minor = 1,
				      .pid = 42,
				      .generation = 3,
				      .tries = 1,
				      .flags = JF_REUSED,
				      .client_family = AF_INET,
				      .client_ip = { 127, 0, 0, 1 } } };

	v.s[JS_METHOD] = SPAN("GET");
	v.s[JS_HOST] = SPAN("example.com");
	v.s[JS_TARGET] = span_str(target);
	v.s[JS_REFERER] = span_str(referer);
	v.s[JS_AGENT] = span_str(agent);
	v.s[JS_ROUTE] = SPAN("r1");
	return v;
}

static void
expect_combined(const char *target, const char *shown)
{
	struct journal_view v = view_of(target, NULL, NULL);
	struct str out = STR_INIT;
	char want[1024];

	snprintf(want, sizeof want,
	    "127.0.0.1 - - [10/Oct/2000:20:55:36 +0000] \"GET %s HTTP/1.1\" 200 2326 \"-\" \"-\"\n",
	    shown);
	logline_write(&out, LOGLINE_COMBINED, &v);
	ck_assert_str_eq(out.data, want);
	str_fini(&out);
}

START_TEST(combined_is_as_ncsa_wrote_it)
{
	struct journal_view v = view_of(
	    "/apache_pb.gif", "http://www.example.com/start.html", "Mozilla/4.08");
	struct str out = STR_INIT;

	logline_write(&out, LOGLINE_COMBINED, &v);
	ck_assert_str_eq(out.data,
	    "127.0.0.1 - - [10/Oct/2000:20:55:36 +0000] \"GET /apache_pb.gif HTTP/1.1\" 200 2326 "
	    "\"http://www.example.com/start.html\" \"Mozilla/4.08\"\n");
	str_fini(&out);
}
END_TEST

START_TEST(common_is_combined_without_its_tail)
{
	struct journal_view v = view_of(
	    "/apache_pb.gif", "http://www.example.com/", "Mozilla/4.08");
	struct str out = STR_INIT;

	logline_write(&out, LOGLINE_COMMON, &v);
	ck_assert_str_eq(out.data,
	    "127.0.0.1 - - [10/Oct/2000:20:55:36 +0000] \"GET /apache_pb.gif HTTP/1.1\" 200 2326\n");
	str_fini(&out);
}
END_TEST

START_TEST(nothing_known_is_dashes)
{
	struct journal_view v = { 0 };
	struct str out = STR_INIT;

	logline_write(&out, LOGLINE_COMBINED, &v);
	ck_assert_str_eq(out.data, "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 000 - \"-\" \"-\"\n");
	str_fini(&out);
}
END_TEST

START_TEST(json_is_one_object_with_every_field)
{
	struct journal_view v = view_of("/a\"b\\c\r\n\x1b\xff", NULL, "x");
	struct str out = STR_INIT;
	struct json *j;

	logline_write(&out, LOGLINE_JSON, &v);
	j = json_parse(str_span(&out), NULL);
	ck_assert_ptr_nonnull(j);
	for (unsigned i = 0; i < LF_MAX; i++)
		ck_assert_msg((json_get(j, logfields.v[i].name) != NULL) ==
			(i != LF_RULE && i != LF_LIST), "%s", logfields.v[i].name);
	ck_assert_str_eq(json_str(json_get(j, "time"), ""), "2000-10-10T20:55:36.123Z");
	ck_assert_str_eq(json_str(json_get(j, "target"), ""), "/a\"b\\c\r\n\x1b\xc3\xbf");
	ck_assert(json_num(json_get(j, "total_ms"), 0) == 12.345);
	ck_assert(json_bool(json_get(j, "reused"), false));
	json_free(&j);
	str_fini(&out);
}
END_TEST

START_TEST(forward_requests_name_their_rule)
{
	struct journal_view v = view_of("/", NULL, NULL);
	struct str out = STR_INIT;

	v.rec.flags |= JF_FORWARD;
	logline_write(&out, LOGLINE_JSON, &v);
	ck_assert_ptr_nonnull(strstr(out.data, "\"rule\":\"r1\""));
	str_fini(&out);
}
END_TEST

START_TEST(every_other_status_than_2xx_has_a_reason)
{
	struct journal_view v = view_of("/", NULL, NULL);
	struct str out = STR_INIT;

	v.rec.status = v.rec.upstream_status = 404;
	logline_write(&out, LOGLINE_JSON, &v);
	ck_assert_ptr_nonnull(strstr(out.data, "\"reason\":\"upstream\""));
	str_clear(&out);
	v.rec.status = 502;
	v.rec.reason = R_CONNECT_FAILED;
	logline_write(&out, LOGLINE_JSON, &v);
	ck_assert_ptr_nonnull(strstr(out.data, "\"reason\":\"connect-failed\""));
	str_fini(&out);
}
END_TEST

START_TEST(hostile_bytes_leave_escaped)
{
	expect_combined("/a\r\nb", "/a\\x0d\\x0ab");
	expect_combined("/\"\\", "/\\x22\\x5c");
	expect_combined("/\x1b[31m\x7f\x80\xff", "/\\x1b[31m\\x7f\\x80\\xff");
}
END_TEST

/* Each byte at each place of a URL that is long enough for every way of looking at several at once. */
START_TEST(a_url_without_secrets_is_as_one_that_is_taken_apart)
{
	static const char clean[] = "http://example.com/0123456789abcdef-ABCDEF";

	for (size_t at = 0; at < sizeof clean - 1; at++)
		for (unsigned byte = 1; byte < 256; byte++) {
			char url[sizeof clean + 8], want[256];
			struct str whole = STR_INIT, apart = STR_INIT;
			struct journal_view v;

			if (byte == '?' || byte == '#' || byte == '@')
				continue;
			memcpy(url, clean, sizeof clean);
			url[at] = (char)byte;
			v = view_of(url, NULL, NULL);
			logline_write(&whole, LOGLINE_COMMON, &v);
			memcpy(url + sizeof clean - 1, "?a", 3);
			v = view_of(url, NULL, NULL);
			logline_write(&apart, LOGLINE_COMMON, &v);
			snprintf(want, sizeof want, "%.*s?a HTTP/1.1\" 200 2326\n",
			    (int)(strstr(whole.data, " HTTP/1.1") - whole.data), whole.data);
			ck_assert_str_eq(apart.data, want);
			str_fini(&whole);
			str_fini(&apart);
		}
}
END_TEST

START_TEST(numbers_have_all_their_digits)
{
	for (uint64_t n = 1; n != 0 && n <= UINT64_MAX / 10; n *= 10)
		for (unsigned less = 0; less < 2; less++) {
			struct journal_view v = view_of("/", NULL, NULL);
			struct str out = STR_INIT;
			char want[128];

			v.rec.bytes_out = n * 10 - less;
			v.rec.status = (uint16_t)(n * 10 - less > 999 ? 7 : n * 10 - less);
			for (unsigned i = 0; i < 4; i++)
				v.rec.client_ip[i] = (uint8_t)(n * 10 - less + i);
			snprintf(want, sizeof want,
			    "%u.%u.%u.%u - - [10/Oct/2000:20:55:36 +0000] \"GET / HTTP/1.1\" %03u %llu\n",
			    v.rec.client_ip[0], v.rec.client_ip[1], v.rec.client_ip[2],
			    v.rec.client_ip[3], v.rec.status, (unsigned long long)v.rec.bytes_out);
			logline_write(&out, LOGLINE_COMMON, &v);
			ck_assert_str_eq(out.data, want);
			str_fini(&out);
		}
}
END_TEST

START_TEST(secrets_in_queries_are_hidden)
{
	static const struct {
		const char *target, *shown;
	} rows[] = {
		{ "/?token=abc", "/?token=***" },
		{ "/?a=1&access_token=abc&b=2", "/?a=1&access_token=***&b=2" },
		{ "/?PASSWORD=x", "/?PASSWORD=***" },
		{ "/?%74oken=abc", "/?%74oken=***" },
		{ "/?key=v&keyword=v&monkey=v", "/?key=***&keyword=v&monkey=v" },
		{ "/?api-key=v;sig=w", "/?api-key=***;sig=***" },
		{ "/?X-Amz-Signature=ab&X-Amz-Credential=cd",
		    "/?X-Amz-Signature=***&X-Amz-Credential=***" },
		{ "/?code=ab#token=cd", "/?code=***#token=***" },
		{ "/token=abc", "/token=abc" },
		{ "/?token", "/?token" },
		{ "/?q=a?token=b", "/?q=a?token=b" },
		{ "http://user:pw@h/x", "http://***@h/x" },
		{ "http://h/x@y", "http://h/x@y" },
		{ "h.example:443", "h.example:443" },
		{ "*", "*" },
		{ "/?", "/?" },
		{ "/?&&=&token=", "/?&&=&token=***" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_combined(rows[i].target, rows[i].shown);
}
END_TEST

START_TEST(secrets_in_the_referer_are_hidden)
{
	struct journal_view v = view_of("/", "https://u:p@h/?token=abc", NULL);
	struct str out = STR_INIT;

	logline_write(&out, LOGLINE_COMBINED, &v);
	ck_assert_ptr_nonnull(strstr(out.data, "\"https://***@h/?token=***\""));
	str_fini(&out);
}
END_TEST

/* The longest record there can be, in every kind of byte: one line, at most 4 KiB, JSON that parses. */
START_TEST(longest_line_is_whole_and_below_4_kib)
{
	static const char kinds[] = { 'a', '\n', '"', '\xff', '&', '@', '%' };
	static char text[JOURNAL_URI];
	struct journal_view v;

	memset(&v.rec, 0xff, sizeof v.rec);
	v.rec.bytes_in = v.rec.bytes_out = INT64_MAX;
	v.rec.client_family = AF_INET6;
	v.rec.t = (struct journal_times){ UINT32_MAX - 1, UINT32_MAX - 1, UINT32_MAX - 1,
		UINT32_MAX - 1 };
	for (size_t k = 0; k < sizeof kinds; k++) {
		memset(text, kinds[k], sizeof text);
		for (unsigned i = 0; i < JS_MAX; i++)
			v.s[i] = span_make(text, i == JS_TARGET ? JOURNAL_URI : JOURNAL_TEXT);
		for (unsigned f = 0; f <= LOGLINE_JSON; f++) {
			struct str out = STR_INIT;
			struct json *j;

			logline_write(&out, (enum logline_format)f, &v);
			ck_assert_uint_le(out.len, 4096);
			ck_assert_ptr_eq(strchr(out.data, '\n'), out.data + out.len - 1);
			j = json_parse(str_span(&out), NULL);
			ck_assert_msg(
			    (j != NULL) == (f == LOGLINE_JSON), "%zu bytes: %s", out.len, out.data);
			json_free(&j);
			str_fini(&out);
		}
	}
}
END_TEST

START_TEST(format_names_are_known)
{
	enum logline_format f;

	ck_assert_int_eq(logline_format_parse(&f, "json"), 0);
	ck_assert_int_eq(f, LOGLINE_JSON);
	ck_assert_int_eq(logline_format_parse(&f, "squid"), 0);
	ck_assert_int_eq(f, LOGLINE_SQUID);
	ck_assert_int_eq(logline_format_parse(&f, "xml"), -E_UNKNOWN);
}
END_TEST

UNIT_MAIN("worker/shared/logline", combined_is_as_ncsa_wrote_it,
    common_is_combined_without_its_tail, nothing_known_is_dashes,
    json_is_one_object_with_every_field, forward_requests_name_their_rule,
    every_other_status_than_2xx_has_a_reason, hostile_bytes_leave_escaped,
    a_url_without_secrets_is_as_one_that_is_taken_apart, numbers_have_all_their_digits,
    secrets_in_queries_are_hidden, secrets_in_the_referer_are_hidden,
    longest_line_is_whole_and_below_4_kib, format_names_are_known)

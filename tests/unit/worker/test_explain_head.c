#include "tests/unit/unit.h"
#include "worker/explain_head.c"

static void
expect(enum conf_mode mode, const char *method, const char *url, const char *headers,
    const char *head, bool noted)
{
	struct json *list = json_parse(span_str(headers), NULL);
	struct explain_wish w = { .method = method, .url = url, .headers = list, .mode = mode };
	struct str out = STR_INIT, note = STR_INIT;

	ck_assert_ptr_nonnull(list);
	explain_head(&w, &out, &note);
	ck_assert_str_eq(out.data, head);
	ck_assert(noted == (note.len > 0));
	str_fini(&out);
	str_fini(&note);
	json_free(&list);
}

START_TEST(a_proxy_is_asked_in_absolute_form)
{
	expect(MODE_FORWARD, "GET", "http://a.test/x?y", "[]",
	    "GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", false);
	expect(MODE_FORWARD, "GET", "http://a.test:81", "[\"A: b\"]",
	    "GET http://a.test:81 HTTP/1.1\r\nHost: a.test:81\r\nA: b\r\n\r\n", false);
}
END_TEST

START_TEST(https_and_connect_are_asked_for_as_tunnels)
{
	expect(MODE_FORWARD, "GET", "https://a.test/x", "[]",
	    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", true);
	expect(MODE_FORWARD, "POST", "https://[::1]:8443/", "[]",
	    "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", true);
	expect(MODE_FORWARD, "CONNECT", "a.test:443", "[]",
	    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", false);
	expect(MODE_FORWARD, "CONNECT", "https://a.test/", "[]",
	    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", false);
	expect(MODE_REVERSE, "CONNECT", "a.test:443", "[]",
	    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", false);
}
END_TEST

START_TEST(a_gateway_is_asked_in_origin_form)
{
	expect(MODE_REVERSE, "GET", "http://a.test/x?y", "[]",
	    "GET /x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", false);
	expect(MODE_REVERSE, "GET", "http://a.test:81?y", "[]",
	    "GET /?y HTTP/1.1\r\nHost: a.test:81\r\n\r\n", false);
	expect(MODE_REVERSE, "GET", "https://a.test", "[]",
	    "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", true);
	expect(MODE_REVERSE, "GET", "/x", "[\"Host: b\"]", "GET /x HTTP/1.1\r\nHost: b\r\n\r\n",
	    false);
	expect(MODE_REVERSE, "OPTIONS", "*", "[]", "OPTIONS * HTTP/1.1\r\n\r\n", false);
}
END_TEST

START_TEST(a_given_host_is_the_only_one)
{
	expect(MODE_REVERSE, "GET", "http://a.test/", "[\"hOST : b\"]",
	    "GET / HTTP/1.1\r\nhOST : b\r\n\r\n", false);
	expect(MODE_FORWARD, "GET", "http://a.test/", "[\"Host: b\", \"Host: c\"]",
	    "GET http://a.test/ HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n", false);
}
END_TEST

START_TEST(what_is_no_url_is_sent_as_it_is)
{
	expect(MODE_FORWARD, "GET", "a.test/x", "[]", "GET a.test/x HTTP/1.1\r\n\r\n", true);
	expect(MODE_REVERSE, "GET", "http://a b/", "[]", "GET http://a b/ HTTP/1.1\r\n\r\n", true);
	expect(MODE_REVERSE, "", "", "[\"\"]", "  HTTP/1.1\r\n\r\n\r\n", false);
}
END_TEST

UNIT_MAIN("worker/explain_head", a_proxy_is_asked_in_absolute_form,
    https_and_connect_are_asked_for_as_tunnels, a_gateway_is_asked_in_origin_form,
    a_given_host_is_the_only_one, what_is_no_url_is_sent_as_it_is)

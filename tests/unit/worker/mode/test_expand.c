#include "tests/unit/lib/request.h"
#include "worker/mode/expand.h"

static struct req *
ask(const char *head)
{
	struct req *r = request_make(head);

	ck_assert_int_eq(r->reason, R_NONE);
	ck_assert_int_eq(req_target(r), R_NONE);
	r->captures[0] = (struct pattern_capture){ SPAN("id"), SPAN("42") };
	r->captures[1] = (struct pattern_capture){ SPAN("rest"), SPAN("") };
	r->ncaptures = 2;
	return r;
}

START_TEST(names_are_replaced_and_everything_else_is_literal)
{
	static const struct { const char *text, *out; } rows[] = {
		{ "", "" }, { "/plain", "/plain" },
		{ "/v2/${path.id}/x", "/v2/42/x" }, { "${path.id}${path.id}", "4242" }, { "a${path.rest}b", "ab" },
		{ "https://${host}${path}?${query}", "https://a.example/v1/42?q=1" },
		{ "$", "$" }, { "$$", "$$" }, { "${", "${" }, { "${path.id", "${path.id" }, { "$path", "$path" },
		{ "$${path.id}", "$42" },
		{ "${path.none}", NULL },
		{ "${path.}", NULL },
		{ "${}", NULL },
		{ "${Host}", NULL },
		{ "${cookie}", NULL },
	};
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("GET /v1/./42?q=1 HTTP/1.1\r\nHost: A.example:8080\r\n\r\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = expand(r, rows[i].text);

		if (rows[i].out == NULL) {
			ck_assert_msg(s.p == NULL, "%s: %.*s", rows[i].text, SPAN_ARG(s));
			continue;
		}
		ck_assert_msg(s.p != NULL && span_eq_str(s, rows[i].out), "%s: %.*s", rows[i].text,
		    SPAN_ARG(s));
		ck_assert_int_eq(s.p[s.n], '\0');
	}
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(a_request_without_query_or_host_gives_nothing_for_them)
{
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("GET / HTTP/1.0\r\n\r\n");
	ck_assert(span_eq_str(expand(r, "[${host}${query}]"), "[]"));
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(without_memory_there_is_no_text)
{
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("GET /v1/42 HTTP/1.1\r\nHost: a\r\n\r\n");
	while (arena_try_alloc(&r->arena, 16) != NULL)
		continue;
	ck_assert_ptr_null(expand(r, "${path}").p);
	req_free(&r);
	request_end();
}
END_TEST

UNIT_MAIN("worker/mode/expand", names_are_replaced_and_everything_else_is_literal,
    a_request_without_query_or_host_gives_nothing_for_them, without_memory_there_is_no_text)

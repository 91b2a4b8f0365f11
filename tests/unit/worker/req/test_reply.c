#include <stdio.h>
#include "tests/unit/lib/request.h"

static struct req *
ask(const char *method, const char *lines)
{
	static char head[1024];

	(void)snprintf(head, sizeof head, "%s /secret-path HTTP/1.1\r\nHost: a.example\r\n%s\r\n",
	    method, lines);
	return request_make(head);
}

static struct span
value(const struct req *r, const char *name)
{
	for (unsigned i = 0; i < r->resp.fields.n; i++)
		if (span_ieq_str(r->resp.fields.v[i].name, name))
			return r->resp.fields.v[i].value;
	return SPAN_NONE;
}

static bool
holds(struct span text, const char *word)
{
	return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

START_TEST(every_reason_has_an_answer_with_status_and_page)
{
	request_start(MODE_REVERSE);
	for (int why = R_NONE + 1; why < R_MAX; why++) {
		struct req *r = ask("GET", why % 2 ? "Accept: text/html\r\n" : "");
		struct span body;

		r->id = SPAN("id-1");
		req_reply(r, (enum reason)why, 0);
		ck_assert_int_ge(r->resp.status, 200);
		ck_assert_int_le(r->resp.status, 599);
		ck_assert(r->is_local);
		ck_assert_int_eq(r->reason, why);
		ck_assert(r->close == reason_closes((enum reason)why));
		if (r->down != NULL) {
			body = body_peek(r->down);
			ck_assert_uint_eq(body.n, r->resp.length);
			ck_assert(
			    holds(body, reason_token((enum reason)why)) && holds(body, "id-1"));
			ck_assert(!holds(body, "secret"));	/* nothing of the request is echoed */
			ck_assert(holds(
			    value(r, "Content-Type"), why % 2 ? "text/html" : "problem+json"));
		}
		ck_assert(span_eq_str(value(r, "Cache-Control"), "no-store"));
		ck_assert_uint_eq(value(r, "Date").n, 29);
		ck_assert(
		    value(r, "Retry-After").n == (r->resp.status == 503 || r->resp.status == 429));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(head_and_bodiless_statuses_carry_no_body)
{
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("HEAD", "");
	req_reply(r, R_TARGET_NONE, 0);
	ck_assert_ptr_null(r->down);
	ck_assert_int_eq(r->resp.body, H1_NONE);
	ck_assert_ptr_nonnull(value(r, "Content-Length").p);
	req_free(&r);
	r = ask("GET", "");
	req_reply_body(r, R_NONE, 204, SPAN("text/plain"), SPAN_NONE);
	ck_assert_ptr_null(r->down);
	ck_assert_ptr_null(value(r, "Content-Length").p);
	ck_assert_ptr_null(value(r, "Content-Type").p);
	req_free(&r);
	r = ask("GET", "");
	req_reply_body(r, R_NONE, 200, SPAN("text/plain"), SPAN_NONE);
	ck_assert(span_eq_str(value(r, "Content-Length"), "0"));
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(a_routes_own_page_goes_before_the_defaults_and_both_before_ours)
{
	struct conf_error_page mine[] = {
		{ .status = 502, .body = "mine", .body_len = 4, .type = "text/x" }
	};
	struct conf_error_page all[] = {
		{ .status = 502, .body = "all", .body_len = 3, .type = "text/y" },
		{ .status = 504, .body = "late", .body_len = 4, .type = "text/y" }
	};
	struct conf_route route = { .name = "shop", .error_pages = mine, .nerror_pages = 1 };
	static const struct {
		int status;
		const char *body;
	} rows[] = { { 502, "mine" }, { 504, "late" }, { 503, NULL } };

	request_start(MODE_REVERSE);
	request_conf.defaults.error_pages = all;
	request_conf.defaults.nerror_pages = 2;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct req *r = ask("GET", "");

		r->route = &route;
		req_reply(r, R_UPSTREAM_CLOSED, rows[i].status);
		if (rows[i].body != NULL)
			ck_assert(span_eq_str(body_peek(r->down), rows[i].body));
		else
			ck_assert(holds(body_peek(r->down), "\"rule\":\"shop\""));
		req_free(&r);
	}
	request_end();
}
END_TEST

START_TEST(an_answer_takes_the_place_of_an_earlier_one)
{
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("GET", "");
	req_reply(r, R_UPSTREAM_CLOSED, 0);
	req_reply_field(r, "X-Old", SPAN("1"));
	req_reply(r, R_NO_MEMORY, 0);
	ck_assert_int_eq(r->reason, R_NO_MEMORY);
	ck_assert_ptr_null(value(r, "X-Old").p);
	ck_assert(holds(body_peek(r->down), reason_token(R_NO_MEMORY)));
	req_free(&r);
	request_end();
}
END_TEST

START_TEST(without_memory_for_an_answer_the_client_sees_a_close)
{
	struct req *r;

	request_start(MODE_REVERSE);
	r = ask("GET", "");
	while (arena_try_alloc(&r->arena, 64) != NULL)
		continue;
	req_reply(r, R_UPSTREAM_CLOSED, 0);
	ck_assert(r->cut && r->close);
	ck_assert_uint_eq(r->resp.fields.n, 0);
	req_free(&r);
	request_end();
}
END_TEST

UNIT_MAIN("worker/req/reply", every_reason_has_an_answer_with_status_and_page,
    head_and_bodiless_statuses_carry_no_body,
    a_routes_own_page_goes_before_the_defaults_and_both_before_ours,
    an_answer_takes_the_place_of_an_earlier_one,
    without_memory_for_an_answer_the_client_sees_a_close)

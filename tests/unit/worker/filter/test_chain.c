#include <stdio.h>
#include "tests/unit/lib/request.h"
#include "worker/filter/chain.c"

static struct conf_header set[] = { { "X-New", "1" }, { "Accept", "text/plain" } };
static const char *removed[] = { "x-old", "Cookie" };
static const struct conf_edit edit = { .set = { set, 2 }, .remove = { removed, 2 } };

static struct req *
ask(const char *lines)
{
	static char head[1024];
	struct req *r;

	(void)snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
	r = request_make(head);
	ck_assert_int_eq(r->reason, R_NONE);
	r->id = SPAN("id");
	return r;
}

/* The answer of an upstream with two fields, and room for `room` more. */
static void
answer(struct req *r, unsigned room)
{
	r->resp.status = 200;
	r->resp.fields.size = (uint16_t)(2 + room);
	r->resp.fields.v = arena_try_alloc(
	    &r->arena, r->resp.fields.size * sizeof *r->resp.fields.v);
	(void)fields_add(&r->resp.fields, SPAN("X-Old"), SPAN("o"), SPAN_NONE);
	(void)fields_add(&r->resp.fields, SPAN("Server"), SPAN("s"), SPAN_NONE);
}

START_TEST(a_filter_that_is_not_configured_is_not_in_the_chain)
{
	struct conf_route plain = { .name = "plain" },
			  edits = { .name = "edits", .request.head = edit };
	struct chain *c;

	request_start(MODE_REVERSE);
	c = chain_new(&request_conf, &plain);
	ck_assert_uint_eq(c->nrequest, ARRAY_LEN(filters) - 1);
	ck_assert_uint_eq(c->nresponse, 0);
	chain_free(&c);
	ck_assert_ptr_null(c);
	chain_free(&c);
	c = chain_new(&request_conf, &edits);
	ck_assert_uint_eq(c->nrequest, ARRAY_LEN(filters));
	ck_assert_uint_eq(c->nresponse, 1);
	for (unsigned i = 1; i < c->nrequest; i++)
		ck_assert_ptr_ne(c->request[i].filter, c->request[i - 1].filter);
	ck_assert_str_eq(c->request[c->nrequest - 1].filter->name, "forwarded");	/* nobody edits behind it */
	chain_free(&c);
	c = chain_new(&request_conf, NULL);		/* forward mode */
	ck_assert_uint_eq(c->nrequest, ARRAY_LEN(filters) - 1);
	chain_free(&c);
	request_end();
}
END_TEST

START_TEST(fields_are_removed_and_replaced_on_both_ways)
{
	struct conf_route route = { .name = "r", .request.head = edit, .response.head = edit };
	struct chain *c;
	struct req *r;

	request_start(MODE_REVERSE);
	request_conf.defaults.request_id = "";
	c = chain_new(&request_conf, &route);
	r = ask("X-Old: a\r\nCOOKIE: b\r\nAccept: c\r\nx-old: d\r\nAccept: e\r\nX-Older: f\r\n");
	ck_assert_int_eq(chain_request(c, r), FLT_NEXT);
	ck_assert_str_eq(
	    request_fields(r, &r->in.fields), "Host: a|X-Older: f|X-New: 1|Accept: text/plain|");
	answer(r, 2);
	ck_assert_int_eq(chain_response(c, r), FLT_NEXT);
	ck_assert_str_eq(
	    request_fields(r, &r->resp.fields), "Server: s|X-New: 1|Accept: text/plain|");
	req_free(&r);
	chain_free(&c);
	request_end();
}
END_TEST

START_TEST(a_head_without_room_is_answered_here)
{
	struct conf_route route = { .name = "r", .response.head = edit };
	struct chain *c;
	struct req *r;

	request_start(MODE_REVERSE);
	c = chain_new(&request_conf, &route);
	r = ask("");
	answer(r, 1);
	ck_assert_int_eq(chain_response(c, r), FLT_REPLY);
	ck_assert(r->is_local);
	ck_assert_int_eq(r->reason, R_NO_MEMORY);
	req_free(&r);
	r = ask("");
	r->in.fields.size = r->in.fields.n;
	ck_assert_int_eq(chain_request(c, r), FLT_REPLY);	/* no room for the request id */
	ck_assert_int_eq(r->reason, R_NO_MEMORY);
	req_free(&r);
	chain_free(&c);
	request_end();
}
END_TEST

/* length: announced, or BODY_UNKNOWN with `received` so far. */
static enum verdict
limited(uint64_t max, uint64_t length, uint64_t received, uint64_t *limit)
{
	struct chain *c = chain_new(&request_conf, NULL);
	struct req *r = ask("");
	enum verdict v;

	r->max_body = max;
	r->up_source.limit = UINT64_MAX;
	r->up_source.received = received;
	r->up_source.body.length = length;
	r->up = &r->up_source.body;
	v = chain_request(c, r);
	ck_assert(v == FLT_NEXT || (r->reason == R_BODY_LARGE && r->close));
	*limit = r->up_source.limit;
	req_free(&r);
	chain_free(&c);
	return v;
}

START_TEST(a_body_is_judged_by_its_length_or_while_it_comes)
{
	uint64_t limit;

	request_start(MODE_FORWARD);
	ck_assert_int_eq(limited(10, 10, 0, &limit), FLT_NEXT);
	ck_assert_int_eq(limited(10, 11, 0, &limit), FLT_REPLY);
	ck_assert_int_eq(limited(10, BODY_UNKNOWN, 10, &limit), FLT_NEXT);
	ck_assert_uint_eq(limit, 10);
	ck_assert_int_eq(limited(10, BODY_UNKNOWN, 11, &limit), FLT_REPLY);
	ck_assert_int_eq(limited(0, UINT64_MAX - 1, 0, &limit), FLT_NEXT);	/* 0: no limit */
	ck_assert_uint_eq(limit, UINT64_MAX);
	request_end();
}
END_TEST

UNIT_MAIN("worker/filter/chain", a_filter_that_is_not_configured_is_not_in_the_chain,
    fields_are_removed_and_replaced_on_both_ways, a_head_without_room_is_answered_here,
    a_body_is_judged_by_its_length_or_while_it_comes)

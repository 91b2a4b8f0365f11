/*
 * request.h - a context and requests without a worker around them: what req_* and filters look at, no sockets.
 */
#pragma once
#include "tests/unit/unit.h"
#include "worker/req/req.h"

static struct conf request_conf;
static struct conf_listener request_listener;
static struct ctx request_ctx;

static inline enum next request_deliver(struct req *r) { (void)r; return NEXT_STEP; }
static inline void request_done(struct req *r) { (void)r; }
static inline uint64_t request_sent(const struct req *r) { (void)r; return 0; }
static const struct front_ops request_front = {
	.deliver = request_deliver, .sent = request_sent, .done = request_done };

/* Once per test, before the first request. */
static inline struct ctx *
request_start(enum conf_mode mode)
{
	static struct env env;
	static struct stats_lane lane;
	static struct journal_ring ring;
	static const unsigned slots[4];
	struct ctx *x = &request_ctx;

	request_conf = (struct conf){ .defaults = { .request_id = "X-Request-Id" }, .forward.request_id = "" };
	request_conf.http.server_header = true;
	request_conf.forward.contact = "";
	request_listener = (struct conf_listener){ .name = "front", .mode = mode };
	env = (struct env){ .conf = &request_conf, .listener_slot = slots, .service_slot = slots, .route_slot = slots,
	    .rule_slot = slots };
	ck_assert_int_eq(loop_init(&x->loop, NULL), 0);
	x->env = &env;
	x->conf = &request_conf;
	x->stats = &lane;
	x->journal = &ring;
	x->request_limits = (struct h1_limits){ 65536, 16384, 8192, 100, false };
	x->response_limits = (struct h1_limits){ 65536, 65536, UINT32_MAX, 100, false };
	list_init(&x->sessions);
	list_init(&x->reqs);
	ctx_set_name(x, 0x0badcafe);
	return x;
}

static inline void
request_end(void)
{
	loop_turn(&request_ctx.loop, 0);
	loop_fini(&request_ctx.loop);
	buf_drain_pool();
}

/* A request whose head was received; its body, if any, is not set up. The peer is 127.0.0.1. */
static inline struct req *
request_make(const char *head)
{
	size_t n = strlen(head);
	struct buf *b = buf_try_get((uint32_t)(n > BUF_SMALL ? n : BUF_SMALL));
	struct req *r;

	ck_assert_ptr_nonnull(b);
	memcpy(b->data, head, n);
	b->w = (uint32_t)n;
	r = req_new(&request_ctx, &request_front, NULL, &request_listener, b);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(addr_parse_ip(&r->peer, SPAN("127.0.0.1"), 4000), 0);
	r->peer_text = SPAN("127.0.0.1");
	r->client = r->peer;
	r->in.fields.size = 100 + REQ_FIELDS_ADDED;
	r->in.fields.v = arena_try_alloc(&r->arena, r->in.fields.size * sizeof *r->in.fields.v);
	r->reason = h1_parse_request(&r->in, buf_span(b), &request_ctx.request_limits);
	return r;
}

/* What would be sent of fields, one "name: value|" after the other, in the request's arena. */
static inline const char *
request_fields(struct req *r, const struct fields *f)
{
	struct span all = SPAN("");

	for (unsigned i = 0; i < f->n; i++)
		if (!(f->v[i].flags & FIELD_DROP)) {
			all = arena_try_printf(&r->arena, "%.*s%.*s: %.*s|", SPAN_ARG(all), SPAN_ARG(f->v[i].name),
			    SPAN_ARG(f->v[i].value));
			ck_assert_ptr_nonnull(all.p);
		}
	return all.p;
}

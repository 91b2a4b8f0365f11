/*
 * The size of a request body: an announced length is judged at once, a chunked body while it comes (the source
 * stops at the limit).
 */
#include "worker/filter/filter.h"

static const void *
body_limit_configured(const struct conf *c, const struct conf_route *route)
{
	(void)route;
	return c;
}

static enum verdict
body_limit_on_request(struct req *r, const void *self)
{
	(void)self;
	if (r->up == NULL || r->max_body == 0)
		return FLT_NEXT;
	if ((r->up->length != BODY_UNKNOWN && r->up->length > r->max_body) ||
	    h1_source_least(&r->up_source) > r->max_body) {
		req_reply(r, R_BODY_LARGE, 0);
		return FLT_REPLY;
	}
	r->up_source.limit = r->max_body;
	return FLT_NEXT;
}

const struct filter filter_body_limit = { .name = "body_limit", .configured = body_limit_configured,
    .on_request = body_limit_on_request };

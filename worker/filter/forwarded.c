/*
 * Tells the next hop who asked: Forwarded, X-Forwarded-*, Via, the request's id. Last, so that nothing edits it away.
 */
#include "worker/filter/filter.h"

static const void *
forwarded_configured(const struct conf *c, const struct conf_route *route)
{
	(void)route;
	return c;
}

static enum verdict
forwarded_on_request(struct req *r, const void *self)
{
	(void)self;
	if (req_add_forwarded(r))
		return FLT_NEXT;
	req_reply(r, R_NO_MEMORY, 0);
	return FLT_REPLY;
}

const struct filter filter_forwarded = { .name = "forwarded", .configured = forwarded_configured,
    .on_request = forwarded_on_request };

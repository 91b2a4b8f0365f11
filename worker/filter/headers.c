/* Fields a route sets or removes, on requests and on answers. */
#include "worker/filter/filter.h"

static const void *
headers_configured(const struct conf *c, const struct conf_route *r)
{
	(void)c;
	if (r == NULL)
		return NULL;
	return r->request.head.set.n + r->request.head.remove.n +
	    r->response.head.set.n + r->response.head.remove.n > 0 ? r : NULL;
}

static void
drop(struct fields *f, const char *name)
{
	for (unsigned i = 0; i < f->n; i++)
		if (span_ieq_str(f->v[i].name, name))
			f->v[i].flags |= FIELD_DROP;
}

static enum verdict
edit(struct req *r, struct fields *f, const struct conf_edit *e)
{
	for (unsigned i = 0; i < e->remove.n; i++)
		drop(f, e->remove.v[i]);
	for (unsigned i = 0; i < e->set.n; i++) {
		drop(f, e->set.v[i].name);
		if (fields_add(f, span_str(e->set.v[i].name), span_str(e->set.v[i].value),
		    SPAN_NONE) == NULL) {
			req_reply(r, R_NO_MEMORY, 0);
			return FLT_REPLY;
		}
	}
	return FLT_NEXT;
}

static enum verdict
headers_on_request(struct req *r, const void *self)
{
	const struct conf_route *route = self;

	return edit(r, &r->in.fields, &route->request.head);
}

static enum verdict
headers_on_response(struct req *r, const void *self)
{
	const struct conf_route *route = self;

	return edit(r, &r->resp.fields, &route->response.head);
}

const struct filter filter_headers = { .name = "headers", .configured = headers_configured,
    .on_request = headers_on_request, .on_response = headers_on_response };

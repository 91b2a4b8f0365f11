/*
 * Every answer made here, in one place: status, reason, page. The representation follows the client: an HTML page
 * where Accept asks for html, RFC 9457 problem+json otherwise. No byte of the request is echoed; the rule's or
 * route's id and the request id are there so that a report can be traced.
 */
#include "worker/req/req.h"

#include "conf/base/assert.h"
#include "conf/http/status.h"

#define REPLY_FIELDS 32

static bool
wants_html(const struct req *r)
{
	struct list_iter it;
	struct span m;

	if (!fields_has(&r->in.fields, H_ACCEPT))
		return false;
	it = list_iter_init(&r->in.fields, H_ACCEPT);
	while (list_iter_next(&it, &m))
		if (span_istarts(m, SPAN("text/html")))
			return true;
	return false;
}

static const char *
decision_id(const struct req *r)
{
	return r->rule != NULL ? r->rule->id : r->route != NULL ? r->route->name : "-";
}

static struct span
page_html(struct req *r, int status)
{
	const char *contact = r->listener->mode == MODE_FORWARD ? r->x->conf->forward.contact : "";

	return arena_try_printf(&r->arena,
	    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d %s</title></head>\n"
	    "<body><h1>%d %s</h1>\n<p>%s.</p>\n<p>reason: %s<br>rule: %s<br>request: %.*s</p>\n%s%s%s</body></html>\n",
	    status, status_text(status), status, status_text(status), reason_text(r->reason),
	    reason_token(r->reason), decision_id(r), SPAN_ARG(r->id),
	    contact == NULL || *contact == '\0' ? "" : "<p>contact: ",
	    contact == NULL ? "" : contact, contact == NULL || *contact == '\0' ? "" : "</p>\n");
}

static struct span
page_json(struct req *r, int status)
{
	return arena_try_printf(&r->arena,
	    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\",\"reason\":\"%s\","
	    "\"rule\":\"%s\",\"request_id\":\"%.*s\"}\n", status_text(status), status, reason_text(r->reason),
	    reason_token(r->reason), decision_id(r), SPAN_ARG(r->id));
}

static const struct conf_error_page *
own_page(const struct req *r, int status)
{
	const struct conf_defaults *d = &r->x->conf->defaults;

	for (unsigned i = 0; r->route != NULL && i < r->route->nerror_pages; i++)
		if (r->route->error_pages[i].status == status)
			return &r->route->error_pages[i];
	for (unsigned i = 0; r->listener->mode == MODE_REVERSE && i < d->nerror_pages; i++)
		if (d->error_pages[i].status == status)
			return &d->error_pages[i];
	return NULL;
}

static void
add(struct req *r, enum hname id, const char *name, struct span value)
{
	struct field *f = fields_add(&r->resp.fields, span_str(name), value, SPAN_NONE);

	if (f != NULL)
		f->id = (uint16_t)id;
}

void
req_reply_field(struct req *r, const char *name, struct span value)
{
	add(r, name_find(span_str(name)), name, value);
}

void
req_reply_body(struct req *r, enum reason why, int status, struct span type, struct span body)
{
	struct span length = arena_try_printf(&r->arena, "%zu", body.n);

	if (status == 0)
		status = reason_status(why);
	r->reason = why;
	r->is_local = true;
	r->close = r->close || reason_closes(why);
	r->resp = (struct h1_response){ .status = status, .minor = 1, .keep_alive = true };
	r->resp.fields.size = REPLY_FIELDS + r->x->fields_added;
	r->resp.fields.v = arena_try_alloc(&r->arena,
	    r->resp.fields.size * sizeof *r->resp.fields.v);
	if (r->resp.fields.v == NULL || length.p == NULL) {
		r->resp.fields.size = 0;
		r->cut = r->close = true;	/* not even an error answer fits: the client sees a close */
		return;
	}
	add(r, H_DATE, "Date", ctx_date(r->x));
	if (r->x->conf->http.server_header)
		add(r, H_SERVER, "Server", SPAN("proxyd"));
	if (!status_no_body(status)) {
		add(r, H_CONTENT_LENGTH, "Content-Length", length);
		add(r, H_CONTENT_TYPE, "Content-Type", type);
	}
	if (status == 429 || status == 503)
		add(r, H_RETRY_AFTER, "Retry-After", SPAN("1"));
	r->resp.has_length = true;
	r->resp.length = body.n;
	r->down = NULL;
	if (r->in.method == M_HEAD || status_no_body(status) || body.n == 0) {
		r->resp.body = H1_NONE;
		return;
	}
	r->resp.body = H1_LENGTH;
	memory_source_init(&r->local, body);
	r->down = &r->local.body;
}

void
req_reply(struct req *r, enum reason why, int status)
{
	const struct conf_error_page *own;
	struct span body, type;

	if (status == 0)
		status = reason_status(why);
	if (status == 0 || status == 499)
		status = 500;
	r->reason = why;
	own = own_page(r, status);
	if (own != NULL) {
		body = span_make(own->body, own->body_len);
		type = span_str(own->type);
	} else if (wants_html(r)) {
		body = page_html(r, status);
		type = SPAN("text/html; charset=utf-8");
	} else {
		body = page_json(r, status);
		type = SPAN("application/problem+json");
	}
	req_reply_body(r, why, status, type, body.p == NULL ? SPAN_NONE : body);
	req_reply_field(r, "Cache-Control", SPAN("no-store"));
	req_reply_field(r, "X-Content-Type-Options", SPAN("nosniff"));
}

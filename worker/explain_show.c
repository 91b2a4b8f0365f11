/*
 * explain_show.c - what became of an explained request, as a document: read from the req and its fetch where every
 * request keeps it, before they are let go.
 */
#include "worker/explain.h"

#include "conf/base/assert.h"
#include "worker/back/fetch.h"
#include "worker/back/pool.h"
#include "worker/filter/filter.h"

#define BODY_SHOWN 2048	/* bytes of an answer's body */

/* -------------------------------------------------------------------------------------- the request */

static const char *
form_text(enum target_form f)
{
	switch (f) {
	case TARGET_ORIGIN:	return "origin";
	case TARGET_ABSOLUTE:	return "absolute";
	case TARGET_AUTHORITY:	return "authority";
	case TARGET_ASTERISK:	return "asterisk";
	}
	NEVER("a target without a form");
}

static void
set_body(struct json *o, const struct req *r)
{
	json_set_str(o, "body", r->in.body == H1_NONE ? "none" :
	    r->in.body == H1_CHUNKED ? "chunked" : "length");
	if (r->in.body == H1_LENGTH)
		json_set_int(o, "length", (int64_t)r->in.length);
}

static void
push_span(struct json *list, struct span s)
{
	struct str text = STR_INIT;

	str_add(&text, s);
	json_push_str(list, str_span(&text).p);
	str_fini(&text);
}

/* The lines of a head up to the empty one. */
static struct json *
lines_of(struct span text)
{
	struct json *list = json_arr();
	struct span line;

	while (span_split(&text, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			break;
		push_span(list, line);
	}
	return list;
}

static struct json *
request_json(const struct req *r)
{
	struct json *o = json_obj();
	char text[ADDR_TEXT];

	json_set(o, "head", lines_of(buf_span(r->head_buf)));
	json_set_str(o, "peer", addr_ip_text(&r->peer, text));
	json_set_str(o, "client", addr_ip_text(&r->client, text));
	json_set_bool(o, "trusted", r->trusted);
	if (r->in.method_text.p == NULL || r->in.host_raw.p == NULL)
		return o;		/* it could not be read that far */
	explain_set_span(o, "method", r->in.method_text);
	json_set_str(o, "form", form_text(r->in.uri.form));
	explain_set_span(o, "host", r->host);
	json_set_int(o, "port", r->port);
	explain_set_span(o, "path", r->path);
	explain_set_span(o, "query", r->in.uri.query);
	json_set_bool(o, "dots", r->dots);
	json_set_bool(o, "connect", r->connect);
	json_set_str(o, "upgrade",
	    !r->in.upgrade      ? "not asked" :
		r->want_upgrade ? "passed on" :
				  "dropped");
	json_set_bool(o, "keep_alive", r->in.keep_alive && !r->close);
	set_body(o, r);
	return o;
}

/* ---------------------------------------------------------------------------------- route and service */

static const char *
action_text(enum conf_route_action a)
{
	switch (a) {
	case ROUTE_SERVICE:	return "service";
	case ROUTE_REDIRECT:	return "redirect";
	case ROUTE_RESPOND:	return "respond";
	}
	NEVER("a route without an action");
}

static struct json *
route_json(const struct req *r)
{
	struct json *o = json_obj(), *captures = json_obj();
	struct str key = STR_INIT;

	json_set_str(o, "name", r->route->name);
	explain_set_at(o, "at", r->route->at);
	json_set_str(o, "action", action_text(r->route->action));
	for (unsigned i = 0; i < r->ncaptures; i++) {
		if (r->captures[i].name.n == 0)
			continue;
		str_clear(&key);
		str_add(&key, r->captures[i].name);
		explain_set_span(captures, key.data, r->captures[i].value);
	}
	str_fini(&key);
	json_set(o, "captures", captures);
	return o;
}

static struct json *
rule_json(const struct conf_rule *rule)
{
	struct json *o = json_obj();

	json_set_str(o, "id", rule->id);
	json_set_str(o, "action", rule->allow ? "allow" : "deny");
	explain_set_at(o, "at", rule->at);
	return o;
}

static struct json *
endpoint_json(const struct conf_target *t, const struct endpoint *e, const struct addr *a,
    int64_t now_ms)
{
	struct json *o = json_obj();
	char text[ADDR_TEXT];

	json_set_str(o, "address", addr_text(a, text));
	json_set_str(o, "target", t->text);
	json_set_str(o, "state", endpoint_state_text(e, (uint64_t)now_ms));
	json_set_int(o, "weight", e->weight);
	json_set_bool(o, "backup", e->backup != 0);
	json_set_int(o, "inflight", endpoint_load(e));
	return o;
}

/* A name that has no address yet. */
static struct json *
unresolved_json(const struct conf_target *t)
{
	struct json *o = json_obj();

	json_set_str(o, "target", t->text);
	json_set_str(o, "state", "unresolved");
	json_set_int(o, "weight", t->weight);
	json_set_bool(o, "backup", t->backup);
	return o;
}

static void
push_target(struct json *list, const struct req *r, const struct conf_target *target)
{
	const struct endpoint_data *d = r->x->env->endpoints;
	const struct endpoint_table *t = endpoint_table(d, r->service->index);
	unsigned n = atomic_load(&t->count), found = 0;

	for (unsigned i = 0; i < n && i < t->room; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);
		struct addr a;

		if (e == NULL || e->target != target->index || !endpoint_addr(d, t, i, &a))
			continue;
		json_push(list, endpoint_json(target, e, &a, r->x->loop.now_ms));
		found++;
	}
	if (found == 0)
		json_push(list, unresolved_json(target));
}

static struct json *
endpoints_json(const struct req *r)
{
	struct json *list = json_arr();

	for (unsigned i = 0; i < r->service->ntargets; i++)
		push_target(list, r, &r->service->targets[i]);
	return list;
}

static const char *
gate_text(enum gate_result g)
{
	switch (g) {
	case GATE_OPEN:	return "open";
	case GATE_WAIT:	return "queue";
	case GATE_FULL:	return "full";
	}
	NEVER("a gate without a state");
}

static struct json *
service_json(const struct req *r)
{
	const struct gate *g = fetch_gate(r->service);
	struct json *o = json_obj();

	json_set_str(o, "name", r->service->name);
	explain_set_at(o, "at", r->service->at);
	json_set_str(o, "balance",
	    r->service->balance == BALANCE_LEAST_REQUEST ? "least_request" : "round_robin");
	json_set_str(o, "send_proxy", r->service->send_proxy == SEND_PROXY_OFF ? NULL :
	    r->service->send_proxy == SEND_PROXY_V1 ? "v1" : "v2");
	json_set(o, "endpoints", endpoints_json(r));
	json_set_str(o, "gate", gate_text(gate_look(g, r->service)));
	json_set_int(o, "inflight", g->inflight);
	json_set_int(o, "waiting", (int64_t)g->waiting.count);
	return o;
}

static struct json *
filters_json(const struct req *r, bool response)
{
	const struct chain *c = chain_of(r);
	struct json *list = json_arr();
	const char *name;

	for (unsigned i = 0; (name = chain_name(c, response, i)) != NULL; i++)
		json_push_str(list, name);
	return list;
}

/* ----------------------------------------------------------------------------------- what is sent on */

/* Names of fields that came and do not go on, or go on and did not come. */
static struct json *
names_json(const struct fields *f, bool added)
{
	struct json *list = json_arr();

	for (unsigned i = 0; i < f->n; i++) {
		bool came = f->v[i].line.p != NULL, goes = !(f->v[i].flags & FIELD_DROP);

		if (added ? !came && goes : came && !goes)
			push_span(list, f->v[i].name);
	}
	return list;
}

static struct json *
sent_json(struct req *r)
{
	struct json *o = json_obj();
	struct str text = STR_INIT;
	struct h1_out out;

	json_set(o, "added", names_json(&r->in.fields, true));
	json_set(o, "removed", names_json(&r->in.fields, false));
	if (fetch_head(r->fetch, &out))
		for (unsigned i = 0; i < out.n; i++)
			str_add(&text, span_make(out.iov[i].iov_base, out.iov[i].iov_len));
	json_set(o, "head", lines_of(str_span(&text)));
	str_fini(&text);
	return o;
}

/* ----------------------------------------------------------------------------------------- the end */

static struct json *
answer_json(struct req *r)
{
	struct json *o = json_obj(), *list = json_arr();
	struct span body = r->down == NULL ? SPAN("") : body_peek(r->down);

	json_set_int(o, "status", r->resp.status);
	json_set_str(o, "reason", reason_token(r->reason));
	json_set_str(o, "text", reason_text(r->reason));
	for (unsigned i = 0; i < r->resp.fields.n; i++) {
		const struct field *f = &r->resp.fields.v[i];
		struct str line = STR_INIT;

		if (!(f->flags & FIELD_DROP)) {
			str_printf(
			    &line, SPAN_FMT ": " SPAN_FMT, SPAN_ARG(f->name), SPAN_ARG(f->value));
			json_push_str(list, line.data);
		}
		str_fini(&line);
	}
	json_set(o, "fields", list);
	json_set_int(o, "length", (int64_t)body.n);
	explain_set_span(o, "body", span_make(body.p, body.n < BODY_SHOWN ? body.n : BODY_SHOWN));
	return o;
}

static struct json *
verdict_json(const struct req *r)
{
	const struct fetch *f = r->fetch;
	struct json *o = json_obj();
	char text[ADDR_TEXT];

	if (r->is_local) {
		json_set_str(o, "action", "answer");
		json_set_int(o, "status", r->resp.status);
		json_set_str(o, "reason", reason_token(r->reason));
		return o;
	}
	if (f == NULL || f->peer.len == 0) {
		json_set_str(o, "action", "unresolved");
		return o;
	}
	json_set_str(o, "action", r->connect ? "tunnel" : "send");
	json_set_str(o, "target", addr_text(&f->peer, text));
	json_set_bool(o, "reused", r->reused);
	if (!r->connect && !r->want_upgrade)
		json_set_int(o, "kept", pool_look(r->x->pool, &f->peer));
	return o;
}

void
explain_show(struct explained *e)
{
	struct req *r = e->r;
	struct json *doc = e->doc;

	explain_judge_rest(e);
	json_set(doc, "request", request_json(r));
	if (r->rule != NULL)
		json_set(doc, "rule", rule_json(r->rule));
	if (r->route != NULL)
		json_set(doc, "route", route_json(r));
	if (r->service != NULL)
		json_set(doc, "service", service_json(r));
	if (r->fetch != NULL || r->reason == R_BODY_LARGE) {
		json_set(doc, "filters", filters_json(r, false));
		json_set(doc, "response_filters", filters_json(r, true));
	}
	json_set(doc, "limits", explain_limits(r));
	if (!r->is_local && !r->connect && r->fetch != NULL)
		json_set(doc, "sent", sent_json(r));
	if (r->is_local)
		json_set(doc, "answer", answer_json(r));
	json_set(doc, "verdict", verdict_json(r));
}

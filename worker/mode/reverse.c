/*
 * The gateway: host, path and method pick a route, the route says what happens. Where a request goes never
 * depends on bytes of the request other than through a route (SECURITY.md row 28).
 */
#include "worker/mode/expand.h"
#include "worker/mode/mode.h"
#include "worker/mode/route.h"
#include "worker/req/explain.h"

static enum reason
refuse(struct req *r, enum reason why)
{
	req_reply(r, why, 0);
	return why;
}

static enum reason
no_method(struct req *r, const struct route_match *m)
{
	struct span allow = SPAN("");

	for (unsigned i = M_OTHER + 1; i < M_MAX; i++)
		if (m->allow >> i & 1)
			allow = arena_try_printf(&r->arena, "%.*s%s%s", SPAN_ARG(allow),
			    allow.n == 0 ? "" : ", ", method_text((enum method)i));
	req_reply(r, R_METHOD_REFUSED, 0);
	if (allow.p != NULL)
		req_reply_field(r, "Allow", allow);
	return R_METHOD_REFUSED;
}

/* ------------------------------------------------------------------ answers of a route */

static enum reason
redirect(struct req *r)
{
	struct span to = expand(r, r->route->redirect.to);

	if (to.p == NULL || !http_is_value(to))
		return refuse(r, R_INTERNAL);
	req_reply_body(r, R_REDIRECT, (int)r->route->redirect.status, SPAN("text/plain"),
	    SPAN_NONE);
	req_reply_field(r, "Location", to);
	return R_REDIRECT;
}

static enum reason
respond(struct req *r)
{
	const struct conf_route *rt = r->route;

	req_reply_body(r, R_RESPOND, (int)rt->respond.status, span_str(rt->respond.type),
	    span_str(rt->respond.body));
	for (unsigned i = 0; i < rt->respond.headers.n; i++)
		req_reply_field(r, rt->respond.headers.v[i].name,
		    span_str(rt->respond.headers.v[i].value));
	return R_RESPOND;
}

/* ------------------------------------------------------------------ the request for the service */

static bool
starts(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* The path to send, without query; p NULL: no memory or not a path any more. */
static struct span
rewritten_path(struct req *r)
{
	const struct conf_route *rt = r->route;
	struct span path = r->path;

	if (rt->request.path != NULL) {
		path = expand(r, rt->request.path);
	} else {
		if (rt->request.strip_prefix != NULL && starts(path, rt->request.strip_prefix)) {
			size_t n = strlen(rt->request.strip_prefix);

			path = span_make(path.p + n, path.n - n);
		}
		path = arena_try_printf(&r->arena, "%s%s%.*s",
		    rt->request.add_prefix == NULL ? "" : rt->request.add_prefix,
		    path.n > 0 && path.p[0] == '/' ? "" : "/", SPAN_ARG(path));
	}
	if (path.p == NULL || path.n == 0 || path.p[0] != '/')
		return SPAN_NONE;
	return path;
}

static bool
rewrites(const struct req *r)
{
	const struct conf_route *rt = r->route;

	return rt->request.path != NULL || rt->request.strip_prefix != NULL ||
	    rt->request.add_prefix != NULL || r->dots;
}

static bool
set_target(struct req *r)
{
	struct target check;
	struct span path;

	if (!rewrites(r) || r->in.uri.form == TARGET_ASTERISK) {
		if (r->in.uri.form != TARGET_ORIGIN)
			r->up_target = mode_origin_form(r);
		return r->in.uri.form == TARGET_ORIGIN || r->up_target.p != NULL;
	}
	path = rewritten_path(r);
	if (path.p == NULL)
		return false;
	r->up_target = r->in.uri.query.p == NULL ? path :
	    arena_try_printf(&r->arena, "%.*s?%.*s", SPAN_ARG(path), SPAN_ARG(r->in.uri.query));
	return r->up_target.p != NULL && uri_parse_target(&check, r->up_target, false) == URI_OK &&
	    check.form == TARGET_ORIGIN;
}

/* What a request without Host is sent to: the service's first target, as a URI may call it. */
static struct span
target_name(const struct conf_service *s)
{
	const struct conf_target *t = &s->targets[0];

	return t->addr.len != 0 && t->addr.u.sa.sa_family == AF_UNIX ? SPAN("localhost") :
								       span_str(t->text);
}

/* The route's host, the target's authority, or as received; HTTP/1.0 without Host gets the service's first target. */
static void
set_host(struct req *r)
{
	if (r->route->request.host != NULL)
		r->up_host = span_str(r->route->request.host);
	else if (r->in.uri.form == TARGET_ABSOLUTE)
		r->up_host = r->in.uri.auth_raw;
	else if (!fields_has(&r->in.fields, H_HOST))
		r->up_host = target_name(r->service);
	else
		return;
	fields_drop(&r->in.fields, H_HOST);
}

static int64_t
first_set(int64_t a, int64_t b, int64_t c)
{
	return a >= 0 ? a : b >= 0 ? b : c;
}

static void
set_limits(struct req *r)
{
	const struct conf_upstream_timeout *t = &r->route->timeout, *s = &r->service->timeout,
	    *d = &r->x->conf->defaults.timeout;
	int64_t max = first_set(r->route->max_body, r->x->conf->defaults.max_body, 0);

	r->timeout.connect_ms = first_set(t->connect_ms, s->connect_ms, d->connect_ms);
	r->timeout.response_ms = first_set(t->response_ms, s->response_ms, d->response_ms);
	r->timeout.idle_ms = first_set(t->idle_ms, s->idle_ms, d->idle_ms);
	r->max_body = (uint64_t)max;
}

static enum reason
to_service(struct req *r)
{
	r->service = r->route->service;
	if (!set_target(r))
		return refuse(r, R_INTERNAL);
	set_host(r);
	set_limits(r);
	mode_want_upgrade(r, &r->route->upgrade);
	return R_NONE;
}

/* ------------------------------------------------------------------ the route */

static struct route_query
query(const struct req *r, struct span path)
{
	return (struct route_query){ .host = r->host, .path = path, .method = r->in.method,
	    .method_text = r->in.method_text, .head = mode_head(r),
	    .trace = r->explain == NULL ? NULL : r->explain->routes(r->explain, path) };
}

/* A route that refuses is also judged on the form a lax server might make of the path (SECURITY.md row 25). */
static enum route_result
judge_strictly(struct req *r, struct route_match *m)
{
	char *p = arena_try_alloc(&r->arena, r->path.n + 1);
	struct route_query q;
	struct route_match strict;
	struct span path;

	if (p == NULL)
		return ROUTE_FOUND;
	path = span_make(p, uri_strict_form(r->path, p));
	if (span_eq(path, r->path))
		return ROUTE_FOUND;
	q = query(r, path);
	switch (route_find(r->x->routes, &q, &strict)) {
	case ROUTE_FOUND:
		if (strict.route->action == ROUTE_RESPOND && strict.route->respond.status >= 400)
			*m = strict;
		break;
	case ROUTE_UNDECIDED:
		*m = strict;
		return ROUTE_UNDECIDED;
	case ROUTE_NO_HOST:
	case ROUTE_NO_PATH:
	case ROUTE_NO_METHOD:
		break;
	}
	return ROUTE_FOUND;
}

static enum reason
find_route(struct req *r)
{
	struct route_query q = query(r, r->path);
	struct route_match m;
	enum route_result found = route_find(r->x->routes, &q, &m);

	if (found == ROUTE_FOUND)
		found = judge_strictly(r, &m);
	switch (found) {
	case ROUTE_FOUND:
		r->route = m.route;
		r->ncaptures = m.ncaptures;
		memcpy(r->captures, m.captures, m.ncaptures * sizeof m.captures[0]);
		return R_NONE;
	case ROUTE_NO_HOST:
		return refuse(r, R_HOST_UNKNOWN);
	case ROUTE_NO_PATH:
		return refuse(r, R_ROUTE_NONE);
	case ROUTE_NO_METHOD:
		return no_method(r, &m);
	case ROUTE_UNDECIDED:
		mode_log_limit(r, "route", m.route->name, m.route->at);
		return refuse(r, R_MATCH_LIMIT);
	}
	return refuse(r, R_INTERNAL);
}

static enum reason
reverse_admit(struct req *r)
{
	enum reason why;

	if (r->in.method == M_CONNECT)
		return refuse(r, R_METHOD_REFUSED);
	if (r->in.uri.https && !r->trusted)	/* RFC 9110 7.4: no TLS of ours, nor of who speaks for its clients */
		return refuse(r, R_SCHEME_BAD);
	if (r->path.n == 0)
		r->path = SPAN("/");		/* "OPTIONS *" is routed like the root */
	why = mode_common(r);
	if (why == R_NONE)
		why = find_route(r);
	if (why != R_NONE)
		return why;
	switch (r->route->action) {
	case ROUTE_SERVICE:	return to_service(r);
	case ROUTE_REDIRECT:	return redirect(r);
	case ROUTE_RESPOND:	return respond(r);
	}
	return refuse(r, R_INTERNAL);
}

const struct mode_ops mode_reverse = { reverse_admit, NULL };

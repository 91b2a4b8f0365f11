/*
 * route.c - entries of "routes": which request, and what happens to it.
 */
#include "conf/schema/schema.h"

#include "conf/http/field.h"
#include "conf/http/status.h"
#include "conf/http/uri.h"

#define AT(f) offsetof(struct conf_route, f)

static const struct item match_items[] = {
	{ "hosts", ITEM_STRS, AT(match.hosts),
	    .help = "\"www.example.com\" or \"*.example.com\"; without it any host" },
	{ "host", ITEM_STRS, AT(match.hosts), .flags = ITEM_ALIAS,
	    .help = "short for hosts with one entry" },
	{ "path", ITEM_STR, AT(match.path), "/**", .flags = ITEM_NONEMPTY,
	    .help =
		"template: \"/v1/{id}\" one segment by name, \"/static/**\" everything below, "
		"\"/files/{rest=**}\" by name" },
	{ "methods", ITEM_STRS, AT(match.methods), .help = "\"GET\", …; without it any" },
	{ "header", ITEM_CONDITIONS, AT(match.header),
	    .help = "a regex by name of a field, searched in the value of every line of that name; \"\": it is there" },
	{ "query", ITEM_CONDITIONS, AT(match.query),
	    .help = "the same by name of a query parameter; names and values with escapes decoded once" },
	{ "cookie", ITEM_CONDITIONS, AT(match.cookie), .help = "the same by name of a cookie" },
};
static const struct item redirect_items[] = {
	{ "status", ITEM_INT, AT(redirect.status), "308", 301, 308, .help = "301, 302, 303, 307 or 308" },
	{ "to", ITEM_STR, AT(redirect.to), .flags = ITEM_REQUIRED,
	    .help = "the Location; may use ${host}, ${path}, ${query} and ${path.NAME} of the template" },
};
static const struct item respond_items[] = {
	{ "status", ITEM_INT, AT(respond.status), "200", 200, 599, .help = "its status" },
	{ "body", ITEM_STR, AT(respond.body), "", .help = "its body" },
	{ "type", ITEM_STR, AT(respond.type), "text/plain; charset=utf-8", .flags = ITEM_NONEMPTY,
	    .help = "its Content-Type" },
	{ "headers", ITEM_HEADERS, AT(respond.headers), .help = "further headers" },
};
static const struct item request_items[] = {
	{ "path", ITEM_STR, AT(request.path), .flags = ITEM_NONEMPTY,
	    .help = "the path sent on, may use ${path} and ${path.NAME}; without it the client's" },
	{ "strip_prefix", ITEM_STR, AT(request.strip_prefix), .flags = ITEM_NONEMPTY,
	    .help = "taken off the path's beginning" },
	{ "add_prefix", ITEM_STR, AT(request.add_prefix), .flags = ITEM_NONEMPTY,
	    .help = "then put before it" },
	{ "host", ITEM_STR, AT(request.host), .flags = ITEM_NONEMPTY,
	    .help = "the Host sent on; without it the client's" },
	{ "set", ITEM_HEADERS, AT(request.head.set),
	    .help = "headers that replace every one of their name" },
	{ "remove", ITEM_STRS, AT(request.head.remove), .help = "headers not sent on" },
};
static const struct item response_items[] = {
	{ "set", ITEM_HEADERS, AT(response.head.set), .help = "headers that replace every one of their name" },
	{ "remove", ITEM_STRS, AT(response.head.remove), .help = "headers not passed to the client" },
};

static section_check_f check_match, check_redirect, check_respond, check_request, check_response;

#define PART(part, text)                              \
	static const struct section schema_##part = { \
		.help = text,                         \
		.items = part##_items,                \
		.nitems = ARRAY_LEN(part##_items),    \
		.pos = SECTION_NO_POS,                \
		.check = check_##part,                \
	}
PART(match,
    "Which requests. The most specific host wins, then path, then the route with more conditions "
    "(header, query, cookie), then one with methods, then the first.");
PART(redirect, "Answer with a redirect.");
PART(respond, "Answer with a fixed response.");
PART(request, "Changes to the request sent on.");
PART(response, "Changes to the response passed on.");

static const struct item items[] = {
	{ "name", ITEM_STR, AT(name), .flags = ITEM_REQUIRED, .help = "as it appears in logs and statistics" },
	{ "match", ITEM_GROUP, 0, .sub = &schema_match, .help = "which requests; without it all" },
	{ "service", ITEM_STR, AT(service_name), .flags = ITEM_NONEMPTY, .help = "the service that answers" },
	{ "redirect", ITEM_GROUP, 0, .sub = &schema_redirect, .flags = ITEM_OPTIONAL, .help = "or a redirect" },
	{ "respond", ITEM_GROUP, 0, .sub = &schema_respond, .flags = ITEM_OPTIONAL, .help = "or a fixed response" },
	{ "request", ITEM_GROUP, 0, .sub = &schema_request, .help = "changes to the request sent on" },
	{ "response", ITEM_GROUP, 0, .sub = &schema_response, .help = "changes to the response passed on" },
	{ "max_body", ITEM_SIZE, AT(max_body), NULL, 0, INT64_MAX, .flags = ITEM_INHERIT,
	    .help = "a request body; above: 413; 0: any; without it defaults.max_body" },
	{ "timeout", ITEM_GROUP, AT(timeout), .sub = &schema_upstream_timeout,
	    .help = "patience with servers; what is missing comes from the service" },
	{ "body_idle", ITEM_MSEC, AT(body_idle_ms), NULL, 10, 86400000, .flags = ITEM_INHERIT,
	    .help = "between two bytes of a request body; without it timeouts.body_idle" },
	{ "upgrade", ITEM_STRS, AT(upgrade), "websocket",
	    .help = "protocols a client may upgrade to; [ ]: none" },
	{ "cache", ITEM_GROUP, AT(caching), .sub = &schema_route_caching,
	    .help = "what is stored; what is missing comes from defaults.cache" },
	{ "error_pages", ITEM_LIST, AT(error_pages), .count = AT(nerror_pages),
	    .sub = &schema_error_page,
	    .help = "own pages for answers the proxy makes itself, before those of defaults" },
};

static void
check_match(struct item_ctx *c, void *obj)
{
	struct conf_route *r = obj;

	if (item_given(c, "host") && item_given(c, "hosts"))
		item_error(c, "host", "\"host\" and \"hosts\" are both given: keep \"hosts\"");
	for (unsigned i = 0; i < r->match.hosts.n; i++)
		(void)word_host(
		    c, item_given(c, "host") ? "host" : "hosts", &r->match.hosts.v[i], true);
	for (unsigned i = 0; i < r->match.methods.n; i++)
		(void)word_method(c, "methods", r->match.methods.v[i]);
	word_conditions(c, "header", &r->match.header, IN_HEADER);
	word_conditions(c, "query", &r->match.query, IN_QUERY);
	word_conditions(c, "cookie", &r->match.cookie, IN_COOKIE);
	r->nconditions = r->match.header.n + r->match.query.n + r->match.cookie.n;
}

static bool
capture_known(const struct pattern *p, struct span name)
{
	for (unsigned i = 0; i < p->nsegs; i++)
		if (p->segs[i].name.p != NULL && span_eq(p->segs[i].name, name))
			return true;
	return false;
}

/* Every ${…} of text must be one of `words` or a capture of the route's template. */
static void
check_expressions(struct item_ctx *c, const char *part, const char *text,
    const struct pattern *path, const char *const *words)
{
	struct conf_pos at = node_get(c->node, part) == NULL ? c->at : node_get(c->node, part)->at;
	const char *p = text, *end;
	struct span e;
	bool known;

	while ((p = strstr(p, "${")) != NULL) {
		end = strchr(p, '}');
		if (end == NULL) {
			conf_problems_add(c->problems, at, false,
			    "\"${\" without '}' in \"%.100s\": close it", text);
			return;
		}
		e = span_make(p + 2, (size_t)(end - p - 2));
		known = e.n > 5 && memcmp(e.p, "path.", 5) == 0 &&
		    capture_known(path, span_make(e.p + 5, e.n - 5));
		for (unsigned i = 0; words[i] != NULL; i++)
			known |= span_eq_str(e, words[i]);
		if (!known)
			conf_problems_add(c->problems, at, false,
			    "${%.*s} in \"%s\" is unknown: write %s or ${path.NAME} of a {NAME} in the template",
			    e.n > 60 ? 60 : (int)e.n, e.p, part,
			    words[1] == NULL ? "${path}" : "${host}, ${path}, ${query}");
		p = end;
	}
}

static bool
is_one_line(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return true;
}

static void
check_redirect(struct item_ctx *c, void *obj)
{
	struct conf_route *r = obj;
	int64_t s = r->redirect.status;

	if (s != 301 && s != 302 && s != 303 && s != 307 && s != 308)
		item_error(
		    c, "status", "%d is not a redirect: write 301, 302, 303, 307 or 308", (int)s);
	if (r->redirect.to == NULL)
		return;
	if (!is_one_line(r->redirect.to))
		item_error(c, "to",
		    "\"to\" has a blank or a character above 126: write it percent-encoded");
	if (r->redirect.to[0] != '/' && strncmp(r->redirect.to, "http://", 7) != 0 &&
	    strncmp(r->redirect.to, "https://", 8) != 0)
		item_error(c, "to",
		    "\"to\" = \"%.80s\" is not a place: begin it with \"https://\", \"http://\" or '/'",
		    r->redirect.to);
}

/* The headers of an edit or a response: none may decide about framing. */
static void
check_headers(struct item_ctx *c, const char *key, const struct conf_headers *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		(void)word_header(c, key, h->v[i].name);
		if (strstr(h->v[i].value, "${") != NULL)
			item_error(c, key,
			    "the value of %s has a \"${\": expressions belong into request.path and redirect.to",
			    h->v[i].name);
	}
}

static void
check_edit(struct item_ctx *c, const struct conf_edit *e)
{
	check_headers(c, "set", &e->set);
	for (unsigned i = 0; i < e->remove.n; i++) {
		(void)word_header(c, "remove", e->remove.v[i]);
		for (unsigned j = 0; j < e->set.n; j++)
			if (span_ieq_str(span_str(e->remove.v[i]), e->set.v[j].name))
				item_error(c, "remove",
				    "%s is both set and removed: \"set\" replaces what was there",
				    e->set.v[j].name);
	}
}

static void
check_respond(struct item_ctx *c, void *obj)
{
	struct conf_route *r = obj;

	check_headers(c, "headers", &r->respond.headers);
	if (!http_is_value(span_str(r->respond.type)))
		item_error(c, "type",
		    "\"type\" has control characters: write \"text/plain; charset=utf-8\"");
	if (status_no_body((int)r->respond.status) && r->respond.body[0] != '\0')
		item_error(c, "body", "a %d response has no body: remove \"body\"",
		    (int)r->respond.status);
}

static void
check_request(struct item_ctx *c, void *obj)
{
	struct conf_route *r = obj;
	struct authority auth;

	if (r->request.path != NULL)
		(void)word_path(c, "path", r->request.path);
	if (r->request.strip_prefix != NULL)
		(void)word_path(c, "strip_prefix", r->request.strip_prefix);
	if (r->request.add_prefix != NULL)
		(void)word_path(c, "add_prefix", r->request.add_prefix);
	if (r->request.path != NULL &&
	    (r->request.strip_prefix != NULL || r->request.add_prefix != NULL))
		item_error(c, "path",
		    "\"path\" replaces the whole path: remove it, or strip_prefix and add_prefix");
	if (r->request.host != NULL &&
	    (uri_parse_authority(&auth, span_str(r->request.host)) != URI_OK || auth.host.n == 0))
		item_error(c, "host",
		    "\"host\" is not a host: write \"app.internal\" or \"app.internal:8080\"");
	check_edit(c, &r->request.head);
}

static void
check_response(struct item_ctx *c, void *obj)
{
	check_edit(c, &((struct conf_route *)obj)->response.head);
}

static void
check_action(struct item_ctx *c, struct conf_route *r)
{
	int n = item_given(c, "service") + item_given(c, "redirect") + item_given(c, "respond");

	if (n != 1)
		conf_problems_add(c->problems, c->at, false,
		    "route \"%.64s\" has %s: write exactly one of service = \"…\", redirect = { … }, respond = { … }",
		    r->name == NULL ? "" : r->name,
		    n == 0 ? "nothing to do" : "more than one thing to do");
	r->action = r->redirect.status != 0 ? ROUTE_REDIRECT :
	    r->respond.status != 0          ? ROUTE_RESPOND :
					      ROUTE_SERVICE;
}

static void
check(struct item_ctx *c, void *obj)
{
	static const char *const in_path[] = { "path", NULL },
				 *const in_to[] = { "host", "path", "query", NULL };
	struct conf_route *r = obj;
	struct errdetail ed = { 0 };

	if (r->name != NULL)
		(void)word_name(c, "name", r->name);
	check_action(c, r);
	for (unsigned i = 0; i < r->upgrade.n; i++)
		if (!http_is_token(span_str(r->upgrade.v[i])))
			item_error(c, "upgrade",
			    "\"%.40s\" is not a protocol name: write \"websocket\"",
			    r->upgrade.v[i]);
	if (pattern_compile(&r->path, c->arena, r->match.path, &ed) != 0) {
		item_error(c, "match", "%.300s", ed.text);
		return;
	}
	if (r->request.path != NULL)
		check_expressions(c, "request", r->request.path, &r->path, in_path);
	if (r->redirect.to != NULL)
		check_expressions(c, "redirect", r->redirect.to, &r->path, in_to);
}

const struct section schema_route = {
	.help = "One route: what it matches, and exactly one of service, redirect, respond.", .items = items,
	.nitems = ARRAY_LEN(items), .size = sizeof(struct conf_route), .pos = AT(at), .check = check,
};

/*
 * The corporate proxy: a client names the target, ordered rules decide. Decided twice: on the name when the
 * request comes, and on every address right before it is dialled, so that no answer of a resolver can lead
 * past a rule (SECURITY.md rows 53-56).
 */
#include <stdio.h>

#include "worker/mode/acl.h"
#include "worker/mode/mode.h"
#include "worker/req/explain.h"

static struct acl_query
query(const struct req *r, const struct addr *dst)
{
	return (struct acl_query){ .src = &r->client, .host = r->host, .port = r->port,
	    .method = r->in.method, .method_text = r->in.method_text, .dst = dst,
	    .url = r->url, .url_strict = r->url_strict, .head = mode_head(r),
	    .wall_s = (int64_t)(r->wall_us / 1000000),
	    .trace = r->explain == NULL ? NULL : r->explain->rules(r->explain, dst) };
}

/* The rule that decides, and the list's entry behind it, for the record. */
static enum acl_result
decide(struct req *r, const struct addr *dst)
{
	struct acl_query q = query(r, dst);
	enum acl_result result;
	struct acl_hit hit;

	q.hit = &hit;
	q.from = dst == NULL ? NULL : r->rule_named;
	q.without = &r->rule_without;
	result = acl_decide(r->x->acls, &q, &r->rule);
	r->list = hit.list;
	r->list_line = hit.line;
	if (dst == NULL)
		r->rule_named = r->rule;
	return result;
}

static enum reason
refuse(struct req *r, enum reason why)
{
	req_reply(r, why, 0);
	return why;
}

static enum reason
target_ok(const struct req *r)
{
	switch (r->in.uri.form) {
	case TARGET_ABSOLUTE:
		return r->in.uri.https ? R_SCHEME_BAD : r->host.n == 0 ? R_HOST_BAD : R_NONE;
	case TARGET_AUTHORITY:
		return r->in.body != H1_NONE ? R_CONNECT_BODY : R_NONE;
	case TARGET_ORIGIN:
	case TARGET_ASTERISK:
		return R_NOT_PROXY;
	}
	return R_NOT_PROXY;
}

static enum reason
undecided(const struct req *r)
{
	mode_log_limit(r, "rule", r->rule->id, r->rule->at);
	return R_MATCH_LIMIT;
}

static struct span
url_of(struct req *r, struct span path)
{
	bool v6 = span_find(r->host, ':') >= 0;
	struct span host = r->host, query = r->in.uri.query;
	const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
	char port[8] = "";

	if (r->in.uri.form == TARGET_AUTHORITY || r->port != 80)
		(void)snprintf(port, sizeof port, ":%u", r->port);
	if (r->in.uri.form == TARGET_AUTHORITY)
		return arena_try_printf(
		    &r->arena, "%s%.*s%s%s", open, SPAN_ARG(host), close, port);
	return arena_try_printf(&r->arena, "http://%s%.*s%s%s%.*s%s%.*s", open, SPAN_ARG(host),
	    close, port, SPAN_ARG(path), query.p == NULL ? "" : "?", SPAN_ARG(query));
}

/* url and url_strict; false: no memory. */
static bool
find_url(struct req *r)
{
	struct span strict;
	char *p;

	r->url = url_of(r, r->path);
	if (r->path.n == 0)
		return r->url.p != NULL;
	p = arena_try_alloc(&r->arena, r->path.n + 1);
	if (p == NULL)
		return false;
	strict = span_make(p, uri_strict_form(r->path, p));
	if (span_eq(strict, r->path))
		return r->url.p != NULL;
	r->url_strict = url_of(r, strict);
	return r->url.p != NULL && r->url_strict.p != NULL;
}

static enum reason
forward_admit(struct req *r)
{
	const struct conf_forward *f = &r->x->conf->forward;
	enum reason why = target_ok(r);

	if (why != R_NONE)
		return refuse(r, why);
	if (acl_wants_url(r->x->acls) && !find_url(r))
		return refuse(r, R_NO_MEMORY);
	switch (decide(r, NULL)) {
	case ACL_ALLOW:
	case ACL_NEED_ADDRESS:		/* on_allow decides, address by address */
		break;
	case ACL_DENY:
		return refuse(r, R_DENIED);
	case ACL_UNDECIDED:
		return refuse(r, undecided(r));
	}
	why = mode_common(r);
	if (why != R_NONE)
		return why;
	r->timeout = f->timeout;
	r->max_body = (uint64_t)f->max_body;
	r->connect = r->in.uri.form == TARGET_AUTHORITY;
	if (r->connect)
		return R_NONE;
	mode_want_upgrade(r, NULL);
	r->up_target = mode_origin_form(r);
	r->up_host = r->in.uri.auth_raw;
	fields_drop(&r->in.fields, H_HOST);
	return r->up_target.p == NULL ? refuse(r, R_NO_MEMORY) : R_NONE;
}

static enum reason
forward_allow(struct req *r, const struct addr *dst)
{
	switch (decide(r, dst)) {
	case ACL_ALLOW:
		return acl_allows_address(r->x->acls, r->rule, dst);
	case ACL_DENY:
	case ACL_NEED_ADDRESS:
		return R_DENIED;
	case ACL_UNDECIDED:
		return undecided(r);
	}
	return R_DENIED;
}

const struct mode_ops mode_forward = { forward_admit, forward_allow };

/*
 * The corporate proxy: a client names the target, ordered rules decide. Decided twice: on the name when the
 * request comes, and on every address right before it is dialled, so that no answer of a resolver can lead
 * past a rule (SECURITY.md rows 53-56).
 */
#include "worker/mode/acl.h"
#include "worker/mode/mode.h"
#include "worker/req/explain.h"

static struct acl_query
query(const struct req *r, const struct addr *dst)
{
	return (struct acl_query){ .src = &r->client, .host = r->host, .port = r->port,
	    .method = r->in.method, .method_text = r->in.method_text, .dst = dst,
	    .wall_s = (int64_t)(r->wall_us / 1000000),
	    .trace = r->explain == NULL ? NULL : r->explain->rules(r->explain, dst) };
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
forward_admit(struct req *r)
{
	const struct conf_forward *f = &r->x->conf->forward;
	enum reason why = target_ok(r);
	struct acl_query q;

	if (why != R_NONE)
		return refuse(r, why);
	q = query(r, NULL);
	switch (acl_decide(r->x->acls, &q, &r->rule)) {
	case ACL_ALLOW:
	case ACL_NEED_ADDRESS:		/* on_allow decides, address by address */
		break;
	case ACL_DENY:
		return refuse(r, R_DENIED);
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
	struct acl_query q = query(r, dst);
	const struct conf_rule *rule;

	if (acl_decide(r->x->acls, &q, &rule) != ACL_ALLOW) {
		r->rule = rule;
		return R_DENIED;
	}
	r->rule = rule;
	return acl_allows_address(r->x->acls, rule, dst);
}

const struct mode_ops mode_forward = { forward_admit, forward_allow };

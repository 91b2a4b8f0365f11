/* What forward and reverse have in common. */
#include "worker/mode/mode.h"

#include "conf/base/log.h"

static enum reason
answer_options(struct req *r)
{
	req_reply_body(r, R_MAX_FORWARDS, 200, SPAN("text/plain"), SPAN_NONE);
	req_reply_field(r, "Allow", SPAN("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
	return R_MAX_FORWARDS;
}

/* Only OPTIONS is left here: TRACE is refused before. A value that is no number is passed on as it is. */
static enum reason
max_forwards(struct req *r)
{
	struct span value = fields_value(&r->in.fields, H_MAX_FORWARDS), less;
	uint64_t n;

	if (r->in.method != M_OPTIONS || value.p == NULL || span_to_u64(value, UINT32_MAX, &n) != 0)
		return R_NONE;
	if (n == 0)
		return answer_options(r);
	less = arena_try_printf(&r->arena, "%llu", (unsigned long long)(n - 1));
	fields_drop(&r->in.fields, H_MAX_FORWARDS);
	if (less.p == NULL ||
	    fields_add(&r->in.fields, SPAN("Max-Forwards"), less, SPAN_NONE) == NULL) {
		req_reply(r, R_NO_MEMORY, 0);
		return R_NO_MEMORY;
	}
	return R_NONE;
}

enum reason
mode_common(struct req *r)
{
	if (r->in.method == M_TRACE) {
		req_reply(r, R_METHOD_REFUSED, 0);
		req_reply_field(r, "Allow", SPAN("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
		return R_METHOD_REFUSED;
	}
	if (req_via_loop(r)) {
		req_reply(r, R_LOOP, 0);
		return R_LOOP;
	}
	if (!r->in.expect)
		fields_drop(&r->in.fields, H_EXPECT);	/* from HTTP/1.0: ignored (RFC 9110 10.1.1) */
	fields_drop(&r->in.fields, H_PROXY_AUTHORIZATION);
	return max_forwards(r);
}

struct condition_query
mode_head(const struct req *r)
{
	return (struct condition_query){ .fields = &r->in.fields, .nfields = r->nreceived,
	    .query = r->in.uri.query };
}

/* Who can make one match fail can make a thousand fail: the counter of the reason has them all. */
void
mode_log_limit(const struct req *r, const char *what, const char *name, struct conf_pos at)
{
	static int64_t last_s;

	if (r->explain != NULL || r->x->loop.wall_s == last_s)
		return;
	last_s = r->x->loop.wall_s;
	log_write(LOG_WARN,
	    "request %.*s refused: a regex of %s %s (%s:%d) came to its limits; make it simpler",
	    SPAN_ARG(r->id), what, name, at.file == NULL ? "built in" : at.file, at.line);
}

struct span
mode_origin_form(struct req *r)
{
	const struct target *t = &r->in.uri;
	const char *end = r->in.target.p + r->in.target.n;

	if (t->form == TARGET_ASTERISK)
		return SPAN("*");
	if (t->path.n > 0)
		return span_make(t->path.p, (size_t)(end - t->path.p));
	if (t->query.p != NULL)
		return arena_try_printf(&r->arena, "/?%.*s", SPAN_ARG(t->query));
	return r->in.method == M_OPTIONS ? SPAN("*") : SPAN("/");
}

void
mode_want_upgrade(struct req *r, const struct conf_strs *allowed)
{
	static const char *const usual[] = { "websocket" };
	const char *const *v = allowed == NULL ? usual : (const char *const *)allowed->v;
	unsigned n = allowed == NULL ? 1 : allowed->n;
	struct span asked = fields_value(&r->in.fields, H_UPGRADE);

	if (!r->in.upgrade || r->up != NULL || fields_count(&r->in.fields, H_UPGRADE) != 1)
		return;
	for (unsigned i = 0; i < n; i++)
		if (span_ieq_str(asked, v[i]))
			r->want_upgrade = true;
}

/*
 * Birth, death and record of a request. The arena's first block is part of the req, so the usual request
 * allocates nothing.
 */
#include "worker/req/req.h"

#include <stdio.h>
#include <string.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"
#include "conf/http/date.h"

static struct slab req_slab = SLAB_INIT("req", struct req, 128);

struct req *
req_new(struct ctx *x, const struct front_ops *front, void *session,
    const struct conf_listener *listener, struct buf *head_buf)
{
	struct req *r = slab_try_get(&req_slab);

	if (r == NULL) {
		buf_put(&head_buf);
		return NULL;
	}
	memset(r, 0, offsetof(struct req, room));
	r->magic = REQ_MAGIC;
	r->x = x;
	r->front = front;
	r->session = session;
	r->listener = listener;
	r->head_buf = head_buf;
	r->start_us = x->loop.now_us;
	r->wall_us = x->loop.wall_us;
	r->t = (struct journal_times){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	arena_init(&r->arena, r->room, sizeof r->room, REQ_ARENA_MAX);
	list_push(&x->reqs, &r->node);
	ctx_count(x, C_REQUESTS_ACTIVE, 1);
	return r;
}

static void
free_req(struct loop_garbage *g)
{
	struct req *r = LIST_ENTRY(g, struct req, garbage);

	buf_put(&r->head_buf);
	buf_put(&r->resp_buf);
	arena_fini(&r->arena);
	slab_put(&req_slab, r);
}

void
req_free(struct req **rp)
{
	struct req *r = *rp;

	*rp = NULL;
	ASSERT_OBJ(r, REQ_MAGIC);
	ASSERT(r->fetch == NULL && r->tunnel == NULL);
	r->magic = 0;
	list_remove(&r->x->reqs, &r->node);
	ctx_count(r->x, C_REQUESTS_ACTIVE, -1);
	loop_defer_free(&r->x->loop, &r->garbage, free_req);
}

void
ctx_set_name(struct ctx *x, unsigned boot_id)
{
	x->via_len = (uint8_t)snprintf(x->via, sizeof x->via, "proxyd-%08x", boot_id);
	for (unsigned minor = 0; minor < 2; minor++)
		(void)snprintf(x->via_value[minor], sizeof x->via_value[minor], "1.%u %s", minor,
		    x->via);
}

struct span
ctx_date(struct ctx *x)
{
	if (x->date_s != x->loop.wall_s) {
		x->date_s = x->loop.wall_s;
		date_format(x->date, x->date_s);
	}
	return span_make(x->date, sizeof x->date);
}

enum reason
req_parse(struct req *r, struct span head)
{
	const struct h1_limits *limits = &r->x->request_limits;

	r->head = head;
	r->in.fields.size = h1_fields_most(head, limits) + r->x->fields_added;
	r->in.fields.v = arena_try_alloc(&r->arena, r->in.fields.size * sizeof *r->in.fields.v);
	if (r->in.fields.v == NULL)
		return R_NO_MEMORY;
	return h1_parse_request(&r->in, head, limits);
}

static enum reason
find_host(struct req *r)
{
	const struct authority *a = &r->in.host;
	bool https = r->in.uri.form == TARGET_ABSOLUTE && r->in.uri.https;
	char *p;

	r->port = a->has_port ? a->port : https ? 443 : 80;
	if (a->host.n == 0)
		return R_NONE;
	p = arena_try_alloc(&r->arena, a->host.n);
	if (p == NULL)
		return R_NO_MEMORY;
	r->host = span_make(p, uri_host_lower(p, a->host));
	return r->host.n == 0 ? R_HOST_BAD : R_NONE;
}

enum reason
req_target(struct req *r)
{
	enum target_form form = r->in.uri.form;
	enum reason why = find_host(r);
	struct span path = r->in.uri.path;
	size_t n;
	char *p;

	r->nreceived = r->in.fields.n;
	if (why != R_NONE || form == TARGET_AUTHORITY || form == TARGET_ASTERISK)
		return why;
	if (path.n == 0)
		path = SPAN("/");
	p = arena_try_alloc(&r->arena, path.n + 1);
	if (p == NULL)
		return R_NO_MEMORY;
	if (uri_normalise(path, p, &n, &r->dots) != URI_OK)
		return R_PATH_FORBIDDEN;
	r->path = span_make(p, n);
	return R_NONE;
}

/* ------------------------------------------------------------------ the record */

static void
count_object(struct req *r, unsigned slot)
{
	struct stats_object *o = &r->x->stats->object[slot];

	o->requests++;
	o->errors += r->resp.status >= 500;
	o->bytes_in += r->bytes_in;
	o->bytes_out += r->bytes_out;
}

static void
count_cache(struct req *r)
{
	switch ((enum cache_result)r->cache_result) {
	case CACHE_NONE:
	case CACHE_RESULTS:
		return;
	case CACHE_HIT:
	case CACHE_STALE_HIT:
		ctx_count(r->x, C_CACHE_HITS, 1);
		return;
	case CACHE_REFRESH_UNMODIFIED:
	case CACHE_REFRESH_FAIL_OLD:
		ctx_count(r->x, C_CACHE_REVALIDATED, 1);
		return;
	case CACHE_MISS:
	case CACHE_REFRESH_MODIFIED:
		ctx_count(r->x, C_CACHE_MISSES, 1);
		return;
	}
}

static void
count(struct req *r)
{
	struct stats_lane *s = r->x->stats;
	const struct env *e = r->x->env;
	unsigned slot = e->listener_slot[r->listener->index];
	int class = r->resp.status / 100;

	s->counter[C_REQUESTS]++;
	s->reason[r->reason]++;
	if (class >= 2 && class <= 5)
		s->counter[C_STATUS_2XX + class - 2]++;
	count_object(r, slot);
	if (slot < STATS_HISTS) {
		hist_add(&s->hist_total[slot], r->t.total);
		if (r->t.first_byte != UINT32_MAX)
			hist_add(&s->hist_first[slot], r->t.first_byte);
	}
	if (r->route != NULL)
		count_object(r, e->route_slot[r->route->index]);
	if (r->rule != NULL)
		count_object(r, e->rule_slot[r->rule->index]);
	if (r->service == NULL)
		return;
	slot = e->service_slot[r->service->index];
	count_object(r, slot);
	if (slot < STATS_HISTS) {
		hist_add(&s->hist_total[slot], r->t.total);
		if (r->t.first_byte != UINT32_MAX)
			hist_add(&s->hist_first[slot], r->t.first_byte);
	}
}

static unsigned
record_flags(const struct req *r)
{
	return (r->reused ? JF_REUSED : 0u) | (r->tries > 1 ? JF_RETRIED : 0u) |
	    (r->connect || r->resp.status == 101 ? JF_TUNNEL : 0u) | (r->is_local ? JF_LOCAL : 0u) |
	    (r->cut || r->gone ? JF_ABORTED : 0u) |
	    (r->listener->mode == MODE_FORWARD ? JF_FORWARD : 0u);
}

static void
record_client(struct journal_rec *rec, const struct addr *a)
{
	struct addr folded = addr_fold(a);

	rec->client_family = (uint8_t)folded.u.sa.sa_family;
	rec->client_port = addr_port(&folded);
	if (folded.u.sa.sa_family == AF_INET)
		memcpy(rec->client_ip, &folded.u.in4.sin_addr, 4);
	else if (folded.u.sa.sa_family == AF_INET6)
		memcpy(rec->client_ip, &folded.u.in6.sin6_addr, 16);
}

/* "ads:48213": the list and the line of its file. */
static struct span
list_entry(const struct req *r, char text[static 80])
{
	int n;

	if (r->list == NULL)
		return SPAN_NONE;
	n = snprintf(text, 80, "%s:%u", r->list->name, r->list_line);
	return span_make(text, n < 80 ? (size_t)n : 79);
}

void
req_log(struct req *r)
{
	char upstream[ADDR_TEXT], list[80];
	struct span s[JS_MAX] = { 0 };
	struct journal_rec rec = { .status = (uint16_t)r->resp.status,
	    .upstream_status = r->upstream_status, .wall_us = r->wall_us,
	    .reason = (uint16_t)r->reason, .minor = r->in.minor, .tries = r->tries, .cache = r->cache_result };

	if (r->resp.status == 0 && r->gone)
		rec.status = (uint16_t)reason_status(r->reason);	/* 499: nobody was there to be told */
	r->bytes_in = r->up == NULL ? r->bytes_in : r->up->moved;
	r->bytes_out = r->down == NULL ? r->bytes_out : r->down->moved;
	r->t.total = (uint32_t)(r->x->loop.now_us - r->start_us);
	rec.bytes_in = r->bytes_in;
	rec.bytes_out = r->bytes_out;
	rec.sent = r->front->sent(r);
	rec.t = r->t;
	rec.pid = r->x->stats->pid;
	rec.generation = r->x->env->generation;
	rec.flags = (uint16_t)record_flags(r);
	record_client(&rec, &r->client);
	s[JS_METHOD] = r->in.method_text;
	s[JS_TARGET] = r->in.target;
	s[JS_HOST] = r->in.host_raw;
	if (r->upstream.len != 0)
		s[JS_UPSTREAM] = span_str(addr_text(&r->upstream, upstream));
	s[JS_ROUTE] = r->route != NULL ? span_str(r->route->name) :
	    r->rule != NULL ? span_str(r->rule->id) : SPAN_NONE;
	s[JS_LIST] = list_entry(r, list);
	s[JS_LISTENER] = span_str(r->listener->name);
	s[JS_REFERER] = fields_value(&r->in.fields, H_REFERER);
	s[JS_AGENT] = fields_value(&r->in.fields, H_USER_AGENT);
	s[JS_TYPE] = fields_value(&r->resp.fields, H_CONTENT_TYPE);
	s[JS_REQUEST_ID] = r->id;
	for (unsigned i = 0; i < JS_MAX; i++) {
		size_t max = i == JS_TARGET ? JOURNAL_URI : JOURNAL_TEXT;

		rec.len[i] = (uint16_t)(s[i].n > max ? max : s[i].n);
	}
	count(r);
	count_cache(r);
	if (!journal_write(r->x->journal, &rec, s))
		ctx_count(r->x, C_JOURNAL_DROPPED, 1);
}

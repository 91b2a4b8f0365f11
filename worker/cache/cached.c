/*
 * cached.c - the decisions:
 *
 *	lookup --none--> FETCH --> stored, where the policy allows it
 *	  |--fresh, or stale and that is allowed--> answered
 *	  '--to be asked about--> FETCH with conditions --304--> renewed, answered
 *	                                                --200--> stored anew
 *	                                                --5xx, no answer--> answered, where old ones may stand in
 */
#include "worker/cache/cached.h"

#include "conf/http/date.h"
#include "worker/back/fetch.h"
#include "worker/cache/refresh.h"

static const struct caching *
caching_of(const struct req *r)
{
	unsigned i = r->route == NULL ? r->x->conf->nroutes : r->route->index;

	return &r->x->cache->caching[i];
}

/* ---- the key ---- */

struct span
cached_host(struct req *r, struct span host)
{
	char *p = arena_try_alloc(&r->arena, host.n + 1);

	if (p == NULL)
		return SPAN_NONE;
	for (size_t i = 0; i < host.n; i++)
		p[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 0x20) : host.p[i];
	if (host.n > 3 && memcmp(p + host.n - 3, ":80", 3) == 0)
		host.n -= 3;
	return span_make(p, host.n);
}

struct span
cached_key(struct req *r, const struct caching *how, struct span target)
{
	ptrdiff_t mark = span_find(target, '?');
	struct key_parts parts = { .scope = span_str(how->scope),
		.host = cached_host(r, r->up_host.p != NULL ? r->up_host : r->in.host_raw),
		.path = mark < 0 ? target : span_make(target.p, (size_t)mark),
		.query = mark < 0 ? SPAN_NONE :
				    span_make(target.p + mark + 1, target.n - (size_t)mark - 1),
		.sort_query = how->sort_query,
		.drop = how->drop_query };
	char text[KEY_TEXT_MAX] UNFILLED;
	size_t n = parts.host.p == NULL ? 0 : key_text(text, &parts);

	return n == 0 ? SPAN_NONE : arena_try_copy(&r->arena, span_make(text, n));
}

/* NULL: the cache has nothing to do with this request. */
static struct cached *
cached_new(struct req *r)
{
	const struct caching *how = caching_of(r);
	struct cached *k;

	if (!how->store || r->connect || r->want_upgrade || r->explain != NULL ||
	    (r->in.method != M_GET && r->in.method != M_HEAD && method_safe(r->in.method)))
		return NULL;
	k = arena_try_zalloc(&r->arena, sizeof *k);
	if (k == NULL)
		return NULL;
	k->cache = r->x->cache;
	k->how = how;
	k->pin = -1;
	k->text = cached_key(r, how, r->up_target.p != NULL ? r->up_target : r->in.target);
	return k->text.p != NULL ? k : NULL;
}

/* ---- looking ---- */

/* What was found, out of the store's memory. */
static bool
keep_found(struct req *r, struct cached *k)
{
	struct lookup *l = &k->found;
	struct span copy = arena_try_copy(&r->arena, l->record);

	if (copy.p == NULL)
		return false;
#define MOVED(s) ((s) = (s).p == NULL ? (s) : span_make(copy.p + ((s).p - l->record.p), (s).n))
	MOVED(l->head.key);
	MOVED(l->head.names);
	MOVED(l->head.tags);
	MOVED(l->head.validators.etag);
	MOVED(l->head.address);
	MOVED(l->head.block);
#undef MOVED
	l->record = copy;
	return true;
}

static bool
purged(const struct cache *c, const struct entry *e)
{
	return e->life.received <= atomic_load_explicit(&c->data->purged_all, memory_order_relaxed);
}

/*
 * Rules may speak of the address that a name has, and are asked before it is dialled. A hit dials nobody: they are
 * asked about the address that the answer came from. If they deny it, the name may have another one by now: the origin
 * is asked, and the rules about that.
 */
static bool
may_have(struct req *r, const struct cached *k)
{
	struct addr from;

	if (r->mode->allow == NULL)
		return true;
	return addr_parse_ip(&from, k->found.head.address, r->port) == 0 &&
	    r->mode->allow(r, &from) == R_NONE;
}

static void
look(struct req *r, struct cached *k)
{
	struct cache *c = k->cache;
	int rc;

	k->file = c->file;
	rc = lookup(&c->in, &k->found, k->text, &r->in.fields, &k->how->vary);
	if (rc == -E_CORRUPT)
		cache_damaged(c, "an entry or a head is");
	if (k->found.varies)
		k->found.names = arena_try_copy(&r->arena, k->found.names);
	k->have = rc == 0 && !purged(c, &k->found.entry) && keep_found(r, k) && may_have(r, k);
}

static bool
asks_the_origin(const struct req *r)
{
	return fields_has(&r->in.fields, H_IF_MATCH) ||
	    fields_has(&r->in.fields, H_IF_UNMODIFIED_SINCE) || r->up != NULL;
}

/* The origin shall say whether the object is still right. Without a pin it might be gone by then. */
static void
ask(struct req *r, struct cached *k)
{
	const struct validators *v = &k->found.head.validators;

	k->pin = cache_hold(k->cache, &k->found.entry);
	k->have = k->pin >= 0;
	if (!k->have || r->in.method != M_GET || (v->etag.p == NULL && v->modified == DATE_NONE))
		return;
	k->asking = true;
	fields_drop(&r->in.fields, H_IF_NONE_MATCH);
	fields_drop(&r->in.fields, H_IF_MODIFIED_SINCE);
	r->up_etag = v->etag;
	if (v->modified != DATE_NONE) {
		char *date = arena_try_alloc(&r->arena, DATE_LEN);

		if (date != NULL) {
			date_format(date, v->modified);
			r->up_modified = span_make(date, DATE_LEN);
		}
	}
}

static bool
only_stored(const struct cached *k)
{
	return k->how->rules.obey_client && (k->cc.set & CC_ONLY_IF_CACHED) != 0;
}

static enum cached_way
refuse(struct req *r)
{
	req_reply(r, R_ONLY_IF_CACHED, 0);
	return CACHED_ANSWER;
}

/* There is an object. */
static enum cached_way
use(struct req *r, struct cached *k)
{
	enum use u = policy_use(&k->cc, &k->found.entry.life, &k->how->rules, r->x->loop.wall_s);

	if (u == USE_STALE_REFRESH && r->background)
		u = USE_VALIDATE;
	switch (u) {
	case USE_FRESH:
	case USE_STALE:
	case USE_STALE_REFRESH:
		if (!cached_answer(r)) {
			k->have = false;
			break;
		}
		r->cache_result = u == USE_FRESH ? CACHE_HIT : CACHE_STALE_HIT;
		if (u == USE_STALE_REFRESH)
			refresh_begin(r);
		return CACHED_ANSWER;
	case USE_VALIDATE:
		ask(r, k);
		break;
	case USE_UNSATISFIABLE:
		return refuse(r);
	}
	return CACHED_FETCH;
}

static enum cached_way
lookup_get(struct req *r, struct cached *k)
{
	r->cache_result = CACHE_MISS;
	if (!asks_the_origin(r)) {
		look(r, k);
		if (k->have)
			return use(r, k);
	}
	return only_stored(k) ? refuse(r) : CACHED_FETCH;
}

enum cached_way
cached_lookup(struct req *r)
{
	struct cached *k = r->cached;
	enum cached_way way = CACHED_FETCH;

	if (k != NULL) {		/* by ask_again: what was found is not what the origin speaks of */
		k->sent = r->x->loop.wall_s;
		return CACHED_FETCH;
	}
	r->cached = k = cached_new(r);
	r->cache_result = CACHE_NONE;
	if (k == NULL)
		return CACHED_FETCH;
	directives_request(&k->cc, &r->in.fields);
	if (cache_begin(k->cache) == NULL) {
		r->cached = NULL;		/* nor can anything be stored: keys need the store's secret */
		return only_stored(k) ? refuse(r) : CACHED_FETCH;
	}
	if (r->in.method == M_GET || r->in.method == M_HEAD)
		way = lookup_get(r, k);
	else
		k->found.primary = key_of(k->cache->in.secret, k->text);
	k->sent = r->x->loop.wall_s;
	return way;
}

/* ---- the origin's answer ---- */

/* The object may have become another store's in the meantime, or its bytes damaged. */
static bool
still_there(const struct cached *k)
{
	return k->have && k->pin >= 0 && k->file == k->cache->file && cache_begin(k->cache) != NULL;
}

/* Of the weak comparison: a 304 that names another validator speaks of something else (RFC 9111 4.3.4). */
static bool
confirms(const struct req *r, const struct cached *k)
{
	struct span etag = fields_value(&r->resp.fields, H_ETAG);

	return etag.p == NULL || k->found.head.validators.etag.p == NULL ||
	    etag_same_weakly(etag, k->found.head.validators.etag);
}

static enum cached_way
ask_again(struct req *r, struct cached *k)
{
	fetch_end(r);
	buf_put(&r->resp_buf);		/* the next answer brings its own */
	r->resp = (struct h1_response){ 0 };
	r->up_etag = r->up_modified = SPAN_NONE;
	r->down = NULL;
	k->asking = k->have = false;
	return CACHED_FETCH;
}

/* What was fetched is not delivered: whether its connection is of further use depends on what came through it. */
static void
leave_origin(struct req *r, const struct h1_response *theirs, struct body *their_body)
{
	struct h1_response ours = r->resp;
	struct body *body = r->down;

	r->resp = *theirs;
	r->down = their_body;
	fetch_end(r);
	r->resp = ours;
	r->down = body;
}

static enum cached_way
not_modified(struct req *r, struct cached *k)
{
	struct h1_response theirs = r->resp;
	struct fields merged;

	if (!still_there(k) || !confirms(r, k) || !cached_renew(r, &merged) ||
	    !cached_answer_with(r, &merged))
		return ask_again(r, k);
	leave_origin(r, &theirs, NULL);
	r->cache_result = CACHE_REFRESH_UNMODIFIED;
	return CACHED_GO_ON;
}

/* Instead of an answer that is none: the object, although it is old. */
static bool
stand_in(struct req *r, struct cached *k)
{
	struct h1_response theirs = r->resp;
	struct body *their_body = r->down;

	if (!still_there(k) ||
	    !policy_stale_on_error(
		&k->cc, &k->found.entry.life, &k->how->rules, r->x->loop.wall_s) ||
	    !cached_answer(r))
		return false;
	leave_origin(r, &theirs, their_body);
	r->cache_result = CACHE_REFRESH_FAIL_OLD;
	return true;
}

static const char *
forwarded_why(const struct req *r, const struct cached *k)
{
	if (r->in.method != M_GET && r->in.method != M_HEAD)
		return "method";
	if (k->have)
		return "stale";
	return k->found.varies ? "vary-miss" : "uri-miss";
}

enum cached_way
cached_response(struct req *r)
{
	struct cached *k = r->cached;

	if (k->fresh_answer || r->is_local)
		return CACHED_GO_ON;
	if (k->asking && r->resp.status == 304)
		return not_modified(r, k);
	if (k->have && r->resp.status >= 500 && stand_in(r, k))
		return CACHED_GO_ON;
	if (k->asking)
		r->cache_result = CACHE_REFRESH_MODIFIED;
	if (policy_invalidates(r->in.method, r->resp.status))
		cached_invalidate(r);
	else if (r->in.method == M_GET)
		cached_store(r);
	cached_status(r, forwarded_why(r, k));
	return CACHED_GO_ON;
}

enum cached_way
cached_failed(struct req *r)
{
	struct cached *k = r->cached;

	return k != NULL && k->have && stand_in(r, k) ? CACHED_ANSWER : CACHED_GO_ON;
}

void
cached_end(struct req *r)
{
	struct cached *k = r->cached;

	if (k == NULL)
		return;
	r->cached = NULL;
	if (k->fill.cache != NULL)
		fill_end(&k->fill);
	stored_fini(&k->stored);
	cache_release(k->cache, k->pin);
}

/*
 * cached_store.c - what of the origin's answers goes to the keeper: a response to be stored, one that a 304 has
 * renewed, and keys that an unsafe method has made worthless (RFC 9111 3, 4.3.4, 4.4).
 */
#include "worker/cache/cached.h"

#define FIELDS_MORE 40		/* beside the object's own: those of a 304, and what is added to an answer */

static char record[HEAD_MAX];	/* of the request at work: the ring takes a copy */

static struct exchange
exchange_of(const struct req *r, const struct fields *response, int status)
{
	return (struct exchange){ .method = r->in.method,
		.status = status,
		.request = &r->in.fields,
		.response = response,
		.sent = r->cached->sent,
		.received = r->x->loop.wall_s };
}

/* ---- storing ---- */

/* Under which key: the URL's, or that of the request's variant. False: it cannot be stored. */
static bool
choose_key(struct req *r, struct span names, struct key *key, uint32_t *generation)
{
	const struct cached *k = r->cached;
	const struct lookup *l = &k->found;

	*key = l->primary;
	*generation = 0;
	if (names.n == 0)
		return true;
	/* Of other variants than are known, the first one: those are out of reach with it. */
	*generation = l->varies && span_eq(l->names, names) ? l->generation :
							      (uint32_t)r->x->loop.wall_us;
	return vary_key(key, k->cache->in.secret, &l->primary, *generation, names, &r->in.fields,
	    &k->how->vary);
}

/* Bytes of `record`, or 0: it does not fit. */
static size_t
write_head(struct req *r, struct span names, const struct fields *f, int status)
{
	const struct cached *k = r->cached;
	struct head h = { .key = k->text, .names = names,
		.validators = validators_of(f, r->x->loop.wall_s) };
	char address[ADDR_TEXT];

	if (r->mode->allow != NULL)
		h.address = span_str(addr_ip_text(&r->upstream, address));
	return head_write(record, sizeof record, &h, status, f);
}

static void
give(struct req *r, const struct lifetime *life, struct span names)
{
	struct cached *k = r->cached;
	struct ring_begin b = { .primary = k->found.primary };
	struct entry e = { .kind = ENTRY_OBJECT, .status = r->resp.status, .life = *life };
	size_t n;

	if (!choose_key(r, names, &b.key, &e.generation)) {
		k->why = "vary";
		return;
	}
	entry_write(b.entry, &e);
	n = write_head(r, names, &r->resp.fields, r->resp.status);
	if (n == 0 || !fill_begin(&k->fill, k->cache, &b, span_make(record, n), r->down)) {
		k->why = n == 0 ? "head-large" : "busy";
		return;
	}
	if (r->down != NULL)
		r->down = &k->fill.body;
}

void
cached_store(struct req *r)
{
	struct cached *k = r->cached;
	struct exchange x = exchange_of(r, &r->resp.fields, r->resp.status);
	struct lifetime life;
	char names[VARY_TEXT_MAX] UNFILLED;
	enum cache_verdict v = policy_store(&x, &k->how->rules, &life);
	size_t n = 0;

	if (v == CV_STORE && (n = vary_names(names, &r->resp.fields)) == SIZE_MAX)
		v = CV_VARY;
	if (v != CV_STORE) {
		k->why = verdict_token(v);
		return;
	}
	if (r->resp.body == H1_LENGTH && r->resp.length > k->cache->max_object) {
		k->why = "too-large";
		return;
	}
	give(r, &life, span_make(names, n));
}

/* ---- renewing ---- */

/* Of a 304 these speak of the message, or of a body that it does not have: the object keeps its own (RFC 9111 3.2). */
static bool
is_update(const struct field *f)
{
	switch ((int)f->id) {
	case H_CONTENT_LENGTH:
	case H_CONTENT_ENCODING:
	case H_CONTENT_RANGE:
	case H_TRANSFER_ENCODING: return false;
	}
	return (f->flags & FIELD_DROP) == 0;
}

static bool
replaced(const struct fields *by, const struct field *f)
{
	for (unsigned i = 0; i < by->n; i++)
		if (is_update(&by->v[i]) && span_ieq(by->v[i].name, f->name))
			return true;
	return false;
}

static bool
merge(struct req *r, struct fields *merged)
{
	const struct fields *by = &r->resp.fields;

	if (!cached_fields(r, merged, by->n + r->x->fields_added + FIELDS_MORE))
		return false;
	for (unsigned i = 0; i < merged->n; i++)
		if (replaced(by, &merged->v[i]))
			merged->v[i].flags |= FIELD_DROP;
	for (unsigned i = 0; i < by->n; i++)
		if (is_update(&by->v[i]))
			(void)fields_add(merged, by->v[i].name, by->v[i].value, by->v[i].line);
	return true;
}

/* A field list without what was dropped: the policy looks at every field. */
static void
pack(struct fields *f)
{
	struct fields all = *f;

	f->n = 0;
	f->have[0] = f->have[1] = 0;
	for (unsigned i = 0; i < all.n; i++) {
		if (all.v[i].flags & FIELD_DROP)
			continue;
		f->v[f->n++] = all.v[i];
		f->have[all.v[i].id >> 6] |= UINT64_C(1) << (all.v[i].id & 63);
	}
}

bool
cached_renew(struct req *r, struct fields *merged)
{
	struct cached *k = r->cached;
	struct entry *e = &k->found.entry;
	struct ring_begin b = { .primary = k->found.primary, .key = k->found.key };
	struct directives cc;
	struct exchange x;
	size_t n;

	if (!merge(r, merged))
		return false;
	pack(merged);
	x = exchange_of(r, merged, e->status);
	directives_response(&cc, merged);
	lifetime_of(&x, &cc, &k->how->rules, &e->life);
	k->found.head.validators = validators_of(merged, r->x->loop.wall_s);
	entry_write(b.entry, e);
	n = write_head(r, k->found.head.names, merged, e->status);
	if (n > 0 && ring_touch(&k->cache->ring, &b, span_make(record, n)))
		cache_tell(k->cache);
	fields_drop(merged, H_AGE);
	return true;
}

/* ---- making worthless ---- */

static void
give_up(struct cache *c, const struct key *primary)
{
	if (cache_begin(c) != NULL)
		lookup_give_up(&c->in, primary);
	if (ring_purge(&c->ring, primary))
		cache_tell(c);
}

/* The path and query of a URI reference, if it is one of the request's host; p NULL: it is not. */
static struct span
own_target(struct req *r, struct span uri)
{
	ptrdiff_t fragment = span_find(uri, '#');
	struct target t;

	if (fragment >= 0)
		uri.n = (size_t)fragment;
	if (uri.n > 0 && uri.p[0] == '/' && (uri.n == 1 || uri.p[1] != '/'))
		return uri;
	if (uri.n == 0 || uri_parse_target(&t, uri, false) != URI_OK || t.form != TARGET_ABSOLUTE ||
	    t.https ||
	    !span_eq(cached_host(r, t.auth_raw),
		cached_host(r, r->up_host.p != NULL ? r->up_host : r->in.host_raw)))
		return SPAN_NONE;
	return t.path.n == 0 ? SPAN("/") :
			       span_make(t.path.p, (size_t)(uri.p + uri.n - t.path.p));
}

/* What the answer says it has changed as well. Of other hosts it has nothing to say. */
static void
give_up_named(struct req *r, enum hname id)
{
	struct cached *k = r->cached;
	struct span target = own_target(r, fields_value(&r->resp.fields, id)), text;
	struct key primary;

	if (target.p == NULL || (text = cached_key(r, k->how, target)).p == NULL)
		return;
	primary = key_of(k->cache->in.secret, text);
	give_up(k->cache, &primary);
}

void
cached_invalidate(struct req *r)
{
	give_up(r->cached->cache, &r->cached->found.primary);
	give_up_named(r, H_LOCATION);
	give_up_named(r, H_CONTENT_LOCATION);
}

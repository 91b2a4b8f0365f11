/*
 * refresh.c - a request without a client. It takes the way of every other one, from the rules on; its answer goes to
 * the keeper as it comes, and nowhere else. It is not in the journal, since nobody asked.
 */
#include "worker/cache/refresh.h"

#include "worker/cache/cached.h"

#define REFRESHES_MAX 64		/* of a worker, at once */

struct refresh {
	struct cache	*cache;
	struct lease	lease;
	struct loop_task start;		/* not from within the request that asks for it */
	struct req	*r;
};

static void
on_start(struct loop_task *t)
{
	req_run(LIST_ENTRY(t, struct refresh, start)->r);
}

/* ---- the front ---- */

static void
no_interim(struct req *r, const struct h1_response *m)
{
	(void)r;
	(void)m;
}

static void
no_address(struct req *r, struct addr *to)
{
	(void)r;
	*to = (struct addr){ .len = 0 };
}

static struct conn *
no_tunnel(struct req *r)
{
	(void)r;
	return NULL;
}

static uint64_t
nothing_sent(const struct req *r)
{
	(void)r;
	return 0;
}

static void
on_body(struct body *b)
{
	req_run(b->sink);
}

/* What goes to the keeper is taken; an answer from the store has been renewed, and is not wanted. */
static enum next
take_all(struct req *r)
{
	struct body *b = r->down;
	size_t n;

	if (b == NULL || r->is_local || r->cached == NULL || r->cached->fresh_answer)
		return NEXT_STEP;
	b->ready = on_body;
	b->sink = r;
	while ((n = body_peek(b).n) > 0)
		body_consume(b, n);
	if (b->state == BODY_OPEN) {
		body_want(b);
		return NEXT_WAIT;
	}
	r->cut = b->state == BODY_FAILED;
	return NEXT_STEP;
}

static void
on_done(struct req *r)
{
	struct refresh *f = r->session;
	struct lease_lanes nobody = { { 0 } };

	loop_unpost(&r->x->loop, &f->start);
	f->cache->refreshing--;
	/* Nobody waits for it: whoever finds the object stale meanwhile is answered with it. */
	(void)lease_end(cache_leases(f->cache->data), &f->lease, LEASE_FAILED, &nobody);
}

static const struct front_ops nobody_front = { no_interim, take_all, no_address, no_tunnel,
	nothing_sent, on_done };

/* ---- beginning ---- */

static bool
claim(struct cache *c, const struct key *key, struct lease *lease)
{
	struct lease_table *t = cache_leases(c->data);

	if (c->refreshing >= REFRESHES_MAX || c->x->draining)
		return false;
	switch (lease_claim(t, key, c->x->env->lane, lease)) {
	case LEASE_MINE:
		return true;
	case LEASE_WAIT:
		lease_leave(t, lease, c->x->env->lane);
		return false;
	case LEASE_NONE:
		return false;
	}
	return false;
}

/* The same head, on its own. */
static struct req *
twin_of(struct req *r)
{
	struct buf *head = buf_try_get((uint32_t)r->head.n);
	struct req *twin;

	if (head == NULL)
		return NULL;
	memcpy(head->data, r->head.p, r->head.n);
	head->w = (uint32_t)r->head.n;
	twin = req_new(r->x, &nobody_front, NULL, r->listener, head);
	if (twin == NULL)
		return NULL;
	twin->background = true;
	twin->peer = r->peer;
	twin->client = r->client;
	twin->peer_text = arena_try_copy(&twin->arena, r->peer_text);
	twin->session = arena_try_zalloc(&twin->arena, sizeof(struct refresh));
	twin->reason = req_parse(twin, buf_span(head));
	if (twin->session != NULL && twin->reason == R_NONE && twin->in.body == H1_NONE)
		return twin;
	req_free(&twin);
	return NULL;
}

void
refresh_begin(struct req *r)
{
	struct cache *c = r->cached->cache;
	struct lease_lanes nobody = { { 0 } };
	struct refresh *f;
	struct lease lease;
	struct req *twin;

	if (!claim(c, &r->cached->found.key, &lease))
		return;
	twin = twin_of(r);
	if (twin == NULL) {
		(void)lease_end(cache_leases(c->data), &lease, LEASE_FAILED, &nobody);
		return;
	}
	f = twin->session;
	*f = (struct refresh){ .cache = c, .lease = lease, .start.run = on_start, .r = twin };
	c->refreshing++;
	loop_post(&r->x->loop, &f->start);
}

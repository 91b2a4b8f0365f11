/*
 *	copy: | given to this sink | taken before, given again |	then from's own bytes
 *	                           at                          w
 */
#include "worker/req/kept.h"

#include "conf/base/list.h"

static struct kept *
of(struct body *b)
{
	return LIST_ENTRY(b, struct kept, body);
}

/* The end is only told once nothing but the rest is left, as a sink expects. */
static void
mirror(struct kept *k)
{
	bool replaying = k->at < k->copy->w;

	k->body.why = k->from->why;
	k->body.state =
	    replaying && (k->from->state != BODY_END || k->from->ops->peek(k->from).n > 0) ?
	    BODY_OPEN : k->from->state;
}

static struct span
kept_peek(struct body *b)
{
	struct kept *k = of(b);

	if (k->at < k->copy->w)
		return span_make(k->copy->data + k->at, k->copy->w - k->at);
	return k->from->ops->peek(k->from);
}

static void
kept_consume(struct body *b, size_t n)
{
	struct kept *k = of(b);

	if (k->at == k->copy->w) {
		memcpy(k->copy->data + k->copy->w, k->from->ops->peek(k->from).p, n);
		k->copy->w += (uint32_t)n;
		body_consume(k->from, n);
	}
	k->at += (uint32_t)n;
	mirror(k);
}

static void
kept_want(struct body *b)
{
	body_want(of(b)->from);
}

static const struct body_ops kept_ops = { .peek = kept_peek, .consume = kept_consume,
    .want = kept_want };

static void
on_from_ready(struct body *from)
{
	struct kept *k = from->sink;

	mirror(k);
	if (k->body.ready != NULL)
		k->body.ready(&k->body);
}

bool
kept_init(struct kept *k, struct body *from)
{
	struct buf *copy = buf_try_get(KEPT_MAX);

	if (copy == NULL)
		return false;
	*k = (struct kept){ .from = from, .copy = copy };
	k->body.ops = &kept_ops;
	k->body.length = from->length;
	from->ready = on_from_ready;
	from->sink = k;
	mirror(k);
	return true;
}

void
kept_rewind(struct kept *k)
{
	k->at = 0;
	mirror(k);
}

void
kept_fini(struct kept *k)
{
	buf_put(&k->copy);
}

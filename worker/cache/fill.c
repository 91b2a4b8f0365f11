/* fill.c - what passes goes to both sides. */
#include "worker/cache/fill.h"

static struct fill_out *
of(struct body *b)
{
	return LIST_ENTRY(b, struct fill_out, body);
}

static void
abandon(struct fill_out *f)
{
	if (f->number == 0)
		return;
	ring_abort(&f->cache->ring, f->number);
	cache_tell(f->cache);
	f->number = 0;
}

static void
complete(struct fill_out *f)
{
	if (f->number == 0)
		return;
	ring_end(&f->cache->ring, f->number);
	cache_tell(f->cache);
	f->number = 0;
	f->stored = true;
}

static void
put(struct fill_out *f, struct span s)
{
	f->length += s.n;
	if (f->number == 0)
		return;
	if (f->length > f->cache->max_object) {
		abandon(f);
		return;
	}
	while (s.n > 0) {
		size_t n = s.n < RING_PART ? s.n : RING_PART;

		if (!ring_data(&f->cache->ring, f->number, span_make(s.p, n))) {
			f->number = 0;		/* no room: that has aborted it */
			break;
		}
		s = span_make(s.p + n, s.n - n);
	}
	cache_tell(f->cache);
}

/* The end counts once nothing of it is left to be taken. */
static void
mirror(struct fill_out *f)
{
	f->body.state = f->from->state;
	f->body.why = f->from->why;
	f->body.trailers = f->from->trailers;
	if (f->from->state == BODY_FAILED)
		abandon(f);
	else if (f->from->state == BODY_END && f->from->ops->peek(f->from).n == 0)
		complete(f);
}

static struct span
fill_peek(struct body *b)
{
	struct fill_out *f = of(b);

	return f->from->ops->peek(f->from);
}

static void
fill_consume(struct body *b, size_t n)
{
	struct fill_out *f = of(b);

	put(f, span_make(f->from->ops->peek(f->from).p, n));
	body_consume(f->from, n);
	mirror(f);
}

static void
fill_want(struct body *b)
{
	body_want(of(b)->from);
}

static const struct body_ops fill_ops = { .peek = fill_peek, .consume = fill_consume,
	.want = fill_want };

static void
on_from_ready(struct body *from)
{
	struct fill_out *f = from->sink;

	mirror(f);
	if (f->body.ready != NULL)
		f->body.ready(&f->body);
}

bool
fill_begin(struct fill_out *f, struct cache *c, const struct ring_begin *begin, struct span head,
    struct body *from)
{
	uint32_t number = ring_begin(&c->ring, begin, head);

	if (number == 0)
		return false;
	*f = (struct fill_out){ .body = { .ops = &fill_ops }, .from = from, .cache = c,
		.number = number };
	cache_tell(c);
	if (from == NULL) {
		complete(f);
		return true;
	}
	f->body.length = from->length;
	from->ready = on_from_ready;
	from->sink = f;
	mirror(f);
	return true;
}

void
fill_end(struct fill_out *f)
{
	abandon(f);
}

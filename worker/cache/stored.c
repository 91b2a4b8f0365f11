/*
 * stored.c - the position in the object is all that is remembered; the window is made from it again in every turn, and
 * reaches at least as far as it did before.
 */
#include "worker/cache/stored.h"

#include <stdlib.h>

#include "conf/base/assert.h"

#define COPIED_MAX ((uint64_t)64 << 20)	/* bytes of all copies of a worker */

static struct stored *
of(struct body *b)
{
	return LIST_ENTRY(b, struct stored, body);
}

static void
fail(struct stored *s)
{
	s->body.state = BODY_FAILED;
	s->body.why = R_CACHE_DAMAGED;
	s->first = s->n = 0;
}

/* ---- chunks ---- */

static size_t
chunk_length(const struct stored *s, uint64_t n)
{
	uint64_t from = n * CHUNK_PAYLOAD, left = s->entry.length - from;

	return left < CHUNK_PAYLOAD ? (size_t)left : CHUNK_PAYLOAD;
}

/* The payload of chunk n. Whoever finds a checksum right says so to the others. */
static bool
read_chunk(struct stored *s, uint64_t n, struct span value, struct span *payload)
{
	struct slot *slot = &s->cache->in.slots[s->entry.slot];
	bool ours = atomic_load_explicit(&slot->id, memory_order_relaxed) == s->entry.id;
	unsigned checked = ours ? atomic_load_explicit(&slot->checked, memory_order_relaxed) : 0;

	if (chunk_read(value, n >= checked, payload) != 0 || payload->n != chunk_length(s, n))
		return false;
	if (ours && n == checked && checked < UINT16_MAX)
		atomic_store_explicit(
		    &slot->checked, (uint16_t)(checked + 1), memory_order_relaxed);
	return true;
}

static void
put_piece(struct stored *s, const char *p, size_t n)
{
	s->window[s->n++] = (struct iovec){ (char *)(uintptr_t)p, n };
}

/* Pieces of the object from p->at on; false: they are not there as they should be. */
static bool
put_chunks(struct stored *s, struct stored_part *p, unsigned max)
{
	struct span values[STORED_WINDOW], payload;
	uint64_t first = p->at / CHUNK_PAYLOAD, last = (p->at + p->n - 1) / CHUNK_PAYLOAD;
	unsigned want = last - first + 1 < max ? (unsigned)(last - first + 1) : max;
	struct store *store = cache_begin(s->cache);
	int got = store == NULL ?
	    -E_AGAIN :
	    store_values(store, s->entry.id, (uint32_t)first + 1, values, (int)want);

	if (got != (int)want)
		return false;
	s->chunks += want;
	for (unsigned i = 0; i < want; i++) {
		size_t skip = (size_t)(p->at % CHUNK_PAYLOAD), n;

		if (!read_chunk(s, first + i, values[i], &payload))
			return false;
		n = payload.n - skip;
		if (n > p->n)
			n = (size_t)p->n;
		put_piece(s, payload.p + skip, n);
		p->at += n;
		p->n -= n;
	}
	return true;
}

/* ---- the window ---- */

static bool
fill_window(struct stored *s)
{
	struct stored_part p = s->part;
	const struct stored_part *next = s->parts + 1;
	unsigned left = s->n_parts - 1, chunks = 0;

	s->first = s->n = 0;
	for (;;) {
		if (p.text.n > 0 && s->n < BODY_PIECES)
			put_piece(s, p.text.p, p.text.n);
		if (p.n > 0 && chunks < STORED_WINDOW && s->n < BODY_PIECES) {
			int room = BODY_PIECES - s->n;
			unsigned max = STORED_WINDOW - chunks, before = s->chunks;

			if (!put_chunks(s, &p, max < (unsigned)room ? max : (unsigned)room))
				return false;
			chunks += s->chunks - before;
		}
		if (p.n > 0 || left == 0 || s->n == BODY_PIECES)
			break;
		p = *next++;
		left--;
	}
	if (p.n == 0 && left == 0)
		s->body.state = BODY_END;
	return true;
}

/* More is taken only while the turn's share lasts; the store must not be asked between turns. */
static void
take(struct stored *s)
{
	if (s->n > s->first || s->copy != NULL || s->body.state == BODY_FAILED || s->n_parts == 0)
		return;
	if (s->turn != s->cache->x->loop.turns) {
		s->turn = s->cache->x->loop.turns;
		s->chunks = 0;
	}
	if (s->chunks < STORED_TURN && !fill_window(s)) {
		cache_damaged(s->cache, "bytes of an object are missing or wrong");
		fail(s);
	}
}

static const struct iovec *
stored_pieces(struct body *b, int *n)
{
	struct stored *s = of(b);

	take(s);
	*n = s->n - s->first;
	return s->window + s->first;
}

static struct span
stored_peek(struct body *b)
{
	int n;
	const struct iovec *v = stored_pieces(b, &n);

	return n == 0 ? SPAN_NONE : span_make(v->iov_base, v->iov_len);
}

/* ---- consuming ---- */

static void
over(struct stored *s)
{
	if (list_linked(&s->node))
		list_remove(&s->cache->sending, &s->node);
	cache_release(s->cache, s->pin);
	s->pin = -1;
}

/* The position moves by n bytes of what was at hand. */
static void
advance(struct stored *s, size_t n)
{
	while (n > 0) {
		struct stored_part *p = &s->part;
		size_t text = n < p->text.n ? n : p->text.n;
		uint64_t bytes;

		p->text = span_make(p->text.p + text, p->text.n - text);
		n -= text;
		bytes = n < p->n ? n : p->n;
		p->at += bytes;
		p->n -= bytes;
		n -= (size_t)bytes;
		if (p->text.n > 0 || p->n > 0)
			return;
		if (--s->n_parts == 0)
			return;
		s->part = *++s->parts;
	}
}

static void
stored_consume(struct body *b, size_t n)
{
	struct stored *s = of(b);

	if (s->copy == NULL)
		advance(s, n);
	while (n > 0) {
		struct iovec *v = &s->window[s->first];
		size_t part = n < v->iov_len ? n : v->iov_len;

		ASSERT(s->first < s->n);
		v->iov_base = (char *)v->iov_base + part;
		v->iov_len -= part;
		n -= part;
		if (v->iov_len == 0)
			s->first++;
	}
	take(s);
	if (s->first == s->n && s->body.state == BODY_END)
		over(s);
}

/* The sink has nothing left: this turn's share is used up. */
static void
stored_want(struct body *b)
{
	struct stored *s = of(b);

	if (s->body.state == BODY_OPEN)
		loop_post(&s->cache->x->loop, &s->more);
}

static void
on_more(struct loop_task *t)
{
	struct stored *s = LIST_ENTRY(t, struct stored, more);

	if (s->turn == s->cache->x->loop.turns)
		loop_post(&s->cache->x->loop, t);
	else if (s->body.ready != NULL)
		s->body.ready(&s->body);
}

static const struct body_ops stored_ops = { .peek = stored_peek, .consume = stored_consume,
	.want = stored_want, .pieces = stored_pieces };

/* ---- the end of the turn ---- */

static uint64_t
rest_of(const struct stored *s)
{
	uint64_t sum = s->part.text.n + s->part.n;

	for (unsigned i = 1; i < s->n_parts; i++)
		sum += s->parts[i].text.n + s->parts[i].n;
	return sum;
}

/* All that is left, window by window. */
static bool
copy_rest(struct stored *s)
{
	uint64_t rest = rest_of(s);
	size_t at = 0;
	char *copy;

	if (s->cache->copied + rest > COPIED_MAX || (copy = malloc((size_t)rest)) == NULL)
		return false;
	while (at < rest) {
		size_t n = 0;

		if (!fill_window(s)) {
			free(copy);
			return false;
		}
		for (int i = 0; i < s->n; i++) {
			memcpy(copy + at + n, s->window[i].iov_base, s->window[i].iov_len);
			n += s->window[i].iov_len;
		}
		advance(s, n);
		at += n;
	}
	s->copy = copy;
	s->copy_n = (size_t)rest;
	s->cache->copied += rest;
	s->first = s->n = 0;
	put_piece(s, copy, (size_t)rest);
	s->body.state = BODY_END;
	return true;
}

void
stored_let_go(struct stored *s)
{
	if (s->copy != NULL || s->body.state == BODY_FAILED)
		return;
	if (s->pin < 0)
		s->pin = cache_hold(s->cache, &s->entry);
	if (s->pin < 0) {
		if (!copy_rest(s))
			fail(s);
		return;
	}
	s->first = s->n = 0;
	s->body.state = BODY_OPEN;
}

void
stored_lost(struct stored *s)
{
	if (s->copy != NULL)
		return;
	fail(s);
	if (s->body.ready != NULL)
		s->body.ready(&s->body);
}

/* ---- life ---- */

bool
stored_init(struct stored *s, struct cache *c, const struct entry *e,
    const struct stored_part *parts, unsigned n)
{
	ASSERT(n > 0);
	if (e->slot >= c->in.n_slots)
		return false;
	memset(s, 0, sizeof *s);
	s->body = (struct body){ .ops = &stored_ops, .state = BODY_OPEN, .length = BODY_UNKNOWN };
	s->cache = c;
	s->entry = *e;
	s->parts = parts;
	s->n_parts = n;
	s->part = parts[0];
	s->pin = -1;
	s->more.run = on_more;
	take(s);
	if (s->body.state == BODY_FAILED)
		return false;
	s->body.length = rest_of(s);
	list_push(&c->sending, &s->node);
	return true;
}

void
stored_fini(struct stored *s)
{
	if (s->cache == NULL)
		return;
	over(s);
	loop_unpost(&s->cache->x->loop, &s->more);
	if (s->copy != NULL)
		s->cache->copied -= s->copy_n;
	free(s->copy);
	s->cache = NULL;
}

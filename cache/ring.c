/*
 * ring.c - records, each with a word before it that says what it is and how long.
 *
 *          head (reader)     at (reader)       tail (producer)
 *            |                 |                 |
 *   ---------[word|bytes][word][ word | bytes  ].----------------[filler]
 *   ^ 0: a record starts here in every lap                              ^ size
 *
 * Positions count bytes since the ring was made and are multiples of 8; a record never crosses the ring's end, the
 * rest of the lap is a filler. Bodies are cut there instead, so that they waste nothing.
 */
#include "cache/ring.h"

#include "conf/base/assert.h"

#define ALIGN8(n) (((n) + 7) & ~UINT64_C(7))

struct word {
	uint32_t what;			/* enum ring_type << 24 | bytes that follow */
	uint32_t fill;
};

enum { WORD = sizeof(struct word), BYTES_MASK = 0xffffff };

_Static_assert(WORD == 8, "a filler fits wherever a lap is not over");
_Static_assert(sizeof(struct ring_begin) % 8 == 0, "heads stand aligned");
_Static_assert(RING_LEAST >= 3 * (HEAD_MAX + (int)sizeof(struct ring_begin) + WORD), "see ring.h");

/* ---- producing ---- */

static uint64_t
room(const struct ring_out *o, uint64_t tail)
{
	uint64_t used = tail - atomic_load_explicit(&o->ring->head, memory_order_acquire);

	return used > o->size ? 0 : o->size - used;	/* more than all: the reader is about to put it right */
}

static uint64_t
lap_left(const struct ring_out *o, uint64_t tail)
{
	return o->size - (tail & (o->size - 1));
}

static void
put_word(struct ring_out *o, uint64_t at, enum ring_type type, uint32_t fill, size_t n)
{
	struct word w = { (uint32_t)type << 24 | (uint32_t)n, fill };

	memcpy(o->ring->bytes + (at & (o->size - 1)), &w, sizeof w);
}

static void
publish(struct ring_out *o, uint64_t tail)
{
	atomic_store_explicit(&o->ring->tail, tail, memory_order_release);
}

static uint64_t
tail_of(const struct ring_out *o)
{
	return atomic_load_explicit(&o->ring->tail, memory_order_relaxed);
}

/* One record of two parts, of which `ends` words must stay free behind it. */
static bool
put(struct ring_out *o, enum ring_type type, uint32_t fill, struct span a, struct span b,
    uint32_t ends)
{
	uint64_t tail = tail_of(o), need = ALIGN8(WORD + a.n + b.n), lap = lap_left(o, tail);
	uint64_t skip = need > lap ? lap : 0;
	char *to;

	if (room(o, tail) < skip + need + (uint64_t)ends * WORD)
		return false;
	if (skip > 0)
		put_word(o, tail, RING_FILLER, 0, skip - WORD);
	tail += skip;
	put_word(o, tail, type, fill, a.n + b.n);
	to = o->ring->bytes + (tail & (o->size - 1)) + WORD;
	if (a.n > 0)
		memcpy(to, a.p, a.n);
	if (b.n > 0)
		memcpy(to + a.n, b.p, b.n);
	publish(o, tail + need);
	return true;
}

/* Nothing may come before it. */
static bool
epoch_out(struct ring_out *o)
{
	if (o->epoch_due)
		o->epoch_due = !put(o, RING_EPOCH, 0, SPAN_NONE, SPAN_NONE, 0);
	return !o->epoch_due;
}

void
ring_out_init(struct ring_out *o, struct ring *r, uint32_t size)
{
	ASSERT(size >= RING_LEAST && size <= RING_MOST && (size & (size - 1)) == 0);
	*o = (struct ring_out){ .ring = r, .size = size, .epoch_due = true };
	publish(o, ALIGN8(tail_of(o)));
	epoch_out(o);
}

static struct span
begin_span(const struct ring_begin *b)
{
	return span_make((const char *)b, sizeof *b);
}

uint32_t
ring_begin(struct ring_out *o, const struct ring_begin *b, struct span head)
{
	uint32_t fill = o->serial + 1 == 0 ? 1 : o->serial + 1;

	if (head.n > HEAD_MAX || !epoch_out(o) ||
	    !put(o, RING_BEGIN, fill, begin_span(b), head, o->open + 1))
		return 0;
	o->open++;
	o->serial = fill;
	return fill;
}

/* As much as one record may hold, and no further than the end of the lap; 0: not even a byte fits there. */
static size_t
part_of(const struct ring_out *o, size_t n)
{
	uint64_t lap = lap_left(o, tail_of(o)) - WORD;
	size_t most = lap > 0 && lap < RING_PART ? lap : RING_PART;

	return n < most ? n : most;
}

bool
ring_data(struct ring_out *o, uint32_t fill, struct span s)
{
	while (s.n > 0) {
		size_t n = part_of(o, s.n);

		if (!put(o, RING_DATA, fill, span_make(s.p, n), SPAN_NONE, o->open)) {
			ring_abort(o, fill);
			return false;
		}
		s = span_make(s.p + n, s.n - n);
	}
	return true;
}

/* Its room was kept back. Only a reader that lost the thread can have none, and then it has lost the fill as well. */
static void
end(struct ring_out *o, enum ring_type type, uint32_t fill)
{
	ASSERT(o->open > 0);
	o->open--;
	(void)put(o, type, fill, SPAN_NONE, SPAN_NONE, 0);
}

void
ring_end(struct ring_out *o, uint32_t fill)
{
	end(o, RING_END, fill);
}

void
ring_abort(struct ring_out *o, uint32_t fill)
{
	end(o, RING_ABORT, fill);
}

bool
ring_touch(struct ring_out *o, const struct ring_begin *b, struct span head)
{
	return head.n <= HEAD_MAX && epoch_out(o) &&
	    put(o, RING_TOUCH, 0, begin_span(b), head, o->open);
}

bool
ring_purge(struct ring_out *o, const struct key *key)
{
	return epoch_out(o) &&
	    put(o, RING_PURGE, 0, span_make((const char *)key, sizeof *key), SPAN_NONE, o->open);
}

/* ---- reading ---- */

void
ring_in_init(struct ring_in *in, struct ring *r, uint32_t size)
{
	*in = (struct ring_in){
		.ring = r, .size = size, .at = atomic_load(&r->head) & ~UINT64_C(7)
	};
}

/* A tail that is no multiple of 8 was not written by ring_out's code: its last bytes are not looked at. */
static uint64_t
published(const struct ring_in *in)
{
	return atomic_load_explicit(&in->ring->tail, memory_order_acquire) & ~UINT64_C(7);
}

uint64_t
ring_unread(const struct ring_in *in)
{
	uint64_t n = published(in) - in->at;

	return n < in->size ? n : in->size;
}

/* What follows the word of a record; -E_CORRUPT: not what its type has. */
static int
unpack(struct ring_record *rec, struct span s)
{
	switch (rec->type) {
	case RING_BEGIN:
	case RING_TOUCH:
		if (s.n < sizeof rec->begin || s.n - sizeof rec->begin > HEAD_MAX)
			return -E_CORRUPT;
		memcpy(&rec->begin, s.p, sizeof rec->begin);
		rec->bytes = span_make(s.p + sizeof rec->begin, s.n - sizeof rec->begin);
		return 0;
	case RING_DATA:
		rec->bytes = s;
		return s.n > 0 && s.n <= RING_PART ? 0 : -E_CORRUPT;
	case RING_PURGE:
		if (s.n != sizeof rec->begin.primary)
			return -E_CORRUPT;
		memcpy(&rec->begin.primary, s.p, s.n);
		return 0;
	case RING_END:
	case RING_ABORT:
	case RING_EPOCH:
		return s.n == 0 ? 0 : -E_CORRUPT;
	case RING_FILLER:
		break;
	}
	return -E_CORRUPT;
}

/* 1: a record, and `at` is behind it; 0: a filler was. */
static int
take(struct ring_in *in, uint64_t tail, struct ring_record *rec)
{
	uint64_t avail = tail - in->at, place = in->at & (in->size - 1), lap = in->size - place;
	struct word w;
	uint64_t size;

	if (avail > in->size)
		return -E_CORRUPT;
	memcpy(&w, in->ring->bytes + place, sizeof w);
	size = ALIGN8(WORD + (w.what & BYTES_MASK));
	if (size > avail || size > lap || w.what >> 24 < RING_BEGIN || w.what >> 24 > RING_FILLER)
		return -E_CORRUPT;
	*rec = (struct ring_record){ .type = (enum ring_type)(w.what >> 24), .fill = w.fill };
	if (rec->type == RING_FILLER ? size != lap :
				       unpack(rec,
					   span_make(in->ring->bytes + place + WORD,
					       w.what & BYTES_MASK)) != 0)
		return -E_CORRUPT;
	in->at += size;
	return rec->type != RING_FILLER;
}

int
ring_next(struct ring_in *in, struct ring_record *rec)
{
	uint64_t tail = published(in);
	int rc = 0;

	while (rc == 0 && in->at != tail)
		rc = take(in, tail, rec);
	if (rc < 0)
		in->at = tail;
	return rc;
}

void
ring_done(struct ring_in *in)
{
	atomic_store_explicit(&in->ring->head, in->at, memory_order_release);
}

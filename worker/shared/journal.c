/*
 * journal.c - the ring of log records: append without waiting, consume, observe.
 *
 *          tail (logger)             head (worker)
 *            |                         |
 *   ---------[rec][rec][ rec ][rec]----.------------[filler]
 *   ^ 0: a record starts here in every lap                  ^ JOURNAL_RING
 *
 * Positions count bytes since the ring was made; a record never crosses the ring's end, the rest of the lap is a
 * filler (size 0). The data is complete before head moves, so a worker may die anywhere. Readers believe
 * nothing they read: every length is checked against the ring and the record before it is used.
 */
#include "worker/shared/journal.h"

#define MASK ((uint64_t)JOURNAL_RING - 1)
#define ALIGN8(n) (((n) + 7) & ~(uint64_t)7)
#define SECTOR (JOURNAL_RING / JOURNAL_SECTORS)
/* What a worker may have begun to overwrite beyond head: a filler and a record. */
#define MARGIN (2u * JOURNAL_RECORD)
#define OBSERVE_TRIES 8

_Static_assert(sizeof(struct journal_rec) % 8 == 0, "records keep the ring aligned");
_Static_assert(
    sizeof(struct journal_rec) + JOURNAL_URI + (JS_MAX - 1) * JOURNAL_TEXT + 7 <= JOURNAL_RECORD,
    "the longest record fits");
_Static_assert(offsetof(struct journal_ring, data) == 192, "three cache lines before the data");

static const char *const tokens[CACHE_RESULTS] = {
#define RESULT(id, token, squid) token,
#include "worker/shared/cache_tbl.h"
#undef RESULT
};
static const char *const squid_words[CACHE_RESULTS] = {
#define RESULT(id, token, squid) squid,
#include "worker/shared/cache_tbl.h"
#undef RESULT
};

const char *
cache_result_token(unsigned r)
{
	return r < CACHE_RESULTS ? tokens[r] : "-";
}

const char *
cache_result_squid(unsigned r)
{
	return r < CACHE_RESULTS ? squid_words[r] : NULL;
}

static const uint16_t limits[JS_MAX] = {
	[JS_METHOD] = JOURNAL_TEXT,
	[JS_TARGET] = JOURNAL_URI,
	[JS_HOST] = JOURNAL_TEXT,
	[JS_UPSTREAM] = JOURNAL_TEXT,
	[JS_ROUTE] = JOURNAL_TEXT,
	[JS_LISTENER] = JOURNAL_TEXT,
	[JS_REFERER] = JOURNAL_TEXT,
	[JS_AGENT] = JOURNAL_TEXT,
	[JS_TYPE] = JOURNAL_TEXT,
	[JS_REQUEST_ID] = JOURNAL_TEXT,
	[JS_LIST] = JOURNAL_TEXT,
};

size_t
journal_size(unsigned lanes)
{
	return sizeof(struct journal_data) + lanes * sizeof(struct journal_ring);
}

void
journal_reset(struct journal_ring *r)
{
	uint64_t head = atomic_load(&r->head), tail = atomic_load(&r->tail);

	if (head % 8 != 0 || head - tail > JOURNAL_RING)
		atomic_store(&r->head, ALIGN8(tail));
}

/* ---------------------------------------------------------------------------------------- worker */

static uint32_t
record_size(struct journal_rec *rec, const struct span strings[JS_MAX])
{
	uint32_t size = sizeof *rec;

	for (unsigned i = 0; i < JS_MAX; i++) {
		rec->len[i] = strings[i].n < limits[i] ? (uint16_t)strings[i].n : limits[i];
		size += rec->len[i];
	}
	return (uint32_t)ALIGN8(size);
}

/* The first record that starts in a sector leaves its position there. */
static void
sector_mark(struct journal_ring *r, uint64_t start)
{
	_Atomic uint32_t *mark = &r->mark[(start & MASK) / SECTOR];

	if ((uint32_t)start - atomic_load_explicit(mark, memory_order_relaxed) >= SECTOR)
		atomic_store_explicit(mark, (uint32_t)start, memory_order_relaxed);
}

bool
journal_write(struct journal_ring *r, struct journal_rec *rec, const struct span strings[JS_MAX])
{
	uint64_t head = ALIGN8(atomic_load_explicit(&r->head, memory_order_relaxed));
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	uint32_t size = record_size(rec, strings), room = (uint32_t)(JOURNAL_RING - (head & MASK));
	uint32_t skip = size > room ? room : 0;
	char *to;

	if (head - tail > JOURNAL_RING || size + skip > JOURNAL_RING - (head - tail)) {
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
		return false;
	}
	atomic_thread_fence(
	    memory_order_release); /* an observer who sees these bytes sees the last head */
	if (skip != 0)
		memset(r->data + (head & MASK), 0, sizeof(uint32_t));
	rec->size = size;
	to = (char *)r->data + ((head + skip) & MASK);
	memcpy(to, rec, sizeof *rec);
	to += sizeof *rec;
	for (unsigned i = 0; i < JS_MAX; i++)
		if (rec->len[i] != 0) {
			memcpy(to, strings[i].p, rec->len[i]);
			to += rec->len[i];
		}
	sector_mark(r, head + skip);
	atomic_store_explicit(&r->head, head + skip + size, memory_order_release);
	return true;
}

/* --------------------------------------------------------------------------------------- readers */

enum found { FOUND_RECORD, FOUND_FILLER, FOUND_DAMAGE };

/* Strings as views into the copy, when the copy's own lengths agree with its size. */
static bool
view_fill(struct journal_view *v, const char *buf, uint32_t size)
{
	size_t at = sizeof v->rec;

	memcpy(&v->rec, buf, sizeof v->rec);
	v->rec.size = size;
	for (unsigned i = 0; i < JS_MAX; i++) {
		size_t n = v->rec.len[i];

		if (n > limits[i] || n > size - at)
			return false;
		v->s[i] = span_make(buf + at, n);
		at += n;
	}
	return true;
}

/* Judges what lies at position `at` with `avail` bytes up to head; *step is how far the cursor moves. */
static enum found
record_copy(const struct journal_ring *r, uint64_t at, uint64_t avail, char *buf,
    struct journal_view *v, uint32_t *step)
{
	uint32_t pos = (uint32_t)(at & MASK), room = JOURNAL_RING - pos, size;

	if (at % 8 != 0 || avail % 8 != 0 || avail > JOURNAL_RING)
		return FOUND_DAMAGE;
	size = __atomic_load_n((const uint32_t *)(const void *)(r->data + pos), __ATOMIC_RELAXED);
	if (size == 0) {
		*step = room;
		return pos != 0 && room <= JOURNAL_RECORD && room <= avail ? FOUND_FILLER :
									     FOUND_DAMAGE;
	}
	if (size < sizeof v->rec || size > JOURNAL_RECORD || size % 8 != 0 || size > avail ||
	    size > room)
		return FOUND_DAMAGE;
	*step = size;
	memcpy(buf, r->data + pos, size);
	return view_fill(v, buf, size) ? FOUND_RECORD : FOUND_DAMAGE;
}

bool
journal_next(struct journal_ring *r, char buf[JOURNAL_RECORD], struct journal_view *v)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t step = 0;

	while (tail != head) {
		enum found found = record_copy(r, tail, head - tail, buf, v, &step);

		if (found == FOUND_DAMAGE) {
			atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
			atomic_store_explicit(&r->tail, head, memory_order_release);
			return false;
		}
		tail += step;
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		if (found == FOUND_RECORD)
			return true;
	}
	return false;
}

/* The oldest record start that the worker cannot be overwriting now; head when there is none. */
static uint64_t
oldest_mark(const struct journal_ring *r, uint64_t head)
{
	uint32_t far = 0;

	for (unsigned i = 0; i < JOURNAL_SECTORS; i++) {
		uint32_t mark = atomic_load_explicit(&r->mark[i], memory_order_relaxed);
		uint32_t back = (uint32_t)head - mark;

		if (back <= JOURNAL_RING - MARGIN && back <= head && back > far)
			far = back;
	}
	return head - far;
}

static bool
overrun(uint64_t cursor, uint64_t head)
{
	return head - cursor > JOURNAL_RING - MARGIN;
}

bool
journal_observe(const struct journal_ring *r, uint64_t *cursor, char buf[JOURNAL_RECORD],
    struct journal_view *v, uint64_t *lost)
{
	for (unsigned i = 0; i < OBSERVE_TRIES; i++) {
		uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire), at = *cursor;
		enum found found;
		uint32_t step = 0;

		if (overrun(at, head)) {
			at = oldest_mark(r, head);
			*lost += at > *cursor ? at - *cursor : 0;
			*cursor = at;
		}
		if (at == head)
			return false;
		found = record_copy(r, at, head - at, buf, v, &step);
		atomic_thread_fence(memory_order_acquire);
		if (overrun(at, atomic_load_explicit(&r->head, memory_order_relaxed)))
			continue;
		*lost += found == FOUND_DAMAGE ? head - at : 0;
		*cursor = found == FOUND_DAMAGE ? head : at + step;
		if (found == FOUND_RECORD)
			return true;
	}
	return false;
}

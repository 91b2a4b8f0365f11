/*
 * A binary min-heap of pointers, sorted by `key`. A timer's `due` may be later than its key: when the key's
 * time comes, run_due moves the timer to its real place (or out, when it was stopped) instead of firing it.
 * Invariant: heap[t->at - 1] == t for every queued timer, and key <= due.
 */
#include "worker/io/timer.h"

#include <stdlib.h>

#include "conf/base/assert.h"

static void
place(struct timers *ts, struct timer *t, uint32_t i)
{
	ts->heap[i] = t;
	t->at = i + 1;
}

static void
sift_up(struct timers *ts, uint32_t i)
{
	struct timer *t = ts->heap[i];

	while (i > 0) {
		uint32_t parent = (i - 1) / 2;

		if (ts->heap[parent]->key <= t->key)
			break;
		place(ts, ts->heap[parent], i);
		i = parent;
	}
	place(ts, t, i);
}

static void
sift_down(struct timers *ts, uint32_t i)
{
	struct timer *t = ts->heap[i];

	for (;;) {
		uint32_t kid = 2 * i + 1;

		if (kid >= ts->n)
			break;
		if (kid + 1 < ts->n && ts->heap[kid + 1]->key < ts->heap[kid]->key)
			kid++;
		if (t->key <= ts->heap[kid]->key)
			break;
		place(ts, ts->heap[kid], i);
		i = kid;
	}
	place(ts, t, i);
}

static bool
make_room(struct timers *ts)
{
	uint32_t size = ts->size == 0 ? 64 : ts->size * 2;
	struct timer **heap;

	if (ts->n < ts->size)
		return true;
	heap = realloc(ts->heap, size * sizeof *heap);
	if (heap == NULL)
		return false;
	ts->heap = heap;
	ts->size = size;
	return true;
}

void
timer_init(struct timer *t, void (*fire)(struct timer *))
{
	*t = (struct timer){ .due = TIMER_NEVER, .key = TIMER_NEVER, .fire = fire };
}

bool
timer_set(struct timers *ts, struct timer *t, int64_t due)
{
	if (t->at != 0) {
		t->due = due;
		if (due < t->key) {
			t->key = due;
			sift_up(ts, t->at - 1);
		}
		return true;
	}
	if (due == TIMER_NEVER)
		return true;
	if (!make_room(ts))
		return false;
	t->due = t->key = due;
	place(ts, t, ts->n++);
	sift_up(ts, t->at - 1);
	return true;
}

void
timer_fini(struct timers *ts, struct timer *t)
{
	uint32_t i;
	struct timer *last;

	t->due = TIMER_NEVER;
	if (t->at == 0)
		return;
	i = t->at - 1;
	ASSERT(ts->heap[i] == t);
	t->at = 0;
	last = ts->heap[--ts->n];
	if (last == t)
		return;
	place(ts, last, i);
	sift_up(ts, i);
	sift_down(ts, last->at - 1);
}

void
timers_run(struct timers *ts, int64_t now)
{
	while (ts->n > 0 && ts->heap[0]->key <= now) {
		struct timer *t = ts->heap[0];

		if (t->due > now && t->due != TIMER_NEVER) {
			t->key = t->due;
			sift_down(ts, 0);
			continue;
		}
		if (t->due == TIMER_NEVER) {
			timer_fini(ts, t);
			continue;
		}
		timer_fini(ts, t);
		t->fire(t);
	}
}

int64_t
timers_next(const struct timers *ts)
{
	return ts->n == 0 ? TIMER_NEVER : ts->heap[0]->key;
}

void
timers_fini(struct timers *ts)
{
	for (uint32_t i = 0; i < ts->n; i++)
		ts->heap[i]->at = 0;
	free(ts->heap);
	*ts = (struct timers){ 0 };
}

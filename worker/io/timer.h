/*
 * timer.h - deadlines: a binary heap with lazy refresh.
 *
 * Moving a deadline later only stores a number; the heap looks at it when the old time comes. A connection
 * that refreshes its deadline on every request therefore costs the heap one operation per timeout, not per
 * request. Times are loop milliseconds (monotonic).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER INT64_MAX

struct timer {
	int64_t		due;		/* when to fire; TIMER_NEVER: not at all */
	int64_t		key;		/* what the heap sorts by, never later than due while queued */
	uint32_t	at;		/* place in the heap + 1; 0: not queued */
	void		(*fire)(struct timer *);	/* may set or fini any timer, this one included */
};

struct timers { struct timer **heap; uint32_t n, size; };

void	timer_init(struct timer *, void (*fire)(struct timer *));
/* false when memory for the heap is out (the timer is then not set). */
bool	timer_set(struct timers *, struct timer *, int64_t due);
static inline void timer_stop(struct timer *t) { t->due = TIMER_NEVER; }	/* lazily */
void	timer_fini(struct timers *, struct timer *);	/* leaves the heap: before its memory goes */
void	timers_run(struct timers *, int64_t now);	/* fires what is due */
int64_t	timers_next(const struct timers *);		/* earliest key; TIMER_NEVER when empty */
void	timers_fini(struct timers *);

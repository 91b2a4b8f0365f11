#include "worker/io/timer.c"
#include "tests/unit/unit.h"

static struct timers ts;
static struct timer *fired[64];
static unsigned nfired;

static void
on_fire(struct timer *t)
{
	fired[nfired++] = t;
}

static void
check_heap(void)
{
	for (uint32_t i = 0; i < ts.n; i++) {
		ck_assert_uint_eq(ts.heap[i]->at, i + 1);
		ck_assert_int_le(ts.heap[i]->key, ts.heap[i]->due);
		if (i > 0)
			ck_assert_int_le(ts.heap[(i - 1) / 2]->key, ts.heap[i]->key);
	}
}

START_TEST(timers_fire_in_order_of_their_times_and_once)
{
	static const int64_t due[] = { 50, 10, 40, 30, 20 };
	static const int order[] = { 1, 4, 3, 2, 0 };
	struct timer t[5];

	for (int i = 0; i < 5; i++) {
		timer_init(&t[i], on_fire);
		ck_assert(timer_set(&ts, &t[i], due[i]));
		check_heap();
	}
	timers_run(&ts, 9);
	ck_assert_uint_eq(nfired, 0);
	timers_run(&ts, 10);
	ck_assert_uint_eq(nfired, 1);
	timers_run(&ts, 1000);
	timers_run(&ts, 2000);
	ck_assert_uint_eq(nfired, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_eq(fired[i], &t[order[i]]);
	timers_fini(&ts);
}
END_TEST

START_TEST(moving_a_deadline_later_leaves_the_heap_alone_until_the_old_time)
{
	struct timer t;

	timer_init(&t, on_fire);
	ck_assert(timer_set(&ts, &t, 10));
	for (int64_t due = 11; due < 1000; due++)
		ck_assert(timer_set(&ts, &t, due));
	ck_assert_int_eq(t.key, 10);
	timers_run(&ts, 500);
	ck_assert_uint_eq(nfired, 0);
	ck_assert_int_eq(timers_next(&ts), 999);
	timers_run(&ts, 999);
	ck_assert_uint_eq(nfired, 1);
	ck_assert_int_eq(timers_next(&ts), TIMER_NEVER);
	timers_fini(&ts);
}
END_TEST

START_TEST(moving_a_deadline_earlier_counts_at_once)
{
	struct timer t, u;

	timer_init(&t, on_fire);
	timer_init(&u, on_fire);
	ck_assert(timer_set(&ts, &u, 50));
	ck_assert(timer_set(&ts, &t, 100));
	ck_assert(timer_set(&ts, &t, 20));
	ck_assert_int_eq(timers_next(&ts), 20);
	timers_run(&ts, 20);
	ck_assert_uint_eq(nfired, 1);
	ck_assert_ptr_eq(fired[0], &t);
	timer_fini(&ts, &u);
	timers_fini(&ts);
}
END_TEST

START_TEST(a_stopped_timer_leaves_silently_and_can_be_set_again)
{
	struct timer t;

	timer_init(&t, on_fire);
	ck_assert(timer_set(&ts, &t, TIMER_NEVER));
	ck_assert_uint_eq(t.at, 0);
	ck_assert(timer_set(&ts, &t, 10));
	timer_stop(&t);
	timers_run(&ts, 10);
	ck_assert_uint_eq(nfired, 0);
	ck_assert_uint_eq(ts.n, 0);
	ck_assert(timer_set(&ts, &t, 20));
	timer_stop(&t);
	ck_assert(timer_set(&ts, &t, 15));
	timers_run(&ts, 15);
	ck_assert_uint_eq(nfired, 1);
	timers_fini(&ts);
}
END_TEST

static struct timer chained[3];

static void
on_chain(struct timer *t)
{
	nfired++;
	if (t == &chained[0]) {
		ck_assert(timer_set(&ts, t, 30));	/* itself, later */
		timer_fini(&ts, &chained[1]);		/* one that is due too */
		ck_assert(timer_set(&ts, &chained[2], 10));
	}
}

START_TEST(a_timer_that_fires_may_set_and_end_any_timer)
{
	for (int i = 0; i < 3; i++)
		timer_init(&chained[i], on_chain);
	ck_assert(timer_set(&ts, &chained[0], 10));
	ck_assert(timer_set(&ts, &chained[1], 10));
	timers_run(&ts, 10);
	ck_assert_uint_eq(nfired, 2);		/* the first and the third */
	ck_assert_int_eq(timers_next(&ts), 30);
	timer_fini(&ts, &chained[0]);
	timer_fini(&ts, &chained[0]);		/* twice is harmless */
	ck_assert_int_eq(timers_next(&ts), TIMER_NEVER);
	timers_fini(&ts);
}
END_TEST

START_TEST(the_heap_stays_ordered_under_any_mixture)
{
	static struct timer t[500];
	uint32_t seed = 1;

	for (unsigned i = 0; i < 500; i++)
		timer_init(&t[i], on_chain);
	for (unsigned i = 0; i < 20000; i++) {
		struct timer *one = &t[(seed = seed * 1664525u + 1013904223u) >> 16 & 0xff];
		int64_t due = (int64_t)(seed >> 8 & 0xffff) + 1;

		if (i % 7 == 0)
			timer_fini(&ts, one);
		else if (i % 11 == 0)
			timer_stop(one);
		else
			ck_assert(timer_set(&ts, one, due));
		if (i % 100 == 0) {
			check_heap();
			timers_run(&ts, i / 10);
			check_heap();
		}
	}
	timers_run(&ts, INT64_MAX - 1);
	ck_assert_uint_eq(ts.n, 0);
	timers_fini(&ts);
}
END_TEST

UNIT_MAIN("worker/io/timer", timers_fire_in_order_of_their_times_and_once,
    moving_a_deadline_later_leaves_the_heap_alone_until_the_old_time,
    moving_a_deadline_earlier_counts_at_once, a_stopped_timer_leaves_silently_and_can_be_set_again,
    a_timer_that_fires_may_set_and_end_any_timer, the_heap_stays_ordered_under_any_mixture)

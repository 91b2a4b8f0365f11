#include "tests/unit/unit.h"
#include "worker/req/shed.h"

static const struct conf_overload conf = { .delay_ms = 25, .interval_ms = 100 };
static struct shed s;
static uint64_t now, finished;

/* A turn `ms` later, whose events waited lag_ms. */
static bool
turn(unsigned ms, unsigned lag_ms, unsigned out)
{
	now += ms * 1000;
	finished += out;
	return shed_turn(&s, &conf, now, lag_ms * 1000, finished);
}

static void
start(void)
{
	s = (struct shed){ 0 };
	now = 1000000;
	finished = 5;
	ck_assert(!turn(1, 0, 0));
}

static void
overload(void)
{
	start();
	ck_assert(!turn(60, 60, 0));
	ck_assert(turn(60, 60, 0));
	ck_assert(s.on);
}

static unsigned
admitted(unsigned asked)
{
	unsigned n = 0;

	for (unsigned i = 0; i < asked; i++)
		n += shed_admit(&s, 1000);
	return n;
}

START_TEST(a_peak_is_served_and_a_lag_that_stays_is_an_overload)
{
	start();
	ck_assert(!turn(90, 90, 0));
	ck_assert(!turn(1, 24, 0));		/* below the limit: counted anew */
	ck_assert(!turn(90, 25, 0));
	ck_assert(turn(10, 25, 0));
	ck_assert(s.on);
}
END_TEST

START_TEST(above_the_limit_one_a_turn_is_let_in)
{
	overload();
	ck_assert_uint_eq(admitted(100), 1);
	ck_assert(!turn(30, 30, 50));
	ck_assert_uint_eq(admitted(100), 1);
}
END_TEST

START_TEST(below_it_one_is_let_in_for_one_that_finished_and_a_few_more)
{
	overload();
	ck_assert(!turn(30, 20, 50));
	ck_assert_uint_eq(admitted(100), 58);
	ck_assert(!turn(30, 20, 0));
	ck_assert_uint_eq(admitted(100), 8);
}
END_TEST

START_TEST(who_is_among_few_is_always_let_in)
{
	overload();
	ck_assert_uint_eq(admitted(1), 1);
	ck_assert(shed_admit(&s, SHED_FLOOR));
	ck_assert(!shed_admit(&s, SHED_FLOOR + 1));
}
END_TEST

START_TEST(an_episode_ends_when_the_lag_was_low_for_a_second)
{
	overload();
	ck_assert(!turn(999, 1, 0));
	ck_assert(!turn(30, 30, 0));		/* the same overload */
	ck_assert(!turn(999, 1, 0));
	ck_assert(s.on);
	ck_assert(turn(1, 1, 0));
	ck_assert(!s.on);
}
END_TEST

START_TEST(a_delay_of_zero_never_refuses)
{
	static const struct conf_overload off = { .interval_ms = 100 };

	start();
	for (unsigned i = 1; i < 10; i++)
		ck_assert(!shed_turn(&s, &off, now + i * 1000000, 999000000, 0));
	ck_assert(!s.on);
}
END_TEST

UNIT_MAIN("worker/req/shed", a_peak_is_served_and_a_lag_that_stays_is_an_overload,
    above_the_limit_one_a_turn_is_let_in,
    below_it_one_is_let_in_for_one_that_finished_and_a_few_more, who_is_among_few_is_always_let_in,
    an_episode_ends_when_the_lag_was_low_for_a_second, a_delay_of_zero_never_refuses)

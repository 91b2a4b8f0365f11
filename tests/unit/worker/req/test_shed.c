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

START_TEST(above_the_limit_one_is_let_in_for_two_that_finished)
{
	overload();
	ck_assert_uint_eq(admitted(100), 0);
	ck_assert(!turn(30, 30, 50));
	ck_assert_uint_eq(admitted(100), 25);
	ck_assert(!turn(30, 30, 1));
	ck_assert_uint_eq(admitted(100), 1);
}
END_TEST

/* Entered at 25 ms, held to a tenth of that or 10 ms. */
START_TEST(in_an_episode_the_limit_is_lower)
{
	static const struct conf_overload rows[] = { { .delay_ms = 300 }, { .delay_ms = 25 },
		{ .delay_ms = 4 } };

	overload();
	ck_assert(!turn(10, 10, 50));
	ck_assert_uint_eq(admitted(100), 25);
	ck_assert_uint_eq(shed_target_us(&rows[0]), 30000);
	ck_assert_uint_eq(shed_target_us(&rows[1]), 10000);
	ck_assert_uint_eq(shed_target_us(&rows[2]), 4000);
}
END_TEST

START_TEST(below_it_one_is_let_in_for_one_that_finished_and_a_few_more)
{
	overload();
	ck_assert(!turn(30, 9, 50));
	ck_assert_uint_eq(shed_room(&s, 1000), 54);
	ck_assert_uint_eq(admitted(100), 54);
	ck_assert(!turn(30, 9, 0));
	ck_assert_uint_eq(admitted(100), 4);
}
END_TEST

START_TEST(who_is_among_few_is_always_let_in)
{
	overload();
	ck_assert_uint_eq(shed_room(&s, SHED_FLOOR), 0);
	ck_assert_uint_eq(shed_room(&s, SHED_FLOOR - 3), 3);
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

START_TEST(an_episode_goes_on_while_somebody_is_refused_or_waits)
{
	overload();
	s.demand = 1000;			/* more than the 4 a second could have in 25 ms */
	ck_assert(!turn(999, 1, 4));
	ck_assert_uint_eq(admitted(100), 8);	/* and 92 refused */
	ck_assert(!turn(1, 1, 0));
	ck_assert(!turn(999, 1, 0));
	s.pressed = true;
	ck_assert(!turn(1, 1, 0));
	ck_assert(!turn(999, 1, 0));
	ck_assert(turn(1, 1, 0));
}
END_TEST

/* 1000 requests in 25 ms are 40 000 a second. */
START_TEST(it_ends_all_the_same_when_all_who_ask_could_be_served_in_time)
{
	for (unsigned rate = 39000; rate <= 41000; rate += 2000) {
		overload();
		s.demand = 1000;
		for (unsigned ms = 250; ms <= 1250; ms += 250) {
			s.pressed = true;
			(void)turn(250, 20, rate / 4);
		}
		ck_assert(s.on == (rate < 40000));
	}
}
END_TEST

START_TEST(refusals_get_a_sixth_of_the_processor_by_what_they_were_seen_to_cost)
{
	s = (struct shed){ 0 };
	ck_assert_uint_eq(shed_refusals(&s, 1000000), 0);	/* what was used before is not counted */
	ck_assert_uint_eq(shed_refusals(&s, 1001000), 8);	/* 166 us, 20 each as long as none was seen */
	for (unsigned i = 0; i < 100; i++) {
		shed_spent(&s, 10, 400);
		s.credit_us += 400;
	}
	ck_assert_uint_ge(s.cost_us, 33);			/* 40, rounded down at each step */
	ck_assert_uint_eq(shed_refusals(&s, 1005000), (166 + 666) / s.cost_us);
	shed_spent(&s, 0, 2000);				/* more than there was */
	ck_assert_uint_eq(shed_refusals(&s, 1009000), 0);
	ck_assert_uint_eq(shed_refusals(&s, 1019000), (832 - 2000 + 666 + 1666) / s.cost_us);
}
END_TEST

START_TEST(an_idle_worker_saves_no_more_than_a_few_milliseconds_for_refusals)
{
	s = (struct shed){ 0 };
	ck_assert_uint_eq(shed_refusals(&s, 1), 0);
	ck_assert_uint_eq(shed_refusals(&s, 1000000000), 250);
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
    above_the_limit_one_is_let_in_for_two_that_finished, in_an_episode_the_limit_is_lower,
    below_it_one_is_let_in_for_one_that_finished_and_a_few_more, who_is_among_few_is_always_let_in,
    an_episode_ends_when_the_lag_was_low_for_a_second,
    an_episode_goes_on_while_somebody_is_refused_or_waits,
    it_ends_all_the_same_when_all_who_ask_could_be_served_in_time,
    refusals_get_a_sixth_of_the_processor_by_what_they_were_seen_to_cost,
    an_idle_worker_saves_no_more_than_a_few_milliseconds_for_refusals,
    a_delay_of_zero_never_refuses)

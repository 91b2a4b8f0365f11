/*
 * Restart, heartbeat and reload policies, played on paper.
 */
#include "master/policy.c"
#include "conf/base/err.h"
#include "tests/unit/unit.h"

static int64_t
die(struct backoff *b, int64_t lived_ms, int sig)
{
	struct death d = { .now_ms = 100000, .ready_ms = 100000 - lived_ms, .signal = sig };

	return backoff_died(b, &d);
}

START_TEST(a_worker_that_dies_once_is_replaced_at_once)
{
	struct backoff b = { 0 };

	ck_assert_int_eq(die(&b, 10, SIGSEGV), 0);
	ck_assert_int_eq(die(&b, 60000, SIGSEGV), 0);
}
END_TEST

START_TEST(a_worker_that_keeps_dying_early_waits_from_1_to_30_seconds)
{
	static const int64_t delays[] = { 0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 30000,
		30000 };
	struct backoff b = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(delays); i++)
		ck_assert_int_eq(die(&b, 100, SIGSEGV), delays[i]);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(die(&b, 0, 0), 30000);
}
END_TEST

START_TEST(a_life_longer_than_5_seconds_forgives_everything)
{
	struct backoff b = { .early = 20 };

	ck_assert_int_eq(die(&b, POLICY_EARLY_MS, SIGSEGV), 0);
	ck_assert_uint_eq(b.early, 0);
}
END_TEST

START_TEST(being_killed_from_outside_is_no_sign_of_a_broken_program)
{
	struct backoff b = { 0 };

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(die(&b, 200, i % 2 == 0 ? SIGKILL : SIGTERM), 0);
}
END_TEST

START_TEST(a_death_before_ready_is_early_whatever_the_signal)
{
	struct backoff b = { 0 };
	struct death d = { .now_ms = 500000, .ready_ms = 0, .signal = SIGKILL };

	for (int i = 0; i < POLICY_EARLY_FREE; i++)
		ck_assert_int_eq(backoff_died(&b, &d), 0);
	ck_assert_int_eq(backoff_died(&b, &d), POLICY_DELAY_MIN_MS);
}
END_TEST

START_TEST(silence_counts_only_while_awake_and_only_with_a_heartbeat)
{
	struct watch w = {
		.now_ms = 100000, .started_ms = 1000, .ready_ms = 2000, .beat_ms = 94000
	};

	ck_assert_int_eq(watch_judge(&w), WATCH_ABORT);
	w.asleep = true;
	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
	w.asleep = false;
	w.beat_ms = 95000;
	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
	w.beat_ms = 0;
	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
}
END_TEST

START_TEST(a_hung_child_is_aborted_first_and_killed_half_a_second_later)
{
	struct watch w = { .now_ms = 100000, .ready_ms = 1, .beat_ms = 90000, .aborted_ms = 99800 };

	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
	w.now_ms = w.aborted_ms + POLICY_ABORT_MS;
	ck_assert_int_eq(watch_judge(&w), WATCH_KILL);
}
END_TEST

START_TEST(a_stopped_child_is_killed_although_it_stopped_asleep)
{
	struct watch w = { .now_ms = 100000, .ready_ms = 1, .asleep = true, .stopped_ms = 94999 };

	ck_assert_int_eq(watch_judge(&w), WATCH_KILL);
	w.stopped_ms = 95000;
	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
}
END_TEST

START_TEST(a_child_that_never_becomes_ready_is_aborted)
{
	struct watch w = { .now_ms = 20001, .started_ms = 10000 };

	ck_assert_int_eq(watch_judge(&w), WATCH_ABORT);
	w.now_ms = 20000;
	ck_assert_int_eq(watch_judge(&w), WATCH_FINE);
}
END_TEST

START_TEST(a_reload_waits_for_a_draining_generation_but_not_for_its_tunnels)
{
	struct gate g = {
		.now_ms = 50000, .draining = true, .since_ms = 40000, .patience_ms = 30000
	};

	ck_assert_int_eq(gate_wait(&g), 20000);
	g.now_ms = 70000;
	ck_assert_int_eq(gate_wait(&g), 0);
	g.now_ms = 50000;
	g.draining = false;
	ck_assert_int_eq(gate_wait(&g), 0);
}
END_TEST

UNIT_MAIN("master/policy", a_worker_that_dies_once_is_replaced_at_once,
    a_worker_that_keeps_dying_early_waits_from_1_to_30_seconds,
    a_life_longer_than_5_seconds_forgives_everything,
    being_killed_from_outside_is_no_sign_of_a_broken_program,
    a_death_before_ready_is_early_whatever_the_signal,
    silence_counts_only_while_awake_and_only_with_a_heartbeat,
    a_hung_child_is_aborted_first_and_killed_half_a_second_later,
    a_stopped_child_is_killed_although_it_stopped_asleep,
    a_child_that_never_becomes_ready_is_aborted,
    a_reload_waits_for_a_draining_generation_but_not_for_its_tunnels)

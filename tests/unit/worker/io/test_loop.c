#include <sys/epoll.h>
#include "tests/unit/lib/drive.h"

static struct loop l;
static char order[64];

static void
note(char c)
{
	size_t n = strlen(order);

	ck_assert_uint_lt(n, sizeof order - 1);
	order[n] = c;
}

static void on_source(struct loop_source *s, uint32_t ev) { (void)s; (void)ev; note('s'); }
static void on_task(struct loop_task *t) { (void)t; note('t'); }
static void on_timer(struct timer *t) { (void)t; note('d'); }
static void on_garbage(struct loop_garbage *g) { (void)g; note('g'); }
static void on_hook(struct loop_hook *h) { (void)h; note('h'); }

START_TEST(a_turn_runs_events_then_tasks_then_deadlines_then_frees)
{
	struct loop_source s = { .fd = -1, .ready = on_source };
	struct loop_task t = { .run = on_task };
	struct loop_garbage g;
	struct loop_hook h = { .turn_end = on_hook };
	struct timer d;
	int fd[2];

	drive_start(&l);
	drive_pair(fd);
	timer_init(&d, on_timer);
	loop_hook_add(&l, &h);
	loop_defer_free(&l, &g, on_garbage);
	ck_assert(timer_set(&l.timers, &d, l.now_ms));
	loop_post(&l, &t);
	loop_post(&l, &t);		/* idempotent */
	ck_assert_int_eq(loop_add(&l, &s, fd[0], EPOLLIN | EPOLLET), 0);
	drive_put(fd[1], SPAN("x"));
	loop_turn(&l, 0);
	ck_assert_str_eq(order, "stdgh");
	loop_turn(&l, 0);
	ck_assert_str_eq(order, "stdghh");		/* edge-triggered: told once */
	loop_remove(&l, &s);
	ck_assert_int_eq(s.fd, -1);
	drive_put(fd[1], SPAN("y"));
	loop_turn(&l, 0);
	ck_assert_str_eq(order, "stdghhh");
	close(fd[0]);
	close(fd[1]);
	loop_fini(&l);
}
END_TEST

static struct loop_task again, other;
static unsigned runs;

static void
on_again(struct loop_task *t)
{
	runs++;
	loop_post(&l, t);
}

static void
on_cancels(struct loop_task *t)
{
	(void)t;
	loop_unpost(&l, &other);
	loop_unpost(&l, &other);
}

START_TEST(a_task_that_posts_itself_runs_once_a_turn_and_the_loop_does_not_sleep)
{
	int64_t before;

	drive_start(&l);
	again.run = on_again;
	loop_post(&l, &again);
	before = l.now_ms;
	for (int i = 0; i < 5; i++)
		loop_turn(&l, 1000);
	ck_assert_uint_eq(runs, 5);
	ck_assert_int_lt(l.now_ms - before, 900);
	loop_unpost(&l, &again);
	loop_fini(&l);
}
END_TEST

START_TEST(a_task_may_take_back_another_one_of_the_same_turn)
{
	drive_start(&l);
	again.run = on_cancels;
	other.run = on_task;
	loop_post(&l, &again);
	loop_post(&l, &other);
	drive(&l, 2);
	ck_assert_str_eq(order, "");
	loop_fini(&l);
}
END_TEST

static struct loop_source pair_source[2];

static void
on_first(struct loop_source *s, uint32_t ev)
{
	(void)ev;
	note('1');
	loop_remove(&l, s == &pair_source[0] ? &pair_source[1] : &pair_source[0]);
}

START_TEST(a_source_removed_by_an_event_of_the_same_turn_is_not_told)
{
	int fd[2];

	drive_start(&l);
	drive_pair(fd);
	for (int i = 0; i < 2; i++) {
		pair_source[i] = (struct loop_source){ .fd = -1, .ready = on_first };
		ck_assert_int_eq(loop_add(&l, &pair_source[i], fd[i], EPOLLIN | EPOLLET), 0);
		drive_put(fd[!i], SPAN("x"));
	}
	drive(&l, 2);
	ck_assert_str_eq(order, "1");
	close(fd[0]);
	close(fd[1]);
	loop_fini(&l);
}
END_TEST

START_TEST(sleeping_ends_at_the_next_deadline)
{
	struct timer d;
	int64_t before;

	drive_start(&l);
	timer_init(&d, on_timer);
	before = l.now_ms;
	ck_assert(timer_set(&l.timers, &d, before + 20));
	while (order[0] == '\0' && l.now_ms < before + 900)
		loop_turn(&l, 1000);
	ck_assert_str_eq(order, "d");
	ck_assert_int_ge(l.now_ms, before + 20);
	ck_assert_int_lt(l.now_ms, before + 900);
	loop_fini(&l);
}
END_TEST

START_TEST(the_heartbeat_tells_sleep_from_work)
{
	_Atomic uint64_t beat = 0;
	_Atomic uint32_t asleep = 7;

	drive_start(&l);
	l.beat_ms = &beat;
	l.asleep = &asleep;
	loop_turn(&l, 0);
	ck_assert_uint_eq(asleep, 7);		/* did not sleep: says nothing */
	ck_assert_uint_eq(beat, (uint64_t)l.now_ms);
	loop_turn(&l, 1);
	ck_assert_uint_eq(asleep, 0);
	loop_fini(&l);
}
END_TEST

static void
on_long_work(struct loop_task *t)
{
	struct timespec ten = { .tv_nsec = 10000000 };

	(void)t;
	nanosleep(&ten, NULL);
}

START_TEST(the_lag_is_what_events_wait_while_others_work_and_not_what_the_loop_sleeps)
{
	struct loop_task t = { .run = on_long_work };

	drive_start(&l);
	loop_turn(&l, 20);
	loop_turn(&l, 0);
	ck_assert_uint_lt(l.lag_us, 10000);	/* it slept for 20 ms */
	loop_post(&l, &t);
	loop_turn(&l, 0);
	loop_turn(&l, 0);
	ck_assert_uint_ge(l.lag_us, 10000);
	loop_turn(&l, 0);
	ck_assert_uint_lt(l.lag_us, 10000);
	for (unsigned i = 0; i < 2; i++) {	/* somebody left something: it waits on */
		l.behind = true;
		loop_post(&l, &t);
		loop_turn(&l, 0);
	}
	loop_turn(&l, 0);
	ck_assert_uint_ge(l.lag_us, 20000);
	loop_fini(&l);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_an_error)
{
	struct loop_source s = { .fd = -1, .ready = on_source };

	drive_start(&l);
	ck_assert_int_eq(loop_add(&l, &s, -1, EPOLLIN), -E_SYS);
	ck_assert_int_eq(s.fd, -1);
	loop_fini(&l);
}
END_TEST

static struct loop_late late[3];

static void on_late(struct loop_late *x) { note((char)('0' + (x - late))); }

START_TEST(late_work_is_done_in_order_when_its_time_has_come_and_ends_sleep)
{
	int64_t begun;

	drive_start(&l);
	begun = l.now_ms;
	for (int i = 0; i < 3; i++) {
		late[i].run = on_late;
		loop_later(&l, &late[i]);
		loop_later(&l, &late[i]);	/* idempotent */
	}
	loop_never(&l, &late[1]);
	loop_never(&l, &late[1]);
	loop_turn(&l, 0);
	ck_assert(order[0] == '\0' || l.now_ms - begun >= LOOP_LATE_MS);
	while (order[0] == '\0')
		loop_turn(&l, 1000);
	ck_assert_str_eq(order, "02");
	ck_assert_int_ge(l.now_ms - begun, LOOP_LATE_MS);
	ck_assert_int_lt(l.now_ms - begun, 1000);
	loop_fini(&l);
}
END_TEST

UNIT_MAIN("worker/io/loop", a_turn_runs_events_then_tasks_then_deadlines_then_frees,
    a_task_that_posts_itself_runs_once_a_turn_and_the_loop_does_not_sleep,
    a_task_may_take_back_another_one_of_the_same_turn,
    a_source_removed_by_an_event_of_the_same_turn_is_not_told, sleeping_ends_at_the_next_deadline,
    the_heartbeat_tells_sleep_from_work,
    the_lag_is_what_events_wait_while_others_work_and_not_what_the_loop_sleeps,
    a_descriptor_that_cannot_be_watched_is_an_error,
    late_work_is_done_in_order_when_its_time_has_come_and_ends_sleep)

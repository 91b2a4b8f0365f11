#include "tests/unit/lib/drive.h"
#include "worker/back/gate.h"

static struct loop l;
static struct gate g;
static struct gate_wait w[4];
static char order[16];

static void
on_grant(struct loop_task *t)
{
	struct gate_wait *one = LIST_ENTRY(t, struct gate_wait, task);

	ck_assert(one->granted);
	order[strlen(order)] = (char)('0' + (one - w));
}

static const struct conf_service service = { .max_requests = 2, .max_pending = 2 };

static void
start(void)
{
	drive_start(&l);
	gate_init(&g);
	for (int i = 0; i < 4; i++)
		w[i].task.run = on_grant;
}

static void
fill(void)
{
	static struct gate_wait in[2];

	ck_assert_int_eq(gate_enter(&g, &service, &in[0]), GATE_OPEN);
	ck_assert_int_eq(gate_enter(&g, &service, &in[1]), GATE_OPEN);
	ck_assert_int_eq(gate_enter(&g, &service, &w[0]), GATE_WAIT);
	ck_assert_int_eq(gate_enter(&g, &service, &w[1]), GATE_WAIT);
	ck_assert_int_eq(gate_enter(&g, &service, &w[2]), GATE_FULL);
}

START_TEST(a_look_says_what_entering_would_and_takes_no_place)
{
	struct gate_wait in[4] = { 0 };

	start();
	for (unsigned i = 0; i < 5; i++) {
		static const enum gate_result want[] = { GATE_OPEN, GATE_OPEN, GATE_WAIT, GATE_WAIT,
			GATE_FULL };

		ck_assert_int_eq(gate_look(&g, &service), want[i]);
		ck_assert_int_eq(gate_look(&g, &service), want[i]);
		if (i < 4)
			ck_assert_int_eq(gate_enter(&g, &service, &in[i]), want[i]);
	}
	drive_end(&l);
}
END_TEST

START_TEST(who_came_first_is_let_in_first_and_nobody_overtakes)
{
	start();
	fill();
	gate_leave(&g, &l);
	ck_assert_int_eq(gate_enter(&g, &service, &w[2]), GATE_WAIT);	/* the place is given, not free */
	gate_leave(&g, &l);
	drive(&l, 1);
	ck_assert_str_eq(order, "01");
	ck_assert_uint_eq(g.inflight, 2);
	gate_leave(&g, &l);
	drive(&l, 1);
	ck_assert_str_eq(order, "012");
	gate_leave(&g, &l);
	gate_leave(&g, &l);
	ck_assert_uint_eq(g.inflight, 0);
	drive_end(&l);
}
END_TEST

START_TEST(one_who_leaves_the_queue_frees_his_place_in_it)
{
	start();
	fill();
	gate_cancel(&g, &l, &w[0]);
	ck_assert_int_eq(gate_enter(&g, &service, &w[2]), GATE_WAIT);
	gate_leave(&g, &l);
	drive(&l, 1);
	ck_assert_str_eq(order, "1");
	drive_end(&l);
}
END_TEST

START_TEST(a_grant_given_back_goes_to_the_next)
{
	start();
	fill();
	gate_leave(&g, &l);
	gate_cancel(&g, &l, &w[0]);		/* granted, but its task did not run yet */
	drive(&l, 1);
	ck_assert_str_eq(order, "1");
	gate_leave(&g, &l);
	gate_leave(&g, &l);
	ck_assert_uint_eq(g.inflight, 0);
	gate_cancel(&g, &l, &w[0]);		/* twice is harmless */
	ck_assert_uint_eq(g.inflight, 0);
	drive_end(&l);
}
END_TEST

UNIT_MAIN("worker/back/gate", a_look_says_what_entering_would_and_takes_no_place,
    who_came_first_is_let_in_first_and_nobody_overtakes,
    one_who_leaves_the_queue_frees_his_place_in_it, a_grant_given_back_goes_to_the_next)

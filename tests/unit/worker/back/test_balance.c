#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/back/balance.c"

#define TARGETS 1000
#define LANES 4

static struct conf_target targets[TARGETS];
static struct conf_service service = {
	.name = "s",
	.targets = targets,
	.outlier = { .failures = 3, .window_ms = 10000, .base_ms = 1000, .max_ms = 5000, .max_ejected = 0.5 },
};
static const struct conf conf = { .services = &service, .nservices = 1 };
static struct endpoint_data *data;
static struct balance *b;
static struct stats_lane *lane;

/* weights of n targets on ports 1..n; a negative weight: a backup. */
static void
open_service(enum conf_balance how, const int *weights, unsigned n)
{
	char text[32];

	for (unsigned i = 0; i < n; i++) {
		struct conf_target *t = &targets[i];

		snprintf(text, sizeof text, "127.0.0.1:%u", i + 1);
		*t = (struct conf_target){ .text = "t", .index = i };
		ck_assert_int_eq(addr_parse(&t->addr, text, NULL), 0);
		t->weight = weights == NULL ? 1 : abs(weights[i]);
		t->backup = weights != NULL && weights[i] < 0;
	}
	service.ntargets = n;
	service.balance = how;
	data = mem_alloc(endpoint_size(&conf, LANES));
	endpoint_init(data, &conf, LANES);
	lane = mem_alloc(sizeof *lane);
	b = balance_new(&conf, data, 1, lane);
}

static void
close_service(void)
{
	balance_free(&b);
	mem_free(data);
	mem_free(lane);
}

/* The port picked, 0: none. */
static unsigned
pick_and(int64_t now, enum pick_outcome outcome)
{
	struct pick p;
	unsigned port;

	if (!balance_pick(b, &service, now, NULL, 0, &p))
		return 0;
	port = addr_port(&p.addr);
	balance_done(b, &p, now, outcome);
	ck_assert_ptr_null(p.endpoint);
	return port;
}

static void
count_picks(unsigned n, int64_t now, unsigned *by_port)
{
	for (unsigned i = 0; i < n; i++)
		by_port[pick_and(now, PICK_OK)]++;
}

/* Fails the target of this port n times, whatever else is picked in between succeeding nowhere else. */
static void
fail_port(unsigned port, unsigned n, int64_t now)
{
	while (n > 0) {
		struct pick p;

		ck_assert(balance_pick(b, &service, now, NULL, 0, &p));
		bool hit = addr_port(&p.addr) == port;

		balance_done(b, &p, now, hit ? PICK_FAILED : PICK_UNUSED);
		n -= hit;
	}
}

START_TEST(equal_weights_take_turns)
{
	unsigned last[5] = { 0 };

	open_service(BALANCE_ROUND_ROBIN, NULL, 4);
	for (unsigned i = 1; i <= 40; i++) {
		unsigned port = pick_and(1, PICK_OK);

		ck_assert(last[port] == 0 || i - last[port] == 4);
		last[port] = i;
	}
	close_service();
}
END_TEST

START_TEST(weights_are_met_exactly_and_smoothly)
{
	static const int weights[] = { 5, 1, 1 };
	unsigned by_port[8] = { 0 }, run = 0, longest = 0;

	open_service(BALANCE_ROUND_ROBIN, weights, 3);
	for (unsigned i = 0; i < 700; i++) {
		unsigned port = pick_and(1, PICK_OK);

		by_port[port]++;
		run = port == 1 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	ck_assert_uint_eq(by_port[1], 500);
	ck_assert_uint_eq(by_port[2], 100);
	ck_assert_uint_eq(by_port[3], 100);
	ck_assert_uint_le(longest, 5);
	close_service();
}
END_TEST

START_TEST(the_widest_weights_are_met)
{
	static const int weights[] = { 1000, 333, 1 };
	unsigned by_port[8] = { 0 };

	open_service(BALANCE_ROUND_ROBIN, weights, 3);
	count_picks(13340, 1, by_port);
	ck_assert_int_le(abs((int)by_port[1] - 10000), 3);
	ck_assert_int_le(abs((int)by_port[2] - 3330), 3);
	ck_assert_int_le(abs((int)by_port[3] - 10), 1);
	close_service();
}
END_TEST

START_TEST(least_request_takes_the_emptiest_by_weight)
{
	static const int weights[] = { 1, 3, 1 };
	struct pick p[50];
	unsigned by_port[4] = { 0 };

	open_service(BALANCE_LEAST_REQUEST, weights, 3);
	for (unsigned i = 0; i < 50; i++) {
		ck_assert(balance_pick(b, &service, 1, NULL, 0, &p[i]));
		by_port[addr_port(&p[i].addr)]++;
	}
	ck_assert_uint_eq(by_port[1], 10);
	ck_assert_uint_eq(by_port[2], 30);
	ck_assert_uint_eq(by_port[3], 10);
	for (unsigned i = 0; i < 50; i++)
		balance_done(b, &p[i], 1, PICK_OK);
	close_service();
}
END_TEST

START_TEST(least_request_spreads_ties)
{
	unsigned by_port[5] = { 0 };

	open_service(BALANCE_LEAST_REQUEST, NULL, 4);
	count_picks(400, 1, by_port);
	for (unsigned i = 1; i <= 4; i++)
		ck_assert_uint_eq(by_port[i], 100);
	close_service();
}
END_TEST

START_TEST(a_thousand_endpoints_are_all_served)
{
	static unsigned by_port[TARGETS + 1];

	for (unsigned how = 0; how < 2; how++) {
		memset(by_port, 0, sizeof by_port);
		open_service(how == 0 ? BALANCE_ROUND_ROBIN : BALANCE_LEAST_REQUEST, NULL, TARGETS);
		count_picks(2 * TARGETS, 1, by_port);
		for (unsigned i = 1; i <= TARGETS; i++)
			ck_assert_uint_eq(by_port[i], 2);
		close_service();
	}
}
END_TEST

START_TEST(picks_count_as_in_flight_until_done)
{
	struct pick p, q;

	open_service(BALANCE_ROUND_ROBIN, NULL, 1);
	ck_assert(balance_pick(b, &service, 1, NULL, 0, &p));
	ck_assert(balance_pick(b, &service, 1, NULL, 0, &q));
	ck_assert_uint_eq(p.endpoint->inflight, 2);
	balance_done(b, &p, 1, PICK_UNUSED);
	ck_assert_uint_eq(q.endpoint->inflight, 1);
	balance_done(b, &q, 1, PICK_FAILED);
	ck_assert_uint_eq(endpoint_at(data, endpoint_table(data, 0), 0)->inflight, 0);
	close_service();
}
END_TEST

/* What balance_look says is what the next pick takes, however often it is asked; and it takes nothing. */
static void
look_agrees(enum conf_balance how, const int *weights, unsigned n)
{
	open_service(how, weights, n);
	for (unsigned i = 0; i < 3 * n; i++) {
		struct pick seen[2], p;

		for (unsigned k = 0; k < 2; k++) {
			ck_assert(balance_look(b, &service, 1, &seen[k]));
			ck_assert_ptr_null(seen[k].endpoint);
		}
		ck_assert(balance_pick(b, &service, 1, NULL, 0, &p));
		ck_assert(addr_eq(&seen[0].addr, &p.addr) && addr_eq(&seen[1].addr, &p.addr));
		ck_assert_uint_eq(endpoint_load(p.endpoint), 1);
		balance_done(b, &p, 1, PICK_OK);
	}
	close_service();
}

START_TEST(a_look_tells_the_next_pick_and_moves_nobody_on)
{
	static const int weights[] = { 3, 1, -2, 5, 1 };

	look_agrees(BALANCE_ROUND_ROBIN, weights, 5);
	look_agrees(BALANCE_LEAST_REQUEST, weights, 5);
	look_agrees(BALANCE_ROUND_ROBIN, NULL, 7);
}
END_TEST

START_TEST(a_look_at_a_service_without_endpoints_finds_none)
{
	struct pick p;

	open_service(BALANCE_ROUND_ROBIN, NULL, 0);
	ck_assert(!balance_look(b, &service, 1, &p));
	close_service();
}
END_TEST

START_TEST(backups_serve_only_when_no_primary_is_left)
{
	static const int weights[] = { 1, 1, -1 };
	unsigned by_port[4] = { 0 };
	struct addr tried[2];
	struct pick p;

	open_service(BALANCE_ROUND_ROBIN, weights, 3);
	count_picks(100, 1, by_port);
	ck_assert_uint_eq(by_port[3], 0);
	tried[0] = targets[0].addr;
	tried[1] = targets[1].addr;
	ck_assert(balance_pick(b, &service, 1, tried, 2, &p));
	ck_assert_uint_eq(addr_port(&p.addr), 3);
	balance_done(b, &p, 1, PICK_OK);
	service.outlier.max_ejected = 1.0;
	fail_port(1, 3, 1000);
	fail_port(2, 3, 1000);
	ck_assert_uint_eq(pick_and(1500, PICK_OK), 3);
	service.outlier.max_ejected = 0.5;
	close_service();
}
END_TEST

START_TEST(tried_endpoints_come_last)
{
	struct addr tried[2];
	struct pick p;

	open_service(BALANCE_ROUND_ROBIN, NULL, 3);
	tried[0] = targets[0].addr;
	tried[1] = targets[2].addr;
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(balance_pick(b, &service, 1, tried, 2, &p));
		ck_assert_uint_eq(addr_port(&p.addr), 2);
		balance_done(b, &p, 1, PICK_OK);
	}
	close_service();
	open_service(BALANCE_ROUND_ROBIN, NULL, 1);
	ck_assert(balance_pick(b, &service, 1, tried, 1, &p));
	ck_assert_uint_eq(addr_port(&p.addr), 1);
	balance_done(b, &p, 1, PICK_OK);
	close_service();
}
END_TEST

START_TEST(failures_in_a_row_eject_and_time_brings_back)
{
	unsigned by_port[3] = { 0 };

	open_service(BALANCE_ROUND_ROBIN, NULL, 2);
	fail_port(1, 2, 1000);
	count_picks(2, 1000, by_port);
	ck_assert_uint_eq(by_port[1], 1);	/* two were not enough, and the success starts over */
	fail_port(1, 2, 1000);
	fail_port(1, 1, 1001);
	ck_assert_uint_eq(lane->counter[C_EJECTIONS], 1);
	memset(by_port, 0, sizeof by_port);
	count_picks(10, 2000, by_port);
	ck_assert_uint_eq(by_port[1], 0);
	count_picks(10, 2001, by_port);
	ck_assert_uint_eq(by_port[1], 5);
	close_service();
}
END_TEST

START_TEST(failures_apart_by_more_than_the_window_do_not_eject)
{
	open_service(BALANCE_ROUND_ROBIN, NULL, 2);
	for (int64_t i = 0; i < 10; i++)
		fail_port(1, 1, 1000 + i * 6000);
	ck_assert_uint_eq(lane->counter[C_EJECTIONS], 0);
	close_service();
}
END_TEST

START_TEST(ejections_double_up_to_the_cap_and_are_forgotten)
{
	static const int64_t lengths[] = { 1000, 2000, 4000, 5000, 5000 };
	struct endpoint *e;
	int64_t now = 10000;

	open_service(BALANCE_ROUND_ROBIN, NULL, 2);
	e = endpoint_at(data, endpoint_table(data, 0), 0);
	for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
		fail_port(1, 3, now);
		ck_assert_int_eq((int64_t)e->ejected_until_ms - now, lengths[i]);
		now += lengths[i] + 1;
	}
	now += 5000;
	fail_port(1, 3, now);
	ck_assert_int_eq((int64_t)e->ejected_until_ms - now, 1000);
	close_service();
}
END_TEST

START_TEST(no_more_than_the_share_is_ejected)
{
	unsigned by_port[5] = { 0 };

	open_service(BALANCE_ROUND_ROBIN, NULL, 4);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_ne(pick_and(1000, PICK_FAILED), 0);
	ck_assert_uint_eq(lane->counter[C_EJECTIONS], 2);
	count_picks(100, 1001, by_port);
	ck_assert_int_eq(
	    (by_port[1] > 0) + (by_port[2] > 0) + (by_port[3] > 0) + (by_port[4] > 0), 2);
	close_service();
	open_service(BALANCE_ROUND_ROBIN, NULL, 1);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(pick_and(1000, PICK_FAILED), 1);
	close_service();
}
END_TEST

START_TEST(when_all_are_ejected_they_serve_all_the_same)
{
	open_service(BALANCE_LEAST_REQUEST, NULL, 2);
	service.outlier.max_ejected = 1.0;
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_ne(pick_and(1000, PICK_FAILED), 0);
	ck_assert_uint_eq(lane->counter[C_EJECTIONS], 2);
	ck_assert_uint_ne(pick_and(1001, PICK_OK), 0);
	service.outlier.max_ejected = 0.5;
	close_service();
}
END_TEST

START_TEST(a_drained_endpoint_is_picked_by_nobody)
{
	static const enum conf_balance ways[] = { BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUEST };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		unsigned by_port[4] = { 0 };

		open_service(ways[i], NULL, 3);
		endpoint_drain(data, 0, SPAN("127.0.0.1:2"), true);
		count_picks(10, 1, by_port);
		ck_assert_uint_eq(by_port[1] + by_port[3], 10);
		ck_assert(by_port[1] > 0 && by_port[3] > 0);
		fail_port(1, 3, 1); /* half of those that are left: the drained one is none of them */
		count_picks(10, 1, by_port);
		ck_assert_uint_eq(by_port[2], 0);
		endpoint_drain(data, 0, SPAN("127.0.0.1:1"), true);
		endpoint_drain(data, 0, SPAN("127.0.0.1:3"), true);
		ck_assert_uint_eq(pick_and(1, PICK_OK), 0);
		close_service();
	}
}
END_TEST

START_TEST(names_serve_once_they_are_published)
{
	struct addr list[3] = { 0 };
	unsigned by_port[4] = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		char text[32];

		snprintf(text, sizeof text, "127.0.0.1:%u", i + 1);
		ck_assert_int_eq(addr_parse(&list[i], text, NULL), 0);
	}
	open_service(BALANCE_ROUND_ROBIN, NULL, 1);
	close_service();
	targets[0].addr.len = 0;
	data = mem_alloc(endpoint_size(&conf, LANES));
	endpoint_init(data, &conf, LANES);
	lane = mem_alloc(sizeof *lane);
	b = balance_new(&conf, data, 1, lane);
	ck_assert_uint_eq(pick_and(1, PICK_OK), 0);
	endpoint_publish(data, &service, 0, list, 2);
	count_picks(10, 1, by_port);
	ck_assert_uint_eq(by_port[1], 5);
	ck_assert_uint_eq(by_port[2], 5);
	endpoint_publish(data, &service, 0, list + 1, 2);
	count_picks(10, 1, by_port);
	ck_assert_uint_eq(by_port[1], 5);
	ck_assert_uint_eq(by_port[3], 5);
	close_service();
}
END_TEST

UNIT_MAIN("worker/back/balance", a_look_tells_the_next_pick_and_moves_nobody_on,
    a_look_at_a_service_without_endpoints_finds_none, equal_weights_take_turns,
    weights_are_met_exactly_and_smoothly, the_widest_weights_are_met,
    least_request_takes_the_emptiest_by_weight, least_request_spreads_ties,
    a_thousand_endpoints_are_all_served, picks_count_as_in_flight_until_done,
    backups_serve_only_when_no_primary_is_left, tried_endpoints_come_last,
    failures_in_a_row_eject_and_time_brings_back,
    failures_apart_by_more_than_the_window_do_not_eject,
    ejections_double_up_to_the_cap_and_are_forgotten, no_more_than_the_share_is_ejected,
    when_all_are_ejected_they_serve_all_the_same, a_drained_endpoint_is_picked_by_nobody,
    names_serve_once_they_are_published)

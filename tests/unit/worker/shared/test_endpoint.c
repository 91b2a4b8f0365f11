#include "tests/unit/unit.h"
#include "worker/shared/endpoint.c"

#define LANES 4

static struct conf_target targets_app[] = {
	{ .text = "127.0.0.1:81", .port = 81, .weight = 1, .index = 0 },
	{ .text = "name.example:80", .host = "name.example", .port = 80, .weight = 5, .index = 1 },
	{ .text = "127.0.0.1:82", .port = 82, .weight = 1, .backup = true, .index = 2 },
};
static struct conf_target targets_dns[] = {
	{ .text = "other.example:80",
	    .host = "other.example",
	    .port = 80,
	    .weight = 1,
	    .index = 0 },
};
static struct conf_service services[] = {
	{ .name = "app", .targets = targets_app, .ntargets = 3, .index = 0 },
	{ .name = "dns", .targets = targets_dns, .ntargets = 1, .index = 1 },
};
static struct conf_service swapped[] = {
	{ .name = "dns", .targets = targets_dns, .ntargets = 1, .index = 0 },
	{ .name = "app", .targets = targets_app, .ntargets = 3, .index = 1 },
};
static const struct conf conf = { .services = services, .nservices = 2 };
static const struct conf conf_swapped = { .services = swapped, .nservices = 2 };

static struct addr
ip(unsigned last, uint16_t port)
{
	struct addr a = { .len = sizeof a.u.in4 };

	a.u.in4.sin_family = AF_INET;
	a.u.in4.sin_port = htons(port);
	a.u.in4.sin_addr.s_addr = htonl(0x7f000000u + last);
	return a;
}

static struct endpoint_data *
data_new(const struct conf *c)
{
	struct endpoint_data *d;

	targets_app[0].addr = ip(1, 81);
	targets_app[2].addr = ip(1, 82);
	d = aligned_alloc(64, ALIGN64(endpoint_size(c, LANES)));
	memset(d, 0, endpoint_size(c, LANES));
	endpoint_init(d, c, LANES);
	return d;
}

static int
slot_of(const struct endpoint_data *d, const struct endpoint_table *t, const struct addr *a)
{
	struct addr got;

	for (unsigned i = 0; i < t->count; i++)
		if (endpoint_addr(d, t, i, &got) && addr_eq(&got, a))
			return (int)i;
	return -1;
}

START_TEST(literals_are_there_from_the_start)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *app = endpoint_table(d, 0), *dns = endpoint_table(d, 1);
	struct addr a = ip(1, 81), b = ip(1, 82);

	ck_assert_str_eq(app->name, "app");
	ck_assert_int_eq(slot_of(d, app, &a), 0);
	ck_assert_int_eq(slot_of(d, app, &b), 1 + ENDPOINT_PER_TARGET);
	ck_assert_uint_eq(endpoint_at(d, app, 1 + ENDPOINT_PER_TARGET)->backup, 1);
	ck_assert_uint_eq(endpoint_at(d, app, 1)->weight, 5);
	ck_assert_uint_eq(app->resolved, 1);
	ck_assert_uint_eq(dns->resolved, 0);
	ck_assert_uint_eq(dns->count, 0);
	ck_assert_ptr_null(endpoint_table(d, 2));
	ck_assert_ptr_null(endpoint_at(d, dns, ENDPOINT_PER_TARGET));
	free(d);
}
END_TEST

START_TEST(address_keeps_its_slot_and_health_while_it_lasts)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *dns = endpoint_table(d, 1);
	struct addr first[] = { ip(1, 80), ip(2, 80), ip(3, 80) },
		    second[] = { ip(9, 80), ip(3, 80), ip(1, 80) };
	int one, three;

	endpoint_publish(d, &services[1], 0, first, 3);
	ck_assert_uint_eq(dns->resolved, 1);
	ck_assert_uint_eq(dns->seq % 2, 0);
	one = slot_of(d, dns, &first[0]);
	three = slot_of(d, dns, &first[2]);
	endpoint_at(d, dns, (unsigned)three)->failures = 4;
	endpoint_publish(d, &services[1], 0, second, 3);
	ck_assert_int_eq(slot_of(d, dns, &first[0]), one);
	ck_assert_int_eq(slot_of(d, dns, &first[2]), three);
	ck_assert_uint_eq(endpoint_at(d, dns, (unsigned)three)->failures, 4);
	ck_assert_int_eq(slot_of(d, dns, &first[1]), -1);
	ck_assert_int_ge(slot_of(d, dns, &second[0]), 0);
	free(d);
}
END_TEST

START_TEST(new_address_begins_healthy_and_avoids_slots_still_in_use)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *dns = endpoint_table(d, 1);
	struct addr a = ip(1, 80), b = ip(2, 80);
	struct endpoint *e;

	endpoint_publish(d, &services[1], 0, &a, 1);
	e = endpoint_at(d, dns, 0);
	e->failures = 3;
	e->inflight = 2;
	endpoint_publish(d, &services[1], 0, &b, 1);
	ck_assert_int_eq(slot_of(d, dns, &b), 1);
	ck_assert_uint_eq(e->inflight, 2);
	ck_assert_uint_eq(endpoint_at(d, dns, 1)->failures, 0);
	free(d);
}
END_TEST

START_TEST(publication_keeps_to_its_target)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *app = endpoint_table(d, 0);
	struct addr many[ENDPOINT_PER_TARGET + 4], lit = ip(1, 82);

	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = ip(10 + i, 80);
	endpoint_publish(d, &services[0], 1, many, ARRAY_LEN(many));
	ck_assert_int_eq(slot_of(d, app, &lit), 1 + ENDPOINT_PER_TARGET);
	ck_assert_int_eq(slot_of(d, app, &many[ENDPOINT_PER_TARGET - 1]), ENDPOINT_PER_TARGET);
	ck_assert_int_eq(slot_of(d, app, &many[ENDPOINT_PER_TARGET]), -1);
	endpoint_publish(d, &services[0], 1, NULL, 0);
	ck_assert_int_eq(slot_of(d, app, &many[0]), -1);
	ck_assert_int_eq(slot_of(d, app, &lit), 1 + ENDPOINT_PER_TARGET);
	free(d);
}
END_TEST

START_TEST(reader_does_not_wait_for_a_writer_that_died)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *dns = endpoint_table(d, 1);
	struct addr a = ip(1, 80), got;

	endpoint_publish(d, &services[1], 0, &a, 1);
	dns->seq |= 1;
	ck_assert(endpoint_addr(d, dns, 0, &got));
	ck_assert(addr_eq(&got, &a));
	endpoint_publish(d, &services[1], 0, &a, 1);
	ck_assert_uint_eq(dns->seq % 2, 0);
	free(d);
}
END_TEST

START_TEST(damaged_length_is_a_hole)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint_table *app = endpoint_table(d, 0);
	struct addr got;

	endpoint_at(d, app, 0)->addr.len = 5000;
	ck_assert(!endpoint_addr(d, app, 0, &got));
	free(d);
}
END_TEST

START_TEST(reload_carries_health_and_resolved_addresses_by_name)
{
	struct endpoint_data *old = data_new(&conf), *new = data_new(&conf_swapped);
	struct endpoint_table *app, *dns = endpoint_table(new, 0);
	struct addr a = ip(7, 80), lit = ip(1, 81);
	struct endpoint *e;

	endpoint_publish(old, &services[1], 0, &a, 1);
	endpoint_at(old, endpoint_table(old, 1), 0)->ejections = 2;
	e = endpoint_at(old, endpoint_table(old, 0), 0);
	e->ejected_until_ms = 777;
	e->inflight = 9;
	endpoint_carry(new, old);
	ck_assert_int_eq(slot_of(new, dns, &a), 0);
	ck_assert_uint_eq(endpoint_at(new, dns, 0)->ejections, 2);
	ck_assert_uint_eq(dns->resolved, 1);
	app = endpoint_table(new, 1);
	ck_assert_int_eq(slot_of(new, app, &lit), 0);
	ck_assert_uint_eq(endpoint_at(new, app, 0)->ejected_until_ms, 777);
	ck_assert_uint_eq(endpoint_at(new, app, 0)->inflight, 0);
	free(old);
	free(new);
}
END_TEST

/* Folds and looks as often as the master does. */
static void
bury(struct endpoint_data *d, unsigned lane)
{
	endpoint_fold(d, lane);
	for (unsigned i = 0; i < 4 && endpoint_settle(d); i++)
		;
}

START_TEST(dead_lane_gives_back_its_share_and_no_other)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0),
			*last = endpoint_at(d, endpoint_table(d, 1), ENDPOINT_PER_TARGET - 1);

	for (unsigned i = 0; i < 5; i++)
		endpoint_take(d, e, 1);
	endpoint_take(d, e, 2);
	endpoint_take(d, last, 3);
	endpoint_give(d, e, 1);
	ck_assert_uint_eq(endpoint_load(e), 5);
	bury(d, 1);
	ck_assert_uint_eq(endpoint_load(e), 1);
	ck_assert_uint_eq(endpoint_load(last), 1);
	bury(d, 1);
	ck_assert_uint_eq(endpoint_load(e), 1);
	bury(d, 2);
	bury(d, 3);
	ck_assert_uint_eq(endpoint_load(e), 0);
	ck_assert_uint_eq(endpoint_load(last), 0);
	free(d);
}
END_TEST

START_TEST(what_lanes_counted_outlives_them_and_the_reload)
{
	struct endpoint_data *d = data_new(&conf), *next;
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0);
	struct endpoint_counts n;

	for (unsigned i = 0; i < 3; i++)
		endpoint_take(d, e, 1);
	endpoint_take(d, e, 2);
	endpoint_add(&endpoint_share(d, e, 1)->failures);
	endpoint_add(&endpoint_share(d, e, 2)->ejections);
	atomic_store(&endpoint_share(d, e, 1)->idle, 7);
	endpoint_count(d, e, &n);
	ck_assert(n.requests == 4 && n.failures == 1 && n.ejections == 1 && n.idle == 7);
	endpoint_fold(d, 1);
	endpoint_count(d, e, &n);
	ck_assert(n.requests == 4 && n.failures == 1 && n.idle == 0);
	endpoint_take(d, e, 1);
	next = data_new(&conf_swapped);
	endpoint_carry(next, d);
	endpoint_count(next, endpoint_at(next, endpoint_table(next, 1), 0), &n);
	ck_assert(n.requests == 5 && n.failures == 1 && n.ejections == 1 && n.idle == 0);
	ck_assert_ptr_null(endpoint_share(d, e, LANES));
	free(d);
	free(next);
}
END_TEST

START_TEST(death_between_total_and_share_heals)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0);

	endpoint_take(d, e, 1);
	endpoint_take(d, e, 2);
	e->inflight++; /* lane 1 began a take, or is in the middle of a give, and dies */
	endpoint_fold(d, 1);
	ck_assert_uint_eq(endpoint_load(e), 2);
	ck_assert(endpoint_settle(d));
	ck_assert_uint_eq(endpoint_load(e), 2);
	ck_assert(endpoint_settle(d));
	ck_assert_uint_eq(endpoint_load(e), 1);
	ck_assert(!endpoint_settle(d));
	free(d);
}
END_TEST

START_TEST(worker_between_total_and_share_is_left_alone)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0);

	e->inflight++;
	ck_assert(endpoint_settle(d));
	e->inflight--;
	ck_assert(!endpoint_settle(d));
	e->inflight++;
	ck_assert(endpoint_settle(d));
	ck_assert_uint_eq(endpoint_load(e), 1);
	e->inflight--;
	ck_assert(!endpoint_settle(d));
	ck_assert_uint_eq(endpoint_load(e), 0);
	free(d);
}
END_TEST

START_TEST(load_below_zero_reads_as_none)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0);

	e->inflight--;
	ck_assert_uint_eq(endpoint_load(e), 0);
	while (endpoint_settle(d))
		;
	ck_assert_uint_eq(e->inflight, 0);
	free(d);
}
END_TEST

START_TEST(lane_that_is_none_reaches_no_memory)
{
	struct endpoint_data *d = data_new(&conf);
	struct endpoint *e = endpoint_at(d, endpoint_table(d, 0), 0);

	endpoint_take(d, e, LANES);
	endpoint_give(d, e, LANES);
	endpoint_fold(d, LANES);
	ck_assert_uint_eq(endpoint_load(e), 0);
	free(d);
}
END_TEST

UNIT_MAIN("worker/shared/endpoint", literals_are_there_from_the_start,
    address_keeps_its_slot_and_health_while_it_lasts,
    new_address_begins_healthy_and_avoids_slots_still_in_use, publication_keeps_to_its_target,
    reader_does_not_wait_for_a_writer_that_died, damaged_length_is_a_hole,
    reload_carries_health_and_resolved_addresses_by_name,
    dead_lane_gives_back_its_share_and_no_other, what_lanes_counted_outlives_them_and_the_reload,
    death_between_total_and_share_heals,
    worker_between_total_and_share_is_left_alone, load_below_zero_reads_as_none,
    lane_that_is_none_reaches_no_memory)

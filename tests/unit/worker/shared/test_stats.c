#include "tests/unit/unit.h"
#include <math.h>
#include <pthread.h>
#include "worker/shared/stats.c"

#define LANES 4

static struct stats_data *
stats_new(void)
{
	struct stats_data *d = calloc(1, stats_size(LANES));

	d->lanes = LANES;
	return d;
}

START_TEST(every_value_lies_in_its_bucket)
{
	for (uint64_t v = 0; v < 1u << 20; v++) {
		unsigned i = bucket_of(v);

		ck_assert_uint_le(v, bucket_edge(i));
		ck_assert(i == 0 || v > bucket_edge(i - 1));
	}
	ck_assert_uint_eq(bucket_of(UINT64_MAX), HIST_BUCKETS - 1);
	ck_assert_uint_ge(bucket_edge(HIST_BUCKETS - 1), 3600ull * 1000000);
}
END_TEST

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(quantile_is_within_an_eighth_above_the_exact_one)
{
	static uint64_t v[10000];
	static const double qs[] = { 0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1 };
	struct hist h = { 0 };
	uint32_t x = 12345;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		x = x * 1664525 + 1013904223;
		v[i] = (x >> 8) % (i % 3 == 0 ? 100 : i % 3 == 1 ? 50000 : 9000000);
		hist_add(&h, v[i]);
	}
	qsort(v, ARRAY_LEN(v), sizeof v[0], by_value);
	for (size_t i = 0; i < ARRAY_LEN(qs); i++) {
		size_t rank = (size_t)ceil(qs[i] * ARRAY_LEN(v));
		uint64_t exact = v[rank == 0 ? 0 : rank - 1], got = hist_quantile(&h, qs[i]);

		ck_assert_uint_ge(got, exact);
		ck_assert_uint_le(got, exact + exact / 8 + 1);
	}
}
END_TEST

START_TEST(empty_histogram_has_no_quantile)
{
	struct hist h = { 0 };

	ck_assert_uint_eq(hist_quantile(&h, 0.5), 0);
}
END_TEST

START_TEST(small_values_are_exact)
{
	struct hist h = { 0 };

	for (unsigned i = 1; i <= 7; i++)
		hist_add(&h, i);
	ck_assert_uint_eq(hist_quantile(&h, 0.5), 4);
	ck_assert_uint_eq(hist_quantile(&h, 1), 7);
	ck_assert_uint_eq(h.count, 7);
	ck_assert_uint_eq(h.sum_us, 28);
}
END_TEST

START_TEST(slot_is_found_again_by_kind_and_name)
{
	struct stats_data *d = stats_new();
	unsigned a = stats_slot(d, STATS_SERVICE, "app"), b = stats_slot(d, STATS_LISTENER, "app");
	unsigned c = stats_slot(d, STATS_ROUTE, "app");

	ck_assert_uint_ne(a, b);
	ck_assert_uint_lt(a, STATS_HISTS);
	ck_assert_uint_lt(b, STATS_HISTS);
	ck_assert_uint_ge(c, STATS_HISTS);
	ck_assert_uint_eq(stats_slot(d, STATS_SERVICE, "app"), a);
	ck_assert_uint_eq(stats_slot(d, STATS_LISTENER, "app"), b);
	ck_assert_uint_eq(stats_slot(d, STATS_ROUTE, "app"), c);
	free(d);
}
END_TEST

START_TEST(long_names_that_begin_alike_have_different_slots)
{
	struct stats_data *d = stats_new();
	char a[100], b[100];

	memset(a, 'n', sizeof a);
	memset(b, 'n', sizeof b);
	a[99] = b[99] = '\0';
	b[98] = 'm';
	ck_assert_uint_ne(stats_slot(d, STATS_ROUTE, a), stats_slot(d, STATS_ROUTE, b));
	ck_assert_uint_eq(stats_slot(d, STATS_ROUTE, a), stats_slot(d, STATS_ROUTE, a));
	free(d);
}
END_TEST

START_TEST(full_table_ends_in_the_shared_slot)
{
	struct stats_data *d = stats_new();
	char name[16];
	unsigned last = 0;

	for (unsigned i = 0; i < STATS_OBJECTS; i++) {
		snprintf(name, sizeof name, "r%u", i);
		last = stats_slot(d, STATS_ROUTE, name);
	}
	ck_assert_uint_eq(last, STATS_OBJECTS - 1);
	ck_assert_uint_lt(stats_slot(d, STATS_ROUTE, "r5"), STATS_OBJECTS - 1);
	ck_assert_uint_lt(stats_slot(d, STATS_SERVICE, "s"), STATS_HISTS);
	free(d);
}
END_TEST

START_TEST(folded_lane_keeps_counters_and_loses_gauges)
{
	struct stats_data *d = stats_new();
	unsigned s = stats_slot(d, STATS_SERVICE, "app"), r = stats_slot(d, STATS_ROUTE, "r");
	struct stats_lane *l = stats_lane_take(d, 1, 2, 3);
	struct stats_object o;
	struct hist total, first;

	ck_assert_ptr_eq(l, &d->lane[1]);
	ck_assert_uint_eq(l->slot, 2);
	for (unsigned i = 0; i < 2; i++) {
		l->counter[C_REQUESTS] = 10;
		l->counter[C_CONNS_OPEN] = 4;
		l->reason[R_DENIED] = 3;
		l->object[s].requests = 7;
		l->object[r].bytes_out = 100;
		l->object[STATS_OBJECTS - 1].errors = 1;
		hist_add(&l->hist_total[s], 500);
		ck_assert_uint_eq(stats_sum(d, C_CONNS_OPEN), 4);
		ck_assert_uint_eq(stats_sum(d, C_REQUESTS), 10 * (i + 1));
		stats_lane_fold(d, l);
		ck_assert_uint_eq(l->state, LANE_FREE);
		ck_assert_uint_eq(stats_sum(d, C_CONNS_OPEN), 0);
		ck_assert_uint_eq(stats_sum(d, C_REQUESTS), 10 * (i + 1));
		ck_assert_ptr_eq(stats_lane_take(d, 1, 2, 3), l);
		ck_assert_uint_eq(l->counter[C_REQUESTS], 0);
		ck_assert_uint_eq(l->hist_total[s].count, 0);
	}
	ck_assert_uint_eq(d->lane[0].reason[R_DENIED], 6);
	stats_sum_object(d, s, &o);
	ck_assert_uint_eq(o.requests, 14);
	stats_sum_object(d, r, &o);
	ck_assert_uint_eq(o.bytes_out, 200);
	stats_sum_object(d, STATS_OBJECTS - 1, &o);
	ck_assert_uint_eq(o.errors, 2);
	stats_sum_hist(d, s, &total, &first);
	ck_assert_uint_eq(total.count, 2);
	ck_assert_uint_eq(first.count, 0);
	free(d);
}
END_TEST

START_TEST(lanes_run_out_politely)
{
	struct stats_data *d = stats_new();

	for (unsigned i = 1; i < LANES; i++)
		ck_assert_ptr_nonnull(stats_lane_take(d, 1, i, 1));
	ck_assert_ptr_null(stats_lane_take(d, 1, 9, 1));
	free(d);
}
END_TEST

struct folding { struct stats_data *d; unsigned first; };

static void *
fold_often(void *arg)
{
	struct folding *f = arg;

	for (unsigned i = 0; i < 20000; i++) {
		struct stats_lane *l = stats_lane_take(f->d, 1, 0, 1);

		if (l == NULL)
			continue;
		l->counter[C_REQUESTS] = 1;
		l->hist_total[0].bucket[3] = 1;
		stats_lane_fold(f->d, l);
		f->first++;
	}
	return NULL;
}

START_TEST(two_masters_take_and_fold_lanes_at_a_time_and_lose_nothing)
{
	struct stats_data *d = stats_new();
	struct folding f[2] = { { d, 0 }, { d, 0 } };
	struct hist total;
	pthread_t t[2];

	ck_assert_uint_eq(stats_slot(d, STATS_LISTENER, "a"), stats_slot(d, STATS_LISTENER, "a"));
	d->name[0].kind = STATS_LISTENER;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, fold_often, &f[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	stats_sum_hist(d, 0, &total, NULL);
	ck_assert_uint_eq(f[0].first + f[1].first, 40000);
	ck_assert_uint_eq(stats_sum(d, C_REQUESTS), 40000);
	ck_assert_uint_eq(total.bucket[3], 40000);
	free(d);
}
END_TEST

START_TEST(a_slot_counts_since_its_name_came)
{
	struct stats_data *d = stats_new();
	unsigned a = stats_slot(d, STATS_RULE, "a"), b = stats_slot(d, STATS_RULE, "b");

	stats_note_since(d, a, 1000);
	stats_note_since(d, a, 2000);
	ck_assert_uint_eq(d->name[a].since_s, 1000);
	ck_assert_uint_eq(d->name[b].since_s, 0);
	stats_note_since(d, STATS_OBJECTS, 3000);	/* no such slot */
	free(d);
}
END_TEST

UNIT_MAIN("worker/shared/stats", every_value_lies_in_its_bucket,
    quantile_is_within_an_eighth_above_the_exact_one, empty_histogram_has_no_quantile,
    small_values_are_exact, slot_is_found_again_by_kind_and_name,
    long_names_that_begin_alike_have_different_slots, full_table_ends_in_the_shared_slot,
    folded_lane_keeps_counters_and_loses_gauges, lanes_run_out_politely,
    two_masters_take_and_fold_lanes_at_a_time_and_lose_nothing, a_slot_counts_since_its_name_came)

/* test_evict_trace.c - traces as tests/bench/src/evict.c prints them, a fifth as long: hits of objects beside LRU's. */
#include "tests/unit/unit.h"

#include "tests/bench/src/trace_rows.h"

START_TEST(more_objects_are_hit_than_by_lru)
{
	for (size_t i = 0; i < TRACE_ROWS; i++) {
		const struct trace_row *row = &trace_rows[i];
		struct trace_hits lru, own;
		struct trace t;

		trace_init(&t, &row->shape, 5, 1);
		lru = trace_lru(&t, row->shape.percent);
		own = trace_evict(&t, row->shape.percent);
		ck_assert_msg(trace_bar_holds(row, lru, own), "%s, cache of %u %%: %.3f, LRU %.3f",
		    row->name, row->shape.percent, own.objects, lru.objects);
		trace_fini(&t);
	}
}
END_TEST

UNIT_MAIN("cache/evict_trace", more_objects_are_hit_than_by_lru)

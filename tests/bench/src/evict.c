/*
 * evict.c - hit ratios of cache/evict.c beside LRU on traces of trace.h, as a Markdown table.
 *
 *	evict [SEED [SCALE]]		default: 1 1; a scale of n: n times smaller
 *
 * Exit code 1: behind LRU in hits of objects somewhere, or less than three points ahead where the cache has 5 %.
 */
#include <stdio.h>

#include "tests/bench/src/trace_rows.h"

static bool
judge(const struct trace_row *row, uint32_t scale, uint64_t seed)
{
	struct trace_hits lru, own;
	struct trace t;
	bool holds;

	trace_init(&t, &row->shape, scale, seed);
	lru = trace_lru(&t, row->shape.percent);
	own = trace_evict(&t, row->shape.percent);
	holds = trace_bar_holds(row, lru, own);
	printf("| %s | %u | %.0f %% | %u %% | %.3f/%.3f | %.3f/%.3f | %+.1f%s |\n", row->name,
	    t.objects, 100 * t.one_hit, row->shape.percent, lru.objects, lru.bytes, own.objects,
	    own.bytes, 100 * (own.objects - lru.objects), holds ? "" : " MISSED");
	trace_fini(&t);
	return holds;
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint32_t scale = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
	int rc = EXIT_SUCCESS;

	puts("| trace | objects | asked once | cache | LRU objects/bytes | proxyd objects/bytes | "
	     "ahead, points |\n|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < TRACE_ROWS; i++)
		if (!judge(&trace_rows[i], scale, seed))
			rc = EXIT_FAILURE;
	return rc;
}

/*
 * trace_rows.h - the traces that eviction is judged by, and the bar: more hits of objects than LRU, by three points
 * where the cache holds 5 % of all bytes. The last one is adverse: what drifts away is what was used most, so that
 * every memory of past use is wrong soon; there, being ahead is enough.
 */
#pragma once
#include "tests/bench/src/trace.h"

struct trace_row { const char *name; struct trace_shape shape; double ahead; };

static const struct trace_row trace_rows[] = {
	/*				  alpha population once drift popular percent */
	{ "Zipf 0.8",			{ 0.8, 400000, 0.08, 1000, 1000, 5 }, 0.03 },
	{ "Zipf 0.9",			{ 0.9, 400000, 0.10, 1000, 1000, 1 }, 0 },
	{ "Zipf 0.9",			{ 0.9, 400000, 0.10, 1000, 1000, 5 }, 0.03 },
	{ "Zipf 0.9",			{ 0.9, 400000, 0.10, 1000, 1000, 10 }, 0 },
	{ "Zipf 1.0",			{ 1.0, 400000, 0.08, 1000, 1000, 5 }, 0.03 },
	{ "Zipf 0.9, no drift",		{ 0.9, 400000, 0.15, 0, 0, 5 }, 0.03 },
	{ "Zipf 0.9, fast drift",	{ 0.9, 400000, 0.18, 8, 1000, 5 }, 0.03 },
	{ "Zipf 0.9, adverse drift",	{ 0.9, 400000, 0.10, 5, 0, 5 }, 0 },
};

#define TRACE_ROWS (sizeof trace_rows / sizeof trace_rows[0])

static inline bool
trace_bar_holds(const struct trace_row *row, struct trace_hits lru, struct trace_hits own)
{
	return own.objects > lru.objects + row->ahead;
}

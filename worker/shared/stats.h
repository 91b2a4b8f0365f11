/*
 * stats.h - counters and histograms in shared memory: one lane per process instance, written by it alone.
 *
 * A lane belongs to a process instance, never to a slot number: old and new workers overlap. When its process
 * is gone the master folds the lane into lane 0 (the past) and frees it. Objects (listeners, services, routes)
 * get slots by name, so their values survive a reload. Readers sum over the lanes.
 */
#pragma once
#include <stdatomic.h>
#include "conf/base/shm.h"
#include "conf/conf.h"
#include "conf/http/reason.h"

enum counter {
#define COUNTER(id, name, gauge, help) id,
#include "worker/shared/stats_tbl.h"
#undef COUNTER
	C_MAX
};
const char *stats_counter_name(enum counter);
bool	stats_counter_gauge(enum counter);

/* Log-linear: 8 buckets per power of two of microseconds; 0 .. ~1 h. */
#define HIST_BUCKETS 256
struct hist { uint64_t count, sum_us; uint32_t bucket[HIST_BUCKETS]; };
void	hist_add(struct hist *, uint64_t us);
void	hist_merge(struct hist *into, const struct hist *);
uint64_t hist_quantile(const struct hist *, double q);		/* upper edge of the bucket, us; 0 when empty */

enum stats_kind { STATS_FREE, STATS_LISTENER, STATS_SERVICE, STATS_ROUTE, STATS_RULE };
struct stats_object { uint64_t requests, errors, bytes_in, bytes_out; };	/* errors: answered 5xx */

#define STATS_OBJECTS	16384		/* slots; sparse memory, untouched pages cost nothing */
/* Slots below this number also have histograms: listeners and services come first. */
#define STATS_HISTS	1024
struct stats_name { uint32_t kind, since_s; char name[56]; };	/* since_s: wall clock; its values count from then */

enum lane_state { LANE_FREE, LANE_STARTING, LANE_READY, LANE_DRAINING, LANE_GONE };
struct stats_lane {
	_Atomic uint32_t state, pid, role, slot, generation;
	_Atomic uint64_t beat_ms;	/* monotonic; refreshed once per loop turn */
	_Atomic uint32_t asleep;	/* waiting for events: no beat expected */
	_Atomic uint32_t owner;		/* the master that folds this lane, by process id */
	_Atomic uint64_t started_ms;	/* wall clock, ms */
	uint64_t	counter[C_MAX];
	uint64_t	reason[R_MAX];	/* how requests and connections ended, by token */
	/* Of the whole request; until the first byte from upstream. */
	struct hist	hist_total[STATS_HISTS], hist_first[STATS_HISTS];
	struct stats_object object[STATS_OBJECTS];
};

struct stats_data {
	uint32_t	lanes;
	struct stats_name name[STATS_OBJECTS];		/* written by the master only */
	struct stats_lane lane[];			/* lane 0: the past */
};

#define STATS_VERSION 4
size_t	stats_size(unsigned lanes);
/* Slot of an object, assigned on first use; STATS_OBJECTS - 1 (a shared "others" slot) when full. Master only. */
unsigned stats_slot(struct stats_data *, enum stats_kind, const char *name);
/* Notes when the slot's values began; what was noted before stays. Master only. */
void	stats_note_since(struct stats_data *, unsigned slot, int64_t wall_s);
/* NULL: none is free. Two masters may take lanes at a time, and fold their own. */
struct stats_lane *stats_lane_take(struct stats_data *, uint32_t role, uint32_t slot, uint32_t generation);
/* Adds to lane 0 (gauges excepted) and frees the lane. */
void	stats_lane_fold(struct stats_data *, struct stats_lane *);
/* A free lane that nobody gets until stats_lane_unclaim; false: it is not free. */
bool	stats_lane_claim(struct stats_data *, unsigned lane);
void	stats_lane_unclaim(struct stats_data *, unsigned lane);
uint64_t stats_sum(const struct stats_data *, enum counter);
void	stats_sum_object(const struct stats_data *, unsigned slot, struct stats_object *);
/* Either may be NULL. */
void	stats_sum_hist(const struct stats_data *, unsigned slot, struct hist *total, struct hist *first);

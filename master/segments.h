/*
 * segments.h - the shared memory that lives as long as the master: statistics, journal, crash reports.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "conf/base/shm.h"
#include "master/segment_cache.h"
#include "worker/shared/journal.h"
#include "worker/shared/report.h"
#include "worker/shared/stats.h"

struct segments {
	struct shm	stats, journal, report;
	struct segment_cache cache;
	unsigned	lanes;
	bool		journal_taken;	/* over from an old master */
};

void	segments_init(struct segments *);	/* none is open */
/* Lane 0 is the past; then three per worker (old, new and dying overlap) and some for agents and loggers. */
int	segments_open(struct segments *, unsigned workers, struct errdetail *) MUST_CHECK;
/*
 * The same with the descriptors an old master hands over, by enum handover_segment (-1: none). One whose layout is
 * another is made anew, and the log says which. Takes the descriptors.
 */
int	segments_take_over(struct segments *, const int *fd, unsigned workers, struct errdetail *) MUST_CHECK;
void	segments_close(struct segments *);
/* Can two generations of this many workers overlap? -E_LIMIT says what to do. */
int	segments_fit(const struct segments *, unsigned workers, struct errdetail *) MUST_CHECK;

/* A lane for a new process, or NULL; *lane is its index in every array. */
struct stats_lane *segments_take(struct segments *, uint32_t role, uint32_t slot, uint32_t generation, unsigned *lane);
/* Its process is gone: counters are folded into the past. Unread journal records stay for the logger. */
void	segments_give(struct segments *, unsigned lane);
/* Folds what processes of masters that are gone left behind; me is the master that asks. */
void	segments_sweep(struct segments *, pid_t me);
unsigned segments_free_lanes(const struct segments *);

/* Logs what the process of this lane left behind, if anything, and clears it. */
void	segments_report(struct segments *, unsigned lane, const char *who);

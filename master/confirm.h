/*
 * confirm.h - a configuration on probation (reload --confirm): unless somebody confirms it in time, the last
 * confirmed one is taken again as a new generation.
 *
 *   swap with a time --> PENDING --confirm--> settled
 *                           | time over: a return is asked for, again and again until one serves
 *                           +--> the swap to any configuration without a time settles it too
 *
 * While it is pending another reload with a time takes its place and keeps the configuration to return to; a reload
 * without one is refused.
 */
#pragma once
#include "conf/base/err.h"
#include "worker/io/timer.h"

struct master;
struct reload;

struct confirm {
	unsigned	number;		/* the generation on probation; 0: none */
	unsigned	back;		/* its fall-back */
	int64_t		deadline_ms;	/* monotonic */
	bool		returning;	/* the return was asked for */
	struct timer	timer;
};

void	confirm_init(struct master *);
void	confirm_fini(struct master *);
/* A swap was made for r; old is the number of what served before (0: nothing did). */
void	confirm_swapped(struct master *, const struct reload *r, unsigned old);
/* May this reload begin? -E_CONFLICT with the reason. */
int	confirm_allows(const struct master *, const struct reload *, struct errdetail *) MUST_CHECK;
/* -E_MISSING: nothing to confirm; -E_CONFLICT: too late. */
int	confirm_give(struct master *, struct errdetail *) MUST_CHECK;
int64_t	confirm_left_s(const struct master *);	/* seconds until the return, at least 0 */

/*
 * shed.h - refusing new requests when a worker has more to do than it can, so that those it has are served in time.
 *
 * The signal is the lag of its loop: how long an event has waited at most until it is handled. As in CoDel (RFC 8289)
 * a peak is no overload; what counts is a lag that stays above overload.delay for overload.interval. Then an episode
 * begins: a new request is let in for one that finished while the lag is below the limit, and next to none while it is
 * above. It ends when the lag has been below the limit for a second. Pure functions; time is an argument.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "conf/conf.h"

#define SHED_FLOOR	16	/* requests in progress that any worker can bear */

struct shed {
	bool		on;		/* an episode */
	uint32_t	room;		/* requests that may still be let in during this turn */
	uint64_t	finished;	/* counter at the end of the last turn */
	uint64_t	calm_us;	/* when the lag was last below the limit */
	uint64_t	hot_us;		/* when it was last above */
};
/* At the end of every turn: its clock and lag, and how many requests were served so far. true: `on` changed. */
bool	shed_turn(struct shed *, const struct conf_overload *, uint64_t now_us, uint64_t lag_us, uint64_t finished);
/* Of a new request during an episode; busy: how many are in progress, this one included. false: refuse it. */
bool	shed_admit(struct shed *, uint32_t busy);

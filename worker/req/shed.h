/*
 * shed.h - refusing new requests when a worker has more to do than it can, so that those it has are served in time.
 *
 * The signal is the lag of its loop: how long an event has waited at most until it is handled. As in CoDel (RFC 8289)
 * a peak is no overload; what counts is a lag that stays above overload.delay for overload.interval. Then an episode
 * begins, in which the lag is held to a tenth of that: a new request is let in for one that finished while the lag is
 * below, for two while it is above. Refusing is work too and gets a sixth of the worker's processor time; what can
 * neither be let in nor refused stays unread (worker/front/porter.h). The episode ends when for a second nobody had to
 * be refused or to wait, or all of them together could have been served within overload.delay: a thousand busy clients
 * of a worker that serves forty thousand a second are none, whatever began it. Pure functions; time is an argument.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "conf/conf.h"

#define SHED_FLOOR	16	/* requests in progress that any worker can bear */

struct shed {
	bool		on;		/* an episode */
	bool		pressed;	/* somebody was refused or waits, in this turn: set by who sees it */
	uint32_t	room;		/* requests that may still be let in during this turn */
	uint64_t	finished;	/* counter at the end of the last turn */
	uint64_t	calm_us;	/* when the lag was last below the limit */
	uint64_t	hot_us;		/* when it was last above, or somebody pressed, too many to be served in time */
	uint32_t	refused;	/* connections whose last request was refused: they ask again */
	uint32_t	demand;		/* these, and requests that wait or are in progress; set with pressed */
	uint64_t	rate;		/* requests served a second, in this episode; 0: not known yet */
	uint64_t	since_us, since_finished;	/* what it is counted from */
	/* What refusing may cost and costs, in processor time. */
	uint64_t	cpu_us;		/* of the worker, at the end of the last turn; 0: not known */
	int64_t		credit_us;	/* that refusals may still take */
	uint32_t	cost_us;	/* of one, smoothed */
};
/* At the end of every turn: its clock and lag, and how many requests were served so far. true: `on` changed. */
bool	shed_turn(struct shed *, const struct conf_overload *, uint64_t now_us, uint64_t lag_us, uint64_t finished);
/* Of a new request during an episode; busy: how many are in progress, this one included. false: refuse it. */
bool	shed_admit(struct shed *, uint32_t busy);
/* How many shed_admit would let in now, of `busy` in progress. */
uint32_t shed_room(const struct shed *, uint32_t busy);
/* In an episode, what its loop's lag is held to; who has waited for half of that is refused. */
uint64_t shed_target_us(const struct conf_overload *);

/* At the end of a turn of an episode: the processor time used so far. How many may be refused in the next. */
uint32_t shed_refusals(struct shed *, uint64_t cpu_us);
void	shed_spent(struct shed *, uint32_t refusals, uint64_t us);	/* what they took */

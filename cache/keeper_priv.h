/*
 * keeper_priv.h - the keeper of two files: keeper_open.c has the lock, the state and the opening, keeper.c the work.
 */
#pragma once
#include "cache/intake.h"
#include "cache/keeper.h"
#include "cache/statefile.h"
#include "cache/sweep.h"
#include "cache/verify.h"
#include "conf/conf.h"

struct keeper {
	const struct conf_cache *conf;	/* lent */
	struct cache_data *shared;	/* lent */
	int		 lock;		/* -1: another keeper works */
	bool		 told;		/* that another one does */
	bool		 anew;		/* what there is must not be used */
	int64_t		 anew_ms;	/* when that was last */
	int64_t		 retry_ms;	/* CLOSED: not opened before */
	int64_t		 tell_ms;	/* CLOSED: why is not told again before */
	int64_t		 pause_ms;	/* nothing is stored until then; 0: no pause */
	int64_t		 readers_ms;	/* dead ones were looked for */
	unsigned	 fails;		/* in a row */
	struct statefile state;
	struct store	*store;		/* NULL: CLOSED */
	struct stock	 stock;
	struct intake	 intake;
	struct sweep	 sweep;
	struct verify	 verify;
	uint32_t	 verify_number;	/* of verify_wanted */
	struct lease_lanes wake;	/* beside those that the intake has */
	struct ring	**rings;	/* by lane */
};

/* keeper_open.c. Turns: milliseconds until the next one, 0: at once. */
int64_t	keeper_turn_locked_out(struct keeper *, int64_t now_ms);
int64_t	keeper_turn_closed(struct keeper *, int64_t now_ms);
/* Nobody reads the store any more; the next turn that is due begins another one. */
int64_t	keeper_begin_anew(struct keeper *, int64_t now_ms, const char *why);
bool	keeper_is_damage(int rc);
void	keeper_close_store(struct keeper *);

/* keeper.c: what it has done, into the segment; and: closes the store, and fails the fills. */
void	keeper_count(struct keeper *);
void	keeper_give_up_fills(struct keeper *);

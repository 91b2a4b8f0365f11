/*
 * heir.h - the new master's side of an upgrade: takes what the old one hands over, serves when it says so.
 *
 *   heir_open -> held: its processes start and serve nothing -> HAND_READY -> HAND_GO -> they serve -> HAND_SERVING
 *      -> HAND_YOURS: logger, admin socket and paths are its own; the old master drains and the link's end tells
 *      that it is gone
 *
 * While it is held, whatever goes wrong ends this process and nobody notices: the old master never stopped serving.
 */
#pragma once
#include <stdbool.h>
#include "master/handover.h"
#include "worker/io/loop.h"

struct conf_cache;
struct endpoint_data;
struct generation;
struct master;

struct heir {
	struct loop_source link;	/* to the master before this one; fd -1: there is none, or it is gone */
	struct handover	given;		/* taken apart by those who need it */
	bool		held;		/* nobody serves before HAND_GO */
	bool		told;		/* HAND_READY was sent */
	bool		served;		/* HAND_SERVING was sent */
	bool		yours;		/* HAND_YOURS came: no way back for either */
	unsigned	took;		/* HAND_TOOK_* */
	int64_t		stop_ms;	/* when the one before was told to stop at once; 0: not */
};

void	heir_init(struct heir *);
/* Reads and takes over what the environment names; without it nothing happens. */
int	heir_open(struct master *, struct errdetail *) MUST_CHECK;
int	heir_watch(struct master *, struct errdetail *) MUST_CHECK;	/* the loop is there */
void	heir_stderr(struct heir *);	/* from now on messages go where the old master's went */
/* Health of endpoints as the old master's processes know it, into a new table. */
void	heir_endpoints(struct master *, struct endpoint_data *);
/* The cache's segment as the old master has it; false: not taken. */
bool	heir_cache(struct master *, const struct conf_cache *);
void	heir_close(struct master *);

bool	heir_started(const struct heir *);	/* this process replaces another */
/* All processes of the first generation are ready: true when they have to wait for the word of the old master. */
bool	heir_waits(struct master *);
void	heir_serves(struct master *, struct generation *);	/* it is the current one now */
void	heir_failed(struct master *, const char *why);	/* this process is about to leave */

/* The service stops: so does the old master that still drains. */
void	heir_stop(struct master *);
bool	heir_alone(const struct master *);	/* nobody before it is left, or patience with it is over */

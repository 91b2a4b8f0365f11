/*
 * cycle_priv.h - what cycle.c and cycle_start.c call of each other.
 */
#pragma once
#include "master/cycle.h"

/* Back to IDLE with a verdict: error NULL is success; text: what changed, or the problems. Goes on with what waits. */
void	cycle_finish(struct master *, const char *error, const char *text);
/* Takes conf: STARTING begins. On failure nothing is left that was not there before. */
int	cycle_start(struct master *, struct conf *, struct errdetail *) MUST_CHECK;
/* Gives up a generation that never served; it is freed when its last child has been reaped. */
void	cycle_abandon(struct master *);

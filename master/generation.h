/*
 * generation.h - one accepted configuration and what is built for it: sockets, tables, seats.
 */
#pragma once
#include "conf/base/err.h"

struct master;
struct generation;
struct conf;

/* Takes conf, also on failure. Binds, lays out segment G, creates seats; forks nothing. NULL with the reason. */
struct generation *generation_new(struct master *, struct conf *, unsigned number, struct errdetail *);
void	generation_free(struct master *, struct generation **);	/* all its children must be gone */

unsigned generation_seats(const struct generation *);		/* workers and the agent */
/* Its workers alive (or about to be); the agent does not count. */
unsigned generation_alive(const struct generation *);
unsigned conf_workers(const struct conf *);			/* process.workers with 0 resolved to cores */

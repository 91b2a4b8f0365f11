/*
 * supervise.h - children heard, watched, drained and buried.
 */
#pragma once
#include "worker/io/loop.h"

struct master;
struct generation;

/* loop_source.ready of a child's control link. */
void	supervise_link(struct loop_source *, uint32_t events);
void	supervise_reap(struct master *);	/* SIGCHLD: every child that ended, stopped or went on */
void	supervise_tick(struct master *);	/* heartbeats and deadlines */

/* Drains the workers; the agent stays for them and leaves after the last, then the generation is freed. */
void	supervise_drain(struct generation *);
void	supervise_check(struct generation *);	/* frees a draining generation that has nobody left */

/* The log files were opened anew: everybody gets the event log, the logger also the access log. */
void	supervise_reopen(struct master *);

/*
 * supervise.h - seats and their children: filled, watched, refilled, drained, stopped.
 */
#pragma once
#include <stdint.h>
#include "conf/base/err.h"
#include "worker/io/loop.h"
#include "worker/shared/env.h"

struct master;
struct generation;
struct seat;
struct child;

void	seat_init(struct seat *, struct master *, struct generation *, enum role, unsigned slot);
int	seat_fill(struct seat *, struct errdetail *) MUST_CHECK;	/* forks; the seat is wanted from now on */
void	seat_drain(struct seat *);	/* not wanted any more; a worker finishes its requests */
void	seat_stop(struct seat *);	/* not wanted any more; leaves now, killed soon if it does not */

/* loop_source.ready of a child's control link. */
void	supervise_link(struct loop_source *, uint32_t events);
void	supervise_reap(struct master *);	/* SIGCHLD: every child that ended, stopped or went on */
void	supervise_tick(struct master *);	/* heartbeats and deadlines */

/* Gives every slot without a ready owner to another worker of the generation, and back again. */
void	supervise_balance(struct generation *);
/* Drains the workers; the agent stays for them and leaves after the last, then the generation is freed. */
void	supervise_drain(struct generation *);
void	supervise_check(struct generation *);	/* frees a draining generation that has nobody left */

/* Sends one message, with a u32 and a descriptor where the type has them (u32 NULL, fd -1: without). */
int	supervise_send(struct child *, enum link_type, const uint32_t *u32, int fd) MUST_CHECK;
/* The log files were opened anew: everybody gets the event log, the logger also the access log. */
void	supervise_reopen(struct master *);

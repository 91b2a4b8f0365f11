/*
 * seat.h - seats and the slots they stand for: filled, drained, stopped, adopted.
 */
#pragma once
#include <stdint.h>
#include "conf/base/err.h"
#include "worker/shared/env.h"

struct master;
struct generation;
struct seat;

void	seat_init(struct seat *, struct master *, struct generation *, enum role, unsigned slot);
int	seat_fill(struct seat *, struct errdetail *) MUST_CHECK;	/* forks; the seat is wanted from now on */
void	seat_refill(struct seat *, int64_t delay_ms);	/* its child is gone; 0: at once */
void	seat_drain(struct seat *);	/* not wanted any more; a worker finishes its requests */
void	seat_stop(struct seat *);	/* not wanted any more; leaves now, killed soon if it does not */

/* Gives every slot without a ready owner to another worker of the generation, and back again. */
void	seat_balance(struct generation *);

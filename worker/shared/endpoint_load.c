/*
 * endpoint_load.c - how many requests are in flight on an endpoint, counted so that a killed worker leaves nothing.
 *
 * The total is one atomic word, what balancing reads. Beside it every lane keeps its share, written by its worker
 * alone. The total is raised before the share and lowered after it: a worker killed in between leaves the total
 * one too high, never too low. Folding a lane subtracts its shares; settling compares the total with the sum of
 * all shares and removes an excess that is the same at two looks, which a worker at work between its two
 * words is not. It is subtracted, not overwritten, so that what others count meanwhile stays counted.
 */
#include "worker/shared/endpoint.h"

#define SUM_TRIES 16

static struct endpoint *
endpoints(const struct endpoint_data *d)
{
	return (struct endpoint *)(void *)((char *)(uintptr_t)d + d->endpoint_off);
}

static _Atomic uint32_t *
shares(const struct endpoint_data *d, unsigned lane)
{
	_Atomic uint32_t *first = (void *)((char *)(uintptr_t)d + d->share_off);

	return first + lane * ENDPOINT_SHARES(d->total);
}

/* The lane has one writer: a load and a store do. */
static void
share_add(const struct endpoint_data *d, const struct endpoint *e, unsigned lane, uint32_t n)
{
	_Atomic uint32_t *share;

	if (lane >= d->lanes)
		return;
	share = shares(d, lane) + (e - endpoints(d));
	atomic_store_explicit(share, atomic_load_explicit(share, memory_order_relaxed) + n,
	    memory_order_release);
}

void
endpoint_take(struct endpoint_data *d, struct endpoint *e, unsigned lane)
{
	atomic_fetch_add(&e->inflight, 1);
	share_add(d, e, lane, 1);
}

void
endpoint_give(struct endpoint_data *d, struct endpoint *e, unsigned lane)
{
	share_add(d, e, lane, UINT32_MAX);
	atomic_fetch_sub(&e->inflight, 1);
}

void
endpoint_fold(struct endpoint_data *d, unsigned lane)
{
	_Atomic uint32_t *share = shares(d, lane);

	if (lane >= d->lanes)
		return;
	for (unsigned i = 0; i < d->total; i++) {
		uint32_t held = atomic_load(&share[i]);

		if (held == 0)
			continue;
		atomic_store(&share[i], 0);
		atomic_fetch_sub(&endpoints(d)[i].inflight, held);
	}
}

static uint32_t
shares_sum(const struct endpoint_data *d, unsigned i)
{
	uint32_t sum = 0;

	for (unsigned lane = 0; lane < d->lanes; lane++)
		sum += atomic_load(&shares(d, lane)[i]);
	return sum;
}

/* Taken while the total stood still, if it does so at all. */
static uint32_t
excess_now(const struct endpoint_data *d, unsigned i)
{
	const struct endpoint *e = &endpoints(d)[i];
	uint32_t before, sum;

	for (unsigned tries = 0; tries < SUM_TRIES; tries++) {
		before = atomic_load(&e->inflight);
		sum = shares_sum(d, i);
		if (atomic_load(&e->inflight) == before)
			break;
	}
	return before - sum;
}

bool
endpoint_settle(struct endpoint_data *d)
{
	bool open = false;

	for (unsigned i = 0; i < d->total; i++) {
		struct endpoint *e = &endpoints(d)[i];
		uint32_t now = excess_now(d, i);

		open |= now != 0;
		if (now != 0 && now == e->excess) {
			atomic_fetch_sub(&e->inflight, now);
			now = 0;
		}
		e->excess = now;
	}
	return open;
}

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

static struct endpoint_share *
shares(const struct endpoint_data *d, unsigned lane)
{
	struct endpoint_share *first = (void *)((char *)(uintptr_t)d + d->share_off);

	return first + lane * ENDPOINT_SHARES(d->total);
}

struct endpoint_share *
endpoint_share(const struct endpoint_data *d, const struct endpoint *e, unsigned lane)
{
	return lane >= d->lanes ? NULL : shares(d, lane) + (e - endpoints(d));
}

/* The lane has one writer: a load and a store do. */
static void
inflight_add(const struct endpoint_data *d, const struct endpoint *e, unsigned lane, uint32_t n)
{
	struct endpoint_share *s = endpoint_share(d, e, lane);

	if (s != NULL)
		atomic_store_explicit(&s->inflight,
		    atomic_load_explicit(&s->inflight, memory_order_relaxed) + n,
		    memory_order_release);
}

void
endpoint_take(struct endpoint_data *d, struct endpoint *e, unsigned lane)
{
	struct endpoint_share *s = endpoint_share(d, e, lane);

	atomic_fetch_add(&e->inflight, 1);
	inflight_add(d, e, lane, 1);
	if (s != NULL)
		endpoint_add(&s->requests);
}

void
endpoint_give(struct endpoint_data *d, struct endpoint *e, unsigned lane)
{
	inflight_add(d, e, lane, UINT32_MAX);
	atomic_fetch_sub(&e->inflight, 1);
}

static void
counts_add(struct endpoint_counts *to, const struct endpoint_share *s)
{
	to->requests += atomic_load_explicit(&s->requests, memory_order_relaxed);
	to->failures += atomic_load_explicit(&s->failures, memory_order_relaxed);
	to->ejections += atomic_load_explicit(&s->ejections, memory_order_relaxed);
	to->idle += atomic_load_explicit(&s->idle, memory_order_relaxed);
}

void
endpoint_count(
    const struct endpoint_data *d, const struct endpoint *e, struct endpoint_counts *out)
{
	*out = e->past;
	for (unsigned lane = 0; lane < d->lanes; lane++)
		counts_add(out, endpoint_share(d, e, lane));
}

/* What it counted stays, what it held is gone with it. */
void
endpoint_fold(struct endpoint_data *d, unsigned lane)
{
	struct endpoint_share *share = shares(d, lane);

	if (lane >= d->lanes)
		return;
	for (unsigned i = 0; i < d->total; i++) {
		struct endpoint *e = &endpoints(d)[i];
		uint32_t held = atomic_load(&share[i].inflight);

		counts_add(&e->past, &share[i]);
		e->past.idle = 0;
		memset(&share[i], 0, sizeof share[i]);
		if (held != 0)
			atomic_fetch_sub(&e->inflight, held);
	}
}

static uint32_t
shares_sum(const struct endpoint_data *d, unsigned i)
{
	uint32_t sum = 0;

	for (unsigned lane = 0; lane < d->lanes; lane++)
		sum += atomic_load(&shares(d, lane)[i].inflight);
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

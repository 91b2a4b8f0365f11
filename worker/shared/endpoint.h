/*
 * endpoint.h - the addresses behind every service, with their health and load, in shared memory (segment G).
 *
 * Literal targets are filled in by the master; names are resolved by the agent, which publishes a service's
 * table under a sequence lock. Health and load are single atomic words, written by workers and agent, valid
 * whatever instruction a writer dies at.
 *
 * Every target owns a fixed part of its service's slots and an address keeps its slot while it lasts: a pointer
 * from endpoint_at stays good for a request's life, and inflight is always given back where it was taken. Slots
 * without an address are holes (endpoint_used is false); walk 0 .. count - 1 and step over them.
 *
 * Behind the endpoints every lane has a share per endpoint, written by its worker only: of inflight, so that the
 * master can take back what a dead worker held, and what it has counted. What workers of an older generation count
 * after the reload stays in their own tables.
 */
#pragma once
#include <stdatomic.h>
#include "conf/base/shm.h"
#include "conf/conf.h"

#define ENDPOINT_PER_TARGET	16	/* addresses of one name used at most */

struct endpoint_counts { uint64_t requests, failures, ejections; uint32_t idle; };	/* idle: kept connections */

struct endpoint {
	struct addr	addr;			/* with port; written under the service's sequence lock */
	uint16_t	target, weight;		/* position in the service; 1..1000 */
	uint8_t		backup, pad[3];
	uint32_t	origin;			/* hash of the target's text */
	_Atomic uint32_t inflight;		/* requests of all workers: read it by endpoint_load */
	uint32_t	excess;			/* of inflight over the shares when last compared; master only */
	_Atomic uint32_t failures;		/* in a row or in the window */
	_Atomic uint32_t ejections;		/* how often ejected lately: doubles the next ejection */
	_Atomic uint32_t out;			/* an operator drains it: ENDPOINT_OUT_*. Master, agent */
	_Atomic uint64_t window_ms;		/* start of the failure window, monotonic */
	_Atomic uint64_t ejected_until_ms;	/* monotonic; 0: not ejected */
	struct endpoint_counts past;		/* of lanes that ended and generations before; master only */
};

struct endpoint_share {				/* one writer: no read-modify-write is needed */
	_Atomic uint64_t requests, failures, ejections;
	_Atomic uint32_t inflight, idle;
};

/* The target with all its slots; this address. */
enum { ENDPOINT_OUT_TARGET = 1 << 0, ENDPOINT_OUT_ADDR = 1 << 1 };

struct endpoint_table {
	_Atomic uint32_t seq;			/* odd: being written */
	_Atomic uint32_t count;			/* slots to walk: the last one in use, plus 1 */
	_Atomic uint32_t resolved;		/* 0: names only, none resolved yet */
	uint32_t	first, room;		/* slice of endpoint_data.endpoint */
	char		name[64];
};

/* Offsets from its own beginning. */
struct endpoint_data { uint32_t services, total, lanes; uint32_t table_off, endpoint_off; uint64_t share_off; };

#define ENDPOINT_VERSION 4
#define ENDPOINT_SHARES(total) (((size_t)(total) + 1) & ~(size_t)1)	/* of a lane: cache lines of its own */
size_t	endpoint_size(const struct conf *, unsigned lanes);
/* Master: lays out, fills in literal addresses. */
void	endpoint_init(struct endpoint_data *, const struct conf *, unsigned lanes);
/* Master: health and resolved addresses, by names of services and targets and by address. */
void	endpoint_carry(struct endpoint_data *to, const struct endpoint_data *from);
/* Does what the head says lie within size bytes? For a table that another program wrote. */
bool	endpoint_sound(const struct endpoint_data *, size_t size);
struct endpoint_table *endpoint_table(const struct endpoint_data *, unsigned service);
/* NULL: i is out of range. */
struct endpoint *endpoint_at(const struct endpoint_data *, const struct endpoint_table *, unsigned i);
static inline bool
endpoint_used(const struct endpoint *e)
{
	return __atomic_load_n(&e->addr.len, __ATOMIC_ACQUIRE) != 0;
}
static inline bool
endpoint_ejected(const struct endpoint *e, uint64_t now_ms)
{
	return atomic_load_explicit(&e->ejected_until_ms, memory_order_relaxed) > now_ms;
}
/* Takes no new requests. */
static inline bool
endpoint_drained(const struct endpoint *e)
{
	return atomic_load_explicit(&e->out, memory_order_relaxed) != 0;
}
/* Requests in flight; a word that counts below zero for a moment reads as none. */
static inline uint32_t
endpoint_load(const struct endpoint *e)
{
	uint32_t n = atomic_load_explicit(&e->inflight, memory_order_relaxed);

	return n > INT32_MAX ? 0 : n;
}
/* "ok", "ejected", "draining" or "drained". */
const char *endpoint_state_text(const struct endpoint *, uint64_t now_ms);
/* Copies the address of slot i as one piece; false: a hole, or its address changed meanwhile. Never waits. */
bool	endpoint_addr(const struct endpoint_data *, const struct endpoint_table *, unsigned i, struct addr *out);
/* Agent only: replaces the addresses that came from target `target` of the service. */
void	endpoint_publish(struct endpoint_data *, const struct conf_service *, unsigned target,
	    const struct addr *, unsigned n);

/* endpoint_load.c. A worker's request begins or ends on the endpoint; lane is the worker's own. */
void	endpoint_take(struct endpoint_data *, struct endpoint *, unsigned lane);
void	endpoint_give(struct endpoint_data *, struct endpoint *, unsigned lane);
/* One more, by the one writer of a share. */
static inline void
endpoint_add(_Atomic uint64_t *count)
{
	atomic_store_explicit(
	    count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}
/* The lane's share of the endpoint, for its worker to count in; NULL: no such lane. */
struct endpoint_share *endpoint_share(const struct endpoint_data *, const struct endpoint *, unsigned lane);
/* Master: what all lanes have counted. */
void	endpoint_count(const struct endpoint_data *, const struct endpoint *, struct endpoint_counts *);
/* Master: the process of this lane is gone, and its requests with it. */
void	endpoint_fold(struct endpoint_data *, unsigned lane);
/* Master, now and then after a fold while it returns true: removes what a death between two words left over. */
bool	endpoint_settle(struct endpoint_data *);

/* endpoint_drain.c. Master: takes a target of the service out or back in, named as the configuration writes it, or one
 * of its addresses; slots found. */
unsigned endpoint_drain(struct endpoint_data *, unsigned service, struct span target, bool out);
bool	endpoint_all_drained(const struct endpoint_data *, unsigned service);	/* false when it has no address */
/* For endpoint_carry. */
void	endpoint_drain_carry(const struct endpoint_data *to, const struct endpoint_table *into,
	    const struct endpoint_data *from, const struct endpoint_table *old);

/*
 * lease.c - places of leases, each governed by one word:
 *
 *	FREE g --claim, under the bucket's lock--> OPEN g+1 --end--> ENDED g+1 --the last waiter has left--> FREE g+1
 *
 * A waiter sets its bit and then looks whether the lease is still open; who ends it changes the word and then looks at
 * the bits. Both in one total order, so either the waiter is told, or it sees for itself. What else a place holds is
 * only believed with the generation that stands beside it, since its writer may be late.
 */
#include "cache/lease.h"

#include <sched.h>

#define SPINS		50
#define TRIES		1000		/* a holder that lost its processor comes back, or it is dead */

enum phase { FREE, OPEN, ENDED };

struct word { uint32_t generation; uint16_t lane; uint8_t phase, state; };

_Static_assert(
    sizeof(struct word) == sizeof(uint64_t), "a word is loaded, stored and exchanged whole");
_Static_assert(sizeof(struct lease_place) == 64, "a cache line");

static uint64_t
pack(struct word w)
{
	uint64_t v;

	memcpy(&v, &w, sizeof v);
	return v;
}

static struct word
unpack(uint64_t v)
{
	struct word w;

	memcpy(&w, &v, sizeof w);
	return w;
}

static struct word
word_of(const struct lease_place *p)
{
	return unpack(atomic_load(&p->word));
}

static bool
exchange(struct lease_place *p, struct word from, struct word to)
{
	uint64_t expected = pack(from);

	return atomic_compare_exchange_strong(&p->word, &expected, pack(to));
}

/* A number that counts for one generation alone. */
static uint64_t
stamped(uint32_t generation, uint32_t n)
{
	return (uint64_t)generation << 32 | n;
}

/* ---- waiters ---- */

static bool
awaited(const struct lease_place *p)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_LEN(p->waiters); i++)
		all |= atomic_load(&p->waiters[i]);
	return all != 0;
}

static void
collect(const struct lease_place *p, struct lease_lanes *wake)
{
	for (size_t i = 0; i < ARRAY_LEN(p->waiters); i++)
		wake->bits[i] |= atomic_load(&p->waiters[i]);
}

static void
release(struct lease_place *p)
{
	struct word w = word_of(p), to = w;

	to.phase = FREE;
	if (w.phase == ENDED && !awaited(p))
		(void)exchange(p, w, to);
}

static void
leave(struct lease_place *p, unsigned lane)
{
	uint64_t bit = UINT64_C(1) << (lane % 64);

	if ((atomic_load(&p->waiters[lane / 64]) & bit) != 0)
		atomic_fetch_and(&p->waiters[lane / 64], ~bit);
	release(p);
}

static bool
join(struct lease_place *p, struct word open, unsigned lane)
{
	atomic_fetch_or(&p->waiters[lane / 64], UINT64_C(1) << (lane % 64));
	if (atomic_load(&p->word) == pack(open))
		return true;
	leave(p, lane);
	return false;
}

static bool
end(struct lease_place *p, struct word open, enum lease_state state, struct lease_lanes *wake)
{
	struct word to = open;

	to.phase = ENDED;
	to.state = (uint8_t)state;
	if (!exchange(p, open, to))
		return false;
	collect(p, wake);
	release(p);
	return true;
}

/* ---- buckets ---- */

static uint32_t
bucket_of(const struct key *k)
{
	uint32_t n;

	memcpy(&n, k->b, sizeof n);
	return n % LEASE_BUCKETS;
}

/* The key is written while the place is free: what was read is the word's if that has not changed since. */
static bool
is_open_for(const struct lease_place *p, const struct key *k, struct word *open)
{
	uint64_t key[2];

	*open = word_of(p);
	if (open->phase != OPEN)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(key); i++)
		key[i] = atomic_load(&p->key[i]);
	return memcmp(key, k->b, sizeof key) == 0 && atomic_load(&p->word) == pack(*open);
}

static struct lease_place *
find(struct lease_table *t, const struct key *k, struct word *open)
{
	struct lease_place *way = &t->places[(size_t)bucket_of(k) * LEASE_WAYS];

	for (unsigned i = 0; i < LEASE_WAYS; i++)
		if (is_open_for(&way[i], k, open))
			return &way[i];
	return NULL;
}

static bool
lock(_Atomic uint32_t *l, unsigned lane)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t nobody = 0;

		if (atomic_compare_exchange_weak(l, &nobody, lane + 1))
			return true;
		if (i >= SPINS)
			sched_yield();
	}
	return false;
}

/* With the lock held. NULL: somebody was faster, or there is no room. */
static struct lease_place *
enter(struct lease_table *t, const struct key *k, unsigned lane, struct word *open)
{
	struct lease_place *way = &t->places[(size_t)bucket_of(k) * LEASE_WAYS];
	uint64_t key[2];

	if (find(t, k, open) != NULL)
		return NULL;
	memcpy(key, k->b, sizeof key);
	for (unsigned i = 0; i < LEASE_WAYS; i++) {
		struct word w = word_of(&way[i]);

		if (w.phase != FREE)
			continue;
		for (size_t n = 0; n < ARRAY_LEN(key); n++)
			atomic_store(&way[i].key[n], key[n]);
		*open = (struct word){ w.generation + 1, (uint16_t)lane, OPEN, LEASE_OPEN };
		atomic_store(&way[i].word, pack(*open));
		return &way[i];
	}
	return NULL;
}

static struct lease
handle(const struct lease_table *t, const struct lease_place *p, struct word w)
{
	return (struct lease){ (uint32_t)(p - t->places), w.generation };
}

/* ---- workers ---- */

/* WAIT, or NONE: nobody has it, or had when it was looked at. */
static enum lease_claim
wait_for(struct lease_table *t, const struct key *k, unsigned lane, struct lease *lease)
{
	struct word open;
	struct lease_place *p = find(t, k, &open);

	if (p == NULL || !join(p, open, lane))
		return LEASE_NONE;
	*lease = handle(t, p, open);
	return LEASE_WAIT;
}

enum lease_claim
lease_claim(struct lease_table *t, const struct key *k, unsigned lane, struct lease *lease)
{
	_Atomic uint32_t *l = &t->locks[bucket_of(k)];
	struct lease_place *p;
	struct word open;

	if (lane >= LEASE_LANES)
		return LEASE_NONE;
	if (wait_for(t, k, lane, lease) == LEASE_WAIT)
		return LEASE_WAIT;
	if (!lock(l, lane))
		return LEASE_NONE;
	if ((p = enter(t, k, lane, &open)) != NULL)
		*lease = handle(t, p, open);
	atomic_store(l, 0);
	return p != NULL ? LEASE_MINE : wait_for(t, k, lane, lease);
}

static struct lease_place *
place_of(struct lease_table *t, const struct lease *lease, struct word *w)
{
	struct lease_place *p = &t->places[lease->place];

	*w = word_of(p);
	return w->generation == lease->generation ? p : NULL;
}

void
lease_fill(struct lease_table *t, const struct lease *lease, uint32_t fill)
{
	struct word w;
	struct lease_place *p = place_of(t, lease, &w);

	if (p != NULL)
		atomic_store(&p->fill, stamped(lease->generation, fill));
}

bool
lease_end(struct lease_table *t, const struct lease *lease, enum lease_state state,
    struct lease_lanes *wake)
{
	struct word w;
	struct lease_place *p = place_of(t, lease, &w);

	return p != NULL && w.phase == OPEN && end(p, w, state, wake);
}

enum lease_state
lease_look(const struct lease_table *t, const struct lease *lease, struct lease_progress *progress)
{
	const struct lease_place *p = &t->places[lease->place];
	uint64_t chunks = atomic_load(&p->chunks), id = atomic_load(&p->id);
	struct word w = word_of(p);

	*progress = (struct lease_progress){ 0, 0 };
	if (w.generation != lease->generation)
		return LEASE_FAILED;
	if (chunks >> 32 == lease->generation)
		*progress = (struct lease_progress){ id, (uint32_t)chunks };
	return w.phase == OPEN ? LEASE_OPEN : (enum lease_state)w.state;
}

void
lease_leave(struct lease_table *t, const struct lease *lease, unsigned lane)
{
	struct word w;
	struct lease_place *p = place_of(t, lease, &w);

	if (p != NULL && lane < LEASE_LANES)
		leave(p, lane);
}

/* ---- the keeper ---- */

static struct lease_place *
find_fill(
    struct lease_table *t, const struct key *k, unsigned lane, uint32_t fill, struct word *open)
{
	struct lease_place *p = find(t, k, open);

	if (p == NULL || open->lane != lane)
		return NULL;
	return atomic_load(&p->fill) == stamped(open->generation, fill) ? p : NULL;
}

bool
lease_fill_progress(struct lease_table *t, const struct key *k, unsigned lane, uint32_t fill,
    const struct lease_progress *progress, struct lease_lanes *wake)
{
	struct word open;
	struct lease_place *p = find_fill(t, k, lane, fill, &open);

	if (p == NULL)
		return false;
	atomic_store(&p->id, progress->id);
	atomic_store(&p->chunks, stamped(open.generation, progress->chunks));
	collect(p, wake);
	return true;
}

bool
lease_fill_end(struct lease_table *t, const struct key *k, unsigned lane, uint32_t fill,
    enum lease_state state, struct lease_lanes *wake)
{
	struct word open;
	struct lease_place *p = find_fill(t, k, lane, fill, &open);

	return p != NULL && end(p, open, state, wake);
}

/* ---- what the dead leave ---- */

void
lease_forget_fills(struct lease_table *t, struct lease_lanes *wake)
{
	for (size_t i = 0; i < ARRAY_LEN(t->places); i++) {
		struct lease_place *p = &t->places[i];
		struct word w = word_of(p);

		if (w.phase == OPEN && atomic_load(&p->fill) >> 32 == w.generation)
			(void)end(p, w, LEASE_FAILED, wake);
	}
}

/* Who died while it ended a lease may have told nobody: those who wait for an end that is there are told again. */
void
lease_forget_lane(struct lease_table *t, unsigned lane, struct lease_lanes *wake)
{
	if (lane >= LEASE_LANES)
		return;
	for (size_t i = 0; i < ARRAY_LEN(t->locks); i++) {
		uint32_t its = lane + 1;

		(void)atomic_compare_exchange_strong(&t->locks[i], &its, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(t->places); i++) {
		struct lease_place *p = &t->places[i];
		struct word w = word_of(p);

		leave(p, lane);
		if (w.phase == OPEN && w.lane == lane)
			(void)end(p, w, LEASE_FAILED, wake);
		else if (w.phase == ENDED)
			collect(p, wake);
	}
}

unsigned
lease_count(const struct lease_table *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(t->places); i++)
		n += word_of(&t->places[i]).phase != FREE;
	return n;
}

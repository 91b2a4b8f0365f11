/*
 * endpoint.c - the layout of the endpoint tables, their carrying over and the writer of resolved addresses.
 *
 *   endpoint_data | endpoint_table per service | endpoint ... (service 0: target 0, target 1 ...; service 1 ...)
 *   | shares of lane 0, a word per endpoint | shares of lane 1 ...
 *
 * Only the agent changes addresses, under the table's sequence: odd while it writes. It may die there; the next
 * agent's publication ends in an even number again. A slot is emptied (len 0) before its address changes, so a
 * reader that finds the sequence odd for too long may still use slots that hold an address.
 */
#include "worker/shared/endpoint.h"

#include <stdio.h>

#define ALIGN64(n) (((n) + 63) & ~(size_t)63)
#define READ_TRIES 64

static unsigned
target_room(const struct conf_target *t)
{
	return t->addr.len != 0 ? 1 : ENDPOINT_PER_TARGET;
}

static unsigned
service_room(const struct conf_service *s)
{
	unsigned room = 0;

	for (unsigned i = 0; i < s->ntargets; i++)
		room += target_room(&s->targets[i]);
	return room;
}

static size_t
endpoints_offset(unsigned services)
{
	return ALIGN64(
	    ALIGN64(sizeof(struct endpoint_data)) + services * sizeof(struct endpoint_table));
}

static unsigned
endpoints_total(const struct conf *c)
{
	unsigned total = 0;

	for (unsigned i = 0; i < c->nservices; i++)
		total += service_room(&c->services[i]);
	return total;
}

static size_t
shares_offset(const struct conf *c)
{
	return ALIGN64(
	    endpoints_offset(c->nservices) + endpoints_total(c) * sizeof(struct endpoint));
}

size_t
endpoint_size(const struct conf *c, unsigned lanes)
{
	return shares_offset(c) +
	    lanes * ENDPOINT_SHARES(endpoints_total(c)) * sizeof(struct endpoint_share);
}

static bool
part_fits(uint64_t at, uint64_t n, size_t each, size_t size)
{
	return at % _Alignof(uint64_t) == 0 && at <= size && n <= (size - at) / each;
}

bool
endpoint_sound(const struct endpoint_data *d, size_t size)
{
	uint64_t shares;

	return size >= sizeof *d && d->total <= size &&
	    !__builtin_mul_overflow((uint64_t)d->lanes, ENDPOINT_SHARES(d->total), &shares) &&
	    part_fits(d->table_off, d->services, sizeof(struct endpoint_table), size) &&
	    part_fits(d->endpoint_off, d->total, sizeof(struct endpoint), size) &&
	    part_fits(d->share_off, shares, sizeof(struct endpoint_share), size);
}

struct endpoint_table *
endpoint_table(const struct endpoint_data *d, unsigned service)
{
	if (service >= d->services)
		return NULL;
	return (struct endpoint_table *)(void *)((char *)(uintptr_t)d + d->table_off) + service;
}

struct endpoint *
endpoint_at(const struct endpoint_data *d, const struct endpoint_table *t, unsigned i)
{
	if (i >= t->room || t->first >= d->total || i >= d->total - t->first)
		return NULL;
	return (struct endpoint *)(void *)((char *)(uintptr_t)d + d->endpoint_off) + t->first + i;
}

/* --------------------------------------------------------------------------------------- writing */

/* A written address appears whole: its length last, and gone before the rest changes. */
static void
addr_replace(struct endpoint *e, const struct addr *a)
{
	__atomic_store_n(&e->addr.len, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release);
	if (a == NULL)
		return;
	memcpy(&e->addr.u, &a->u, sizeof e->addr.u);
	__atomic_store_n(&e->addr.len, a->len, __ATOMIC_RELEASE);
}

/* inflight stays: requests on the slot's last address still give theirs back. */
static void
health_clear(struct endpoint *e)
{
	atomic_store(&e->failures, 0);
	atomic_store(&e->ejections, 0);
	atomic_store(&e->window_ms, 0);
	atomic_store(&e->ejected_until_ms, 0);
	atomic_fetch_and(&e->out, ~(uint32_t)ENDPOINT_OUT_ADDR);
}

static void
health_copy(struct endpoint *to, const struct endpoint *from)
{
	atomic_store(&to->failures, atomic_load(&from->failures));
	atomic_store(&to->ejections, atomic_load(&from->ejections));
	atomic_store(&to->window_ms, atomic_load(&from->window_ms));
	atomic_store(&to->ejected_until_ms, atomic_load(&from->ejected_until_ms));
	atomic_fetch_or(&to->out, atomic_load(&from->out) & ENDPOINT_OUT_ADDR);
}

static void
count_update(const struct endpoint_data *d, struct endpoint_table *t)
{
	unsigned n = t->room;

	while (n > 0 && !endpoint_used(endpoint_at(d, t, n - 1)))
		n--;
	atomic_store_explicit(&t->count, n, memory_order_release);
}

static void
target_init(const struct endpoint_data *d, struct endpoint_table *table, unsigned first,
    const struct conf_target *t)
{
	for (unsigned i = 0; i < target_room(t); i++) {
		struct endpoint *e = endpoint_at(d, table, first + i);

		e->target = (uint16_t)t->index;
		e->weight = (uint16_t)t->weight;
		e->backup = t->backup;
		e->origin = span_hash(span_str(t->text), 0);
	}
	if (t->addr.len == 0)
		return;
	addr_replace(endpoint_at(d, table, first), &t->addr);
	atomic_store(&table->resolved, 1);
}

void
endpoint_init(struct endpoint_data *d, const struct conf *c, unsigned lanes)
{
	d->services = c->nservices;
	d->table_off = (uint32_t)ALIGN64(sizeof *d);
	d->endpoint_off = (uint32_t)endpoints_offset(c->nservices);
	d->share_off = shares_offset(c);
	d->total = endpoints_total(c);
	d->lanes = lanes;
	for (unsigned i = 0, first = 0; i < c->nservices; i++) {
		const struct conf_service *s = &c->services[i];
		struct endpoint_table *table = endpoint_table(d, i);

		table->first = first;
		table->room = service_room(s);
		snprintf(table->name, sizeof table->name, "%s", s->name);
		for (unsigned t = 0, at = 0; t < s->ntargets;
		     at += target_room(&s->targets[t]), t++)
			target_init(d, table, at, &s->targets[t]);
		count_update(d, table);
		first += table->room;
	}
}

/* ---------------------------------------------------------------------------------- carrying over */

static const struct endpoint_table *
table_named(const struct endpoint_data *d, const char *name, unsigned guess)
{
	const struct endpoint_table *t = endpoint_table(d, guess);

	if (t != NULL && strncmp(t->name, name, sizeof t->name) == 0)
		return t;
	for (unsigned i = 0; i < d->services; i++) {
		t = endpoint_table(d, i);
		if (strncmp(t->name, name, sizeof t->name) == 0)
			return t;
	}
	return NULL;
}

/* The slot that holds the address, else a hole of the target with this text, else NULL. */
static struct endpoint *
slot_for(const struct endpoint_data *d, const struct endpoint_table *t, const struct addr *a,
    uint32_t origin)
{
	struct endpoint *hole = NULL;

	for (unsigned i = 0; i < t->room; i++) {
		struct endpoint *e = endpoint_at(d, t, i);

		if (endpoint_used(e) && addr_eq(&e->addr, a))
			return e;
		if (!endpoint_used(e) && hole == NULL && e->origin == origin)
			hole = e;
	}
	return hole;
}

static void
table_carry(struct endpoint_data *to, struct endpoint_table *into, const struct endpoint_data *from,
    const struct endpoint_table *old)
{
	unsigned count = atomic_load(&old->count);

	for (unsigned i = 0; i < count && i < old->room; i++) {
		const struct endpoint *e = endpoint_at(from, old, i);
		struct endpoint *slot;
		struct addr a;

		if (e == NULL || !endpoint_addr(from, old, i, &a))
			continue;
		slot = slot_for(to, into, &a, e->origin);
		if (slot == NULL)
			continue;
		if (!endpoint_used(slot)) {
			addr_replace(slot, &a);
			atomic_store(&into->resolved, 1);
		}
		health_copy(slot, e);
		endpoint_count(from, e, &slot->past);
		slot->past.idle = 0;
	}
	count_update(to, into);
}

void
endpoint_carry(struct endpoint_data *to, const struct endpoint_data *from)
{
	for (unsigned i = 0; i < to->services; i++) {
		struct endpoint_table *into = endpoint_table(to, i);
		const struct endpoint_table *old = table_named(from, into->name, i);

		if (old == NULL)
			continue;
		table_carry(to, into, from, old);
		endpoint_drain_carry(to, into, from, old);
	}
}

/* ---------------------------------------------------------------------------------------- reading */

/* The sequence to compare with afterwards. An agent that died while writing leaves it odd: do not wait for it. */
static uint32_t
sequence_begin(const struct endpoint_table *t)
{
	uint32_t seq = 0;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		seq = atomic_load_explicit(&t->seq, memory_order_acquire);
		if ((seq & 1) == 0)
			break;
	}
	return seq;
}

const char *
endpoint_state_text(const struct endpoint *e, uint64_t now_ms)
{
	if (endpoint_drained(e))
		return endpoint_load(e) > 0 ? "draining" : "drained";
	return endpoint_ejected(e, now_ms) ? "ejected" : "ok";
}

bool
endpoint_addr(
    const struct endpoint_data *d, const struct endpoint_table *t, unsigned i, struct addr *out)
{
	const struct endpoint *e = endpoint_at(d, t, i);
	uint32_t seq = sequence_begin(t);
	socklen_t len;

	if (e == NULL)
		return false;
	len = __atomic_load_n(&e->addr.len, __ATOMIC_ACQUIRE);
	if (len == 0 || len > sizeof out->u)
		return false;
	memcpy(&out->u, &e->addr.u, sizeof out->u);
	out->len = len;
	atomic_thread_fence(memory_order_acquire);
	return __atomic_load_n(&e->addr.len, __ATOMIC_RELAXED) == len &&
	    atomic_load_explicit(&t->seq, memory_order_relaxed) == seq;
}

/* ------------------------------------------------------------------------------------- publishing */

static bool
addr_among(const struct addr *a, const struct addr *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_eq(a, &v[i]))
			return true;
	return false;
}

/* A hole of the target, if possible one that no request counts on any more. */
static struct endpoint *
hole_find(
    const struct endpoint_data *d, const struct endpoint_table *t, unsigned first, unsigned room)
{
	struct endpoint *hole = NULL;

	for (unsigned i = 0; i < room; i++) {
		struct endpoint *e = endpoint_at(d, t, first + i);

		if (e == NULL || endpoint_used(e))
			continue;
		if (endpoint_load(e) == 0)
			return e;
		if (hole == NULL)
			hole = e;
	}
	return hole;
}

static bool
target_holds(const struct endpoint_data *d, const struct endpoint_table *t, unsigned first,
    unsigned room, const struct addr *a)
{
	for (unsigned i = 0; i < room; i++) {
		const struct endpoint *e = endpoint_at(d, t, first + i);

		if (e != NULL && endpoint_used(e) && addr_eq(&e->addr, a))
			return true;
	}
	return false;
}

static void
target_replace(struct endpoint_data *d, struct endpoint_table *t, unsigned first, unsigned room,
    const struct addr *v, unsigned n)
{
	for (unsigned i = 0; i < room; i++) {
		struct endpoint *e = endpoint_at(d, t, first + i);

		if (e != NULL && endpoint_used(e) && !addr_among(&e->addr, v, n))
			addr_replace(e, NULL);
	}
	for (unsigned i = 0; i < n; i++) {
		struct endpoint *e;

		if (v[i].len == 0 || target_holds(d, t, first, room, &v[i]))
			continue;
		e = hole_find(d, t, first, room);
		if (e == NULL)
			return;
		health_clear(e);
		addr_replace(e, &v[i]);
	}
}

void
endpoint_publish(struct endpoint_data *d, const struct conf_service *s, unsigned target,
    const struct addr *v, unsigned n)
{
	struct endpoint_table *t = endpoint_table(d, s->index);
	uint32_t seq;
	unsigned first = 0;

	if (t == NULL || target >= s->ntargets || s->targets[target].addr.len != 0)
		return;
	for (unsigned i = 0; i < target; i++)
		first += target_room(&s->targets[i]);
	seq = atomic_load(&t->seq) | 1;
	atomic_store(&t->seq, seq);
	atomic_thread_fence(memory_order_release);
	target_replace(
	    d, t, first, ENDPOINT_PER_TARGET, v, n < ENDPOINT_PER_TARGET ? n : ENDPOINT_PER_TARGET);
	count_update(d, t);
	atomic_store(&t->resolved, 1);
	atomic_store_explicit(&t->seq, seq + 1, memory_order_release);
}

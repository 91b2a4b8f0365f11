/*
 * endpoint_drain.c - endpoints that an operator took out: they finish what they have and are picked no more.
 *
 * A target named as its configuration names it is out with all its slots, those filled later included; one address
 * of a name is out as long as the slot holds it.
 */
#include "worker/shared/endpoint.h"

unsigned
endpoint_drain(struct endpoint_data *d, unsigned service, struct span target, bool out)
{
	const struct endpoint_table *t = endpoint_table(d, service);
	uint32_t origin = span_hash(target, 0), bit;
	char text[ADDR_TEXT];
	struct addr addr = { 0 };
	unsigned n = 0;

	if (target.n < sizeof text) {
		memcpy(text, target.p, target.n);
		text[target.n] = '\0';
		if (addr_parse(&addr, text, NULL) != 0)
			addr.len = 0;
	}
	for (unsigned i = 0; t != NULL && i < t->room; i++) {
		struct endpoint *e = endpoint_at(d, t, i);
		bool named = e->origin == origin;

		if (!named && (addr.len == 0 || !endpoint_used(e) || !addr_eq(&e->addr, &addr)))
			continue;
		bit = named ? ENDPOINT_OUT_TARGET : ENDPOINT_OUT_ADDR;
		atomic_store(&e->out, out ? atomic_load(&e->out) | bit : 0);
		n++;
	}
	return n;
}

bool
endpoint_all_drained(const struct endpoint_data *d, unsigned service)
{
	const struct endpoint_table *t = endpoint_table(d, service);
	unsigned used = 0;

	for (unsigned i = 0; t != NULL && i < t->room; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);

		if (e == NULL || !endpoint_used(e))
			continue;
		if (!endpoint_drained(e))
			return false;
		used++;
	}
	return used > 0;
}

/* Whole targets; single addresses go with their health. */
void
endpoint_drain_carry(const struct endpoint_data *to, const struct endpoint_table *into,
    const struct endpoint_data *from, const struct endpoint_table *old)
{
	for (unsigned i = 0; i < old->room; i++) {
		const struct endpoint *e = endpoint_at(from, old, i);

		if (e == NULL || (atomic_load(&e->out) & ENDPOINT_OUT_TARGET) == 0)
			continue;
		for (unsigned k = 0; k < into->room; k++) {
			struct endpoint *slot = endpoint_at(to, into, k);

			if (slot->origin == e->origin)
				atomic_fetch_or(&slot->out, ENDPOINT_OUT_TARGET);
		}
	}
}

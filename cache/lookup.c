/*
 * lookup.c - one search for a URL without variants, two for a variant; and one more each for the head, which has the
 * key's text to compare.
 */
#include "cache/lookup.h"

/*
 * Counts a use. False: the object was given up, although its entry is still there. The slot may be another object's by
 * now: then nobody's use is counted.
 */
static bool
use(const struct lookup_in *in, const struct entry *e)
{
	struct slot *s;

	if (e->slot >= in->n_slots)
		return true;
	s = &in->slots[e->slot];
	if (atomic_load_explicit(&s->id, memory_order_relaxed) != e->id)
		return true;
	slot_use(s);
	return atomic_load_explicit(&s->dead, memory_order_relaxed) == 0;
}

/* An entry of this kind, and its head, which must be of the same URL. */
static int
find(const struct lookup_in *in, const struct key *key, struct span text, struct lookup *l)
{
	int rc = store_find(in->store, key, &l->entry);

	if (rc != 0)
		return rc;
	if ((rc = store_value(in->store, l->entry.id, 0, &l->record)) != 0)
		return rc;
	if ((rc = head_read(&l->head, l->record)) != 0)
		return rc;
	return span_eq(l->head.key, text) ? 0 : -E_MISSING;
}

/* The URL has variants: the request's own values say which key its has. */
static int
find_variant(const struct lookup_in *in, struct lookup *l, struct span text,
    const struct fields *request, const struct vary_rules *rules)
{
	int rc;

	if (!use(in, &l->entry))
		return -E_MISSING;
	l->generation = l->entry.generation;
	l->names = l->head.names;
	if (!vary_key(&l->key, in->secret, &l->primary, l->generation, l->names, request, rules))
		return -E_MISSING;
	l->varies = true;
	if ((rc = find(in, &l->key, text, l)) != 0)
		return rc;
	return l->entry.kind == ENTRY_OBJECT && l->entry.generation == l->generation &&
		span_eq(l->head.names, l->names) ?
	    0 :
	    -E_MISSING;
}

int
lookup(const struct lookup_in *in, struct lookup *l, struct span text,
    const struct fields *request, const struct vary_rules *rules)
{
	int rc;

	*l = (struct lookup){ .primary = key_of(in->secret, text) };
	l->key = l->primary;
	rc = find(in, &l->primary, text, l);
	if (rc == 0 && l->entry.kind == ENTRY_VARY)
		rc = find_variant(in, l, text, request, rules);
	else if (rc == 0 && (l->entry.kind != ENTRY_OBJECT || l->head.names.n > 0))
		rc = -E_MISSING;
	if (rc == 0 && !use(in, &l->entry))
		rc = -E_MISSING;
	return rc;
}

void
lookup_give_up(const struct lookup_in *in, const struct key *primary)
{
	struct entry e;

	if (store_find(in->store, primary, &e) != 0 || e.slot >= in->n_slots)
		return;
	if (atomic_load(&in->slots[e.slot].id) == e.id)
		atomic_store(&in->slots[e.slot].dead, 1);
}

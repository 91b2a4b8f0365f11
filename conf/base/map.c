/*
 * map.c - open addressing with linear probing over SipHash-1-3.
 *
 * A slot is empty (value NULL, hash EMPTY), a tombstone (value NULL, hash TOMB) or an entry.
 * Probing ends at an empty slot, and fewer than 3/4 of the slots are entries or tombstones, so one
 * always exists. Growing drops the tombstones; a table full of tombstones is rebuilt at its size.
 */
#include "conf/base/map.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/sip.h"

#define EMPTY 0
#define TOMB 1
#define SIZE_FIRST 16
#define NOT_FOUND UINT32_MAX

static struct sip_key secret;

void
map_seed(const uint8_t key[16])
{
	secret = sip_key(key);
}

uint64_t
map_hash(struct span s)
{
	return sip64(&secret, s);
}

void
map_fini(struct map *m)
{
	free(m->slots);
	*m = (struct map)MAP_INIT;
}

static uint32_t
find(const struct map *m, struct span key, uint64_t hash)
{
	uint32_t mask = m->size - 1;

	if (m->size == 0)
		return NOT_FOUND;
	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		const struct map_slot *s = &m->slots[i];

		if (s->value == NULL) {
			if (s->hash == EMPTY)
				return NOT_FOUND;
		} else if (s->hash == hash && span_eq(s->key, key)) {
			return i;
		}
	}
}

void *
map_get(const struct map *m, struct span key)
{
	uint32_t i = m->used == 0 ? NOT_FOUND : find(m, key, map_hash(key));

	return i == NOT_FOUND ? NULL : m->slots[i].value;
}

/* Puts an entry known to be absent into the first slot without a value; the table has room. */
static void
place(struct map *m, const struct map_slot *entry)
{
	uint32_t mask = m->size - 1, i = (uint32_t)entry->hash & mask;

	while (m->slots[i].value != NULL)
		i = (i + 1) & mask;
	if (m->slots[i].hash == TOMB)
		m->tombs--;
	m->slots[i] = *entry;
	m->used++;
}

static int
rebuild(struct map *m, uint32_t size)
{
	struct map next = { .size = size };

	next.slots = calloc(size, sizeof *next.slots);
	if (next.slots == NULL)
		return -E_NOMEM;
	for (uint32_t i = 0; i < m->size; i++)
		if (m->slots[i].value != NULL)
			place(&next, &m->slots[i]);
	free(m->slots);
	*m = next;
	return 0;
}

/* Keeps entries and tombstones under 3/4; doubles only when the entries themselves need it. */
static int
make_room(struct map *m)
{
	uint32_t limit = m->size / 4 * 3;

	if (m->size == 0)
		return rebuild(m, SIZE_FIRST);
	if (m->used + m->tombs < limit)
		return 0;
	if (m->used < limit / 2)
		return rebuild(m, m->size);
	if (m->size > UINT32_MAX / 2)
		return -E_NOMEM;
	return rebuild(m, m->size * 2);
}

int
map_put(struct map *m, struct span key, void *value)
{
	struct map_slot entry = { .key = key, .value = value, .hash = map_hash(key) };
	uint32_t i = find(m, key, entry.hash);
	int rc;

	ASSERT(value != NULL);
	if (i != NOT_FOUND) {
		m->slots[i] = entry;
		return 0;
	}
	rc = make_room(m);
	if (rc == 0)
		place(m, &entry);
	return rc;
}

void *
map_del(struct map *m, struct span key)
{
	uint32_t i = find(m, key, map_hash(key));
	void *value;

	if (i == NOT_FOUND)
		return NULL;
	value = m->slots[i].value;
	m->slots[i] = (struct map_slot){ .hash = TOMB };
	m->used--;
	m->tombs++;
	return value;
}

bool
map_next(const struct map *m, uint32_t *pos, struct span *key, void **value)
{
	while (*pos < m->size) {
		const struct map_slot *s = &m->slots[(*pos)++];

		if (s->value == NULL)
			continue;
		*key = s->key;
		*value = s->value;
		return true;
	}
	return false;
}

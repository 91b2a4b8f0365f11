/*
 * map.h - hash map from bytes to a pointer; SipHash-1-3 with a per-boot secret, so a peer cannot aim at it.
 *
 * Keys are lent: they must outlive their entry (usually they are part of the value). Open addressing,
 * grows at 3/4 full. One process, no locks.
 */
#pragma once
#include "conf/base/span.h"

struct map_slot { struct span key; void *value; uint64_t hash; };
struct map {
	struct map_slot	*slots;
	uint32_t	 size, used, tombs;	/* size is 0 or a power of two */
};
#define MAP_INIT { 0 }

void	 map_seed(const uint8_t key[16]);		/* once per boot, before the first map is filled */
uint64_t map_hash(struct span);				/* SipHash-1-3 under the boot secret */
void	 map_fini(struct map *);
void	*map_get(const struct map *, struct span key);	/* NULL when absent */
/* Inserts or replaces; -E_NOMEM when the table cannot grow. value must not be NULL. */
int	 map_put(struct map *, struct span key, void *value) MUST_CHECK;
void	*map_del(struct map *, struct span key);	/* the value removed, or NULL */
/* Iteration: start with *pos = 0; false at the end. Deleting the current entry is allowed. */
bool	 map_next(const struct map *, uint32_t *pos, struct span *key, void **value);

/*
 * evict.h - which object leaves when room is needed: S3-FIFO (Yang et al., SOSP 2023), with regard to size.
 *
 * New objects enter a small queue that holds a tenth of the pages. Whoever was used there goes on to the main queue,
 * whoever was not leaves, and is remembered for a while: coming back, it enters the main queue at once. In the main
 * queue an object that was used goes round again. Big objects must be used more often for the same grace, since several
 * small ones could have their place.
 *
 * Of the keeper alone: nothing here is shared but the slots, whose heat it reads. No allocation after evict_init. Every
 * call takes constant time but evict_victim, which passes over what may stay.
 */
#pragma once
#include <stdbool.h>
#include "cache/slot.h"
#include "conf/base/err.h"

#define SLOT_NONE UINT32_MAX

struct evict_queue { uint32_t *ring, head, n; uint64_t pages; };
struct evict_item { uint32_t pages, hash; uint8_t place; };

struct evict {
	struct slot		*slots;		/* lent */
	struct evict_item	*items;		/* by slot */
	uint64_t		*ghosts;	/* who left the small queue, by hash */
	uint32_t		 n_slots, mask;	/* of the rings and of ghosts */
	struct evict_queue	 small, main, unused;
	uint64_t		 left;		/* pages that left so far: the ghosts' clock */
	uint32_t		 held;		/* objects in both queues */
};

/* -E_NOMEM. About 32 bytes a slot. Then evict_restore for each object there is, oldest first, then evict_ready. */
int	evict_init(struct evict *, struct slot *, uint32_t n_slots) MUST_CHECK;
void	evict_fini(struct evict *);
/* recent: into the small queue. False: no such slot, or it is taken. */
bool	evict_restore(struct evict *, uint32_t slot, uint32_t hash, uint32_t pages, bool recent);
void	evict_ready(struct evict *);

/* A slot for a new object of so many pages; hash is of its key. SLOT_NONE: all are taken, make room first. */
uint32_t evict_add(struct evict *, uint32_t hash, uint32_t pages);
/* The object was purged or replaced. Its slot is free once its turn in the queue has come. */
void	evict_remove(struct evict *, uint32_t slot);
/* Who leaves next, and has left: its slot is free. SLOT_NONE: nothing is stored. */
uint32_t evict_victim(struct evict *);

/*
 * slot.h - the shared memory that stands for one stored object: how often it was used, and whether its bytes are still
 * there. Workers count uses, which is all that a hit writes; the keeper does the rest.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { HEAT_MAX = 3 };

struct slot {
	_Atomic uint64_t id;		/* of the object that has the slot; 0: none */
	uint32_t	 reserved;
	_Atomic uint8_t	 heat;		/* uses since it was looked at last, at most HEAT_MAX */
	_Atomic uint8_t	 dead;		/* about to be deleted, or to be: read only what is pinned */
	_Atomic uint16_t checked;	/* chunks whose checksums were found right, from the first one on */
};

_Static_assert(sizeof(struct slot) == 16, "four to a cache line");

/* Lost counts do not matter, so this is no atomic addition, and mostly no write. */
static inline void
slot_use(struct slot *s)
{
	uint8_t heat = atomic_load_explicit(&s->heat, memory_order_relaxed);

	if (heat < HEAT_MAX)
		atomic_store_explicit(&s->heat, (uint8_t)(heat + 1), memory_order_relaxed);
}

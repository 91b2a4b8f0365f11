/*
 * fuzz_ring.c - a fill ring full of anything, read as the keeper does.
 *
 * The input is the positions and then the ring's bytes, repeated to its end. The reader comes to an end, never lends a
 * byte outside the ring, never a longer part or head than it promises, and gives back no more than there was.
 */
#include <stdlib.h>
#include "cache/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* the ring is filled with the input anyway */

static void
judge(const struct ring *r, const struct ring_record *rec)
{
	size_t most = rec->type == RING_DATA ? RING_PART : HEAD_MAX;

	if (rec->type < RING_BEGIN || rec->type > RING_EPOCH || rec->bytes.n > most)
		abort();
	if (rec->bytes.n > 0 &&
	    (rec->bytes.p < r->bytes || rec->bytes.p + rec->bytes.n > r->bytes + RING_LEAST))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		struct ring ring;
		char room[sizeof(struct ring) + RING_LEAST];
	} u;
	struct { uint64_t head, tail; } at;
	struct ring_record rec;
	struct ring_in in;
	unsigned records = 0;

	if (size <= sizeof at)
		return 0;
	memcpy(&at, data, sizeof at);
	data += sizeof at;
	size -= sizeof at;
	for (size_t i = 0; i < RING_LEAST; i += size)
		memcpy(u.ring.bytes + i, data, size < RING_LEAST - i ? size : RING_LEAST - i);
	u.ring.head = at.head;
	u.ring.tail = at.tail;
	ring_in_init(&in, &u.ring, RING_LEAST);
	for (; records <= RING_LEAST / 8 && ring_next(&in, &rec) == 1; records++)
		judge(&u.ring, &rec);
	if (records > RING_LEAST / 8 || ring_unread(&in) > RING_LEAST)
		abort();
	ring_done(&in);
	return 0;
}

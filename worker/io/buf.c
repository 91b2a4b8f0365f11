/*
 * Two free lists, one per usual size; other sizes go straight to malloc. Last freed, first taken: the memory
 * is likely still in the cache. Bytes of the previous user are never read by the next: r and w start at 0 and
 * only bytes received since then are visible.
 */
#include "worker/io/buf.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

static struct {
	struct buf	*idle;
	uint32_t	 size, count, keep;
} pools[] = {
	{ NULL, BUF_SMALL, 0, 256 },
	{ NULL, BUF_LARGE, 0, 128 },
};

struct buf *
buf_try_get(uint32_t size)
{
	struct buf *b = NULL;

	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		if (pools[i].size != size || pools[i].idle == NULL)
			continue;
		b = pools[i].idle;
		pools[i].idle = b->next;
		pools[i].count--;
		break;
	}
	if (b == NULL)
		b = malloc(sizeof *b + size);
	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->size = size;
	b->r = b->w = 0;
	return b;
}

void
buf_put(struct buf **bp)
{
	struct buf *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		if (pools[i].size != b->size || pools[i].count >= pools[i].keep)
			continue;
		b->next = pools[i].idle;
		pools[i].idle = b;
		pools[i].count++;
		return;
	}
	mem_note_freed(b->size);
	free(b);
}

struct buf *
buf_try_grow(struct buf **bp, uint32_t size)
{
	struct buf *from = *bp, *to;

	ASSERT(size >= buf_unread(from));
	to = buf_try_get(size);
	if (to == NULL)
		return NULL;
	to->w = buf_unread(from);
	memcpy(to->data, from->data + from->r, to->w);
	buf_put(bp);
	*bp = to;
	return to;
}

void
buf_compact(struct buf *b)
{
	uint32_t n = buf_unread(b);

	if (b->r == 0)
		return;
	memmove(b->data, b->data + b->r, n);
	b->r = 0;
	b->w = n;
}

void
buf_drain_pool(void)
{
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		while (pools[i].idle != NULL) {
			struct buf *b = pools[i].idle;

			pools[i].idle = b->next;
			free(b);
		}
		pools[i].count = 0;
	}
}

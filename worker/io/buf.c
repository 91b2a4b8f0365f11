/*
 * Two slabs, one per usual size; other sizes go straight to malloc. Last freed, first taken: the memory
 * is likely still in the cache. Bytes of the previous user are never read by the next: r and w start at 0 and
 * only bytes received since then are visible.
 */
#include "worker/io/buf.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

static struct slab small_slab = SLAB_SIZED("buffer", sizeof(struct buf) + BUF_SMALL, 256);
static struct slab large_slab = SLAB_SIZED("large buffer", sizeof(struct buf) + BUF_LARGE, 128);

/* NULL: an unusual size. */
static struct slab *
slab_of(uint32_t size)
{
	return size == BUF_SMALL ? &small_slab : size == BUF_LARGE ? &large_slab : NULL;
}

struct buf *
buf_try_get(uint32_t size)
{
	struct slab *s = slab_of(size);
	struct buf *b = s != NULL ? slab_try_get(s) : malloc(sizeof *b + size);

	if (b == NULL)
		return NULL;
	b->size = size;
	b->r = b->w = 0;
	return b;
}

void
buf_put(struct buf **bp)
{
	struct buf *b = *bp;
	struct slab *s;

	*bp = NULL;
	if (b == NULL)
		return;
	s = slab_of(b->size);
	if (s != NULL) {
		slab_put(s, b);
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
	slab_drain(&small_slab);
	slab_drain(&large_slab);
}

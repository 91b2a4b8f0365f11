/*
 * buf.h - read buffers: a block of bytes with two cursors, taken from a per-process free list while in use.
 *
 *	data      r            w            size
 *	 | dealt with | unread data | free    |
 */
#pragma once
#include "conf/base/span.h"

#define BUF_SMALL	(16u << 10)	/* heads of requests */
#define BUF_LARGE	(64u << 10)	/* bodies, and everything from upstream */

struct buf {
	uint32_t	 size, r, w;
	char		 data[];
};

/* r = w = 0; size BUF_SMALL, BUF_LARGE or any other; NULL: no memory. */
struct buf *buf_try_get(uint32_t size) MUST_CHECK;
void	buf_put(struct buf **);				/* NULLs it; accepts NULL */
/* A larger copy (unread bytes first); NULL when memory is out, the old one is then untouched. */
struct buf *buf_try_grow(struct buf **, uint32_t size) MUST_CHECK;
static inline struct span buf_span(const struct buf *b) { return span_make(b->data + b->r, b->w - b->r); }
static inline uint32_t buf_unread(const struct buf *b) { return b->w - b->r; }
static inline uint32_t buf_room(const struct buf *b) { return b->size - b->w; }
void	buf_compact(struct buf *);			/* moves unread bytes to the front */
void	buf_drain_pool(void);				/* frees the idle ones */

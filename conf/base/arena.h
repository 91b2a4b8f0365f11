/*
 * arena.h - memory of one lifetime, released whole.
 *
 * The first block is part of the arena's owner or comes from a slab; further blocks are malloc'ed.
 * arena_try_alloc returns NULL when memory or the cap is out. Pointers live until arena_reset/arena_fini.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "conf/base/err.h"
#include "conf/base/span.h"

struct arena_block;
struct arena {
	char			*at, *end;	/* free part of the current block */
	struct arena_block	*more;		/* malloc'ed blocks, newest first */
	char			*first;		/* the lent first block (may be NULL) and its size */
	size_t			 first_size;
	size_t			 total, cap;	/* bytes in malloc'ed blocks; cap on them, 0 = none */
};

void	 arena_init(struct arena *, void *first, size_t size, size_t cap);	/* first is lent, may be NULL */
void	 arena_reset(struct arena *);			/* back to the first block, the others freed */
void	 arena_fini(struct arena *);			/* as reset; the arena must not be used afterwards */
void	*arena_try_alloc(struct arena *, size_t n) MUST_CHECK;	/* 16-byte aligned, not zeroed */
void	*arena_try_zalloc(struct arena *, size_t n) MUST_CHECK;	/* zeroed */
void	*arena_alloc(struct arena *, size_t n);		/* zeroed, aborts when out: configuration only */
char	*arena_strdup(struct arena *, const char *);	/* aborts when out: configuration only */
/* Copies bytes and appends a NUL; returns a span with p == NULL when memory is out. */
struct span arena_try_copy(struct arena *, struct span) MUST_CHECK;
struct span arena_try_printf(struct arena *, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;

/*
 * arena.c - bump allocation with a list of blocks behind it.
 *
 *	first (lent)   [####....]		at..end is the free part of the block in use;
 *	more --> [##########....] --> [####]	blocks are only walked to free them
 *
 * A new block becomes the one in use only if it leaves more room than the old one had: a single
 * large allocation does not waste what is left. The cap counts malloc'ed bytes, block heads
 * included.
 */
#include "conf/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define ALIGN ((size_t)16)
#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)65536)

struct arena_block {
	_Alignas(16) struct arena_block *next;
	size_t size;
};

/* The first 16-byte boundary at or behind p, no further than end. */
static char *
align_up(char *p, const char *end)
{
	size_t skip = (ALIGN - (uintptr_t)p % ALIGN) % ALIGN;

	return skip > (size_t)(end - p) ? p + (end - p) : p + skip;
}

static void
use_first(struct arena *a)
{
	a->at = a->end = a->first;
	if (a->first != NULL) {
		a->end += a->first_size;
		a->at = align_up(a->first, a->end);
	}
}

void
arena_init(struct arena *a, void *first, size_t size, size_t cap)
{
	*a = (struct arena){ .first = first, .first_size = first == NULL ? 0 : size, .cap = cap };
	use_first(a);
}

void
arena_reset(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->more; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->more = NULL;
	a->total = 0;
	use_first(a);
}

void
arena_fini(struct arena *a)
{
	arena_reset(a);
	*a = (struct arena){ .cap = 0 };
}

/* The size of the next block that holds n aligned bytes, or 0 when the cap forbids it. */
static size_t
block_size(const struct arena *a, size_t n)
{
	size_t need = n + sizeof(struct arena_block), size;

	size = a->total < BLOCK_MIN ? BLOCK_MIN : a->total > BLOCK_MAX ? BLOCK_MAX : a->total;
	if (size < need)
		size = need;
	if (a->cap == 0)
		return size;
	if (need > a->cap - a->total)
		return 0;
	return size > a->cap - a->total ? need : size;
}

/* n is aligned; returns the start of n bytes in a block of its own or in the new block in use. */
static void *
alloc_more(struct arena *a, size_t n)
{
	size_t size = block_size(a, n);
	struct arena_block *b;
	char *p;

	if (size == 0 || (b = malloc(size)) == NULL)
		return NULL;
	b->next = a->more;
	b->size = size;
	a->more = b;
	a->total += size;
	p = (char *)(b + 1);
	if (a->at == NULL || size - sizeof *b - n > (size_t)(a->end - a->at)) {
		a->at = p + n;
		a->end = (char *)b + size;
	}
	return p;
}

void *
arena_try_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = n == 0 ? ALIGN : (n + ALIGN - 1) / ALIGN * ALIGN;
	if (a->at == NULL || n > (size_t)(a->end - a->at))
		return alloc_more(a, n);
	p = a->at;
	a->at += n;
	return p;
}

void *
arena_try_zalloc(struct arena *a, size_t n)
{
	void *p = arena_try_alloc(a, n);

	return p == NULL ? NULL : memset(p, 0, n);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p = arena_try_zalloc(a, n);

	if (p == NULL && mem_again(n))
		p = arena_try_zalloc(a, n);
	if (p == NULL)
		mem_out(n);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

struct span
arena_try_copy(struct arena *a, struct span s)
{
	char *p = s.n == SIZE_MAX ? NULL : arena_try_alloc(a, s.n + 1);

	if (p == NULL)
		return SPAN_NONE;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return span_make(p, s.n);
}

struct span
arena_try_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (p = arena_try_alloc(a, (size_t)n + 1)) == NULL)
		return SPAN_NONE;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return span_make(p, (size_t)n);
}

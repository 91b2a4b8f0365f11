/*
 * mem.c - allocation that cannot fail, and slabs that can.
 *
 * mem_* end the process when memory is out; the master lets a child do that work first, and has a reserve: a block that
 * is freed when malloc fails for the first time, which then is asked once more. A slab
 * keeps up to `keep` freed objects linked through their first word. Under AddressSanitizer the
 * rest of an idle object is poisoned, so that a use after slab_put is found although the memory
 * never went back to malloc.
 */
#include "conf/base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#if defined(WITH_ASAN) && __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif
#include "conf/base/assert.h"
#include "conf/base/log.h"

#define TRIM_AFTER	(1u << 20)
#define GENTLY		(256u << 10)	/* a multiple of any page's size; takes the kernel some 50 us */

static size_t freed;		/* bytes given back to malloc since it last gave pages back */
static struct slab *slabs;	/* that ever took from malloc; static objects, so they stay */

struct slab_free {
	struct slab_free *next;
};

/* --------------------------------------------------------------- reserve */

static void *reserve;
static size_t reserve_size;

bool
mem_reserve(size_t n)
{
	if (reserve != NULL && reserve_size == n)
		return true;
	free(reserve);
	reserve = n == 0 ? NULL : malloc(n);
	reserve_size = n;
	return n == 0 || reserve != NULL;
}

bool
mem_headroom(size_t n)
{
	void *volatile p = malloc(n); /* volatile: a compiler may leave out a malloc that is only freed */

	free(p);
	return p != NULL;
}

bool
mem_again(size_t n)
{
	if (reserve == NULL)
		return false;
	free(reserve);
	reserve = NULL;
	log_write(LOG_WARN,
	    "out of memory: %zu bytes came from the reserve; raise the limit of memory", n);
	return true;
}

void
mem_out(size_t n)
{
	log_write(LOG_ERROR,
	    "out of memory: no %zu bytes more; raise the limit of memory, or lower "
	    "process.connections and process.workers",
	    n);
	_exit(EXIT_FAILURE);
}

void *
mem_try_alloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL && mem_again(n))
		p = malloc(n);
	return p;
}

/* ------------------------------------------------------------- what ends */

void *
mem_alloc(size_t n)
{
	return mem_array(1, n);
}

void *
mem_array(size_t count, size_t size)
{
	void *p;

	if (count == 0 || size == 0)
		count = size = 1;
	p = calloc(count, size);
	if (p == NULL && mem_again(count * size))
		p = calloc(count, size);
	if (p == NULL)
		mem_out(count * size);
	return p;
}

void *
mem_grow(void *p, size_t n)
{
	void *q;

	if (n == 0)
		n = 1;
	q = realloc(p, n);
	if (q == NULL && mem_again(n))
		q = realloc(p, n);
	if (q == NULL)
		mem_out(n);
	return q;
}

char *
mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_alloc(n), s, n);
}

void
mem_free(void *p)
{
	free(p);
}

void
mem_free_gently(void *p, size_t n)
{
	uintptr_t at = ((uintptr_t)p + GENTLY - 1) & ~(uintptr_t)(GENTLY - 1);
	uintptr_t end = (uintptr_t)p + n;

	for (; p != NULL && at < end && end - at >= GENTLY; at += GENTLY)
		(void)madvise((void *)at, GENTLY, MADV_DONTNEED);
	free(p);
}

void
mem_unmap_gently(void *p, size_t n)
{
	for (size_t at = 0; at < n; at += GENTLY)
		(void)munmap((char *)p + at, n - at < GENTLY ? n - at : GENTLY);
}

void
mem_note_freed(size_t n)
{
	freed += n;
}

/* Bytes behind the link of an idle object. */
static size_t
slab_rest(const struct slab *s)
{
	return s->size > sizeof(struct slab_free) ? s->size - sizeof(struct slab_free) : 0;
}

static void *
slab_pop(struct slab *s)
{
	struct slab_free *f = s->free_list;

	s->free_list = f->next;
	if (--s->idle < s->least)
		s->least = s->idle;
	ASAN_UNPOISON_MEMORY_REGION(f + 1, slab_rest(s));
	return f;
}

static void *
slab_more(struct slab *s)
{
	if (!s->known) {
		s->known = true;
		s->next = slabs;
		slabs = s;
	}
	return malloc(sizeof(struct slab_free) + slab_rest(s));
}

void *
slab_try_get(struct slab *s)
{
	void *p = s->free_list != NULL ? slab_pop(s) : slab_more(s);

	if (p != NULL)
		s->used++;
	return p;
}

void
slab_put(struct slab *s, void *p)
{
	struct slab_free *f = p;

	if (p == NULL)
		return;
	ASSERT(s->used > 0);
	s->used--;
	if (s->idle >= s->keep) {
		free(p);
		mem_note_freed(s->size);
		return;
	}
	f->next = s->free_list;
	s->free_list = f;
	s->idle++;
	ASAN_POISON_MEMORY_REGION(f + 1, slab_rest(s));
}

void
slab_drain(struct slab *s)
{
	while (s->free_list != NULL)
		free(slab_pop(s));
}

/* What lay idle the whole time goes; what is idle now may go next time. */
static void
slab_trim(struct slab *s)
{
	for (uint32_t n = s->least; n > 0; n--) {
		free(slab_pop(s));
		mem_note_freed(s->size);
	}
	s->least = s->idle;
}

bool
mem_trim(void)
{
	bool more = false;

	(void)mem_reserve(reserve_size);
	for (struct slab *s = slabs; s != NULL; s = s->next) {
		slab_trim(s);
		more |= s->idle > 0;
	}
	if (freed < TRIM_AFTER)
		return more;
	freed = 0;
	(void)malloc_trim(0);
	return more;
}

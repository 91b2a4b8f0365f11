/*
 * mem.h - checked allocation for start-up and configuration, and named slabs for hot objects.
 *
 * mem_* end the process when memory is out, in one line of the log and with exit code 1: a start fails, a child is
 * replaced. Neither the master nor a worker that serves may end for a verb or a reload: they lay up a reserve, which
 * the first failure of mem_* spends, so that what has begun comes to its end. What a connection or a request needs
 * comes from slab_try_get or arena_try_alloc, which return NULL: answer 503 or close.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conf/base/err.h"

void	*mem_alloc(size_t n);			/* zeroed; free with mem_free */
void	*mem_array(size_t count, size_t size);	/* zeroed, overflow checked */
void	*mem_grow(void *p, size_t n);		/* realloc, or the end */
char	*mem_strdup(const char *);
void	 mem_free(void *);

/*
 * free() for n bytes that may be many megabytes, in a process that must never hold a core for long: pages go back to
 * the system bit by bit, so that whoever waits for the core gets it between two of them.
 */
void	 mem_free_gently(void *p, size_t n);
/* The same for a mapping. */
void	 mem_unmap_gently(void *p, size_t n);

/*
 * The reserve: n bytes laid up, which mem_again gives back to malloc when an allocation of n failed; true: try it once
 * more. mem_reserve fills it up when it was spent, and so does mem_trim; 0 gives it up. A forked child inherits it.
 */
bool	 mem_reserve(size_t n);			/* false: cannot be had now */
bool	 mem_again(size_t n);
void	*mem_try_alloc(size_t n) MUST_CHECK;	/* malloc with the reserve behind it, for libraries that take one */
_Noreturn void mem_out(size_t n);		/* how mem_* end: n bytes could not be had */

/*
 * Whether n bytes more could be had just now. Asked before work whose library does not look at what malloc gives it
 * (libconfig 1.5): refuse the work instead.
 */
bool	 mem_headroom(size_t n);

/*
 * After a burst malloc keeps what was freed between objects that stayed, and slabs keep idle objects. Whoever frees
 * big or many objects notes it; mem_trim, called now and then, frees the idle objects that nobody needed since the
 * last call, and hands whole free pages back to the system once it is worth it. true: there is more to give back, at
 * the earliest by the next call.
 */
void	 mem_note_freed(size_t n);
bool	 mem_trim(void);

/* A slab hands out objects of one size from a free list and counts them; one process, no locks. It is static. */
struct slab {
	const char	*name;		/* shown to operators */
	size_t		 size;		/* bytes of one object */
	uint32_t	 keep;		/* free objects kept for reuse; more go back to malloc */
	uint32_t	 used, idle;	/* objects handed out, objects on the free list */
	uint32_t	 least;		/* idle ones since the last mem_trim, at the least: so many are not needed */
	bool		 known;		/* to mem_trim */
	void		*free_list;
	struct slab	*next;		/* of those known */
};
#define SLAB_INIT(n, type, k)	SLAB_SIZED(n, sizeof(type), k)
#define SLAB_SIZED(n, s, k)	{ .name = (n), .size = (s), .keep = (k) }

void	*slab_try_get(struct slab *) MUST_CHECK;	/* contents undefined; NULL when memory is out */
void	 slab_put(struct slab *, void *);
void	 slab_drain(struct slab *);			/* frees the idle ones */

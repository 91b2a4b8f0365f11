/*
 * loop.h - one epoll loop: descriptors (edge-triggered, registered once), deadlines, work for later.
 *
 * A turn: wait, read the clock once, run the events, run posted tasks, fire deadlines, free what was deferred,
 * call the end-of-turn hooks. Anything an event may still name is freed with loop_defer_free.
 */
#pragma once
#include <stdatomic.h>
#include "conf/base/err.h"
#include "conf/base/list.h"
#include "worker/io/timer.h"

struct loop;
/* A descriptor's place in the loop, embedded in its owner. events: EPOLL* bits. */
struct loop_source {
	int	fd;			/* -1: not registered */
	void	(*ready)(struct loop_source *, uint32_t events);
};
/* Work to be done later in this turn, or at the start of the next when posted from a task. Idempotent. */
struct loop_task { struct list_node node; void (*run)(struct loop_task *); };
/* Work to be done LOOP_LATE_MS from now if it is still wanted, mostly it is not: a queue, cheaper than a timer. */
struct loop_late { struct list_node node; int64_t due; void (*run)(struct loop_late *); };
#define LOOP_LATE_MS	10
/* A place in the list of what is freed at the end of the turn, embedded in what is to be freed. */
struct loop_garbage { struct loop_garbage *next; void (*free_f)(struct loop_garbage *); };
struct loop_hook { struct loop_hook *next; void (*turn_end)(struct loop_hook *); };

struct loop {
	int		epoll;
	bool		stop;
	int64_t		now_ms;		/* monotonic, read once per turn */
	uint64_t	now_us;		/* the same instant in microseconds */
	int64_t		wall_s;		/* wall clock seconds of this turn */
	uint64_t	wall_us;
	struct timers	timers;
	struct list	tasks;
	struct list	late;
	struct loop_garbage *garbage;
	struct loop_hook *hooks;
	_Atomic uint64_t *beat_ms;	/* heartbeat words in shared memory, or NULL */
	_Atomic uint32_t *asleep;
	uint64_t	turns;
	bool		behind;		/* more waits than a source took: set anew in every turn it does */
	uint64_t	emptied_us;	/* when the kernel last had no event that was not taken */
	uint64_t	lag_us;		/* of this turn: how long its events may have waited, at most */
};

int	loop_init(struct loop *, struct errdetail *) MUST_CHECK;
void	loop_fini(struct loop *);
void	loop_run(struct loop *);		/* until loop->stop */
void	loop_turn(struct loop *, int max_wait_ms);	/* one turn; for tests */

/* events: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET …; -E_SYS. */
int	loop_add(struct loop *, struct loop_source *, int fd, uint32_t events) MUST_CHECK;
int	loop_mod(struct loop *, struct loop_source *, uint32_t events) MUST_CHECK;
/* Leaves epoll. Needed before close only when another process or dup still holds the file. */
void	loop_remove(struct loop *, struct loop_source *);
void	loop_post(struct loop *, struct loop_task *);
void	loop_unpost(struct loop *, struct loop_task *);		/* before the task's memory goes */
void	loop_later(struct loop *, struct loop_late *);		/* idempotent: due as asked for first */
void	loop_never(struct loop *, struct loop_late *);		/* before its memory goes */
/* free_f(g) at the end of this turn, after every event that may still name its owner. */
void	loop_defer_free(struct loop *, struct loop_garbage *g, void (*free_f)(struct loop_garbage *));
void	loop_hook_add(struct loop *, struct loop_hook *);

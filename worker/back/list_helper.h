/*
 * list_helper.h - a child of the agent that does one job while workers come first.
 *
 * It is a fork of the agent: it parses what others wrote, needs memory for a short while, and may die of either, which
 * is an answer too. It says something through its end of a pipe of messages; the end of that pipe is its own.
 */
#pragma once
#include <sys/types.h>
#include "worker/io/loop.h"

struct list_helper;

/* In the child. pipe: its end, for wire_send. Returns what it exits with. */
typedef int list_job_f(void *owner, int pipe);
/* The child's first message; buf is lent, fd (or -1) is closed behind the call. */
typedef void list_said_f(void *owner, const char *buf, size_t len, int fd);
/* It is gone, having said nothing: why; or else NULL. late: it was killed for the time it took. May start the next. */
typedef void list_ended_f(void *owner, const char *why, bool late);

struct list_helper {
	struct loop	*loop;
	void		*owner;
	list_said_f	*said;
	list_ended_f	*ended;
	struct loop_source pipe;	/* fd -1: its end has come, or none is at work */
	struct timer	timer;
	pid_t		pid;		/* 0: none at work */
	bool		told, late;
};

enum list_weight {
	LIST_GENTLE,	/* only where a core has nothing else to do: never, if that never happens */
	LIST_FIRM	/* a small share even where every core is busy */
};

void	list_helper_init(struct list_helper *, struct loop *, void *owner, list_said_f *, list_ended_f *);
/* Ends one at work, and waits for it. */
void	list_helper_fini(struct list_helper *);
static inline bool list_helper_busy(const struct list_helper *h) { return h->pid != 0; }
/* -E_SYS: it could not be started; nothing is called. It is killed after max_ms. */
int	list_helper_start(struct list_helper *, enum list_weight, int64_t max_ms, list_job_f *) MUST_CHECK;

/*
 * cycle.h - from one generation to the next, without a request lost or an unfinished configuration in force.
 *
 *   IDLE -> WAITING (an older generation still drains) -> JUDGING (child) -> STARTING (new workers) -> swap -> IDLE
 *
 * What served before is taken again without JUDGING (config rollback, a reload that was not confirmed).
 *
 * Every failure on the way keeps the serving generation. One reload runs, one may wait; a newer request
 * replaces the waiting one, which is told so.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/span.h"
#include "conf/load.h"
#include "master/history.h"
#include "master/judge.h"

struct master;
struct generation;
struct conf;

struct verdict {
	bool		ok;
	unsigned	generation;	/* the one that serves now */
	unsigned	changes;
	const char	*error;		/* NULL when ok */
	const char	*text;		/* what changed, or the problems; lines; lent */
	int64_t		waited_ms;	/* for an older generation or reload */
};
typedef void cycle_verdict_f(void *owner, const struct verdict *);

enum cycle_state { CYCLE_IDLE, CYCLE_WAITING, CYCLE_JUDGING, CYCLE_STARTING };

/* What is asked for, and by whom. A diff ends after JUDGING. */
struct reload {
	cycle_verdict_f	*done;		/* may be NULL; called once, unless the owner is forgotten first */
	void		*owner;
	char		by[HISTORY_BY];	/* for the history: "SIGHUP", "reload by user 0" */
	int64_t		confirm_ms;	/* to be confirmed within, see confirm.h; 0: no need */
	unsigned	take;		/* a number of the history, taken as it is, unjudged; 0: the file */
	bool		urgent;		/* does not wait for older generations to drain */
	bool		diff;
	bool		waited;		/* the cycle's own, from here on */
	int64_t		asked_ms, began_ms;
};

struct cycle {
	enum cycle_state state;
	struct generation *next;	/* STARTING: the one that starts */
	struct conf_source source;	/* JUDGING: the bytes */
	struct judge	judge;
	struct judgement judgement;
	struct timer	timer;		/* WAITING: ask again; JUDGING: enough */
	struct reload	now, pending;
	bool		has_pending;
	unsigned	numbers;	/* the last generation number given */
	char		last[256];	/* the last verdict in a line, for status */
};

void	cycle_init(struct master *);
void	cycle_fini(struct master *);
/* Takes conf: the first generation; its verdict is the start-up's. */
int	cycle_first(struct master *, struct conf *, struct errdetail *) MUST_CHECK;
/* Copies. done is called perhaps before this returns. */
void	cycle_reload(struct master *, const struct reload *);
void	cycle_forget(struct master *, const void *owner);
void	cycle_abort(struct master *, const char *why);		/* the master stops */

/* What supervision reports. */
void	cycle_listed(struct master *, struct generation *);	/* the images of its lists are there */
bool	cycle_starting(const struct master *, const struct generation *);
void	cycle_ready(struct master *, struct generation *);
void	cycle_failed(struct master *, struct generation *, const char *role, struct span why);
void	cycle_judged(struct master *, pid_t, int status);	/* a process that is no child of a seat ended */
void	cycle_freed(struct master *);				/* an older generation is gone */
void	cycle_logger_left(struct master *);			/* as it was told */

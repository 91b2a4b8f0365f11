/*
 * judge.h - a configuration is parsed and checked in a throw-away child before the master touches it.
 *
 * The child may crash, loop or eat memory: all of that is a judgement ("rejected"), none of it an outage.
 */
#pragma once
#include <sys/types.h>
#include "conf/load.h"
#include "worker/io/loop.h"

#define JUDGE_SECONDS	15		/* of wall time; 10 of processor time */

struct judge {
	struct loop_source source;	/* the answer's pipe; fd -1: none */
	pid_t		pid;		/* 0: none */
	bool		ended, reaped;	/* the answer is complete; the child is gone */
	int		status;
	struct str	answer;
};

struct judgement {
	unsigned	errors, warnings, changes;
	struct str	problems;	/* one line each */
	struct str	diff;		/* against the running configuration, one line each */
	char		restart[400];	/* why it needs a restart; "" when it does not */
};

/* Forks the child. Answer and death may come in any order: judge_finish when both are there. */
int	judge_start(struct judge *, const struct conf_source *, const struct conf *current, struct errdetail *)
	    MUST_CHECK;
void	judge_read(struct judge *);	/* what is there now */
void	judge_kill(struct judge *);
/* -E_X when the child failed to judge. The judge is empty afterwards; judgement_fini frees the judgement. */
int	judge_finish(struct judge *, struct judgement *, struct errdetail *) MUST_CHECK;
void	judgement_fini(struct judgement *);

/* All of it at once, for start-up and -t. */
int	judge_now(const struct conf_source *, struct judgement *, struct errdetail *) MUST_CHECK;

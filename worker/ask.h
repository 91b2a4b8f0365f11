/*
 * ask.h - what the master asks this worker (LINK_ASK), answered from the end of a loop turn (LINK_TELL).
 *
 * The verbs stand in ask_tbl.h. A verb's function answers at once, keeps the ask and answers later, or has itself
 * called again in the next turn; it never blocks. An ask is over, and gone, with ask_answer or ask_refuse; those left
 * when the worker ends are dropped.
 */
#pragma once
#include "conf/base/json.h"
#include "conf/base/wire.h"
#include "worker/req/ctx.h"

struct ask {
	struct list_node node;
	struct asks	*all;
	struct ctx	*x;
	uint32_t	ticket;
	unsigned	verb;		/* row of ask_tbl.h */
	struct json	*args;		/* until the verb has run */
	/* the verb's own, 0 when it runs first: for one that goes on in later turns */
	uint64_t	from, last;
	int64_t		count;
};
/* args: an object, lent for the call. */
typedef void ask_f(struct ask *, const struct json *args);

/* The verb runs once more in the next turn: what takes long is done in pieces. */
void	ask_continue(struct ask *, const struct json *args);
void	ask_answer(struct ask *, struct json *data);		/* takes data; the ask is over */
void	ask_refuse(struct ask *, const char *why);		/* the ask is over */

#define ASK(verb, run) ask_f run;
#include "worker/ask_tbl.h"
#undef ASK

/* For worker.c. */
struct asks { struct ctx *x; struct list waiting, open; struct loop_task wake; };
void	asks_init(struct asks *, struct ctx *);
void	asks_fini(struct asks *);		/* behind everything a verb may wait for */
void	asks_take(struct asks *, struct wire *);	/* a LINK_ASK, behind its type */
void	asks_run(struct asks *);		/* end of turn: those that came */

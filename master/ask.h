/*
 * ask.h - questions to workers and the answers they send: for what no segment holds.
 *
 * A question goes out as LINK_ASK to one worker or several, and its asker hears once: when every worker has
 * answered or died, or when the time is over.
 */
#pragma once
#include "conf/base/json.h"
#include "conf/base/list.h"

#define ASK_MS	2000	/* what a worker is given by default */

struct master;
struct child;
struct wire;

enum ask_whom {
	ASK_ONE,		/* a ready worker of the generation that serves */
	ASK_CURRENT,		/* all of them */
	ASK_ALL			/* and those of older generations, that drain */
};

/*
 * answers: an array, one element a worker: {"pid", "slot", "lane", "generation", "data": ...}, or "error": why in
 * the place of data. Empty when there was nobody to ask. Taken.
 */
typedef void ask_done_f(void *owner, struct json *answers);

/*
 * verb: of worker/ask_tbl.h. args (an object, NULL: none) is taken. The callback comes once, perhaps before this
 * returns, unless the owner is forgotten first.
 */
void	ask_workers(struct master *, enum ask_whom, const char *verb, struct json *args, int64_t limit_ms, ask_done_f *,
	    void *owner);
void	ask_forget(struct master *, const void *owner);

struct ask_desk { struct list questions; uint32_t tickets; };
void	ask_init(struct master *);
void	ask_fini(struct master *);
/* What supervision reports. fd is what came with the message, or -1; the caller closes it. */
void	ask_told(struct child *, struct wire *, int fd);	/* LINK_TELL */
void	ask_left(struct child *);				/* it is dead */

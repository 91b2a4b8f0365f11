/*
 * list_store.h - the compiled lists: kept by the master for workers that come later and for later generations, and
 * handed to every worker when they change.
 *
 * A list is known by everything its image depends on (file, kind, syntax, match, limits), so that a reload finds the
 * image it needs. A generation starts its workers when each of its lists has an image of the file as it is; while it
 * serves, a file that vanishes or breaks leaves the image as it was.
 */
#pragma once
#include "conf/base/json.h"
#include "conf/base/list.h"

struct child;
struct conf;
struct generation;
struct master;
struct wire;

struct list_store { struct list entries, reloads; uint32_t serials; };

void	list_store_init(struct master *);
void	list_store_fini(struct master *);

/* A generation is about to start: which of its lists have to be compiled first. */
int	list_store_plan(struct master *, struct generation *) MUST_CHECK;	/* -E_NOMEM */
bool	list_store_ready(const struct generation *);
/* A generation is gone, and what only it used. */
void	list_store_drop(struct master *);

/* What supervision reports. */
void	list_store_greet(struct child *);	/* a worker or an agent was forked */
void	list_store_left(struct child *);	/* it is dead */
void	list_store_want(struct child *, struct wire *);			/* LINK_LIST_WANT */
void	list_store_done(struct child *, struct wire *, int fd);		/* LINK_LIST_DONE; the caller closes fd */
void	list_store_taken(struct child *, struct wire *);		/* LINK_LIST_TAKEN */
void	list_store_tick(struct master *);	/* what could not be sent is sent again */

/* An array, one element a list: see list_reload.c. Of the generation that serves. */
struct json *list_store_json(const struct master *);

/*
 * Takes the named list anew, or all (NULL), whether its file looks changed or not. done comes once, when every worker
 * judges by what came of it: an array as above with "error" where the old image stays; unless the owner is forgotten
 * first. -E_UNKNOWN: there is no such list.
 */
typedef void list_reload_f(void *owner, struct json *lists);
int	list_store_reload(struct master *, const char *name, list_reload_f *done, void *owner, struct errdetail *)
	    MUST_CHECK;
void	list_store_forget(struct master *, const void *owner);

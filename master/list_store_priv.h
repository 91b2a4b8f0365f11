/*
 * list_store_priv.h - an entry of the store, for the store and for who asks it to take lists anew.
 */
#pragma once
#include "master/list_store.h"
#include "worker/shared/list_link.h"

struct list_entry {
	struct list_node node;		/* in master.lists.entries */
	char		*name, *path;
	struct conf_list like;		/* its numbers; the texts belong to a configuration */
	int		image;		/* -1: there is none yet */
	int		old;		/* the image before, until every worker has left it; -1: none */
	uint32_t	serial;		/* of the image */
	struct list_report report;	/* of the image */
	uint64_t	since_ms;	/* monotonic: in force */
	struct list_stamp stamp;	/* of the file the image was made from */
	struct list_stamp tried;	/* of the file that was compiled last, whatever came of it */
	struct child	*busy;		/* the agent that has it compiled */
	bool		again;		/* to be compiled (once more) */
	uint32_t	rounds;		/* tries that ended */
	char		trouble[320];	/* why the image is not of the file as it is; "" */
};

struct list_entry *list_entry_find(const struct master *, const struct conf_list *);
void	list_entry_compile(struct list_entry *, struct child *agent);	/* NULL, or busy: later */
bool	list_entry_taken(const struct master *, const struct list_entry *);	/* by every worker */

/* list_reload.c */
void	list_reload_step(struct master *);	/* something ended: who waited for it is told */
void	list_reload_drop(struct master *, const struct list_entry *);	/* it is about to go */
void	list_reload_fini(struct master *);

/*
 * list_store_priv.h - an entry of the store, for the files that move it on and for who asks to take lists anew.
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

#define LIST_BIT(i) ((uint64_t)1 << (i))	/* in the sets of a child and of a generation */

/* list_store.c */
struct list_entry *list_entry_find(const struct master *, const struct conf_list *);	/* NULL: none */
struct list_entry *list_entry_at(const struct child *, uint32_t index);	/* as its generation counts lists; or NULL */
int	list_entry_index(const struct generation *, const struct list_entry *);	/* -1: not one of its lists */
/* Closes the image before this one; the agent does so last. */
void	list_entry_let_go(const struct master *, struct list_entry *);
struct child *list_agent_of(const struct generation *);	/* NULL: none lives */

/* list_source.c */
void	list_entry_compile(struct list_entry *, struct child *agent);	/* NULL, or busy: later */
void	list_source_greet(struct child *agent);

/* list_offer.c */
void	list_offer_greet(struct child *worker);
void	list_offer_all(struct master *, const struct list_entry *);	/* a new image */
void	list_offer_tick(struct master *);	/* sends what could not be sent */
bool	list_entry_taken(const struct master *, const struct list_entry *);	/* by every worker */

/* list_reload.c */
void	list_reload_step(struct master *);	/* something ended: who waited for it is told */
void	list_reload_drop(struct master *, const struct list_entry *);	/* it is about to go */
void	list_reload_fini(struct master *);

/*
 * node.h - a parsed configuration before it has a meaning: what libconfig read, without libconfig.
 *
 * Nodes live in the arena given to node_parse. Strings have their ${NAME} already replaced.
 */
#pragma once
#include "conf/load.h"

enum node_type { NODE_GROUP, NODE_LIST, NODE_STR, NODE_INT, NODE_REAL, NODE_BOOL };

#define NODE_DEPTH	24		/* groups and lists in one another; the deepest key of ours is at 6 */

struct node {
	enum node_type	 type;
	const char	*name;		/* NULL in a list */
	struct conf_pos	 at;
	struct node	*kids;		/* of a group or a list, in the order written */
	unsigned	 nkids;
	union { const char *text; int64_t num; double real; bool on; } is;
};

/* The root group, or NULL with a problem added. With src->lines NULL every position is line 0: built in. */
struct node *node_parse(const struct conf_source *src, struct arena *, struct conf_problems *);
struct node *node_get(const struct node *group, const char *name);	/* NULL when absent, or group is NULL */
const char *node_type_text(const struct node *);			/* "a group { … }", "a string", … */

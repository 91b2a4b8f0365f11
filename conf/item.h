/*
 * item.h - a configuration section as a table of items, and the walker that fills a struct from it.
 *
 * The same table gives the parser, the defaults, the bounds, the printed form, the differences between two
 * configurations and the reference. An item says where its value lives in the section's struct; a group of
 * items may live in the same struct (at 0), so that the file can be nested where the struct is flat.
 */
#pragma once
#include <stddef.h>
#include "conf/node.h"

enum item_type {
	ITEM_BOOL,		/* bool */
	ITEM_INT,		/* int64_t */
	ITEM_MSEC,		/* int64_t, from "10s" */
	ITEM_SIZE,		/* int64_t, from "64KiB" */
	ITEM_PERCENT,		/* double, from "20%" or 0.2 */
	ITEM_STR,		/* const char * */
	ITEM_CHOICE,		/* const char *, one of `names` */
	ITEM_ENUM,		/* enum, the index in `names` */
	ITEM_STRS,		/* struct conf_strs; one string is a list of one */
	ITEM_CIDRS,		/* struct conf_cidrs */
	ITEM_HEADERS,		/* struct conf_headers, from { Name = "value"; } */
	ITEM_REGEXES,		/* struct conf_regexes, as ITEM_STRS */
	ITEM_CONDITIONS,	/* struct conf_conditions, from { Name = "regex"; } or [ "NAME=regex" ] */
	ITEM_GROUP,		/* items of `sub`, at `at` */
	ITEM_LIST,		/* ( { … }, … ): array pointer at `at`, unsigned count at `count` */
	ITEM_MAP,		/* { name = { … }; … }: as a list; the key is the first item of `sub` */
};

enum {
	ITEM_REQUIRED	= 1 << 0,
	ITEM_OPTIONAL	= 1 << 1,	/* a group: all zero when absent; its first item is a number, not 0 if there */
	ITEM_NONEMPTY	= 1 << 2,	/* a string: "" is refused */
	ITEM_INHERIT	= 1 << 3,	/* a number, or a bool that is an int8_t: -1 when absent */
	ITEM_RESTART	= 1 << 4,	/* a change needs a restart */
	ITEM_ALIAS	= 1 << 5,	/* another spelling of the item before it: never printed */
	ITEM_ORDERED	= 1 << 6,	/* a list whose order has a meaning */
	ITEM_TERSE	= 1 << 7,	/* never printed at its default: only the other value says something */
	ITEM_PEERS	= 1 << 8,	/* networks of peers: "unix" stands for those over a UNIX socket */
	ITEM_LISTS	= 1 << 9,	/* CIDRS: "@name" of a list stands beside blocks */
};

struct section;
struct item {
	const char	*name;
	enum item_type	 type;
	size_t		 at;
	const char	*def;		/* as written in a file; NULL: none, false, 0 or empty */
	int64_t		 min, max;	/* of numbers, durations (ms), sizes; percent of ITEM_PERCENT */
	const char	*help;
	const struct section *sub;
	const char *const *names;	/* NULL-terminated */
	size_t		 count;
	unsigned	 flags;
};

/* A walk through one configuration. */
struct item_ctx {
	struct arena		*arena;		/* takes everything that is made */
	struct conf_problems	*problems;
	const struct node	*node;		/* in a check: the group that was read, NULL when absent */
	struct conf_pos		 at;		/* in a check: of the object */
};
typedef void section_check_f(struct item_ctx *, void *obj);

#define SECTION_NO_POS ((size_t)-1)
struct section {
	const char	*help;			/* one sentence for the reference */
	const struct item *items;
	unsigned	 nitems;
	size_t		 size;			/* of an element of a list or map */
	size_t		 pos;			/* of its struct conf_pos, or SECTION_NO_POS */
	const char	*bare;			/* list: a text alone is { bare = "..."; }; NULL: it is not allowed */
	section_check_f	*check;	/* what a row cannot say; sees defaults where a value was refused */
};

/* Fills obj (zeroed) from node, or with defaults when node is NULL. Errors become problems. */
void	item_fill(struct item_ctx *, const struct section *, void *obj, const struct node *node);
/* Where this member of the group under check was written, or the object when it is absent. */
struct conf_pos item_pos(const struct item_ctx *, const char *name);
bool	item_given(const struct item_ctx *, const char *name);
/* Adds an error at that member. */
void	item_error(struct item_ctx *, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* value.c: one value from a node or from its default. */
void	value_set(struct item_ctx *, const struct item *, void *field, const struct node *);
void	value_default(struct item_ctx *, const struct item *, void *field);
const char *value_hint(enum item_type);			/* what to write: "a duration in quotes, …" */

/* The texts of a node in the arena: an array, or one alone; numbers as their digits. false: a problem was added. */
bool	value_texts(struct item_ctx *, const struct item *, const struct node *, struct conf_strs *out);
void	value_wrong_type(struct item_ctx *, const struct item *, const struct node *);

/* value_match.c: what is matched by regular expressions. */
void	value_set_regexes(struct item_ctx *, const struct item *, struct conf_regexes *, const struct node *);
void	value_set_conditions(struct item_ctx *, const struct item *, struct conf_conditions *, const struct node *);
void	value_regexes_text(const struct conf_regexes *, struct str *out);
void	value_conditions_text(const struct conf_conditions *, struct str *out);

/* value_text.c: and back. */
bool	value_is_set(const struct item *, const void *field);	/* false: nothing to print */
void	value_text(const struct item *, const void *field, struct str *out);	/* as a file would say it */
bool	value_is_default(const struct item *, const void *field);
bool	value_group_present(const struct item *, const void *obj);	/* an ITEM_OPTIONAL group may be absent */
void	value_quote(const char *text, struct str *out);

/* The name nearest to what was written, NULL when nothing is near. names is NULL-terminated. */
const char *suggest(const char *written, const char *const *names);
unsigned suggest_distance(const char *a, const char *b);	/* edit distance, a swap counts one; cut at 32 bytes */

/* Elements of a list or map. */
static inline void *
item_elem(const struct item *it, const void *obj, unsigned i)
{
	return *(char *const *)((const char *)obj + it->at) + i * it->sub->size;
}
static inline unsigned
item_count(const struct item *it, const void *obj)
{
	return *(const unsigned *)((const char *)obj + it->count);
}

/*
 * check.h - what concerns more than one section: names become pointers, contradictions become problems.
 *
 * Called once by conf_load, after the tables have filled the tree. Private to conf/.
 */
#pragma once
#include "conf/load.h"

/* Adds the shipped acls, rules and, in forward mode without one, the listener. */
void	check_builtin(struct conf *, struct conf_problems *);
void	check_all(struct conf *, struct conf_problems *);
void	check_routes(struct conf *, struct conf_problems *);	/* services of routes, overlap */
void	check_lists(struct conf *, struct conf_problems *);	/* "@name" in acls */
void	check_policy(struct conf *, struct conf_problems *);	/* acls and rules */
/* File order: by the first line of each file in the source, then as found. */
void	problems_sort(struct conf_problems *, const struct conf_source *);

/* `names` as suggest() wants them, from the first `const char *` at `at` of each element. In the conf's arena. */
const char *const *check_names(const struct conf *, const void *v, unsigned n, size_t size, size_t at);
/* "unknown WHAT "name": did you mean …?" or what is known. */
void	check_unknown(struct conf_problems *, struct conf_pos, const char *where, const char *what, const char *name,
	    const char *const *names);

/*
 * history.h - the last configurations that served, whole: what rollback and an unconfirmed reload return to.
 *
 * A configuration is kept as it was loaded, with everything read from files and the environment at that time, so
 * that a return needs no file. Names of files that are read later (domain lists, logs) are names still.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct conf;

#define HISTORY_MAX	10	/* rows */
#define HISTORY_BY	96	/* bytes of who asked */

struct past {
	unsigned	number;			/* the generation's */
	int64_t		at_s;			/* wall clock, when it began to serve */
	char		by[HISTORY_BY];		/* who or what asked */
	unsigned	changes;		/* against the one before */
	uint64_t	digest;
	struct conf	*conf;			/* a reference; NULL: dropped for its size */
};

struct history { struct past row[HISTORY_MAX]; unsigned n; };	/* oldest first */

/*
 * Takes a reference of row->conf. Rows beyond HISTORY_MAX go, the oldest first, but never the one numbered keep
 * (0: none).
 */
void	history_add(struct history *, const struct past *, unsigned keep);
/*
 * Drops the oldest configurations until what is left fits max bytes; the newest and the one numbered keep stay in
 * any case.
 */
void	history_fit(struct history *, size_t max, unsigned keep);
const struct past *history_find(const struct history *, unsigned number);	/* NULL: none such */
void	history_fini(struct history *);

/*
 * load.h - from the bytes of a configuration file (and its includes) to a struct conf. The only libconfig user.
 *
 * Two steps, so that the same bytes can be judged in a throw-away child and then loaded by the master:
 * conf_source_read reads the file and everything it includes into memory; conf_load parses them.
 */
#pragma once
#include "conf/base/str.h"
#include "conf/conf.h"

/* The joined text and, for each of its lines, the file and line it came from. */
struct conf_source { struct str text; struct conf_pos *lines; unsigned nlines; char **files; unsigned nfiles; };

/* `@include "file"` lines are expanded (relative to the including file, depth 8, no cycles, 16 MiB in all). */
int	conf_source_read(struct conf_source *, const char *path, struct errdetail *) MUST_CHECK;
/* From memory: tests, embedded defaults. */
int	conf_source_text(struct conf_source *, const char *name, struct span text, struct errdetail *) MUST_CHECK;
void	conf_source_fini(struct conf_source *);

/* Every semantic error found, in file order: "file:line: what, why, what to write instead". */
struct conf_problem { struct conf_pos at; bool warning; char text[400]; };
struct conf_problems { struct conf_problem *v; unsigned n, errors; };
void	conf_problems_add(struct conf_problems *, struct conf_pos, bool warning, const char *fmt, ...) PRINTF(4, 5);
void	conf_problems_text(const struct conf_problems *, struct str *out);	/* one line each */
void	conf_problems_fini(struct conf_problems *);

/* NULL when problems->errors > 0. Runs the schema, defaults, the cross-section checks and resolves names. */
struct conf *conf_load(const struct conf_source *, struct conf_problems *);
bool	 conf_fits(const struct conf_source *);	/* whether there is memory to load it: the master asks first */
struct conf *conf_ref(struct conf *);		/* one holder more; returns it */
void	conf_free(struct conf **);		/* one holder less; accepts NULL */

/* The effective configuration, defaults and shipped rules included, as text that conf_load accepts again. */
void	conf_print(const struct conf *, bool defaults, struct str *out);
/* What would change, one line each: "listeners[edge].max_per_client: 256 -> 64"; returns the number of changes. */
unsigned conf_diff(const struct conf *from, const struct conf *to, struct str *out);
/* NULL or why `to` cannot replace `from` without a restart. */
const char *conf_needs_restart(const struct conf *from, const struct conf *to);

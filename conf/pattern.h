/*
 * pattern.h - path templates: "/v1/{id}", "/static/" + "**", "/files/{rest=**}", "/v1/{id}:verb".
 *
 * Matched against normalised paths, segment by segment: literal, {name} or "*" (one segment, not empty),
 * "**" or {name=**} (the rest, possibly empty; last only). The grammar is google.api.http's.
 */
#pragma once
#include "conf/base/arena.h"
#include "conf/base/span.h"

#define PATTERN_SEGMENTS	32
#define PATTERN_CAPTURES	16

enum pattern_kind { PAT_LITERAL, PAT_ONE, PAT_REST };
/* text: of a literal; name: p NULL when not captured. */
struct pattern_seg { enum pattern_kind kind; struct span text; struct span name; };
struct pattern {
	struct pattern_seg *segs;	/* in the arena given to pattern_compile */
	unsigned	nsegs;
	struct span	verb;		/* without the colon; n 0 = none */
	struct span	text;		/* as written */
};
struct pattern_capture { struct span name, value; };

int	pattern_compile(struct pattern *, struct arena *, const char *text, struct errdetail *) MUST_CHECK;
/* captures holds PATTERN_CAPTURES; values are lent from path. */
bool	pattern_match(const struct pattern *, struct span path, struct pattern_capture *captures, unsigned *ncaptures);
int	pattern_compare(const struct pattern *a, const struct pattern *b);	/* <0: a is more specific, 0: equally */
bool	pattern_overlap(const struct pattern *a, const struct pattern *b);	/* some path matches both */

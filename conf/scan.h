/*
 * scan.h - a first look at the text of a configuration, line by line, before a parser sees it.
 *
 * Knows comments, strings, brackets and numbers: enough to tell where an @include counts, to refuse what would
 * upset the parser (depth, numbers that would wrap, NUL), and to name the bracket or quote that is not closed.
 */
#pragma once
#include "conf/node.h"

enum scan_in { SCAN_CODE, SCAN_STRING, SCAN_COMMENT };

struct scan {
	enum scan_in	in;		/* where the last line ended */
	struct conf_pos	since;		/* where that string or comment began */
	unsigned	depth;
	struct { char c; struct conf_pos at; } open[NODE_DEPTH];
};

/* One line without its newline. -E_SYNTAX, -E_RANGE or -E_LIMIT with a detail that starts with "file:line: ". */
int	scan_line(struct scan *, struct span line, struct conf_pos at, struct errdetail *) MUST_CHECK;
/* The end of a file: a string or comment must not go on. The end of everything: nor a bracket. */
int	scan_file_end(const struct scan *, struct errdetail *) MUST_CHECK;
int	scan_end(const struct scan *, struct errdetail *) MUST_CHECK;
/* In code, `@include "name"` alone on its line (a comment may follow): 1 and the name; 0: something else. */
int	scan_include(const struct scan *, struct span line, struct span *name);

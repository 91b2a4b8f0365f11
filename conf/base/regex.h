/*
 * regex.h - regular expressions of the configuration, matched against bytes of peers. The only PCRE2 user.
 *
 * Perl's syntax on bytes, not on UTF-8 characters: "." is any byte, newline included, "$" only the very end, and
 * nothing is anchored unless "^" or "$" says so. "(?i)" in front ignores case. A match costs at most REGEX_STEPS
 * steps in all and is refused beyond REGEX_SUBJECT bytes: an expression that a peer can make expensive fails instead
 * of holding up its worker, and whoever asked has to take REGEX_FAILED for the answer that lets nothing through.
 */
#pragma once
#include "conf/base/arena.h"
#include "conf/base/span.h"

#define REGEX_TEXT	4096		/* bytes of an expression */
#define REGEX_SUBJECT	8192		/* bytes it may be matched against */
#define REGEX_STEPS	100000		/* of one regex_match, over all places where a match may start */

struct regex;				/* lives in the arena it was compiled into */

/* NULL: the detail says what is wrong and at which column of the text, or -E_NOMEM. */
struct regex *regex_compile(struct arena *, const char *text, struct errdetail *);

enum regex_answer { REGEX_NO, REGEX_YES, REGEX_FAILED };
enum regex_answer regex_match(const struct regex *, struct span subject);

/*
 * expr.h - conditions over named fields, as a person writes them: `status>=500 and route=api`.
 *
 *	expr   = term { "or" term }
 *	term   = factor { "and" factor }
 *	factor = "not" factor | "(" expr ")" | test
 *	test   = field                                  it has a value: not absent, empty, 0 or false
 *	       | field op value
 *	       | field "in" "(" value { "," value } ")"   equal to one of them
 *	       | field "like" value                       the whole fits: * stands for any characters, ? for one
 *	op     = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
 *	value  = word | '"' text '"' | "'" text "'"     in quotes \ takes the next character as it is;
 *	                                                in a regex \ is the regex's own, but for the quote
 *	word   = any other than blanks, quotes and ( ) , = ! < > ~
 *
 * What a value may be follows from its field: a number (up to three digits behind the point), a duration (250ms,
 * 1s; a bare number is milliseconds), a size (64KiB), a time in UTC (2026-01-31, 2026-01-31T08:00, …T08:00:15.250Z),
 * true or false, an address or a block (10.0.0.0/8), or text. ~ and like are for text. Behind ~ stands a regex
 * (conf/base/regex.h: Perl's syntax, under limits) that is found anywhere in the value; one that costs too much for a
 * value is not found in it. Names such as a host's are compared without case, other text with it.
 *
 * A field that is absent equals nothing but "", and is neither below nor above anything; a != b is not a = b.
 */
#pragma once
#include "conf/base/addr.h"
#include "conf/base/str.h"

#define EXPR_BYTES	4096	/* longest text */
#define EXPR_NODES	256	/* tests and operators, and values */
#define EXPR_DEPTH	32	/* nested "not" and parentheses */

enum expr_type { EXPR_TEXT, EXPR_NAME, EXPR_NUMBER, EXPR_MSEC, EXPR_SIZE, EXPR_TIME, EXPR_BOOL, EXPR_ADDR };

struct expr_field { const char *name; enum expr_type type; };
struct expr_fields { const struct expr_field *v; unsigned n; };

/* The value of one field. Numbers are thousandths: of one, of a millisecond, of a byte, of a second since 1970. */
struct expr_value {
	bool		known;		/* false: the subject has none; the rest is not read */
	int64_t		milli;		/* EXPR_BOOL: 0 or not */
	struct span	text;		/* EXPR_TEXT and EXPR_NAME, lent until the evaluation ends */
	struct addr	addr;		/* EXPR_ADDR */
};
/* Fills what the type of the field needs. */
typedef void expr_get_f(const void *subject, unsigned field, struct expr_value *out);

struct expr;

/* NULL with detail: the column and what was expected there. The fields are lent for the life of the result. */
struct expr *expr_parse(struct span text, const struct expr_fields *, struct errdetail *) MUST_CHECK;
void	expr_free(struct expr **);
/* Allocates nothing, but for the block of regex_match, once a process. Asks for a field at most once per test. */
bool	expr_true(const struct expr *, expr_get_f *, const void *subject);
void	expr_print(const struct expr *, struct str *out);	/* parses to the same */

/* Does the whole text fit the pattern with * and ?; without backtracking over more than one star. */
bool	expr_glob(struct span pattern, struct span text, bool nocase);

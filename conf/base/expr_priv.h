/*
 * expr_priv.h - a parsed expression: nodes by number, operands in the order they were written.
 */
#pragma once
#include "conf/base/expr.h"
#include "conf/base/regex.h"

/* OP_LIKE to OP_MATCH have one operand, OP_IN one or more. */
enum expr_op { OP_OR, OP_AND, OP_NOT, OP_HAS, OP_IN, OP_LIKE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_MATCH };

struct expr_node {
	uint16_t	op;		/* enum expr_op */
	uint16_t	field;		/* of a test */
	uint16_t	first, next;	/* the first child of OR, AND, NOT; the parent's next child; 0: none */
	uint16_t	operand, noperands;
};

struct expr_operand {
	int64_t		milli;
	struct cidr	cidr;
	struct span	text;		/* in expr.text */
	struct regex	*regex;		/* of OP_MATCH; in expr.regexes */
};

struct expr {
	struct expr_fields fields;
	unsigned	nnodes, noperands, ntext;	/* node 0 is never used */
	uint16_t	root;
	struct expr_node nodes[EXPR_NODES];
	struct expr_operand operands[EXPR_NODES];
	char		text[EXPR_BYTES];
	struct arena	regexes;
};

/* expr_scan.c */
enum expr_token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OP, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA };
struct expr_scan {
	struct span	all;
	size_t		at;		/* behind the token */
	size_t		start;		/* of the token */
	enum expr_token	token;
	enum expr_op	op;		/* of TOKEN_OP */
	struct span	raw;		/* the token as written */
	struct errdetail *ed;
};
int	expr_scan_next(struct expr_scan *) MUST_CHECK;
/* "column N: expected …, found …"; gives -E_SYNTAX. */
int	expr_expected(const struct expr_scan *, const char *what);
const char *expr_op_text(enum expr_op);

/* expr_operand.c: the text (without quotes) as a value of that type, and back. why says what would do. */
int	expr_operand_parse(struct expr_operand *, enum expr_type, struct span text, const char **why) MUST_CHECK;
void	expr_operand_print(const struct expr_operand *, enum expr_type, struct str *out);
/* text's regex into the arena; without case for names. The detail says what is wrong. */
int	expr_operand_regex(
    struct expr_operand *, enum expr_type, struct arena *, struct errdetail *) MUST_CHECK;

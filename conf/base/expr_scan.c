/*
 * expr_scan.c - the words of an expression, and what is said where one is wrong.
 */
#include "conf/base/expr_priv.h"

#define SHOWN 40 /* bytes of a token in a message */

static const struct {
	const char *text;
	enum expr_op op;
} ops[] = {
	/* the longer first */
	{ "!=", OP_NE },
	{ "<=", OP_LE },
	{ ">=", OP_GE },
	{ "=", OP_EQ },
	{ "<", OP_LT },
	{ ">", OP_GT },
	{ "~", OP_MATCH },
};

const char *
expr_op_text(enum expr_op op)
{
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
		if (ops[i].op == op)
			return ops[i].text;
	return "";
}

int
expr_expected(const struct expr_scan *s, const char *what)
{
	size_t n = s->raw.n < SHOWN ? s->raw.n : SHOWN;

	if (s->token == TOKEN_END)
		return err_set(
		    s->ed, -E_SYNTAX, "column %zu: expected %s, found the end", s->start + 1, what);
	return err_set(s->ed, -E_SYNTAX, "column %zu: expected %s, found %.*s%s", s->start + 1,
	    what, (int)n, s->raw.p, n < s->raw.n ? "…" : "");
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool
is_word(char c)
{
	return !is_control(c) && strchr(" \"'(),=!<>~", c) == NULL;
}

static void
take(struct expr_scan *s, enum expr_token token, size_t n)
{
	s->token = token;
	s->raw = span_make(s->all.p + s->start, n);
	s->at = s->start + n;
}

static int
scan_string(struct expr_scan *s, struct span rest)
{
	size_t n = 1;

	while (n < rest.n && rest.p[n] != rest.p[0] && !is_control(rest.p[n]))
		n += rest.p[n] == '\\' && n + 1 < rest.n && !is_control(rest.p[n + 1]) ? 2 : 1;
	if (n >= rest.n)
		return err_set(
		    s->ed, -E_SYNTAX, "column %zu: the quote is not closed", s->start + 1);
	if (is_control(rest.p[n]))
		return err_set(s->ed, -E_SYNTAX, "column %zu: a control byte", s->start + n + 1);
	take(s, TOKEN_STRING, n + 1);
	return 0;
}

static int
scan_op(struct expr_scan *s, struct span rest)
{
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
		size_t n = strlen(ops[i].text);

		if (n > rest.n || memcmp(rest.p, ops[i].text, n) != 0)
			continue;
		s->op = ops[i].op;
		take(s, TOKEN_OP, n);
		return 0;
	}
	return err_set(s->ed, -E_SYNTAX, "column %zu: '!' alone: write != or not", s->start + 1);
}

int
expr_scan_next(struct expr_scan *s)
{
	struct span rest;
	size_t n = 0;

	while (s->at < s->all.n && (s->all.p[s->at] == ' ' || s->all.p[s->at] == '\t'))
		s->at++;
	s->start = s->at;
	rest = span_make(s->all.p + s->at, s->all.n - s->at);
	take(s, TOKEN_END, 0);
	if (rest.n == 0)
		return 0;
	switch (rest.p[0]) {
	case '(': take(s, TOKEN_OPEN, 1); return 0;
	case ')': take(s, TOKEN_CLOSE, 1); return 0;
	case ',': take(s, TOKEN_COMMA, 1); return 0;
	case '"':
	case '\'': return scan_string(s, rest);
	}
	while (n < rest.n && is_word(rest.p[n]))
		n++;
	if (n > 0)
		take(s, TOKEN_WORD, n);
	else if (is_control(rest.p[0]))
		return err_set(s->ed, -E_SYNTAX, "column %zu: a control byte", s->start + 1);
	return n > 0 ? 0 : scan_op(s, rest);
}

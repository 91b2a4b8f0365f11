/*
 * expr_eval.c - is an expression true of a subject. As deep as the expression is nested, nothing allocated.
 */
#include "conf/base/expr_priv.h"

/* ------------------------------------------------------------------------------------------- globs */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
fits(char pattern, char c, bool nocase)
{
	return pattern == '?' || pattern == c || (nocase && lower(pattern) == lower(c));
}

/*
 * When the text behind the last star does not fit, the star takes one byte more; earlier stars never have to,
 * so the work is at most the product of both lengths.
 */
bool
expr_glob(struct span pattern, struct span text, bool nocase)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && fits(pattern.p[p], text.p[t], nocase)) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* ------------------------------------------------------------------------------------------- tests */

static bool
has(const struct expr_value *v, enum expr_type type)
{
	if (!v->known || type == EXPR_ADDR)
		return v->known;
	return type == EXPR_TEXT || type == EXPR_NAME ? v->text.n > 0 : v->milli != 0;
}

static bool
equals(const struct expr_operand *o, const struct expr_value *v, enum expr_type type)
{
	bool text = type == EXPR_TEXT || type == EXPR_NAME;

	if (!v->known)
		return text && o->text.n == 0;
	if (text)
		return type == EXPR_NAME ? span_ieq(o->text, v->text) : span_eq(o->text, v->text);
	return type == EXPR_ADDR ? cidr_has(&o->cidr, &v->addr) : v->milli == o->milli;
}

static bool
one_equals(const struct expr *e, const struct expr_node *n, const struct expr_value *v,
    enum expr_type type)
{
	for (unsigned i = 0; i < n->noperands; i++)
		if (equals(&e->operands[n->operand + i], v, type))
			return true;
	return false;
}

static bool
test_true(const struct expr *e, const struct expr_node *n, expr_get_f *get, const void *subject)
{
	enum expr_type type = e->fields.v[n->field].type;
	const struct expr_operand *o = &e->operands[n->operand];
	struct expr_value v;

	v.known = false;
	get(subject, n->field, &v);
	switch ((enum expr_op)n->op) {
	case OP_HAS: return has(&v, type);
	case OP_IN: return one_equals(e, n, &v, type);
	case OP_EQ: return equals(o, &v, type);
	case OP_NE: return !equals(o, &v, type);
	case OP_LT: return v.known && v.milli < o->milli;
	case OP_LE: return v.known && v.milli <= o->milli;
	case OP_GT: return v.known && v.milli > o->milli;
	case OP_GE: return v.known && v.milli >= o->milli;
	case OP_LIKE: return expr_glob(o->text, v.known ? v.text : SPAN(""), type == EXPR_NAME);
	case OP_MATCH: return regex_match(o->regex, v.known ? v.text : SPAN("")) == REGEX_YES;
	case OP_OR:
	case OP_AND:
	case OP_NOT: break;
	}
	return false;
}

static bool
node_true(const struct expr *e, uint16_t node, expr_get_f *get, const void *subject)
{
	const struct expr_node *n = &e->nodes[node];
	bool any = n->op == OP_OR;

	if (n->op == OP_NOT)
		return !node_true(e, n->first, get, subject);
	if (!any && n->op != OP_AND)
		return test_true(e, n, get, subject);
	for (uint16_t c = n->first; c != 0; c = e->nodes[c].next)
		if (node_true(e, c, get, subject) == any)
			return any;
	return !any;
}

bool
expr_true(const struct expr *e, expr_get_f *get, const void *subject)
{
	return node_true(e, e->root, get, subject);
}

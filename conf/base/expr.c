/*
 * expr.c - from text to nodes by recursive descent, and back.
 *
 * A node's children are a chain, so `a and b and c` is one node over three and only "not" and parentheses make
 * the tree deep; both are counted. Everything lives in one allocation of fixed size.
 */
#include "conf/base/expr.h"

#include "conf/base/expr_priv.h"
#include "conf/base/mem.h"

#define REGEX_ROOM (1u << 20) /* bytes of the regexes of one expression */

struct parser {
	struct expr_scan scan;
	struct expr *e;
	unsigned depth;
};

static int expr_of(struct parser *, uint16_t *node);

static int
node_new(struct parser *p, enum expr_op op, uint16_t *out)
{
	if (p->e->nnodes == EXPR_NODES)
		return err_set(p->scan.ed, -E_LIMIT,
		    "column %zu: an expression has at most %d parts", p->scan.start + 1,
		    EXPR_NODES);
	*out = (uint16_t)p->e->nnodes++;
	p->e->nodes[*out] = (struct expr_node){ .op = (uint16_t)op };
	return 0;
}

static bool
is_word(const struct parser *p, const char *word)
{
	return p->scan.token == TOKEN_WORD && span_eq_str(p->scan.raw, word);
}

static bool
is_keyword(const struct parser *p)
{
	return is_word(p, "and") || is_word(p, "or") || is_word(p, "not") || is_word(p, "in");
}

/* ------------------------------------------------------------------------------------------- tests */

static int
field_unknown(const struct parser *p)
{
	struct str names = STR_INIT;

	names.cap = 400;
	for (unsigned i = 0; i < p->e->fields.n; i++)
		str_printf(&names, "%s%s", i == 0 ? "" : " ", p->e->fields.v[i].name);
	(void)err_set(p->scan.ed, -E_UNKNOWN,
	    "column %zu: there is no field '%.*s'; write one of: %s", p->scan.start + 1,
	    (int)(p->scan.raw.n < 40 ? p->scan.raw.n : 40), p->scan.raw.p, str_span(&names).p);
	str_fini(&names);
	return -E_UNKNOWN;
}

static int
field_of(struct parser *p, uint16_t *field)
{
	unsigned i = 0;

	if (p->scan.token != TOKEN_WORD || is_keyword(p))
		return expr_expected(&p->scan, "a field, \"not\" or \"(\"");
	while (i < p->e->fields.n && !span_eq_str(p->scan.raw, p->e->fields.v[i].name))
		i++;
	if (i == p->e->fields.n)
		return field_unknown(p);
	*field = (uint16_t)i;
	return expr_scan_next(&p->scan);
}

/* The token's text without quotes, kept by the expression; never longer than what was written. */
static struct span
text_keep(struct expr *e, enum expr_token token, struct span raw, bool regex)
{
	char quote = raw.n > 0 ? raw.p[0] : '\0';
	size_t at = e->ntext;

	if (token == TOKEN_STRING)
		raw = span_make(raw.p + 1, raw.n - 2);
	for (size_t i = 0; i < raw.n; i++) {
		if (token == TOKEN_STRING && raw.p[i] == '\\') {
			if (regex && raw.p[i + 1] != quote)
				e->text[e->ntext++] = '\\';
			i++;
		}
		e->text[e->ntext++] = raw.p[i];
	}
	return span_make(e->text + at, e->ntext - at);
}

static int
regex_of(struct parser *p, enum expr_type type)
{
	struct errdetail why = { 0 };
	int rc;

	rc = expr_operand_regex(
	    &p->e->operands[p->e->noperands], type, &p->e->regexes, &why);
	return rc == 0 ? 0 :
			 err_set(p->scan.ed, rc, "column %zu: %s", p->scan.start + 1, why.text);
}

static int
value_of(struct parser *p, struct expr_node *n)
{
	enum expr_type type = p->e->fields.v[n->field].type;
	const char *why = "";
	struct span text;
	int rc;

	if ((p->scan.token != TOKEN_WORD && p->scan.token != TOKEN_STRING) || is_keyword(p))
		return expr_expected(&p->scan, "a value");
	if (p->e->noperands == EXPR_NODES)
		return err_set(p->scan.ed, -E_LIMIT,
		    "column %zu: an expression has at most %d values", p->scan.start + 1,
		    EXPR_NODES);
	text = text_keep(p->e, p->scan.token, p->scan.raw, n->op == OP_MATCH);
	if (expr_operand_parse(&p->e->operands[p->e->noperands], type, text, &why) != 0)
		return expr_expected(&p->scan, why);
	rc = n->op == OP_MATCH ? regex_of(p, type) : 0;
	if (rc != 0)
		return rc;
	p->e->noperands++;
	n->noperands++;
	return expr_scan_next(&p->scan);
}

static int
list_of(struct parser *p, struct expr_node *n)
{
	int rc = expr_scan_next(&p->scan);

	if (rc == 0 && p->scan.token != TOKEN_OPEN)
		return expr_expected(&p->scan, "\"(\" and a list of values");
	do {
		if (rc == 0)
			rc = expr_scan_next(&p->scan);
		if (rc == 0)
			rc = value_of(p, n);
	} while (rc == 0 && p->scan.token == TOKEN_COMMA);
	if (rc == 0 && p->scan.token != TOKEN_CLOSE)
		return expr_expected(&p->scan, "\",\" or \")\"");
	return rc == 0 ? expr_scan_next(&p->scan) : rc;
}

static bool
is_text(enum expr_type type)
{
	return type == EXPR_TEXT || type == EXPR_NAME;
}

/* Order is for what has one, patterns are for text. */
static int
op_fits(const struct parser *p, enum expr_type type)
{
	bool text = is_text(type);
	bool order = !text && type != EXPR_BOOL && type != EXPR_ADDR;

	if (p->scan.op == OP_EQ || p->scan.op == OP_NE)
		return 0;
	if (p->scan.op == OP_MATCH)
		return text ? 0 : expr_expected(&p->scan, order ? "= != < <= > or >=" : "= or !=");
	return order ? 0 : expr_expected(&p->scan, text ? "= != ~ or like" : "= or !=");
}

static int
test_of(struct parser *p, uint16_t *node)
{
	struct expr_node *n;
	int rc = node_new(p, OP_HAS, node);

	if (rc != 0)
		return rc;
	n = &p->e->nodes[*node];
	n->operand = (uint16_t)p->e->noperands;
	rc = field_of(p, &n->field);
	if (rc == 0 && is_word(p, "in")) {
		n->op = OP_IN;
		return list_of(p, n);
	}
	if (rc == 0 && is_word(p, "like") && is_text(p->e->fields.v[n->field].type)) {
		n->op = OP_LIKE;
		rc = expr_scan_next(&p->scan);
		return rc == 0 ? value_of(p, n) : rc;
	}
	if (rc != 0 || p->scan.token != TOKEN_OP)
		return rc;
	n->op = (uint16_t)p->scan.op;
	rc = op_fits(p, p->e->fields.v[n->field].type);
	if (rc == 0)
		rc = expr_scan_next(&p->scan);
	return rc == 0 ? value_of(p, n) : rc;
}

/* --------------------------------------------------------------------------------------- operators */

static int
group_of(struct parser *p, uint16_t *node)
{
	int rc = expr_scan_next(&p->scan);

	if (rc == 0)
		rc = expr_of(p, node);
	if (rc == 0 && p->scan.token != TOKEN_CLOSE)
		return expr_expected(&p->scan, "\"and\", \"or\" or \")\"");
	return rc == 0 ? expr_scan_next(&p->scan) : rc;
}

static int
factor_of(struct parser *p, uint16_t *node)
{
	bool group = p->scan.token == TOKEN_OPEN;
	uint16_t inner = 0;
	int rc;

	if (!group && !is_word(p, "not"))
		return test_of(p, node);
	if (p->depth == EXPR_DEPTH)
		return err_set(p->scan.ed, -E_LIMIT, "column %zu: nested deeper than %d",
		    p->scan.start + 1, EXPR_DEPTH);
	p->depth++;
	if (group) {
		rc = group_of(p, node);
	} else {
		rc = node_new(p, OP_NOT, node);
		if (rc == 0)
			rc = expr_scan_next(&p->scan);
		if (rc == 0)
			rc = factor_of(p, &inner);
		if (rc == 0)
			p->e->nodes[*node].first = inner;
	}
	p->depth--;
	return rc;
}

/* One or more parts with the same word between them; alone, a part is itself. */
static int
chain_of(struct parser *p, enum expr_op op, const char *word,
    int (*part)(struct parser *, uint16_t *), uint16_t *node)
{
	uint16_t last, next = 0;
	int rc = part(p, node);

	if (rc != 0 || !is_word(p, word))
		return rc;
	last = *node;
	rc = node_new(p, op, node);
	if (rc == 0)
		p->e->nodes[*node].first = last;
	while (rc == 0 && is_word(p, word)) {
		rc = expr_scan_next(&p->scan);
		if (rc == 0)
			rc = part(p, &next);
		if (rc == 0)
			last = p->e->nodes[last].next = next;
	}
	return rc;
}

static int
term_of(struct parser *p, uint16_t *node)
{
	return chain_of(p, OP_AND, "and", factor_of, node);
}

static int
expr_of(struct parser *p, uint16_t *node)
{
	return chain_of(p, OP_OR, "or", term_of, node);
}

struct expr *
expr_parse(struct span text, const struct expr_fields *fields, struct errdetail *ed)
{
	struct parser p = { .scan = { .all = text, .ed = ed } };
	int rc;

	if (text.n > EXPR_BYTES) {
		(void)err_set(ed, -E_LIMIT, "an expression has at most %d bytes", EXPR_BYTES);
		return NULL;
	}
	p.e = mem_alloc(sizeof *p.e);
	p.e->fields = *fields;
	arena_init(&p.e->regexes, NULL, 0, REGEX_ROOM);
	p.e->nnodes = 1;
	rc = expr_scan_next(&p.scan);
	if (rc == 0)
		rc = expr_of(&p, &p.e->root);
	if (rc == 0 && p.scan.token != TOKEN_END)
		rc = expr_expected(&p.scan, "\"and\", \"or\" or the end");
	if (rc != 0)
		expr_free(&p.e);
	return p.e;
}

void
expr_free(struct expr **e)
{
	if (*e != NULL)
		arena_fini(&(*e)->regexes);
	mem_free(*e);
	*e = NULL;
}

/* ---------------------------------------------------------------------------------------- printing */

static void node_print(const struct expr *, uint16_t node, struct str *out);

/* Parentheses stand only where the tree would be another one without them. */
static void
child_print(const struct expr *e, enum expr_op parent, uint16_t node, struct str *out)
{
	uint16_t op = e->nodes[node].op;
	bool group = op == OP_OR || (op == OP_AND && parent != OP_OR);

	str_adds(out, group ? "(" : "");
	node_print(e, node, out);
	str_adds(out, group ? ")" : "");
}

static void
test_print(const struct expr *e, const struct expr_node *n, struct str *out)
{
	const struct expr_field *f = &e->fields.v[n->field];

	str_adds(out, f->name);
	str_adds(out, n->op == OP_IN ? " in (" :
		n->op == OP_LIKE     ? " like " :
				   expr_op_text((enum expr_op)n->op));
	for (unsigned i = 0; i < n->noperands; i++) {
		str_adds(out, i > 0 ? ", " : "");
		expr_operand_print(&e->operands[n->operand + i], f->type, out);
	}
	str_adds(out, n->op == OP_IN ? ")" : "");
}

static void
node_print(const struct expr *e, uint16_t node, struct str *out)
{
	const struct expr_node *n = &e->nodes[node];

	switch ((enum expr_op)n->op) {
	case OP_OR:
	case OP_AND:
		for (uint16_t c = n->first; c != 0; c = e->nodes[c].next) {
			str_adds(out, c == n->first ? "" : n->op == OP_OR ? " or " : " and ");
			child_print(e, (enum expr_op)n->op, c, out);
		}
		return;
	case OP_NOT:
		str_adds(out, "not ");
		child_print(e, OP_NOT, n->first, out);
		return;
	case OP_HAS:
	case OP_IN:
	case OP_LIKE:
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
	case OP_MATCH: test_print(e, n, out); return;
	}
}

void
expr_print(const struct expr *e, struct str *out)
{
	node_print(e, e->root, out);
}

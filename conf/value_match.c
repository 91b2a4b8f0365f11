/*
 * value_match.c - values that are matched by regular expressions: texts of their own, or names with texts.
 *
 * They are compiled here, into the configuration's arena, so that a wrong one is told with its line and column and
 * workers find them ready. "" needs no expression: a condition with it asks whether the name is there.
 */
#include "conf/item.h"

#define MATCHES_MAX 256			/* of one key */

static const struct regex *
compile(struct item_ctx *c, const struct item *it, struct conf_pos at, const char *text)
{
	struct errdetail ed = { 0 };
	const struct regex *re = regex_compile(c->arena, text, &ed);

	if (re == NULL)
		conf_problems_add(c->problems, at, false, "\"%s\": %.300s", it->name, ed.text);
	return re;
}

static bool
too_many(struct item_ctx *c, const struct item *it, const struct node *n, unsigned count)
{
	if (count > MATCHES_MAX)
		conf_problems_add(c->problems, n->at, false,
		    "\"%s\" has %u entries: %d are allowed; join some with '|'", it->name, count,
		    MATCHES_MAX);
	return count > MATCHES_MAX;
}

/* The place of the i-th text of n, which may be one text alone. */
static struct conf_pos
pos_of(const struct node *n, unsigned i)
{
	return n->type == NODE_LIST ? n->kids[i].at : n->at;
}

void
value_set_regexes(
    struct item_ctx *c, const struct item *it, struct conf_regexes *field, const struct node *n)
{
	struct conf_regexes got = { NULL, 0 };
	struct conf_strs texts;

	if (!value_texts(c, it, n, &texts) || too_many(c, it, n, texts.n))
		return;
	got.v = arena_alloc(c->arena, (texts.n + 1) * sizeof *got.v);
	for (unsigned i = 0; i < texts.n; i++) {
		struct conf_pos at = pos_of(n, i);
		const struct regex *re = compile(c, it, at, texts.v[i]);

		if (re != NULL)
			got.v[got.n++] = (struct conf_regex){ at, texts.v[i], re };
	}
	*field = got;
}

static void
condition_add(struct item_ctx *c, const struct item *it, struct conf_conditions *to,
    struct conf_pos at, const char *name, const char *text)
{
	const struct regex *re = text[0] == '\0' ? NULL : compile(c, it, at, text);

	if (re != NULL || text[0] == '\0')
		to->v[to->n++] = (struct conf_condition){
			.at = at, .name = name, .text = text, .re = re
		};
}

static void
conditions_of_group(
    struct item_ctx *c, const struct item *it, struct conf_conditions *to, const struct node *n)
{
	for (unsigned i = 0; i < n->nkids; i++) {
		const struct node *kid = &n->kids[i];

		if (kid->type == NODE_STR)
			condition_add(c, it, to, kid->at, kid->name, kid->is.text);
		else
			conf_problems_add(c->problems, kid->at, false,
			    "\"%.64s\" in \"%s\" is %s: write %.64s = \"regex\", or \"\" when it "
			    "only has to be there", kid->name, it->name, node_type_text(kid),
			    kid->name);
	}
}

/* "NAME=regex", for names that the language does not take as a key. */
static void
conditions_of_texts(struct item_ctx *c, const struct item *it, struct conf_conditions *to,
    const struct node *n, const struct conf_strs *texts)
{
	for (unsigned i = 0; i < texts->n; i++) {
		char *name = arena_strdup(c->arena, texts->v[i]), *sign = strchr(name, '=');

		if (sign == NULL || sign == name) {
			conf_problems_add(c->problems, pos_of(n, i), false,
			    "\"%s\": \"%.64s\" has no name: write \"NAME=regex\"", it->name,
			    texts->v[i]);
			continue;
		}
		*sign = '\0';
		condition_add(c, it, to, pos_of(n, i), name, sign + 1);
	}
}

void
value_set_conditions(struct item_ctx *c, const struct item *it, struct conf_conditions *field,
    const struct node *n)
{
	struct conf_conditions got = { NULL, 0 };
	struct conf_strs texts = { NULL, 0 };
	unsigned count;

	if (n->type != NODE_GROUP && n->type != NODE_LIST && n->type != NODE_STR) {
		value_wrong_type(c, it, n);
		return;
	}
	if (n->type != NODE_GROUP && !value_texts(c, it, n, &texts))
		return;
	count = n->type == NODE_GROUP ? n->nkids : texts.n;
	if (too_many(c, it, n, count))
		return;
	got.v = arena_alloc(c->arena, (count + 1) * sizeof *got.v);
	if (n->type == NODE_GROUP)
		conditions_of_group(c, it, &got, n);
	else
		conditions_of_texts(c, it, &got, n, &texts);
	*field = got;
}

/* ---------------------------------------------------------------------------------- and back to text */

void
value_regexes_text(const struct conf_regexes *r, struct str *out)
{
	str_adds(out, "[");
	for (unsigned i = 0; i < r->n; i++) {
		str_adds(out, i == 0 ? " " : ", ");
		value_quote(r->v[i].text, out);
	}
	str_adds(out, " ]");
}

/* A key of libconfig: a letter or '*', then letters, digits, '-', '_' and '*'. */
static bool
is_key(const char *name)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*";
	size_t n = strspn(name, first);

	return n > 0 &&
	    name[strspn(
		name, "0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*")] == '\0';
}

static void
pair_text(const struct conf_condition *x, struct str *out)
{
	struct str pair = STR_INIT;

	str_printf(&pair, "%s=%s", x->name, x->text);
	value_quote(pair.data, out);
	str_fini(&pair);
}

void
value_conditions_text(const struct conf_conditions *x, struct str *out)
{
	bool group = true;

	for (unsigned i = 0; i < x->n; i++)
		group &= is_key(x->v[i].name);
	str_adds(out, group ? "{" : "[");
	for (unsigned i = 0; i < x->n; i++) {
		str_adds(out, i == 0 || group ? " " : ", ");
		if (!group) {
			pair_text(&x->v[i], out);
			continue;
		}
		str_printf(out, "%s = ", x->v[i].name);
		value_quote(x->v[i].text, out);
		str_addc(out, ';');
	}
	str_adds(out, group ? " }" : " ]");
}

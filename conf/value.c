/*
 * value.c - one value of a configuration: from a node or a default into its field.
 *
 * A refused value leaves the field as it was and says what to write. The way back to text is value_text.c.
 */
#include "conf/item.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/base/assert.h"
#include "conf/base/units.h"
#include "conf/http/field.h"

const char *
value_hint(enum item_type t)
{
	switch (t) {
	case ITEM_BOOL:		return "true or false";
	case ITEM_INT:		return "a number";
	case ITEM_MSEC:		return "a duration in quotes, \"10s\" (ms, s, m, h, d)";
	case ITEM_SIZE:		return "a size in quotes, \"64KiB\" (k, KiB, MiB, GiB)";
	case ITEM_PERCENT:	return "a share, \"20%\" or 0.2";
	case ITEM_STR:
	case ITEM_CHOICE:
	case ITEM_ENUM:		return "a text in quotes, \"…\"";
	case ITEM_STRS:		return "texts in quotes, [ \"…\", \"…\" ]";
	case ITEM_CIDRS:	return "networks in quotes, [ \"10.0.0.0/8\", \"::1\" ]";
	case ITEM_HEADERS:	return "{ Name = \"value\"; }";
	case ITEM_REGEXES:	return "regexes in quotes, [ \"…\", \"…\" ]";
	case ITEM_CONDITIONS:	return "{ Name = \"regex\"; } or [ \"NAME=regex\" ]";
	case ITEM_GROUP:	return "{ key = value; }";
	case ITEM_LIST:		return "( { … }, { … } )";
	case ITEM_MAP:		return "{ name = { … }; }";
	}
	NEVER("unknown item type");
}

void
value_wrong_type(struct item_ctx *c, const struct item *it, const struct node *n)
{
	conf_problems_add(c->problems, n->at, false, "\"%s\" is %s: write %s = %s", it->name,
	    node_type_text(n), it->name, value_hint(it->type));
}

static void
bound_text(const struct item *it, int64_t v, char buf[32])
{
	if (it->type == ITEM_MSEC)
		(void)units_msec_text(v, buf);
	else if (it->type == ITEM_SIZE)
		(void)units_size_text(v, buf);
	else
		(void)snprintf(buf, 32, "%" PRId64, v);
}

static void
out_of_range(struct item_ctx *c, const struct item *it, const struct node *n, int64_t v)
{
	char lo[32], hi[32], got[32];

	bound_text(it, it->min, lo);
	bound_text(it, it->max, hi);
	bound_text(it, v < 0 ? 0 : v, got);
	conf_problems_add(c->problems, n->at, false, "\"%s\" = %s is out of range: write %s%s%s",
	    it->name, v < 0 ? "a negative number" : got, lo,
	    it->max == INT64_MAX ? " or more" : " to ", it->max == INT64_MAX ? "" : hi);
}

static void
set_number(struct item_ctx *c, const struct item *it, void *field, const struct node *n)
{
	struct errdetail ed = { 0 };
	int64_t v;
	int rc = 0;

	if (n->type == NODE_INT && (it->type != ITEM_MSEC || n->is.num == 0))
		v = n->is.num;
	else if (n->type == NODE_STR && it->type != ITEM_INT)
		rc = it->type == ITEM_MSEC ? units_msec(&v, n->is.text, &ed) :
					     units_size(&v, n->is.text, &ed);
	else {
		value_wrong_type(c, it, n);
		return;
	}
	if (rc != 0) {
		conf_problems_add(c->problems, n->at, false, "\"%s\": %.300s", it->name, ed.text);
		return;
	}
	if (v < it->min || v > it->max)
		out_of_range(c, it, n, v);
	else
		*(int64_t *)field = v;
}

static void
set_percent(struct item_ctx *c, const struct item *it, void *field, const struct node *n)
{
	struct errdetail ed = { 0 };
	double v = 0;

	if (n->type == NODE_REAL)
		v = n->is.real;
	else if (n->type == NODE_INT)
		v = (double)n->is.num;
	else if (n->type != NODE_STR) {
		value_wrong_type(c, it, n);
		return;
	} else if (units_percent(&v, n->is.text, &ed) != 0) {
		conf_problems_add(c->problems, n->at, false, "\"%s\": %.300s", it->name, ed.text);
		return;
	}
	if (!(v * 100 >= (double)it->min && v * 100 <= (double)it->max))
		conf_problems_add(c->problems, n->at, false,
		    "\"%s\" is out of range: write %" PRId64 "%% to %" PRId64 "%%", it->name,
		    it->min, it->max);
	else
		*(double *)field = v;
}

static int
choice_index(struct item_ctx *c, const struct item *it, const struct node *n)
{
	const char *near;
	struct str all = STR_INIT;

	for (int i = 0; it->names[i] != NULL; i++)
		if (it->names[i][0] != '\0' && strcmp(it->names[i], n->is.text) == 0)
			return i;
	for (int i = 0; it->names[i] != NULL; i++)
		if (it->names[i][0] != '\0')
			str_printf(&all, "%s\"%s\"", all.len == 0 ? "" : ", ", it->names[i]);
	near = suggest(n->is.text, it->names);
	if (near != NULL && near[0] != '\0')
		conf_problems_add(c->problems, n->at, false,
		    "\"%s\": unknown value \"%.64s\": did you mean \"%s\"? (%s)", it->name,
		    n->is.text, near, all.data);
	else
		conf_problems_add(c->problems, n->at, false,
		    "\"%s\": unknown value \"%.64s\": write one of %s", it->name, n->is.text,
		    all.data);
	str_fini(&all);
	return -1;
}

static void
set_text(struct item_ctx *c, const struct item *it, void *field, const struct node *n)
{
	int i;

	if (n->type != NODE_STR) {
		value_wrong_type(c, it, n);
		return;
	}
	if (it->type == ITEM_STR) {
		if (n->is.text[0] == '\0' && (it->flags & (ITEM_NONEMPTY | ITEM_REQUIRED)))
			conf_problems_add(
			    c->problems, n->at, false, "\"%s\" is empty: %s", it->name, it->help);
		else
			*(const char **)field = n->is.text;
		return;
	}
	i = choice_index(c, it, n);
	if (i < 0)
		return;
	if (it->type == ITEM_CHOICE)
		*(const char **)field = it->names[i];
	else
		*(unsigned *)field = (unsigned)i;
}

bool
value_texts(struct item_ctx *c, const struct item *it, const struct node *n, struct conf_strs *out)
{
	unsigned count = n->type == NODE_LIST ? n->nkids : 1;
	struct span digits;

	out->n = 0;
	out->v = arena_alloc(c->arena, (count + 1) * sizeof *out->v);
	for (unsigned i = 0; i < count; i++) {
		const struct node *kid = n->type == NODE_LIST ? &n->kids[i] : n;

		if (kid->type == NODE_INT) {
			digits = arena_try_printf(c->arena, "%" PRId64, kid->is.num);
			ASSERT(digits.p != NULL);
			out->v[out->n++] = digits.p;
		} else if (kid->type == NODE_STR && kid->is.text[0] != '\0')
			out->v[out->n++] = kid->is.text;
		else if (kid->type == NODE_STR) {
			conf_problems_add(c->problems, kid->at, false,
			    "\"%s\" holds an empty text: remove it", it->name);
			return false;
		} else {
			value_wrong_type(c, it, kid);
			return false;
		}
	}
	return true;
}

static void
set_strs(struct item_ctx *c, const struct item *it, struct conf_strs *field, const struct node *n)
{
	struct conf_strs got;

	if (value_texts(c, it, n, &got))
		*field = got;
}

static int
peers_parse(struct cidr *out, const struct item *it, const char *text, struct errdetail *ed)
{
	return (it->flags & ITEM_PEERS) != 0 ? cidr_parse_peers(out, text, ed) :
					       cidr_parse(out, text, ed);
}

static void
set_cidrs(struct item_ctx *c, const struct item *it, struct conf_cidrs *field, const struct node *n)
{
	struct conf_strs texts;
	struct conf_cidrs got = { .n = 0 };
	struct errdetail ed;
	bool bad = false;

	if (!value_texts(c, it, n, &texts))
		return;
	got.v = arena_alloc(c->arena, (texts.n + 1) * sizeof *got.v);
	got.lists.v = arena_alloc(c->arena, (texts.n + 1) * sizeof *got.lists.v);
	for (unsigned i = 0; i < texts.n; i++) {
		if ((it->flags & ITEM_LISTS) && texts.v[i][0] == '@') {
			got.lists.v[got.lists.n++] = texts.v[i];
			continue;
		}
		ed = (struct errdetail){ 0 };
		if (peers_parse(&got.v[got.n], it, texts.v[i], &ed) == 0) {
			got.n++;
			continue;
		}
		bad = true;
		conf_problems_add(c->problems, n->type == NODE_LIST ? n->kids[i].at : n->at, false,
		    "\"%s\": %.300s", it->name, ed.text);
	}
	if (!bad)
		*field = got;
}

static bool
header_ok(struct item_ctx *c, const struct item *it, const struct node *kid,
    const struct conf_headers *so_far)
{
	if (kid->type != NODE_STR || !http_is_token(span_str(kid->name))) {
		conf_problems_add(c->problems, kid->at, false,
		    "\"%s\" in \"%s\" is %s: write %s = \"value\"", kid->name, it->name,
		    node_type_text(kid), kid->name);
		return false;
	}
	if (kid->is.text[0] != '\0' && !http_is_value(span_str(kid->is.text))) {
		conf_problems_add(c->problems, kid->at, false,
		    "the value of %s has control characters: remove them", kid->name);
		return false;
	}
	for (unsigned i = 0; i < so_far->n; i++)
		if (span_ieq_str(span_str(kid->name), so_far->v[i].name)) {
			conf_problems_add(c->problems, kid->at, false,
			    "header %s is given twice: keep one", kid->name);
			return false;
		}
	return true;
}

static void
set_headers(
    struct item_ctx *c, const struct item *it, struct conf_headers *field, const struct node *n)
{
	struct conf_headers got = { NULL, 0 };

	if (n->type != NODE_GROUP) {
		value_wrong_type(c, it, n);
		return;
	}
	if (n->nkids > 64) {
		conf_problems_add(c->problems, n->at, false,
		    "\"%s\" has %u headers: 64 are allowed", it->name, n->nkids);
		return;
	}
	got.v = arena_alloc(c->arena, (n->nkids + 1) * sizeof *got.v);
	for (unsigned i = 0; i < n->nkids; i++)
		if (header_ok(c, it, &n->kids[i], &got))
			got.v[got.n++] = (struct conf_header){ n->kids[i].name,
				n->kids[i].is.text };
	*field = got;
}

void
value_set(struct item_ctx *c, const struct item *it, void *field, const struct node *n)
{
	switch (it->type) {
	case ITEM_BOOL:
		if (n->type != NODE_BOOL)
			value_wrong_type(c, it, n);
		else if (it->flags & ITEM_INHERIT)
			*(int8_t *)field = n->is.on;
		else
			*(bool *)field = n->is.on;
		return;
	case ITEM_INT:
	case ITEM_MSEC:
	case ITEM_SIZE:
		set_number(c, it, field, n);
		return;
	case ITEM_PERCENT:
		set_percent(c, it, field, n);
		return;
	case ITEM_STR:
	case ITEM_CHOICE:
	case ITEM_ENUM:
		set_text(c, it, field, n);
		return;
	case ITEM_STRS:
		set_strs(c, it, field, n);
		return;
	case ITEM_CIDRS:
		set_cidrs(c, it, field, n);
		return;
	case ITEM_HEADERS:
		set_headers(c, it, field, n);
		return;
	case ITEM_REGEXES:
		value_set_regexes(c, it, field, n);
		return;
	case ITEM_CONDITIONS:
		value_set_conditions(c, it, field, n);
		return;
	case ITEM_GROUP:
	case ITEM_LIST:
	case ITEM_MAP:
		break;
	}
	NEVER("not a single value");
}

/* A default is written in the table as in a file, and read by the same code. */
void
value_default(struct item_ctx *c, const struct item *it, void *field)
{
	struct node n = { .type = NODE_STR, .name = it->name };
	uint64_t num = 0;

	if (it->def == NULL) {
		if (it->flags & ITEM_INHERIT && it->type == ITEM_BOOL)
			*(int8_t *)field = -1;
		else if (it->flags & ITEM_INHERIT)
			*(int64_t *)field = -1;
		return;
	}
	n.is.text = it->def;
	if (it->type == ITEM_BOOL) {
		n.type = NODE_BOOL;
		n.is.on = strcmp(it->def, "true") == 0;
	} else if (it->type == ITEM_INT) {
		ASSERT(span_to_u64(span_str(it->def), INT64_MAX, &num) == 0);
		n.type = NODE_INT;
		n.is.num = (int64_t)num;
	}
	value_set(c, it, field, &n);
}

/*
 * value_text.c - one value of a configuration as a file would say it, and whether there is anything to say.
 *
 * The text is read back to the same value, which printing and the comparison of two configurations rest on.
 */
#include "conf/item.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/base/assert.h"
#include "conf/base/units.h"

bool
value_is_set(const struct item *it, const void *field)
{
	switch (it->type) {
	case ITEM_BOOL:
		return !(it->flags & ITEM_INHERIT) || *(const int8_t *)field >= 0;
	case ITEM_PERCENT:
		return true;
	case ITEM_INT:
	case ITEM_MSEC:
	case ITEM_SIZE:
		return *(const int64_t *)field >= 0;
	case ITEM_STR:
	case ITEM_CHOICE:
		return *(const char *const *)field != NULL;
	case ITEM_ENUM:
		return it->names[*(const unsigned *)field][0] != '\0';
	case ITEM_STRS:
		return it->def != NULL || ((const struct conf_strs *)field)->n > 0;
	case ITEM_CIDRS:
		return ((const struct conf_cidrs *)field)->n > 0 ||
		    ((const struct conf_cidrs *)field)->lists.n > 0;
	case ITEM_HEADERS:
		return ((const struct conf_headers *)field)->n > 0;
	case ITEM_REGEXES:
		return ((const struct conf_regexes *)field)->n > 0;
	case ITEM_CONDITIONS:
		return ((const struct conf_conditions *)field)->n > 0;
	case ITEM_GROUP:
	case ITEM_LIST:
	case ITEM_MAP:
		break;
	}
	NEVER("not a single value");
}

/* libconfig's escapes; bytes above 127 pass as they are. */
void
value_quote(const char *text, struct str *out)
{
	str_addc(out, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			str_printf(out, "\\%c", *p);
		else if (*p == '\n')
			str_adds(out, "\\n");
		else if (*p < 0x20 || *p == 0x7f)
			str_printf(out, "\\x%02x", *p);
		else
			str_addc(out, (char)*p);
	}
	str_addc(out, '"');
}

static void
strs_text(const struct conf_strs *s, struct str *out)
{
	str_adds(out, "[");
	for (unsigned i = 0; i < s->n; i++) {
		str_adds(out, i == 0 ? " " : ", ");
		value_quote(s->v[i], out);
	}
	str_adds(out, " ]");
}

static void
cidrs_text(const struct conf_cidrs *s, struct str *out)
{
	char buf[ADDR_TEXT];

	str_adds(out, "[");
	for (unsigned i = 0; i < s->n; i++) {
		cidr_text(&s->v[i], buf);
		str_printf(out, "%s\"%s\"", i == 0 ? " " : ", ", buf);
	}
	for (unsigned i = 0; i < s->lists.n; i++) {
		str_adds(out, s->n + i == 0 ? " " : ", ");
		value_quote(s->lists.v[i], out);
	}
	str_adds(out, " ]");
}

static void
headers_text(const struct conf_headers *h, struct str *out)
{
	str_adds(out, "{");
	for (unsigned i = 0; i < h->n; i++) {
		str_printf(out, " %s = ", h->v[i].name);
		value_quote(h->v[i].value, out);
		str_addc(out, ';');
	}
	str_adds(out, " }");
}

/* A share is printed with every digit that matters: 0.2 is "20%", a third stays a third. */
static void
percent_text(double v, struct str *out)
{
	char buf[48];

	(void)snprintf(buf, sizeof buf, "%#.17g", v);		/* libconfig knows a number by its point */
	if (v * 100 == (double)(int)(v * 100) && (double)(int)(v * 100) / 100 == v)
		str_printf(out, "\"%d%%\"", (int)(v * 100));
	else
		str_adds(out, buf);
}

void
value_text(const struct item *it, const void *field, struct str *out)
{
	char buf[32];

	if (!value_is_set(it, field))
		return;
	switch (it->type) {
	case ITEM_BOOL:
		str_adds(out, *(const uint8_t *)field == 1 ? "true" : "false");
		return;
	case ITEM_INT:
		str_printf(out, "%" PRId64 "%s", *(const int64_t *)field,
		    *(const int64_t *)field > INT32_MAX ? "L" : "");
		return;
	case ITEM_MSEC:
		str_printf(out, "\"%s\"", units_msec_text(*(const int64_t *)field, buf));
		return;
	case ITEM_SIZE:
		str_printf(out, "\"%s\"", units_size_text(*(const int64_t *)field, buf));
		return;
	case ITEM_PERCENT:
		percent_text(*(const double *)field, out);
		return;
	case ITEM_STR:
	case ITEM_CHOICE:
		value_quote(*(const char *const *)field, out);
		return;
	case ITEM_ENUM:
		value_quote(it->names[*(const unsigned *)field], out);
		return;
	case ITEM_STRS:
		strs_text(field, out);
		return;
	case ITEM_CIDRS:
		cidrs_text(field, out);
		return;
	case ITEM_HEADERS:
		headers_text(field, out);
		return;
	case ITEM_REGEXES:
		value_regexes_text(field, out);
		return;
	case ITEM_CONDITIONS:
		value_conditions_text(field, out);
		return;
	case ITEM_GROUP:
	case ITEM_LIST:
	case ITEM_MAP:
		break;
	}
	NEVER("not a single value");
}

bool
value_is_default(const struct item *it, const void *field)
{
	union {
		int64_t num;
		double real;
		bool on;
		const char *text;
		struct conf_strs strs;
		struct conf_cidrs cidrs;
		struct conf_headers headers;
		struct conf_regexes regexes;
		struct conf_conditions conditions;
	} def;
	struct str a = STR_INIT, b = STR_INIT;
	struct arena arena;
	struct item_ctx c = { .arena = &arena };
	bool same;

	memset(&def, 0, sizeof def);
	arena_init(&arena, NULL, 0, 0);
	value_default(&c, it, &def);
	value_text(it, field, &a);
	value_text(it, &def, &b);
	same = span_eq(str_span(&a), str_span(&b));
	str_fini(&a);
	str_fini(&b);
	arena_fini(&arena);
	return same;
}

bool
value_group_present(const struct item *it, const void *obj)
{
	const struct item *first = &it->sub->items[0];

	if (!(it->flags & ITEM_OPTIONAL))
		return true;
	return *(const int64_t *)((const char *)obj + it->at + first->at) != 0;
}

/*
 * directives.c - the Cache-Control parser, and what RFC 9213 makes of a targeted field.
 */
#include "cache/directives.h"

#include "conf/http/sf.h"

enum { REQUEST = 1, RESPONSE = 2 };
enum argument { BIT, LIFETIME, WISH, NAMES };	/* what follows the name, and what a bad one means */

static const struct directive {
	const char	*name;
	uint8_t		 who;
	uint8_t		 argument;
	uint32_t	 bit;
	size_t		 seconds;	/* offset of its uint32_t */
} table[] = {
#define SECONDS(field) 0, offsetof(struct directives, field)
	{ "no-store", REQUEST | RESPONSE, BIT, CC_NO_STORE, 0 },
	{ "no-cache", REQUEST | RESPONSE, NAMES, CC_NO_CACHE, 0 },
	{ "private", RESPONSE, BIT, CC_PRIVATE, 0 },
	{ "public", RESPONSE, BIT, CC_PUBLIC, 0 },
	{ "must-revalidate", RESPONSE, BIT, CC_MUST_REVALIDATE, 0 },
	{ "proxy-revalidate", RESPONSE, BIT, CC_PROXY_REVALIDATE, 0 },
	{ "must-understand", RESPONSE, BIT, CC_MUST_UNDERSTAND, 0 },
	{ "no-transform", REQUEST | RESPONSE, BIT, CC_NO_TRANSFORM, 0 },
	{ "immutable", RESPONSE, BIT, CC_IMMUTABLE, 0 },
	{ "only-if-cached", REQUEST, BIT, CC_ONLY_IF_CACHED, 0 },
	{ "max-age", REQUEST | RESPONSE, LIFETIME, SECONDS(max_age) },
	{ "s-maxage", RESPONSE, LIFETIME, SECONDS(s_maxage) },
	{ "max-stale", REQUEST, WISH, SECONDS(max_stale) },
	{ "min-fresh", REQUEST, WISH, SECONDS(min_fresh) },
	{ "stale-while-revalidate", RESPONSE, LIFETIME, SECONDS(stale_while_revalidate) },
	{ "stale-if-error", REQUEST | RESPONSE, LIFETIME, SECONDS(stale_if_error) },
#undef SECONDS
};

static const struct directives none = { 0, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE, SECONDS_NONE,
	SECONDS_NONE, SECONDS_NONE };

uint32_t
seconds_parse(struct span s)
{
	uint64_t value;
	int rc = span_to_u64(s, SECONDS_MAX, &value);

	if (rc == -E_RANGE)
		return SECONDS_MAX;
	return rc == 0 ? (uint32_t)value : SECONDS_NONE;
}

static const struct directive *
find(struct span name, int who, bool exact)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((table[i].who & who) != 0 &&
		    (exact ? span_eq_str(name, table[i].name) : span_ieq_str(name, table[i].name)))
			return &table[i];
	return NULL;
}

static uint32_t *
seconds_of(struct directives *d, const struct directive *of)
{
	return (uint32_t *)((char *)d + of->seconds);
}

static void
set_seconds(struct directives *d, const struct directive *of, uint32_t value)
{
	uint32_t *place = seconds_of(d, of);

	if (*place != SECONDS_NONE)
		return;
	if (value != SECONDS_NONE)
		*place = value;
	else if (of->argument == LIFETIME)
		*place = 0;
}

/* ---- Cache-Control ---- */

static bool
unquote(struct span *s)
{
	if (s->n < 2 || s->p[0] != '"' || s->p[s->n - 1] != '"')
		return false;
	*s = span_make(s->p + 1, s->n - 2);
	return true;
}

static void
apply(struct directives *d, struct span member, int who)
{
	ptrdiff_t eq = span_find(member, '=');
	struct span name = eq < 0 ? member : span_make(member.p, (size_t)eq);
	struct span value = eq < 0 ? SPAN_NONE :
				     span_make(member.p + eq + 1, member.n - (size_t)eq - 1);
	const struct directive *of = find(name, who, false);

	if (of == NULL)
		return;
	if (of->argument == BIT)
		d->set |= of->bit;
	else if (of->argument == NAMES)
		d->set |= eq < 0 || value.n == 0 ? CC_NO_CACHE : CC_NO_CACHE_FIELDS;
	else if (eq < 0 && of->seconds == offsetof(struct directives, max_stale))
		set_seconds(d, of, SECONDS_MAX);
	else {
		unquote(&value);
		set_seconds(d, of, seconds_parse(value));
	}
}

static void
read_cache_control(struct directives *d, const struct fields *f, int who)
{
	struct list_iter it = list_iter_init(f, H_CACHE_CONTROL);
	struct span member;

	while (list_iter_next(&it, &member))
		apply(d, member, who);
}

void
directives_request(struct directives *d, const struct fields *f)
{
	*d = none;
	read_cache_control(d, f, REQUEST);
	/* RFC 9111 5.4: of a client that knows no Cache-Control. */
	if (!fields_has(f, H_CACHE_CONTROL) && fields_list_has(f, H_PRAGMA, "no-cache"))
		d->set |= CC_NO_CACHE;
}

/* ---- RFC 9213 ---- */

/* False: a member of the wrong type, with which the whole field is as if absent. */
static bool
apply_targeted(struct directives *d, struct span name, const struct sf_item *item)
{
	const struct directive *of = find(name, RESPONSE, true);
	bool word = item->type == SF_STRING || item->type == SF_TOKEN;

	if (of == NULL)
		return true;
	if (of->argument == BIT || of->argument == NAMES) {
		if (word)
			d->set |= of->argument == NAMES ? CC_NO_CACHE_FIELDS : of->bit;
		else if (item->type == SF_BOOLEAN)
			d->set = item->integer != 0 ? d->set | of->bit : d->set & ~of->bit;
		return word || item->type == SF_BOOLEAN;
	}
	if (item->type != SF_INTEGER || item->integer < 0)
		return false;
	*seconds_of(d, of) = item->integer > SECONDS_MAX ? SECONDS_MAX : (uint32_t)item->integer;
	return true;
}

static bool
read_targeted(struct directives *d, const struct fields *f)
{
	struct sf_dict it = sf_dict_init(f, H_CDN_CACHE_CONTROL);
	struct sf_item item;
	struct span name;
	int rc, members = 0;

	while ((rc = sf_dict_next(&it, &name, &item)) > 0) {
		members++;
		if (!apply_targeted(d, name, &item))
			return false;
	}
	return rc == 0 && members > 0;
}

void
directives_response(struct directives *d, const struct fields *f)
{
	*d = none;
	if (fields_has(f, H_CDN_CACHE_CONTROL) && read_targeted(d, f)) {
		d->set |= CC_TARGETED;
		return;
	}
	*d = none;
	read_cache_control(d, f, RESPONSE);
}

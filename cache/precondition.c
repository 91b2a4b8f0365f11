/*
 * precondition.c - validators and their comparison: strict in grammar, because a validator read wrongly serves somebody
 * an old representation as the new one.
 */
#include "cache/precondition.h"

#include "conf/http/date.h"

static struct span
opaque(struct span tag)
{
	return tag.n >= 2 && memcmp(tag.p, "W/", 2) == 0 ? span_make(tag.p + 2, tag.n - 2) : tag;
}

static bool
is_weak(struct span tag)
{
	return opaque(tag).n != tag.n;
}

bool
etag_valid(struct span tag)
{
	struct span s = opaque(tag);

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++)
		if ((uint8_t)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == 0x7f)
			return false;
	return true;
}

bool
etag_same_weakly(struct span a, struct span b)
{
	return etag_valid(a) && span_eq(opaque(a), opaque(b));
}

bool
etag_same_strongly(struct span a, struct span b)
{
	return !is_weak(a) && !is_weak(b) && etag_same_weakly(a, b);
}

static int64_t
date_of(const struct fields *f, enum hname id, int64_t now, int64_t otherwise)
{
	int64_t t;

	if (fields_count(f, id) != 1 || date_parse(fields_value(f, id), now, &t) != 0)
		return otherwise;
	return t;
}

struct validators
validators_of(const struct fields *f, int64_t received)
{
	struct span etag = fields_value(f, H_ETAG);

	return (struct validators){
		.etag = fields_count(f, H_ETAG) == 1 && etag_valid(etag) ? etag : SPAN_NONE,
		.modified = date_of(f, H_LAST_MODIFIED, received, DATE_NONE),
		.date = date_of(f, H_DATE, received, received) };
}

static bool
any_etag_matches(const struct fields *request, struct span etag)
{
	struct list_iter it = list_iter_init(request, H_IF_NONE_MATCH);
	struct span member;

	while (list_iter_next(&it, &member))
		if (span_eq_str(member, "*") || (etag.p != NULL && etag_same_weakly(member, etag)))
			return true;
	return false;
}

/* RFC 9111 4.3.2: without Last-Modified, Date says since when there was this representation. */
bool
precondition_not_modified(const struct fields *request, const struct validators *v, int64_t now)
{
	int64_t since, last = v->modified != DATE_NONE ? v->modified : v->date;

	if (fields_has(request, H_IF_NONE_MATCH))
		return any_etag_matches(request, v->etag);
	since = date_of(request, H_IF_MODIFIED_SINCE, now, DATE_NONE);
	return since != DATE_NONE && last <= since;
}

/* RFC 9110 13.1.5; a date is strong when the clock has moved on since (8.8.2.2). */
bool
precondition_range(const struct fields *request, const struct validators *v, int64_t now)
{
	struct span value = fields_value(request, H_IF_RANGE);

	if (value.p == NULL)
		return true;
	if (fields_count(request, H_IF_RANGE) != 1)
		return false;
	if (etag_valid(value))
		return v->etag.p != NULL && etag_same_strongly(value, v->etag);
	return v->modified != DATE_NONE && v->date > v->modified &&
	    date_of(request, H_IF_RANGE, now, DATE_NONE) == v->modified;
}

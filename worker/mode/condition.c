/*
 * condition.c - conditions on header lines, query parameters and cookies.
 *
 * A request's work is bounded by the length of its head for finding the values, and by CONDITION_VALUES times the
 * limit of a match for judging them: a name repeated a thousand times is refused, not tried a thousand times.
 */
#include "worker/mode/condition.h"

#include "conf/http/uri.h"

struct ask {
	const struct conf_condition *x;
	unsigned	values;
	enum regex_answer answer;
};

/* false: the answer is known, no further value is needed. */
static bool
ask_value(struct ask *a, struct span value)
{
	if (a->x->re == NULL)
		a->answer = REGEX_YES;
	else if (++a->values > CONDITION_VALUES)
		a->answer = REGEX_FAILED;
	else
		a->answer = regex_match(a->x->re, value);
	return a->answer == REGEX_NO;
}

static bool
has_name(const struct conf_condition *x, const struct field *f)
{
	return f->id == x->id && (x->id != H_OTHER || span_ieq_str(f->name, x->name));
}

static void
ask_header(struct ask *a, const struct condition_query *q)
{
	if (a->x->id != H_OTHER && !fields_has(q->fields, a->x->id))
		return;
	for (unsigned i = 0; i < q->nfields; i++)
		if (has_name(a->x, &q->fields->v[i]) && !ask_value(a, q->fields->v[i].value))
			return;
}

/* The span with its escapes decoded into room, which has REGEX_SUBJECT bytes; longer ones stay, and fail to match. */
static struct span
decoded(struct span s, char *room)
{
	if (s.n > REGEX_SUBJECT || span_find(s, '%') < 0)
		return s;
	return span_make(room, uri_unescape(s, room));
}

/* NAME=VALUE parted at the first '='; value.p is never NULL. */
static struct span
name_of(struct span pair, struct span *value)
{
	ptrdiff_t sign = span_find(pair, '=');

	if (sign < 0) {
		*value = SPAN("");
		return pair;
	}
	*value = span_make(pair.p + sign + 1, pair.n - (size_t)sign - 1);
	return span_make(pair.p, (size_t)sign);
}

static void
ask_query(struct ask *a, struct span query)
{
	static char room[REGEX_SUBJECT];	/* too much to have on the stack, which is cleared */
	struct span pair, value, name;

	while (span_split(&query, '&', &pair)) {
		name = decoded(name_of(pair, &value), room);
		if (span_eq_str(name, a->x->name) && !ask_value(a, decoded(value, room)))
			return;
	}
}

static struct span
unquoted(struct span s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return span_make(s.p + 1, s.n - 2);
	return s;
}

static bool
ask_cookies(struct ask *a, struct span line)
{
	struct span pair, value, name;

	while (span_split(&line, ';', &pair)) {
		name = span_trim(name_of(pair, &value));
		if (span_eq_str(name, a->x->name) && !ask_value(a, unquoted(span_trim(value))))
			return false;
	}
	return true;
}

static void
ask_cookie(struct ask *a, const struct condition_query *q)
{
	if (!fields_has(q->fields, H_COOKIE))
		return;
	for (unsigned i = 0; i < q->nfields; i++)
		if (q->fields->v[i].id == H_COOKIE && !ask_cookies(a, q->fields->v[i].value))
			return;
}

enum regex_answer
condition_ask(const struct conf_condition *x, const struct condition_query *q)
{
	struct ask a = { .x = x, .answer = REGEX_NO };

	switch (x->where) {
	case IN_HEADER:
		if (q->fields != NULL)
			ask_header(&a, q);
		break;
	case IN_QUERY:
		ask_query(&a, q->query);
		break;
	case IN_COOKIE:
		if (q->fields != NULL)
			ask_cookie(&a, q);
		break;
	}
	return a.answer;
}

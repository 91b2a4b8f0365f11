/*
 * vary.c - the secondary key (RFC 9111 4.1): which request fields pick a variant, and their values made comparable.
 *
 * Lines are joined and blanks around commas dropped, as RFC 9111 allows for every field. Accept-Encoding and
 * Accept-Language become, where a route says so, the members in order of preference without weights, so that
 * "gzip;q=1, br" and "br,gzip" are one variant. A member refused by q=0 stays one, as "!name".
 */
#include <stdlib.h>

#include "cache/key.h"
#include "cache/text.h"

struct member { struct span name; unsigned weight; };		/* in thousandths */

enum { MEMBERS_MAX = 32 };

/* ---- names ---- */

static int
by_bytes(const void *pa, const void *pb)
{
	struct span a = *(const struct span *)pa, b = *(const struct span *)pb;
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static struct span
lower(char *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		out[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
	return span_make(out, s.n);
}

/* How many names, or MEMBERS_MAX when they are too many, or one is "*" or no name at all. */
static unsigned
collect_names(struct span *v, char *room, const struct fields *response)
{
	struct list_iter it = list_iter_init(response, H_VARY);
	struct span member;
	size_t used = 0;
	unsigned n = 0;

	while (list_iter_next(&it, &member)) {
		if (span_eq_str(member, "*") || !http_is_token(member) || n == VARY_MAX ||
		    member.n > VARY_TEXT_MAX - used)
			return MEMBERS_MAX;
		v[n++] = lower(room + used, member);
		used += member.n;
	}
	return n;
}

size_t
vary_names(char *out, const struct fields *response)
{
	char room[VARY_TEXT_MAX] UNFILLED;
	struct span v[VARY_MAX];
	struct text t = { .p = out, .size = VARY_TEXT_MAX };
	unsigned count = collect_names(v, room, response);

	if (count > VARY_MAX)
		return SIZE_MAX;
	qsort(v, count, sizeof v[0], by_bytes);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && span_eq(v[i], v[i - 1]))
			continue;
		text_put(&t, t.n > 0 ? SPAN(",") : SPAN_NONE);
		text_put(&t, v[i]);
	}
	return t.full ? SIZE_MAX : t.n;
}

/* ---- values ---- */

static void
put_lower(struct text *t, struct span s)
{
	char *at = text_room(t, s.n);

	if (at != NULL)
		lower(at, s);
}

/* qvalue of RFC 9110 12.4.2 in thousandths; 1000 without one, or one that is none. */
static unsigned
weight_of(struct span params)
{
	struct span s = span_trim(params);
	unsigned q = 0, unit = 1000;

	if (s.n < 3 || (s.p[0] != 'q' && s.p[0] != 'Q') || s.p[1] != '=')
		return 1000;
	for (size_t i = 2; i < s.n && i < 7; i++) {
		if (s.p[i] == '.' && i == 3)
			continue;
		if (s.p[i] < '0' || s.p[i] > '9' || unit == 0)
			return 1000;
		q += (unsigned)(s.p[i] - '0') * unit;
		unit /= 10;
	}
	return q > 1000 ? 1000 : q;
}

static struct member
member_of(struct span text)
{
	ptrdiff_t semi = span_find(text, ';');

	if (semi < 0)
		return (struct member){ text, 1000 };
	return (struct member){ span_trim(span_make(text.p, (size_t)semi)),
		weight_of(span_make(text.p + semi + 1, text.n - (size_t)semi - 1)) };
}

static int
by_name(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	size_t n = a->name.n < b->name.n ? a->name.n : b->name.n;

	for (size_t i = 0; i < n; i++) {
		int x = a->name.p[i] | 0x20, y = b->name.p[i] | 0x20;

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

static int
by_preference(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	return a->weight != b->weight ? (a->weight < b->weight) - (a->weight > b->weight) :
					by_name(pa, pb);
}

static unsigned
members_of(struct member v[MEMBERS_MAX], const struct fields *request, enum hname id)
{
	struct list_iter it = list_iter_init(request, id);
	struct span text;
	unsigned n = 0;

	while (n < MEMBERS_MAX && list_iter_next(&it, &text))
		v[n++] = member_of(text);
	return n;
}

/* Equal weights are equally good: their order says nothing, so it is made one. */
static void
put_preferences(struct text *t, const struct fields *request, enum hname id)
{
	struct member v[MEMBERS_MAX];
	unsigned n = members_of(v, request, id);

	qsort(v, n, sizeof v[0], by_preference);
	for (unsigned i = 0; i < n; i++) {
		text_put(t, i > 0 ? SPAN(",") : SPAN_NONE);
		text_put(t, v[i].weight == 0 ? SPAN("!") : SPAN_NONE);
		put_lower(t, v[i].name);
	}
}

static void
put_lines(struct text *t, const struct fields *request, struct span name)
{
	bool some = false;

	for (unsigned i = 0; i < request->n; i++) {
		const struct field *f = &request->v[i];
		struct span rest = f->value, part;

		if (!span_ieq(f->name, name))
			continue;
		while (span_split(&rest, ',', &part)) {
			text_put(t, some ? SPAN(",") : SPAN_NONE);
			text_put(t, span_trim(part));
			some = true;
		}
	}
}

/* An absent field is told from an empty one (RFC 9111 4.1: both absent, or both there). */
static void
put_value(
    struct text *t, const struct fields *request, struct span name, const struct vary_rules *rules)
{
	enum hname id = name_find(name);
	bool there = false;

	for (unsigned i = 0; i < request->n && !there; i++)
		there = span_ieq(request->v[i].name, name);
	text_put(t, there ? SPAN("\n=") : SPAN("\n"));
	if ((id == H_ACCEPT_ENCODING && rules->encodings) ||
	    (id == H_ACCEPT_LANGUAGE && rules->languages))
		put_preferences(t, request, id);
	else
		put_lines(t, request, name);
}

bool
vary_key(struct key *out, const struct sip_key *secret, const struct key *primary,
    uint32_t generation, struct span names, const struct fields *request,
    const struct vary_rules *rules)
{
	char room[VARY_TEXT_MAX] UNFILLED;
	struct text t = { .p = room, .size = sizeof room };
	struct span name;

	text_put(&t, span_make((const char *)primary->b, sizeof primary->b));
	text_put(&t, span_make((const char *)&generation, sizeof generation));
	text_put(&t, names);
	while (span_split(&names, ',', &name))
		put_value(&t, request, name, rules);
	*out = key_of(secret, span_make(t.p, t.n));
	return !t.full;
}

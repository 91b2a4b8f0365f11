/*
 * field.c - look-ups in a head's fields, lists that span several lines, and the grammar table.
 *
 * A look-up for an absent field costs one bit test: the bitmap `have` is kept by fields_add alone.
 */
#include "conf/http/field.h"

/* ---- grammar: every byte's classes, computed by the compiler from RFC 9110 and RFC 3986 ---- */

#define ALPHA(c)	(((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z'))
#define DIGIT(c)	((c) >= '0' && (c) <= '9')
#define HEX(c)		(DIGIT(c) || ((c) >= 'a' && (c) <= 'f') || ((c) >= 'A' && (c) <= 'F'))
#define UNRESERVED(c) \
	(ALPHA(c) || DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define SUB_DELIM(c) \
	((c) == '!' || (c) == '$' || ((c) >= '&' && (c) <= ',') || (c) == ';' || (c) == '=')
#define TCHAR(c)                                                                                  \
	(ALPHA(c) || DIGIT(c) || (c) == '!' || ((c) >= '#' && (c) <= '\'') || (c) == '*' ||       \
	    (c) == '+' || (c) == '-' || (c) == '.' || ((c) >= '^' && (c) <= '`') || (c) == '|' || \
	    (c) == '~')
#define VALUE(c)	((c) == '\t' || ((c) >= ' ' && (c) != 0x7f))
/* Not in RFC 3986, but browsers send them as they are. */
#define UNWISE(c) \
	((c) == '[' || (c) == ']' || (c) == '^' || (c) == '`' || ((c) >= '{' && (c) <= '}'))
#define PATH(c)                                                                                   \
	(UNRESERVED(c) || SUB_DELIM(c) || (c) == ':' || (c) == '@' || (c) == '/' || (c) == '%' || \
	    UNWISE(c))
#define QUERY(c)	(PATH(c) || (c) == '?' || (c) == '\\')

#define CLASS(c)                                                                         \
	((TCHAR(c) ? HC_TOKEN : 0) | (VALUE(c) ? HC_VALUE : 0) | (HEX(c) ? HC_HEX : 0) | \
	    (UNRESERVED(c) ? HC_UNRESERVED | HC_HOST : 0) | (PATH(c) ? HC_PATH : 0) |    \
	    (QUERY(c) ? HC_QUERY : 0))
#define CLASS4(c)	CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c)	CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)
#define CLASS64(c)	CLASS16(c), CLASS16((c) + 16), CLASS16((c) + 32), CLASS16((c) + 48)

const uint8_t http_char[256] = { CLASS64(0), CLASS64(64), CLASS64(128), CLASS64(192) };

static bool
all_of(struct span s, uint8_t class)
{
	uint8_t all = class;

	for (size_t i = 0; i < s.n; i++)
		all &= http_char[(uint8_t)s.p[i]];
	return all != 0;
}

bool
http_is_token(struct span s)
{
	return s.n > 0 && all_of(s, HC_TOKEN);
}

bool
http_is_value(struct span s)
{
	return all_of(s, HC_VALUE);
}

/* ---- fields ---- */

const struct field *
fields_find(const struct fields *f, enum hname id)
{
	if (!fields_has(f, id))
		return NULL;
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i].id == id)
			return &f->v[i];
	return NULL;
}

struct span
fields_value(const struct fields *f, enum hname id)
{
	const struct field *x = fields_find(f, id);

	return x == NULL ? SPAN_NONE : x->value;
}

unsigned
fields_count(const struct fields *f, enum hname id)
{
	unsigned count = 0;

	if (!fields_has(f, id))
		return 0;
	for (unsigned i = 0; i < f->n; i++)
		count += f->v[i].id == id;
	return count;
}

struct field *
fields_add(struct fields *f, struct span name, struct span value, struct span line)
{
	struct field *x;
	enum hname id;

	if (f->n >= f->size)
		return NULL;
	id = name_find(name);
	x = &f->v[f->n++];
	*x = (struct field){ .name = name, .value = value, .line = line, .id = (uint16_t)id };
	f->have[id >> 6] |= UINT64_C(1) << (id & 63);
	return x;
}

void
fields_drop(struct fields *f, enum hname id)
{
	if (!fields_has(f, id))
		return;
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i].id == id)
			f->v[i].flags |= FIELD_DROP;
}

/* ---- lists ---- */

struct list_iter
list_iter_init(const struct fields *f, enum hname id)
{
	return (struct list_iter){ .f = f, .at = fields_has(f, id) ? 0 : f->n, .id = (uint16_t)id };
}

/* Cuts up to the first comma outside quotes; an open quote reaches to the end of its line. */
static struct span
cut_member(struct span *rest)
{
	bool quoted = false;
	size_t i;
	struct span member;

	for (i = 0; i < rest->n && (quoted || rest->p[i] != ','); i++) {
		if (rest->p[i] == '"')
			quoted = !quoted;
		else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
	}
	member = span_trim(span_make(rest->p, i));
	if (i < rest->n)
		i++;
	rest->p += i;
	rest->n -= i;
	return member;
}

bool
list_iter_next(struct list_iter *it, struct span *member)
{
	for (;;) {
		while (it->rest.n > 0) {
			*member = cut_member(&it->rest);
			if (member->n > 0)
				return true;
		}
		while (it->at < it->f->n && it->f->v[it->at].id != it->id)
			it->at++;
		if (it->at >= it->f->n)
			return false;
		it->rest = it->f->v[it->at++].value;
	}
}

bool
fields_list_has(const struct fields *f, enum hname id, const char *token)
{
	struct list_iter it = list_iter_init(f, id);
	struct span member;

	while (list_iter_next(&it, &member)) {
		ptrdiff_t semi = span_find(member, ';');

		if (semi >= 0)
			member = span_trim(span_make(member.p, (size_t)semi));
		if (span_ieq_str(member, token))
			return true;
	}
	return false;
}

/*
 * sf.c - a reader of RFC 8941 dictionaries: one function per production of its chapter 4.2.
 */
#include "conf/http/sf.h"

#define DIGITS_MAX 15		/* of an integer; RFC 8941 4.2.4 */
#define WHOLE_MAX 12		/* before the point of a decimal */
#define FRACTION_MAX 3

static bool
at(const struct span *s, char c)
{
	return s->n > 0 && s->p[0] == c;
}

static void
skip(struct span *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static bool
take(struct span *s, char c)
{
	bool is = at(s, c);

	if (is)
		skip(s, 1);
	return is;
}

static void
skip_blanks(struct span *s, bool tabs)
{
	while (at(s, ' ') || (tabs && at(s, '\t')))
		skip(s, 1);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_alpha(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static int
key(struct span *s, struct span *out)
{
	size_t n = 0;

	if (s->n == 0 || !(is_lower(s->p[0]) || s->p[0] == '*'))
		return -E_SYNTAX;
	while (n < s->n &&
	    (is_lower(s->p[n]) || is_digit(s->p[n]) || memchr("_-.*", s->p[n], 4) != NULL))
		n++;
	*out = span_make(s->p, n);
	skip(s, n);
	return 0;
}

static size_t
digits(const struct span *s, size_t from)
{
	size_t n = from;

	while (n < s->n && is_digit(s->p[n]))
		n++;
	return n - from;
}

static int
number(struct span *s, struct sf_item *item)
{
	bool minus = at(s, '-');
	size_t whole = digits(s, minus), n = minus + whole, fraction;
	uint64_t value;

	if (whole == 0 || whole > DIGITS_MAX)
		return -E_SYNTAX;
	if (n < s->n && s->p[n] == '.') {
		fraction = digits(s, n + 1);
		if (whole > WHOLE_MAX || fraction == 0 || fraction > FRACTION_MAX)
			return -E_SYNTAX;
		item->type = SF_DECIMAL;
		n += 1 + fraction;
	} else {
		if (span_to_u64(span_make(s->p + minus, whole), INT64_MAX, &value) != 0)
			return -E_SYNTAX;
		item->type = SF_INTEGER;
		item->integer = minus ? -(int64_t)value : (int64_t)value;
	}
	item->text = span_make(s->p, n);
	skip(s, n);
	return 0;
}

/* What stands between the first byte and the one at n is the item. */
static int
enclosed(struct span *s, size_t n, enum sf_type type, struct sf_item *item)
{
	item->type = type;
	item->text = span_make(s->p + 1, n - 1);
	skip(s, n + 1);
	return 0;
}

static int
string(struct span *s, struct sf_item *item)
{
	size_t n = 1;

	for (; n < s->n && s->p[n] != '"'; n++) {
		if (s->p[n] == '\\' && (++n == s->n || (s->p[n] != '"' && s->p[n] != '\\')))
			return -E_SYNTAX;
		if (s->p[n] < ' ' || s->p[n] > '~')
			return -E_SYNTAX;
	}
	return n < s->n ? enclosed(s, n, SF_STRING, item) : -E_SYNTAX;
}

static int
bytes(struct span *s, struct sf_item *item)
{
	size_t n = 1;

	while (n < s->n &&
	    (is_alpha(s->p[n]) || is_digit(s->p[n]) || memchr("+/=", s->p[n], 3) != NULL))
		n++;
	return n < s->n && s->p[n] == ':' ? enclosed(s, n, SF_BYTES, item) : -E_SYNTAX;
}

static int
boolean(struct span *s, struct sf_item *item)
{
	if (s->n < 2 || (s->p[1] != '0' && s->p[1] != '1'))
		return -E_SYNTAX;
	item->type = SF_BOOLEAN;
	item->integer = s->p[1] - '0';
	item->text = span_make(s->p + 1, 1);
	skip(s, 2);
	return 0;
}

static int
token(struct span *s, struct sf_item *item)
{
	size_t n = 0;

	while (n < s->n &&
	    ((http_char[(uint8_t)s->p[n]] & HC_TOKEN) || s->p[n] == ':' || s->p[n] == '/'))
		n++;
	item->type = SF_TOKEN;
	item->text = span_make(s->p, n);
	skip(s, n);
	return 0;
}

static int
bare_item(struct span *s, struct sf_item *item)
{
	if (s->n == 0)
		return -E_SYNTAX;
	switch (s->p[0]) {
	case '"': return string(s, item);
	case ':': return bytes(s, item);
	case '?': return boolean(s, item);
	case '-': return number(s, item);
	}
	if (is_digit(s->p[0]))
		return number(s, item);
	return is_alpha(s->p[0]) || s->p[0] == '*' ? token(s, item) : -E_SYNTAX;
}

static int
parameters(struct span *s)
{
	struct sf_item ignored;
	struct span name;

	while (take(s, ';')) {
		skip_blanks(s, false);
		if (key(s, &name) != 0 || (take(s, '=') && bare_item(s, &ignored) != 0))
			return -E_SYNTAX;
	}
	return 0;
}

static int
inner_list(struct span *s, struct sf_item *item)
{
	const char *start = s->p;
	struct sf_item ignored;

	skip(s, 1);
	for (;;) {
		skip_blanks(s, false);
		if (take(s, ')'))
			break;
		if (bare_item(s, &ignored) != 0 || parameters(s) != 0 ||
		    (!at(s, ' ') && !at(s, ')')))
			return -E_SYNTAX;
	}
	*item = (struct sf_item){ .type = SF_LIST,
		.text = span_make(start, (size_t)(s->p - start)) };
	return 0;
}

static int
member(struct span *s, struct span *name, struct sf_item *item)
{
	if (key(s, name) != 0)
		return -E_SYNTAX;
	*item = (struct sf_item){ .type = SF_BOOLEAN };
	if (!take(s, '='))
		item->integer = 1;
	else if ((at(s, '(') ? inner_list(s, item) : bare_item(s, item)) != 0)
		return -E_SYNTAX;
	return parameters(s);
}

/* ---- dictionaries ---- */

struct sf_dict
sf_dict_init(const struct fields *f, enum hname id)
{
	return (struct sf_dict){ .f = f, .at = fields_has(f, id) ? 0 : f->n, .id = (uint16_t)id };
}

static bool
next_line(struct sf_dict *d)
{
	while (d->at < d->f->n) {
		const struct field *x = &d->f->v[d->at++];

		if (x->id != d->id)
			continue;
		d->rest = x->value;
		skip_blanks(&d->rest, false);
		if (d->rest.n > 0)
			return true;
	}
	return false;
}

int
sf_dict_next(struct sf_dict *d, struct span *name, struct sf_item *item)
{
	if (d->rest.n == 0 && !next_line(d))
		return 0;
	if (member(&d->rest, name, item) != 0)
		return -E_SYNTAX;
	skip_blanks(&d->rest, true);
	if (d->rest.n == 0)
		return 1;
	if (!take(&d->rest, ','))
		return -E_SYNTAX;
	skip_blanks(&d->rest, true);
	return d->rest.n > 0 ? 1 : -E_SYNTAX;	/* a comma at the end */
}

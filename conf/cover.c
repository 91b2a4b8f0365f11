/*
 * cover.c - containment of acls and of rules, kind by kind.
 *
 * An acl is within another when each kind the other gives is given by it, too, and each of its values is within one
 * value there. A rule covers a later one when each of its terms follows from a term of the later one.
 */
#include "conf/cover.h"

#define PAIRS_MAX 20000			/* comparisons of values for one kind; beyond, it is not decided */

/* Is every element of a, n of them, within some element of b? */
#define EACH_WITHIN(a, n, b, m, within)                                     \
	({                                                                  \
		bool all_ = (uint64_t)(n) * (m) <= PAIRS_MAX;               \
		for (unsigned i_ = 0; i_ < (n) && all_; i_++) {             \
			bool some_ = false;                                 \
			for (unsigned j_ = 0; j_ < (m) && !some_; j_++)     \
				some_ = within(&(a)[i_], &(b)[j_]);         \
			all_ = some_;                                       \
		}                                                           \
		all_;                                                       \
	})

static bool
text_within(const char *const *a, const char *const *b)
{
	return strcmp(*a, *b) == 0;
}

static bool
strs_within(const struct conf_strs *a, const struct conf_strs *b)
{
	return EACH_WITHIN(a->v, a->n, b->v, b->n, text_within);
}

/* An address that carries an IPv4 address is judged as that one: its block is no part of an IPv6 block around it. */
static bool
is_mapped(const struct cidr *c)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return c->family == AF_INET6 && c->bits >= 96 && memcmp(c->ip, prefix, sizeof prefix) == 0;
}

static bool
cidr_within(const struct cidr *a, const struct cidr *b)
{
	unsigned bytes = b->bits / 8, rest = b->bits % 8;

	if (a->family != b->family || a->bits < b->bits || is_mapped(a) != is_mapped(b))
		return false;
	return memcmp(a->ip, b->ip, bytes) == 0 &&
	    (rest == 0 || (a->ip[bytes] ^ b->ip[bytes]) >> (8 - rest) == 0);
}

static bool
cidrs_given(const struct conf_cidrs *c)
{
	return c->n > 0 || c->lists.n > 0;
}

static bool
cidrs_within(const struct conf_cidrs *a, const struct conf_cidrs *b)
{
	if (!cidrs_given(b))
		return true;
	return cidrs_given(a) && EACH_WITHIN(a->v, a->n, b->v, b->n, cidr_within) &&
	    strs_within(&a->lists, &b->lists);
}

/* ".example.com" has itself and all below; "@list" only itself. */
static bool
domain_within(const char *const *a, const char *const *b)
{
	struct span x = span_str(*a), y = span_str(*b), bare = x;

	if (span_eq(x, y))
		return true;
	if (x.p[0] == '@' || y.p[0] != '.')
		return false;
	if (bare.p[0] == '.')
		bare = span_make(bare.p + 1, bare.n - 1);
	return span_iends(bare, y) || span_ieq(bare, span_make(y.p + 1, y.n - 1));
}

static bool
port_within(const struct conf_portrange *a, const struct conf_portrange *b)
{
	return a->lo >= b->lo && a->hi <= b->hi;
}

static bool
span_within(const struct conf_timespan *a, const struct conf_timespan *b)
{
	return (a->days & ~b->days) == 0 && a->from_min >= b->from_min && a->to_min <= b->to_min;
}

static bool
regex_within(const struct conf_regex *a, const struct conf_regex *b)
{
	return strcmp(a->text, b->text) == 0;
}

static bool
condition_within(const struct conf_condition *a, const struct conf_condition *b)
{
	bool name = a->where == IN_HEADER ? span_ieq_str(span_str(a->name), b->name) :
					    strcmp(a->name, b->name) == 0;

	return name && a->where == b->where &&
	    (b->text[0] == '\0' || strcmp(a->text, b->text) == 0);
}

bool
cover_conditions(const struct conf_conditions *a, const struct conf_conditions *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		bool implied = false;

		for (unsigned k = 0; k < a->n && !implied; k++)
			implied = condition_within(&a->v[k], &b->v[i]);
		if (!implied)
			return false;
	}
	return true;
}

bool
cover_methods(const struct conf_strs *a, const struct conf_strs *b)
{
	return b->n == 0 || (a->n > 0 && strs_within(a, b));
}

bool
cover_acl(const struct conf_acl *a, const struct conf_acl *b)
{
	if (a == b)
		return true;
	if (!cidrs_within(&a->src, &b->src) || !cidrs_within(&a->dst, &b->dst) ||
	    !cover_methods(&a->method, &b->method) || !cover_conditions(&a->header, &b->header))
		return false;
	if (b->nports > 0 &&
	    (a->nports == 0 || !EACH_WITHIN(a->ports, a->nports, b->ports, b->nports, port_within)))
		return false;
	if (b->domain.n > 0 && (a->domain.n == 0 ||
	    !EACH_WITHIN(a->domain.v, a->domain.n, b->domain.v, b->domain.n, domain_within)))
		return false;
	if (b->ntimes > 0 &&
	    (a->ntimes == 0 || !EACH_WITHIN(a->times, a->ntimes, b->times, b->ntimes, span_within)))
		return false;
	return b->url.n == 0 ||
	    (a->url.n > 0 && EACH_WITHIN(a->url.v, a->url.n, b->url.v, b->url.n, regex_within));
}

/* Can no request match both? Told by ports and methods only. */
static bool
disjoint(const struct conf_acl *a, const struct conf_acl *b)
{
	bool apart = a->nports > 0 && b->nports > 0;

	for (unsigned i = 0; i < a->nports && apart; i++)
		for (unsigned k = 0; k < b->nports && apart; k++)
			apart = a->ports[i].hi < b->ports[k].lo || b->ports[k].hi < a->ports[i].lo;
	if (apart)
		return true;
	apart = a->method.n > 0 && b->method.n > 0;
	for (unsigned i = 0; i < a->method.n && apart; i++)
		for (unsigned k = 0; k < b->method.n && apart; k++)
			apart = strcmp(a->method.v[i], b->method.v[k]) != 0;
	return apart;
}

/* Does `asked` hold whenever `given` does? */
static bool
term_follows(const struct conf_rule_term *given, const struct conf_rule_term *asked)
{
	if (asked->negate)
		return given->negate ? cover_acl(asked->acl, given->acl) :
				       disjoint(given->acl, asked->acl);
	return !given->negate && cover_acl(given->acl, asked->acl);
}

static bool
is_always(const struct conf_acl *a)
{
	static const struct conf_acl nothing;

	return cover_acl(&nothing, a);
}

bool
cover_rule(const struct conf_rule *later, const struct conf_rule *earlier)
{
	for (unsigned i = 0; i < earlier->nterms; i++) {
		const struct conf_rule_term *asked = &earlier->terms[i];
		bool follows = !asked->negate && is_always(asked->acl);

		/* A deny is judged on a second form of the URL, on which the allow before it is not. */
		if (earlier->allow && !later->allow && asked->acl->url.n > 0)
			return false;
		for (unsigned k = 0; k < later->nterms && !follows; k++)
			follows = term_follows(&later->terms[k], asked);
		if (!follows)
			return false;
	}
	return true;
}

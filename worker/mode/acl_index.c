/*
 * acl_index.c - rules found by what their acls name, as sets of bits.
 *
 * For each kind (the name, the client's address, the target's) a rule hangs on the first of its terms without "!"
 * whose acl has that kind written out; a rule without such a term, or whose acl asks a list, is open to every request
 * as far as this kind is concerned. For a request, each kind yields its open rules and those that hang on an acl with
 * an entry for it; what all kinds yield is tried:
 *
 *	name -> refs (acls)		by the name and its parents
 *	address -> block -> refs	by the longest block and the blocks around it
 *	acl -> rules that hang on it
 *
 * A kind that no rule hangs on costs nothing. What is open to all kinds asked is chained beforehand, so that a request
 * goes from one of them to the next however many lie between; rules with a matching entry come in between as bits of a
 * set, a word per 64 rules, since a request matches few.
 */
#include "worker/mode/acl_index.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define FILTER_BITS	(1u << 16)

enum kind { KIND_NAME, KIND_SRC, KIND_DST, KIND_MAX };

/* One acl with an entry for a name or a block; links are positions + 1, 0 being the end. */
struct ref { uint32_t acl, cover, next; };
struct block { struct cidr cidr; uint32_t around, refs; };

struct kind_index {
	bool		 used;
	uint64_t	*open;		/* rules that this kind does not rule out */
	uint64_t	*match;		/* and those that an entry matched, in the last question */
	uint32_t	*rules;		/* by acl: the first rule that hangs on it */
	uint32_t	*next;		/* by rule: the next on the same acl */
	struct cidr_tree *tree;		/* of blocks */
	struct block	*blocks;
	uint32_t	 nblocks;
};

struct acl_index {
	const struct conf *conf;
	unsigned	 words;
	struct kind_index kind[KIND_MAX];
	struct map	 names;		/* -> position in refs + 1, as a pointer */
	uint64_t	*filter;	/* bits of what names look like: most are not here, a hash is dear */
	struct ref	*refs;
	uint32_t	 nrefs, room;
	unsigned	 used;		/* kinds */
	uint32_t	*chain[1 << KIND_MAX];	/* by the kinds asked, by rule: it or the next, open to all of them */
	uint32_t	*closed;	/* by rule: it or the next that some kind may rule out */
	const uint32_t	*asked;		/* the chain of the last question */
	uint64_t	*found;		/* and the rules besides, by their entries */
	uint32_t	*matched;	/* rules of kind[].match, a kind after the other */
	unsigned	 nmatched;
};

/* ------------------------------------------------------------------ building */

static void
bit_set(uint64_t *set, unsigned i)
{
	set[i / 64] |= (uint64_t)1 << i % 64;
}

/* Does the acl have this kind, with everything it can match written out? */
static bool
written_out(const struct conf_acl *a, enum kind k)
{
	switch (k) {
	case KIND_NAME:
		return a->domain.n > 0 && a->domain_lists.n == 0;
	case KIND_SRC:
		return a->src.n > 0 && a->src_lists.n == 0;
	case KIND_DST:
		return a->dst.n > 0 && a->dst_lists.n == 0;
	case KIND_MAX:
		break;
	}
	return false;
}

static const struct conf_acl *
hangs_on(const struct conf_rule *r, enum kind k)
{
	for (unsigned i = 0; i < r->nterms; i++)
		if (!r->terms[i].negate && written_out(r->terms[i].acl, k))
			return r->terms[i].acl;
	return NULL;
}

static void
kind_hang(struct acl_index *x, enum kind k)
{
	struct kind_index *ki = &x->kind[k];
	const struct conf *c = x->conf;

	ki->open = mem_array(x->words, sizeof *ki->open);
	ki->match = mem_array(x->words, sizeof *ki->match);
	ki->rules = mem_array(c->nacls + 1, sizeof *ki->rules);
	ki->next = mem_array(c->nrules, sizeof *ki->next);
	for (unsigned i = 0; i < c->nrules; i++) {
		const struct conf_acl *a = hangs_on(&c->rules[i], k);

		if (a == NULL) {
			bit_set(ki->open, i);
			continue;
		}
		ki->used = true;
		ki->next[i] = ki->rules[a->index];
		ki->rules[a->index] = i + 1;
	}
}

static bool
bit_has(const uint64_t *set, unsigned i)
{
	return (set[i / 64] >> i % 64 & 1) != 0;
}

static bool
is_open(const struct acl_index *x, unsigned kinds, unsigned rule)
{
	for (unsigned k = 0; k < KIND_MAX; k++)
		if ((kinds >> k & 1) != 0 && !bit_has(x->kind[k].open, rule))
			return false;
	return true;
}

/* By rule: it or the next behind it that is open, or is not; their number where none is. */
static uint32_t *
chain_new(const struct acl_index *x, unsigned kinds, bool open)
{
	unsigned n = x->conf->nrules;
	uint32_t *chain = mem_array((size_t)n + 1, sizeof *chain);

	chain[n] = n;
	for (unsigned i = n; i-- > 0;)
		chain[i] = is_open(x, kinds, i) == open ? i : chain[i + 1];
	return chain;
}

/* In front of those at `next`; its position. */
static uint32_t
ref_add(struct acl_index *x, uint32_t acl, uint32_t cover, uint32_t next)
{
	if (x->nrefs == x->room) {
		x->room = x->room == 0 ? 64 : x->room * 2;
		x->refs = mem_grow(x->refs, x->room * sizeof *x->refs);
	}
	x->refs[x->nrefs] = (struct ref){ .acl = acl, .cover = cover, .next = next };
	return ++x->nrefs;
}

/* A place in the filter by length and three bytes; who aims at it gains nothing but the look-up. */
static inline unsigned
name_look(struct span name)
{
	uint32_t h = (uint32_t)name.n;

	if (name.n > 0)
		h = h << 24 ^ (uint32_t)(unsigned char)name.p[0] << 16 ^
		    (uint32_t)(unsigned char)name.p[name.n / 2] << 8 ^
		    (uint32_t)(unsigned char)name.p[name.n - 1] ^ h;
	return h * 2654435761u / (UINT32_MAX / FILTER_BITS + 1);
}

static int
names_add(struct acl_index *x, const struct acl_table *t, uint32_t acl)
{
	const struct map *m = &t->acls[acl].domains;
	struct span name;
	void *cover;
	int rc = 0;

	for (uint32_t pos = 0; rc == 0 && map_next(m, &pos, &name, &cover);) {
		uint32_t next = (uint32_t)(uintptr_t)map_get(&x->names, name);

		bit_set(x->filter, name_look(name));
		next = ref_add(x, acl, (uint32_t)(uintptr_t)cover, next);
		rc = map_put(&x->names, name, (void *)(uintptr_t)next);
	}
	return rc;
}

static struct addr
first_of(const struct cidr *c)
{
	struct addr a = { .len = 0 };

	a.u.sa.sa_family = c->family;
	a.len = sizeof a.u.sa.sa_family;
	if (c->family == AF_INET) {
		memcpy(&a.u.in4.sin_addr, c->ip, sizeof a.u.in4.sin_addr);
		a.len = sizeof a.u.in4;
	} else if (c->family == AF_INET6) {
		memcpy(&a.u.in6.sin6_addr, c->ip, sizeof a.u.in6.sin6_addr);
		a.len = sizeof a.u.in6;
	}
	return a;
}

struct entry { struct cidr cidr; uint32_t acl; };

static int
wide_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->cidr.bits - y->cidr.bits;
}

/* Wider ones are there already: the longest around this one is the same block, or its parent. */
static void
block_add(struct acl_index *x, struct kind_index *ki, const struct entry *e)
{
	struct addr a = first_of(&e->cidr);
	struct block *b = NULL;
	uint32_t at = 0;

	ASSERT(ki->blocks != NULL);
	if (cidr_tree_find(ki->tree, &a, &at))
		b = &ki->blocks[at - 1];
	if (b == NULL || b->cidr.bits != e->cidr.bits) {
		b = &ki->blocks[ki->nblocks++];
		*b = (struct block){ .cidr = e->cidr, .around = at };
		cidr_tree_add(ki->tree, &e->cidr, ki->nblocks);
	}
	b->refs = ref_add(x, e->acl, 0, b->refs);
}

static const struct conf_cidrs *
cidrs_of(const struct conf_acl *a, enum kind k)
{
	return k == KIND_SRC ? &a->src : &a->dst;
}

static void
blocks_add(struct acl_index *x, enum kind k)
{
	struct kind_index *ki = &x->kind[k];
	struct entry *all;
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < x->conf->nacls; i++)
		n += ki->rules[i] == 0 ? 0 : cidrs_of(&x->conf->acls[i], k)->n;
	all = mem_array(n, sizeof *all);
	for (unsigned i = 0; i < x->conf->nacls; i++) {
		const struct conf_cidrs *c = cidrs_of(&x->conf->acls[i], k);

		for (unsigned j = 0; ki->rules[i] != 0 && j < c->n; j++)
			all[at++] = (struct entry){ .cidr = c->v[j], .acl = i };
	}
	qsort(all, n, sizeof *all, wide_first);
	ki->tree = cidr_tree_new();
	ki->blocks = mem_array(n, sizeof *ki->blocks);
	for (unsigned i = 0; i < n; i++)
		block_add(x, ki, &all[i]);
	mem_free(all);
}

int
acl_index_new(struct acl_index **out, const struct acl_table *t)
{
	const struct conf *c = t->conf;
	struct acl_index *x;
	int rc = 0;

	*out = NULL;
	if (c->nrules < ACL_INDEX_RULES)
		return 0;
	x = mem_alloc(sizeof *x);
	x->conf = c;
	x->words = (c->nrules + 63) / 64;
	x->found = mem_array(x->words, sizeof *x->found);
	x->matched = mem_array((size_t)c->nrules * KIND_MAX, sizeof *x->matched);
	x->filter = mem_array(FILTER_BITS / 64, sizeof *x->filter);
	for (unsigned k = 0; k < KIND_MAX; k++) {
		kind_hang(x, k);
		x->used |= (unsigned)x->kind[k].used << k;
	}
	for (unsigned kinds = 0; kinds < ARRAY_LEN(x->chain); kinds++)
		if ((kinds & ~x->used) == 0)
			x->chain[kinds] = chain_new(x, kinds, true);
	x->closed = chain_new(x, x->used, false);
	for (unsigned i = 0; i < c->nacls && rc == 0; i++)
		if (x->kind[KIND_NAME].rules[i] != 0)
			rc = names_add(x, t, i);
	blocks_add(x, KIND_SRC);
	blocks_add(x, KIND_DST);
	if (rc != 0 || x->used == 0)
		acl_index_free(&x);
	*out = x;
	return rc;
}

void
acl_index_free(struct acl_index **xp)
{
	struct acl_index *x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	for (unsigned k = 0; k < KIND_MAX; k++) {
		mem_free(x->kind[k].open);
		mem_free(x->kind[k].match);
		mem_free(x->kind[k].rules);
		mem_free(x->kind[k].next);
		mem_free(x->kind[k].blocks);
		cidr_tree_free(&x->kind[k].tree);
	}
	for (unsigned kinds = 0; kinds < ARRAY_LEN(x->chain); kinds++)
		mem_free(x->chain[kinds]);
	mem_free(x->closed);
	map_fini(&x->names);
	mem_free(x->refs);
	mem_free(x->filter);
	mem_free(x->found);
	mem_free(x->matched);
	mem_free(x);
}

/* ------------------------------------------------------------------ asking */

/* Notes the rules that hang on the acls from `ref` on, where the entry covers what was asked. */
static void
add_rules(struct acl_index *x, const struct kind_index *ki, uint32_t ref, uint32_t cover)
{
	for (; ref != 0; ref = x->refs[ref - 1].next) {
		const struct ref *r = &x->refs[ref - 1];

		for (uint32_t i = ki->rules[r->acl]; (r->cover & cover) == cover && i != 0;
		     i = ki->next[i - 1]) {
			if (bit_has(ki->match, i - 1))
				continue;
			bit_set(ki->match, i - 1);
			x->matched[x->nmatched++] = i - 1;
		}
	}
}

/* The name's parents from the top, and the name itself. */
static void
find_name(struct acl_index *x, struct span host)
{
	const struct kind_index *ki = &x->kind[KIND_NAME];

	for (const char *at = host.p + host.n, *end = at;; at--) {
		struct span name;
		unsigned look;

		while (at > host.p && at[-1] != '.')
			at--;
		name = span_make(at, (size_t)(end - at));
		look = name_look(name);
		if (x->filter[look / 64] >> look % 64 & 1)
			add_rules(x, ki, (uint32_t)(uintptr_t)map_get(&x->names, name),
			    at == host.p ? COVER_SELF : COVER_BELOW);
		if (at == host.p)
			return;
	}
}

static void
find_addr(struct acl_index *x, const struct kind_index *ki, const struct addr *a)
{
	uint32_t at = 0;

	if (!cidr_tree_find(ki->tree, a, &at))
		return;
	for (; at != 0; at = ki->blocks[at - 1].around)
		add_rules(x, ki, ki->blocks[at - 1].refs, 0);
}

/* Open to every kind asked, or matched by it. */
static bool
may_match(const struct acl_index *x, unsigned kinds, unsigned rule)
{
	for (unsigned k = 0; k < KIND_MAX; k++)
		if ((kinds >> k & 1) != 0 && !bit_has(x->kind[k].open, rule) &&
		    !bit_has(x->kind[k].match, rule))
			return false;
	return true;
}

static void
forget_last(struct acl_index *x)
{
	for (unsigned i = 0; i < x->nmatched; i++) {
		for (unsigned k = 0; k < KIND_MAX; k++)
			x->kind[k].match[x->matched[i] / 64] = 0;
		x->found[x->matched[i] / 64] = 0;
	}
	x->nmatched = 0;
}

unsigned
acl_index_find(struct acl_index *x, const struct acl_query *q, unsigned without)
{
	unsigned kinds = x->used;

	if (q->src == NULL)
		kinds &= ~(1u << KIND_SRC);
	if (q->dst == NULL)
		kinds &= ~(1u << KIND_DST);
	forget_last(x);
	without &= kinds;
	for (unsigned ask = kinds & ~without; ask != 0; ask &= ask - 1) {
		unsigned before = x->nmatched, k = (unsigned)__builtin_ctz(ask);

		if (k == KIND_NAME)
			find_name(x, q->host);
		else
			find_addr(x, &x->kind[k], k == KIND_SRC ? q->src : q->dst);
		if (x->nmatched == before)
			without |= 1u << k;
	}
	x->asked = x->chain[kinds];
	for (unsigned i = 0; i < x->nmatched; i++)
		if (may_match(x, kinds, x->matched[i]))
			bit_set(x->found, x->matched[i]);
	return without & ~(1u << KIND_DST);	/* the next is asked of another address */
}

unsigned
acl_index_closed(const struct acl_index *x, unsigned from)
{
	return x->closed[from];
}

/* The first with an entry at or behind `from` and before `end`, or end. */
static unsigned
next_found(const struct acl_index *x, unsigned from, unsigned end)
{
	uint64_t left = UINT64_MAX << from % 64;

	for (unsigned at = from / 64; at * 64 < end; at++, left = UINT64_MAX) {
		uint64_t set = x->found[at] & left;

		if (set == 0)
			continue;
		at = at * 64 + (unsigned)__builtin_ctzll(set);
		return at < end ? at : end;
	}
	return end;
}

unsigned
acl_index_next(const struct acl_index *x, unsigned from)
{
	unsigned end = x->asked[from];

	return x->nmatched == 0 ? end : next_found(x, from, end);
}

/*
 * list_build.c - building the image of a list.
 *
 * Names: records are appended to one text as they come. In the end a table of buckets is filled with the numbers of
 * the records; who is there already, stays. With duplicates gone the table is made anew at its right size, and written
 * with the places of the records that are left.
 *
 * Blocks: sorted, outer before inner, and walked once with a stack of those that are open. Whenever the innermost open
 * block changes, a range begins:
 *
 *	10.0.0.0/8   |----------------------------------|
 *	10.64.0.0/10          |----------|
 *	ranges       | /8     | /10      | /8           | none ...
 */
#include "conf/base/list_build.h"

#include <endian.h>
#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/list_image_priv.h"
#include "conf/base/mem.h"

#define SEEDS_TRIED	8
#define DEAD		UINT32_MAX	/* a record that says what an earlier one says */

__extension__ typedef unsigned __int128 u128;

struct block { u128 ip; uint32_t line; uint8_t bits; };
struct range { u128 from; uint32_t line; uint8_t bits; };
struct family {
	struct block	*v;
	uint32_t	 n, room;
	struct range	*ranges;
	uint32_t	 nranges;
};

struct list_build {
	enum list_kind	 kind;
	uint32_t	 max, added;
	struct list_head head;
	/* names */
	char		*text;		/* records */
	size_t		 len, size;
	uint32_t	*records, nrecords, room;	/* where each begins */
	struct list_bucket *buckets;
	/* addresses */
	struct family	 v4, v6;
};

struct list_build *
list_build_new(enum list_kind kind, uint32_t max_entries)
{
	struct list_build *b = calloc(1, sizeof *b);

	if (b != NULL) {
		b->kind = kind;
		b->max = max_entries;
	}
	return b;
}

void
list_build_free(struct list_build **bp)
{
	struct list_build *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	mem_free_gently(b->text, b->size);
	mem_free_gently(b->records, b->room * sizeof *b->records);
	mem_free_gently(b->buckets, b->head.n[LIST_N_BUCKETS] * sizeof *b->buckets);
	free(b->v4.v);
	free(b->v4.ranges);
	free(b->v6.v);
	free(b->v6.ranges);
	free(b);
}

/* Room for `more` elements behind n; *room is doubled as needed. */
static int
grow(void *vp, size_t n, size_t more, size_t *room, size_t size)
{
	void **v = vp, *p;
	size_t want = *room == 0 ? 1024 : *room;

	if (n + more <= *room)
		return 0;
	while (want < n + more)
		want *= 2;
	p = reallocarray(*v, want, size);
	if (p == NULL)
		return -E_NOMEM;
	*v = p;
	*room = want;
	return 0;
}

static int
grow32(void *vp, uint32_t n, uint32_t *room, size_t size)
{
	size_t r = *room;
	int rc = grow(vp, n, 1, &r, size);

	*room = (uint32_t)r;
	return rc;
}

/* ----------------------------------------------------------------------------------------------- names */

int
list_build_name(struct list_build *b, struct span name, bool below, uint32_t line)
{
	uint32_t word = (line < LIST_LINES ? line : LIST_LINES) | (below ? LIST_BELOW : 0);
	char *to;

	ASSERT(name.n > 0 && name.n <= LIST_NAME_MAX);
	if (b->added++ >= b->max || b->len > UINT32_MAX - LIST_RECORD - LIST_NAME_MAX)
		return -E_LIMIT;
	if (grow(&b->text, b->len, LIST_RECORD + name.n, &b->size, 1) != 0 ||
	    grow32(&b->records, b->nrecords, &b->room, sizeof *b->records) != 0)
		return -E_NOMEM;
	b->records[b->nrecords++] = (uint32_t)b->len;
	to = b->text + b->len;
	memcpy(to, &word, sizeof word);
	to[4] = (char)name.n;
	memcpy(to + LIST_RECORD, name.p, name.n);
	b->len += LIST_RECORD + name.n;
	return 0;
}

static struct span
record_name(const struct list_build *b, uint32_t record)
{
	const char *p = b->text + b->records[record];

	return span_make(p + LIST_RECORD, (uint8_t)p[4]);
}

/* The same name twice: the first line stays, and so does what either of them covers. */
static void
record_merge(struct list_build *b, uint32_t old, uint32_t new)
{
	uint32_t a, c;

	memcpy(&a, b->text + b->records[old], sizeof a);
	memcpy(&c, b->text + b->records[new], sizeof c);
	a |= c & LIST_BELOW;
	memcpy(b->text + b->records[old], &a, sizeof a);
	b->records[new] = DEAD;
}

/* Into the first bucket of its chain with room; -E_LIMIT: the chain is too long under this seed. */
static int
bucket_put(struct list_build *b, uint32_t record)
{
	struct span name = record_name(b, record);
	uint32_t labels, n = b->head.n[LIST_N_BUCKETS], at;
	uint64_t hash = list_hash_name(&b->head, name, &labels);
	uint8_t tag = list_tag_of(hash);

	b->head.least = labels < b->head.least ? labels : b->head.least;
	b->head.most = labels > b->head.most ? labels : b->head.most;
	at = list_bucket_of(hash, n);
	for (unsigned i = 0; i < LIST_CHAIN; i++, at = at + 1 == n ? 0 : at + 1) {
		struct list_bucket *k = &b->buckets[at];

		for (unsigned w = 0; w < LIST_WAYS; w++) {
			if (k->tag[w] == 0) {
				k->tag[w] = tag;
				k->at[w] = record;
				return 0;
			}
			if (k->tag[w] == tag && span_eq(record_name(b, k->at[w]), name)) {
				record_merge(b, k->at[w], record);
				return 0;
			}
		}
	}
	return -E_LIMIT;
}

/* Four places of five are taken: a full bucket, and with it a second cache line, is rare. */
static int
table_fill(struct list_build *b)
{
	uint64_t n = ((uint64_t)b->nrecords * 5 / 4 + LIST_WAYS - 1) / LIST_WAYS;
	int rc = 0;

	if (n == 0)
		return 0;
	mem_free_gently(b->buckets, b->head.n[LIST_N_BUCKETS] * sizeof *b->buckets);
	b->buckets = calloc(n, sizeof *b->buckets);
	if (b->buckets == NULL)
		return -E_NOMEM;
	b->head.n[LIST_N_BUCKETS] = (uint32_t)n;
	b->head.least = UINT32_MAX;
	b->head.most = 0;
	for (uint32_t i = 0; i < b->nrecords && rc == 0; i++)
		rc = bucket_put(b, i);
	return rc;
}

/* Takes out what is dead; false: nothing was. */
static bool
records_squeeze(struct list_build *b)
{
	uint32_t n = 0;
	bool some;

	for (uint32_t i = 0; i < b->nrecords; i++)
		if (b->records[i] != DEAD)
			b->records[n++] = b->records[i];
	some = n < b->nrecords;
	b->nrecords = n;
	return some;
}

static int
names_finish(struct list_build *b, const uint64_t seed[2])
{
	int rc = -E_LIMIT;

	for (unsigned i = 0; i < SEEDS_TRIED && rc == -E_LIMIT; i++) {
		b->head.seed[0] = seed[0] + i;
		b->head.seed[1] = seed[1] ^ seed[0] >> i;
		rc = table_fill(b);
		if (records_squeeze(b) && rc == 0)
			rc = table_fill(b);
	}
	if (rc != 0)
		return rc;
	b->head.entries = b->nrecords;
	for (uint32_t i = 0; i < b->nrecords; i++)
		b->head.n[LIST_N_NAMES] += LIST_RECORD + (uint32_t)record_name(b, i).n;
	return 0;
}

/* Records in the order in which they came; their new places go where the buckets hold their numbers. */
static void
names_write(struct list_build *b, struct list_bucket *buckets)
{
	uint32_t n = b->head.n[LIST_N_BUCKETS];
	char *text = (char *)(buckets + n);
	uint32_t *places = b->records, at = 0;

	memcpy(buckets, b->buckets, (size_t)n * sizeof *buckets);
	for (uint32_t i = 0; i < b->nrecords; i++) {
		const char *p = b->text + places[i];
		uint32_t size = LIST_RECORD + (uint8_t)p[4];

		memcpy(text + at, p, size);
		places[i] = at;
		at += size;
	}
	for (uint32_t i = 0; i < n; i++)
		for (unsigned w = 0; w < LIST_WAYS && buckets[i].tag[w] != 0; w++)
			buckets[i].at[w] = places[buckets[i].at[w]];
}

/* ------------------------------------------------------------------------------------------- addresses */

int
list_build_block(struct list_build *b, const struct cidr *c, uint32_t line)
{
	struct family *f = c->family == AF_INET ? &b->v4 : &b->v6;
	u128 ip = 0;

	if (b->added++ >= b->max)
		return -E_LIMIT;
	if (grow32(&f->v, f->n, &f->room, sizeof *f->v) != 0)
		return -E_NOMEM;
	for (unsigned i = 0; i < (c->family == AF_INET ? 4 : 16); i++)
		ip = ip << 8 | c->ip[i];
	f->v[f->n++] = (struct block){ ip, line, c->bits };
	return 0;
}

static int
by_place(const void *pa, const void *pb)
{
	const struct block *a = pa, *b = pb;

	if (a->ip != b->ip)
		return a->ip < b->ip ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static u128
block_last(const struct block *k, unsigned width)
{
	u128 all = width == 128 ? ~(u128)0 : ((u128)1 << width) - 1;

	return k->bits == width ? k->ip : k->ip | all >> k->bits;	/* no shift by 128 */
}

/* A range that begins where the one before does replaces it; one that says the same goes on with it. */
static void
range_begin(struct family *f, u128 from, const struct block *in)
{
	struct range r = { from, in == NULL ? 0 : in->line, in == NULL ? 0 : in->bits };

	if (f->nranges > 0 && f->ranges[f->nranges - 1].from == from)
		f->nranges--;
	if (f->nranges > 0 && f->ranges[f->nranges - 1].line == r.line &&
	    f->ranges[f->nranges - 1].bits == r.bits)
		return;
	f->ranges[f->nranges++] = r;
}

/* Closes the open blocks that end before that address. What reaches to the family's last one is never closed. */
static unsigned
close_blocks(struct family *f, const struct block **open, unsigned n, unsigned width, u128 before)
{
	while (n > 0 && block_last(open[n - 1], width) < before) {
		n--;
		range_begin(f, block_last(open[n], width) + 1, n == 0 ? NULL : open[n - 1]);
	}
	return n;
}

static int
family_finish(struct family *f, unsigned width, uint32_t *entries)
{
	const struct block *open[130], *k;
	u128 end = width == 128 ? ~(u128)0 : ((u128)1 << width) - 1;
	unsigned n = 0;

	if (f->n == 0)
		return 0;
	f->ranges = reallocarray(NULL, 2 * (size_t)f->n + 1, sizeof *f->ranges);
	if (f->ranges == NULL)
		return -E_NOMEM;
	qsort(f->v, f->n, sizeof *f->v, by_place);
	range_begin(f, 0, NULL);
	for (uint32_t i = 0; i < f->n; i++) {
		k = &f->v[i];
		if (i > 0 && k->ip == k[-1].ip && k->bits == k[-1].bits)
			continue;
		++*entries;
		n = close_blocks(f, open, n, width, k->ip);
		range_begin(f, k->ip, k);
		open[n++] = k;		/* each is inside the one before: at most one per prefix length */
	}
	(void)close_blocks(f, open, n, width, end);
	return 0;
}

static int
blocks_finish(struct list_build *b)
{
	int rc = family_finish(&b->v4, 32, &b->head.entries);

	if (rc == 0)
		rc = family_finish(&b->v6, 128, &b->head.entries);
	b->head.n[LIST_N_V4] = b->v4.nranges;
	b->head.n[LIST_N_V6] = b->v6.nranges;
	return rc;
}

static void
blocks_write(const struct list_build *b, char *at)
{
	const struct range *r4 = b->v4.ranges, *r6 = b->v6.ranges;
	uint32_t n4 = b->v4.nranges, n6 = b->v6.nranges;
	uint64_t(*v6)[2] = (void *)at;
	uint32_t *v4 = (void *)(at + (size_t)n6 * 16), *line6 = v4 + n4, *line4 = line6 + n6;
	uint8_t *bits6 = (uint8_t *)(line4 + n4), *bits4 = bits6 + n6;

	for (uint32_t i = 0; i < n6; i++) {
		v6[i][0] = (uint64_t)(r6[i].from >> 64);
		v6[i][1] = (uint64_t)r6[i].from;
		line6[i] = r6[i].line;
		bits6[i] = r6[i].bits;
	}
	for (uint32_t i = 0; i < n4; i++) {
		v4[i] = (uint32_t)r4[i].from;
		line4[i] = r4[i].line;
		bits4[i] = r4[i].bits;
	}
}

/* ------------------------------------------------------------------------------------------------ both */

int
list_build_finish(struct list_build *b, const uint64_t seed[2], uint64_t digest, size_t *size)
{
	struct list_head *h = &b->head;
	int rc;

	*h = (struct list_head){ .magic = LIST_MAGIC, .version = LIST_IMAGE_VERSION,
		.kind = (uint32_t)b->kind, .digest = digest, .least = 1 };
	rc = b->kind == LIST_DOMAINS ? names_finish(b, seed) : blocks_finish(b);
	if (rc != 0)
		return rc;
	h->size = sizeof *h + list_parts_size(h);
	*size = h->size;
	return 0;
}

void
list_build_write(struct list_build *b, void *to)
{
	memcpy(to, &b->head, sizeof b->head);
	if (b->kind == LIST_DOMAINS && b->nrecords > 0)
		names_write(b, (void *)((char *)to + sizeof b->head));
	else if (b->kind == LIST_ADDRESSES)
		blocks_write(b, (char *)to + sizeof b->head);
}

uint32_t
list_build_entries(const struct list_build *b)
{
	return b->head.entries;
}

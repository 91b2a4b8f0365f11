/*
 * intake.c - one transaction: rings in turn, each record to its fill.
 *
 *	BEGIN -> value 0 is the head --DATA--> values 1.. --END--> the entry names them
 *	                                  '--ABORT, EPOCH, nonsense, no room--> forgotten
 *
 * A variant's entry is reached through that of its URL, which says by which fields the variants differ: it is made by
 * the first variant of a generation. Its length counts them.
 */
#include "cache/intake_priv.h"

#include <stdlib.h>

#define WHOLE_OBJECTS 4	/* as big as may be, under way together: they must not make all others leave */

int
intake_init(struct intake *in, struct stock *stock, struct ring *const *rings, unsigned n,
    uint32_t ring_size, uint64_t max_object)
{
	*in = (struct intake){ .stock = stock, .n_rings = n, .max_object = max_object };
	in->rings = calloc(n, sizeof *in->rings);
	in->ends = calloc(n, sizeof *in->ends);
	in->fills = calloc(INTAKE_FILLS, sizeof *in->fills);
	in->chunks = calloc(INTAKE_FILLS, CHUNK_SIZE);
	in->head = malloc(HEAD_MAX);
	if (in->rings == NULL || in->ends == NULL || in->fills == NULL || in->chunks == NULL ||
	    in->head == NULL) {
		intake_fini(in);
		return -E_NOMEM;
	}
	for (unsigned i = 0; i < n; i++)
		ring_in_init(&in->rings[i], rings[i], ring_size);
	for (unsigned i = 0; i < INTAKE_FILLS; i++)
		in->fills[i].chunk = in->chunks + (size_t)i * CHUNK_SIZE;
	return 0;
}

void
intake_fini(struct intake *in)
{
	free(in->rings);
	free(in->ends);
	free(in->fills);
	free(in->chunks);
	free(in->head);
	*in = (struct intake){ .stock = NULL };
}

/* ---- fills ---- */

static struct fill *
fill_find(struct intake *in, const struct ring_in *ring, uint32_t number)
{
	for (unsigned i = 0; i < in->n_fills; i++)
		if (in->fills[i].ring == ring && in->fills[i].number == number)
			return &in->fills[i];
	return NULL;
}

/* The last one takes its place; buffers are swapped, not copied. */
static void
fill_close(struct intake *in, struct fill *f)
{
	struct fill *last = &in->fills[--in->n_fills];
	char *chunk = f->chunk;

	in->under_way -= f->entry.length;
	*f = *last;
	last->chunk = chunk;
}

/* ---- the end of fills ---- */

/* What its worker gave up somebody else may try again; what we do not want everybody has to fetch for himself. */
static int
fill_forget(struct intake *in, struct fill *f, uint64_t *why)
{
	int rc = stock_forget(in->stock, f->entry.id);

	intake_tell_end(in, &f->primary, f->ring, f->number,
	    why == &in->counts.aborted ? LEASE_FAILED : LEASE_UNSHAREABLE);
	++*why;
	fill_close(in, f);
	return rc;
}

/* All fills of a ring (NULL: of all), or those of one URL (NULL: of all). */
static int
forget_all(struct intake *in, const struct ring_in *ring, const struct key *primary, uint64_t *why)
{
	int rc = 0;

	for (unsigned i = in->n_fills; i-- > 0 && rc == 0;) {
		struct fill *f = &in->fills[i];

		if ((ring == NULL || f->ring == ring) &&
		    (primary == NULL || memcmp(&f->primary, primary, sizeof *primary) == 0))
			rc = fill_forget(in, f, why);
	}
	return rc;
}

/* A copy that nobody can change any more, and is a head record. */
static bool
take_head(struct intake *in, struct span s, struct head *h)
{
	if (s.n > HEAD_MAX)
		return false;
	memcpy(in->head, s.p, s.n);
	return head_read(h, span_make(in->head, s.n)) == 0;
}

static int
put_value(struct intake *in, uint64_t id, uint32_t n, struct span bytes)
{
	char *room;
	int rc = stock_make_room(in->stock, stock_pages(bytes.n));

	if (rc == 0)
		rc = store_room(in->stock->store, id, n, bytes.n, &room);
	if (rc == 0)
		memcpy(room, bytes.p, bytes.n);
	return rc;
}

static int
put_chunk(struct intake *in, struct fill *f)
{
	int rc;

	chunk_seal(f->chunk, f->n);
	rc = put_value(in, f->entry.id, f->values++, span_make(f->chunk, f->n + sizeof(uint32_t)));
	f->n = 0;
	return rc;
}

/* ---- records ---- */

static bool
plausible(const struct ring_begin *b, const struct head *h, const struct entry *e)
{
	bool variant = memcmp(&b->primary, &b->key, sizeof b->key) != 0;

	return e->kind == ENTRY_OBJECT && variant == (h->names.n > 0);
}

static int
refuse(struct intake *in, const struct ring_in *ring, const struct ring_record *rec)
{
	intake_tell_end(in, &rec->begin.primary, ring, rec->fill, LEASE_UNSHAREABLE);
	in->counts.dropped++;
	return 0;
}

static int
on_begin(struct intake *in, struct ring_in *ring, const struct ring_record *rec)
{
	struct fill *f = fill_find(in, ring, rec->fill);
	struct entry e;
	struct head h;
	int rc = f == NULL ? 0 : fill_forget(in, f, &in->counts.dropped);

	if (rc != 0)
		return rc;
	if (!take_head(in, rec->bytes, &h) ||
	    entry_read(&e, span_make(rec->begin.entry, ENTRY_SIZE)) != 0 ||
	    !plausible(&rec->begin, &h, &e)) {
		in->counts.damaged++;
		return refuse(in, ring, rec);
	}
	if (in->n_fills == INTAKE_FILLS)
		return refuse(in, ring, rec);
	e.id = stock_new_id(in->stock);
	e.length = 0;
	f = &in->fills[in->n_fills++];
	*f = (struct fill){ .ring = ring,
		.number = rec->fill,
		.from = ring->at,
		.primary = rec->begin.primary,
		.key = rec->begin.key,
		.entry = e,
		.values = 1,
		.chunk = f->chunk };
	return put_value(in, e.id, 0, span_make(in->head, rec->bytes.n));
}

static int
on_data(struct intake *in, struct fill *f, struct span s)
{
	if (s.n > in->max_object - f->entry.length ||
	    in->under_way + s.n > in->max_object * WHOLE_OBJECTS)
		return fill_forget(in, f, &in->counts.dropped);
	f->entry.length += s.n;
	in->under_way += s.n;
	while (s.n > 0) {
		size_t n = CHUNK_PAYLOAD - f->n < s.n ? CHUNK_PAYLOAD - f->n : s.n;
		int rc;

		memcpy(f->chunk + f->n, s.p, n);
		f->n += (uint32_t)n;
		s = span_make(s.p + n, s.n - n);
		if (f->n == CHUNK_PAYLOAD && (rc = put_chunk(in, f)) != 0)
			return rc;
	}
	return 0;
}

/* 1: the URL's entry is of this variant's generation and names its fields; 0: it is not, or there is none. */
static int
spec_fits(struct intake *in, const struct fill *f, struct span names, struct entry *spec)
{
	struct store *store = in->stock->store;
	struct span bytes;
	struct head h;
	int rc = store_find(store, &f->primary, spec);

	if (rc != 0)
		return rc == -E_MISSING || rc == -E_CORRUPT ? 0 : rc;
	if (spec->kind != ENTRY_VARY || spec->generation != f->entry.generation)
		return 0;
	if ((rc = store_value(store, spec->id, 0, &bytes)) != 0)
		return rc == -E_MISSING ? 0 : rc;
	return head_read(&h, bytes) == 0 && span_eq(h.names, names);
}

static int
put_spec(struct intake *in, const struct fill *f, size_t head)
{
	struct entry spec = { .kind = ENTRY_VARY,
		.id = stock_new_id(in->stock),
		.length = 1,
		.generation = f->entry.generation,
		.life = f->entry.life };
	int rc = put_value(in, spec.id, 0, span_make(in->head, head));

	return rc != 0 ? rc : stock_put(in->stock, &f->primary, &spec);
}

/*
 * The URL's entry, before its variant's. 1: the variant may be stored; 0: there were as many as there may be, and all
 * of them are out of reach now.
 */
static int
reach_variant(struct intake *in, const struct fill *f)
{
	struct span bytes;
	struct entry spec;
	struct head h;
	int rc = store_value(in->stock->store, f->entry.id, 0, &bytes);

	if (rc != 0 || !take_head(in, bytes, &h))
		return rc != 0 ? rc : -E_CORRUPT;
	if ((rc = spec_fits(in, f, h.names, &spec)) < 0)
		return rc;
	if (rc == 0) {
		rc = put_spec(in, f, bytes.n);
		return rc != 0 ? rc : 1;
	}
	if (spec.length >= VARIANTS_MAX)
		return stock_drop(in->stock, &f->primary);
	spec.length++;
	rc = store_put(in->stock->store, &f->primary, &spec);
	return rc != 0 ? rc : 1;
}

static int
on_end(struct intake *in, struct fill *f)
{
	bool variant = memcmp(&f->primary, &f->key, sizeof f->key) != 0;
	int rc = f->n > 0 ? put_chunk(in, f) : 0;

	if (rc == 0 && in->purged_all > 0 && f->entry.life.received <= in->purged_all)
		return fill_forget(in, f, &in->counts.dropped);
	if (rc == 0 && variant && (rc = reach_variant(in, f)) == 0)
		return fill_forget(in, f, &in->counts.dropped);
	if (rc < 0 || (rc = stock_put(in->stock, &f->key, &f->entry)) != 0)
		return rc;
	in->counts.stored++;
	in->stored[in->n_stored++] = (struct intake_stored){ f->primary,
		(unsigned)(f->ring - in->rings), f->number };
	fill_close(in, f);
	return 0;
}

/* An object that another one has replaced meanwhile stays as it is. */
static int
on_touch(struct intake *in, const struct ring_record *rec)
{
	struct entry e;
	struct head h;
	int rc;

	if (!take_head(in, rec->bytes, &h) ||
	    entry_read(&e, span_make(rec->begin.entry, ENTRY_SIZE)) != 0 ||
	    e.kind != ENTRY_OBJECT) {
		in->counts.damaged++;
		return 0;
	}
	rc = stock_renew(in->stock, &rec->begin.key, &e);
	if (rc != 0)
		return rc == -E_MISSING ? 0 : rc;
	in->counts.renewed++;
	return put_value(in, e.id, 0, span_make(in->head, rec->bytes.n));
}

/* Fills under way are answers from before it. */
static int
on_purge(struct intake *in, const struct key *primary)
{
	int rc = forget_all(in, NULL, primary, &in->counts.dropped);

	if (rc == 0)
		rc = stock_drop(in->stock, primary);
	if (rc == 0)
		in->counts.purged++;
	return rc == -E_MISSING ? 0 : rc;
}

static int
on_record(struct intake *in, struct ring_in *ring, const struct ring_record *rec)
{
	struct fill *f;

	switch (rec->type) {
	case RING_BEGIN: return on_begin(in, ring, rec);
	case RING_TOUCH: return on_touch(in, rec);
	case RING_PURGE: return on_purge(in, &rec->begin.primary);
	case RING_EPOCH: return forget_all(in, ring, NULL, &in->counts.aborted);
	case RING_DATA:
	case RING_END:
	case RING_ABORT:
	case RING_FILLER:
		break;
	}
	f = fill_find(in, ring, rec->fill);
	if (f == NULL)
		return 0;		/* it was dropped meanwhile */
	if (rec->type == RING_DATA)
		return on_data(in, f, rec->bytes);
	return rec->type == RING_END ? on_end(in, f) : fill_forget(in, f, &in->counts.aborted);
}

/* ---- a turn ---- */

struct budget { uint64_t bytes, stored; };	/* bytes left; stored at which it is enough */

void
intake_producer_gone(struct intake *in, unsigned n, uint64_t tail)
{
	bool open = ring_unread(&in->rings[n]) > 0;

	for (unsigned i = 0; i < in->n_fills && !open; i++)
		open = in->fills[i].ring == &in->rings[n];
	if (open)
		in->ends[n] = (struct intake_end){ true, tail };
}

/* Fills that began behind it are its successor's. */
static int
end_producer(struct intake *in, unsigned n)
{
	struct ring_in *ring = &in->rings[n];
	uint64_t tail = in->ends[n].at;
	int rc = 0;

	if (!in->ends[n].due || (int64_t)(ring->at - tail) < 0)
		return 0;
	in->ends[n].due = false;
	for (unsigned i = in->n_fills; i-- > 0 && rc == 0;)
		if (in->fills[i].ring == ring && (int64_t)(in->fills[i].from - tail) <= 0)
			rc = fill_forget(in, &in->fills[i], &in->counts.aborted);
	return rc;
}

static int
read_ring(struct intake *in, struct ring_in *ring, const struct budget *b)
{
	uint64_t from = ring->at;
	struct ring_record rec;
	int rc;

	while (ring->at - from < b->bytes && in->counts.stored < b->stored) {
		rc = ring_next(ring, &rec);
		if (rc == 0)
			return 0;
		if (rc < 0) {
			in->counts.damaged++;
			return forget_all(in, ring, NULL, &in->counts.dropped);
		}
		if ((rc = on_record(in, ring, &rec)) != 0)
			return rc;
	}
	return 0;
}

/* How many rings have something for us. */
static unsigned
busy(const struct intake *in)
{
	unsigned n = 0;

	for (unsigned i = 0; i < in->n_rings; i++)
		n += ring_unread(&in->rings[i]) > 0;
	return n;
}

/* Each ring that has something has its share of the transaction, so that none keeps the others waiting. */
static int
read_rings(struct intake *in)
{
	unsigned n = busy(in);
	struct budget b = { INTAKE_BYTES / (n > 0 ? n : 1), in->counts.stored + INTAKE_OBJECTS };
	int rc = 0;

	for (unsigned i = 0; i < in->n_rings && rc == 0; i++) {
		unsigned at = (in->next + i) % in->n_rings;

		rc = read_ring(in, &in->rings[at], &b);
		if (rc == 0)
			rc = end_producer(in, at);
	}
	in->next = (in->next + 1) % in->n_rings;
	return rc;
}

bool
intake_waiting(const struct intake *in)
{
	if (dying_ready(&in->stock->dying))
		return true;
	for (unsigned i = 0; i < in->n_rings; i++)
		if (in->ends[i].due || ring_unread(&in->rings[i]) > 0)
			return true;
	return false;
}

/* The store is as it was before, but the stock is not, and some fills lack values now: none of them goes on. */
static int
start_over(struct intake *in, int why)
{
	struct stock *s = in->stock;
	int rc;

	store_abort(s->store);
	intake_tell_failure(in);
	in->counts.failed++;
	in->counts.dropped += in->n_fills;
	while (in->n_fills > 0)
		fill_close(in, &in->fills[in->n_fills - 1]);
	rc = stock_open_again(s);
	return rc != 0 ? rc : why;
}

int
intake_turn(struct intake *in)
{
	int rc;

	if (!intake_waiting(in))
		return 0;
	if ((rc = store_transaction(in->stock->store)) != 0)
		return rc;
	in->n_stored = 0;
	rc = stock_tidy(in->stock);
	if (rc >= 0)
		rc = read_rings(in);
	if (rc == 0)
		rc = stock_look(in->stock);
	if (rc == 0)
		rc = store_commit(in->stock->store);
	if (rc == 0)
		intake_tell_all(in);
	else
		rc = start_over(in, rc);
	for (unsigned i = 0; i < in->n_rings; i++)
		ring_done(&in->rings[i]);
	return rc != 0 ? rc : intake_waiting(in);
}

/*
 * verify.c - one walk over the index, and from each entry to its values: the same doubts as a reader has, all at once.
 */
#include "cache/verify.h"

enum {
	LOOKED_AT = 200,		/* entries of one transaction */
	BYTES_MOST = 4 << 20,		/* read in it, about */
};

void
verify_begin(struct verify *v)
{
	*v = (struct verify){ .on = true };
}

/* Are all of the object's bytes there, and right? */
static int
check_body(struct store *s, const struct entry *e)
{
	uint64_t at = 0;

	for (uint32_t n = 1; at < e->length; n++) {
		struct span value, payload;
		int rc = store_value(s, e->id, n, &value);

		if (rc == 0)
			rc = chunk_read(value, true, &payload);
		if (rc != 0)
			return rc;
		at += payload.n;
		if (payload.n == 0 || at > e->length ||
		    (at < e->length && payload.n != CHUNK_PAYLOAD))
			return -E_CORRUPT;
	}
	return 0;
}

static int
check_entry(struct store *s, const struct entry *e)
{
	struct span value;
	struct head h;
	int rc;

	if (e->kind == ENTRY_PASS)
		return 0;
	if ((rc = store_value(s, e->id, 0, &value)) != 0 || (rc = head_read(&h, value)) != 0)
		return rc;
	return e->kind == ENTRY_OBJECT ? check_body(s, e) : 0;
}

/* 1: go on; 0: the end. Only what is missing or damaged is the entry's fault. */
static int
look_at_one(struct verify *v, struct stock *s, uint64_t *bytes)
{
	struct entry e;
	int rc = store_walk(s->store, &v->at, &e);

	if (rc == 0)
		return 0;
	v->looked++;
	if (rc > 0) {
		*bytes += e.length;
		rc = check_entry(s->store, &e);
	}
	if (rc == 0)
		return 1;
	if (rc != -E_CORRUPT && rc != -E_MISSING)
		return rc;
	v->bad++;
	rc = stock_drop(s, &v->at.key);
	return rc == 0 || rc == -E_MISSING ? 1 : rc;
}

static int
walk(struct verify *v, struct stock *s)
{
	uint64_t bytes = 0;
	int rc = 1;

	for (unsigned i = 0; i < LOOKED_AT && bytes < BYTES_MOST && rc == 1; i++)
		rc = look_at_one(v, s, &bytes);
	v->on = rc != 0;
	return rc < 0 ? rc : stock_look(s);
}

int
verify_turn(struct verify *v, struct stock *s)
{
	int rc = store_transaction(s->store), again;

	if (rc != 0)
		return rc;
	rc = walk(v, s);
	if (rc == 0)
		rc = store_commit(s->store);
	if (rc == 0)
		return v->on;
	store_abort(s->store);
	verify_begin(v);
	again = stock_open_again(s);
	return again != 0 ? again : rc;
}

/*
 * sweep.c - one walk over the index. What comes into it behind the walk's back is newer than the purge.
 */
#include "cache/sweep.h"

enum {
	LOOKED_AT = 1000,		/* entries of one transaction */
	PAGES_MOST = 400,		/* freed by it, about: freeing is the dearest thing there is */
};

void
sweep_begin(struct sweep *w, int64_t before)
{
	*w = (struct sweep){ .on = true, .before = before };
}

/* 1: go on; 0: the end. */
static int
look_at_one(struct sweep *w, struct stock *s, uint64_t *pages)
{
	struct entry e;
	int rc = store_walk(s->store, &w->at, &e);

	if (rc == 0)
		return 0;
	if (rc < 0 && rc != -E_CORRUPT)
		return rc;
	if (rc > 0 && e.life.received > w->before)
		return 1;
	*pages += rc > 0 ? stock_pages(e.length) : 1;
	rc = stock_drop(s, &w->at.key);
	if (rc == 0)
		w->dropped++;
	return rc == 0 || rc == -E_MISSING ? 1 : rc;
}

static int
walk(struct sweep *w, struct stock *s)
{
	uint64_t pages = 0;
	int rc = stock_tidy(s);

	for (unsigned i = 0; i < LOOKED_AT && pages < PAGES_MOST && rc >= 0; i++) {
		rc = look_at_one(w, s, &pages);
		if (rc == 0) {
			w->on = false;
			break;
		}
	}
	return rc < 0 ? rc : stock_look(s);
}

int
sweep_turn(struct sweep *w, struct stock *s)
{
	int rc = store_transaction(s->store), again;

	if (rc != 0)
		return rc;
	rc = walk(w, s);
	if (rc == 0)
		rc = store_commit(s->store);
	if (rc == 0)
		return w->on;
	store_abort(s->store);
	sweep_begin(w, w->before);
	again = stock_open_again(s);
	return again != 0 ? again : rc;
}

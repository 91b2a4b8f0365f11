/*
 * topkeys.h - traffic by key within one window, in bounded memory: the busiest keys, and all others together.
 */
#pragma once
#include "worker/shared/journal.h"
#include "worker/shared/stats.h"

#define TOPKEYS_MAX	2048		/* keys told apart at a time */
#define TOPKEYS_KEY	120		/* bytes of a key */

struct topkey {
	char		key[TOPKEYS_KEY + 1];	/* printable ASCII; "-": the record has none */
	uint64_t	requests, client_errors, server_errors, bytes;
	struct hist	total;			/* time of the whole request */
};

enum topkeys_sort { SORT_RPS, SORT_BYTES, SORT_P99, SORT_ERRORS };

struct topkeys;
struct topkeys *topkeys_new(void);
void	topkeys_free(struct topkeys **);
void	topkeys_clear(struct topkeys *);
/*
 * When a new key finds no room, one that was hardly seen gives way and goes to the others: sums stay exact, and a
 * key that comes often keeps its place.
 */
void	topkeys_add(struct topkeys *, struct span key, const struct journal_rec *);
/*
 * The first n keys in order, the busiest first; how many there are. Lent until the next call, as is *others: what is
 * in no row, and how many keys that was at least.
 */
unsigned topkeys_list(struct topkeys *, enum topkeys_sort, unsigned n, const struct topkey *const **rows,
	    const struct topkey **others, uint64_t *nothers);
const struct topkey *topkeys_total(const struct topkeys *);

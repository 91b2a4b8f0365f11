/*
 * lookup.h - what is stored for a request: its URL's object, or of its variants the one that the request picks.
 *
 * Whatever is wrong with what was found is a miss: a key that collides, a damaged record, a variant's entry where a
 * URL's should be. Whether what was found may answer is policy.h's to say.
 */
#pragma once
#include "cache/slot.h"
#include "cache/store.h"

struct lookup {
	struct key	 primary;	/* of the URL; always set */
	struct key	 key;		/* of what answers, or would: a variant's once the URL is known to have some */
	bool		 varies;	/* it is: */
	uint32_t	 generation;	/* of the URL's variants, */
	struct span	 names;		/* and the fields that tell them apart; lent as the rest */
	struct entry	 entry;		/* of the object, where there is one */
	struct head	 head;		/* its head: lent until store_end */
	struct span	 record;	/* the same as head_field takes it */
};

/* What a process looks up with; all of it lent. */
struct lookup_in {
	struct store		*store;
	struct slot		*slots;		/* each use is counted there */
	uint32_t		 n_slots;
	const struct sip_key	*secret;
};

/*
 * text: what key_text made of the request. The store must have begun. 0: found; -E_MISSING; anything else is a miss
 * too, and -E_CORRUPT means that the store itself is damaged.
 */
int	lookup(const struct lookup_in *, struct lookup *, struct span text, const struct fields *request,
	    const struct vary_rules *) MUST_CHECK;
/* What is stored under a URL is found by nobody any more, before the keeper deletes it. The store must have begun. */
void	lookup_give_up(const struct lookup_in *, const struct key *primary);

/*
 * intake_priv.h - the intake of two files: intake.c takes records in, intake_told.c tells those who wait for fills.
 */
#pragma once
#include "cache/intake.h"

struct fill {
	struct ring_in	*ring;
	uint32_t	 number;	/* within its ring */
	uint64_t	 from;		/* position in it, behind its BEGIN */
	struct key	 primary, key;
	struct entry	 entry;		/* length: so far */
	uint32_t	 values;	/* written, the head included */
	uint32_t	 told;		/* chunks that those who wait know of */
	uint32_t	 n;		/* bytes in the chunk */
	char		*chunk;		/* CHUNK_SIZE */
};

/* intake_told.c: of one fill; of all that is committed now; of all that was lost with a transaction. */
void	intake_tell_end(struct intake *, const struct key *primary, const struct ring_in *, uint32_t fill,
	    enum lease_state);
void	intake_tell_all(struct intake *);
void	intake_tell_failure(struct intake *);

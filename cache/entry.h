/*
 * entry.h - the records of the store, and the only code that reads or writes their bytes.
 *
 * An index record, ENTRY_SIZE bytes under a key, says what there is and when it is fresh. An object's bytes are
 * numbered values under its id: 0 is the head record (key text, names of varying fields, tags, the response's head in
 * wire form), 1 and up are body chunks, all but the last one CHUNK_PAYLOAD bytes. An id is never used again.
 *
 * Every record has a checksum and is read with doubt: what does not add up is -E_CORRUPT, and the caller's miss.
 * Numbers are in the machine's order: a store does not move to another one.
 */
#pragma once
#include "cache/key.h"
#include "cache/policy.h"
#include "cache/precondition.h"

enum {
	ENTRY_SIZE = 56,
	CHUNK_SIZE = 16368,		/* four pages of the store, less their header */
	CHUNK_PAYLOAD = CHUNK_SIZE - 4,	/* the checksum is behind it */
	TAGS_MAX = 64,
	TAG_SIZE = sizeof(uint64_t),
	HEAD_FIELDS_MAX = 256,
	HEAD_MAX = 128 * 1024,		/* bytes of a head record */
};

enum entry_kind {
	ENTRY_OBJECT = 1,
	ENTRY_VARY,			/* the URL has variants; `names` of its head record says by which fields */
	ENTRY_PASS,			/* lately not to be stored: nobody waits for one fetch to serve all */
};

struct entry {
	enum entry_kind	 kind;
	int		 status;
	uint32_t	 slot;		/* of its accesses in shared memory */
	uint64_t	 id;
	uint64_t	 length;	/* bytes of body */
	uint32_t	 generation;	/* of the URL's variants */
	struct lifetime	 life;
};

void	entry_write(char out[ENTRY_SIZE], const struct entry *);
int	entry_read(struct entry *, struct span) MUST_CHECK;

/* What a head record is made of, and what it reads as: then all spans point into the record. */
struct head {
	struct span	 key;		/* text of the primary key */
	struct span	 names;		/* of varying fields, as vary_names gives them */
	struct span	 tags;		/* hashes of surrogate keys, TAG_SIZE bytes each */
	struct validators validators;
	struct span	 address;	/* of the origin, a literal without port; "" where nobody has to know */
	unsigned	 n_fields;	/* lines of block behind the first one */
	struct span	 block;		/* "HTTP/1.1 200 OK\r\n" and field lines; no empty line, no framing, no Age */
};

/* One field line of a block, for a protocol that has no lines. */
struct head_field { struct span name, value; };

/*
 * Writes the record of a response: h->block is ignored, the status line and every field that is not FIELD_DROP, Age,
 * Connection's or framing's make it. Bytes written, or 0: more than size or HEAD_FIELDS_MAX fields, not to be stored.
 */
size_t	head_write(char *out, size_t size, const struct head *h, int status, const struct fields *response);
int	head_read(struct head *, struct span) MUST_CHECK;
/* Field n of a record that head_read has accepted; false behind the last. */
bool	head_field(struct span record, unsigned n, struct head_field *);

/* The checksum behind a chunk's payload, n <= CHUNK_PAYLOAD. */
void	chunk_seal(char *chunk, size_t n);
/* The payload, once the checksum was right; verify = false where it has been found right before. */
int	chunk_read(struct span chunk, bool verify, struct span *payload) MUST_CHECK;

/*
 * list_image.h - a compiled list of domains or of address blocks: bytes without pointers that many processes map
 * read-only, and the look-ups in them. list_build.h makes them.
 *
 * An image is checked once when it is opened, its head and the places of its parts; what a look-up reads from those
 * parts is checked where it is used, so that an image of any bytes gives a wrong answer at worst. The cost of a
 * look-up depends on the question, not on the list: one probe per label of a name, a binary search of an address.
 */
#pragma once
#include "conf/base/addr.h"

#define LIST_IMAGE_VERSION 1

enum list_kind { LIST_UNSET, LIST_DOMAINS, LIST_ADDRESSES, LIST_KINDS };

struct list_bucket;			/* list_image_priv.h */
struct list_blocks;
struct list_head {
	uint32_t magic, version, kind;
	uint32_t entries;		/* different ones */
	uint64_t size;			/* of the image, this head included */
	uint64_t digest;		/* of the bytes it was made from: list_digest */
	uint64_t seed[2];		/* of the hash: no peer and no list can aim at a bucket */
	uint32_t least, most;		/* labels of its names */
	uint32_t n[2];			/* of its parts: list_image_priv.h */
};

/* Where an entry stands, and what it says. */
struct list_hit {
	uint32_t line;			/* in the file, from 1 */
	bool	 below;			/* a name: everything below it is covered too */
	struct span name;		/* a name: as the host that was asked for spells it; lent from there */
	struct cidr block;		/* addresses: the most specific block */
};

struct list_image {			/* zeroed: no list, nothing is found */
	const struct list_head *head;
	bool	 mapped;		/* list_image_close unmaps it */
	const struct list_bucket *buckets;	/* names */
	const char *names;
	const uint32_t *v4;		/* addresses: where ranges begin, in order */
	const uint64_t (*v6)[2];
	const uint32_t *line4, *line6;	/* of the block that a range lies in; 0: in none */
	const uint8_t *bits4, *bits6;	/* its prefix length */
};

/* The bytes are lent until the image is used no more. -E_PROTO, -E_VERSION, -E_TRUNCATED: they are no such image. */
int	list_image_view(struct list_image *, const void *p, size_t n, enum list_kind, struct errdetail *) MUST_CHECK;
/* Maps a descriptor sealed against any change; it stays the caller's. */
int	list_image_open(struct list_image *, int fd, enum list_kind, struct errdetail *) MUST_CHECK;
void	list_image_close(struct list_image *);		/* idempotent */

/* host: lower case, no trailing dot. The entry nearest to the top decides. Of another kind: nothing is found. */
bool	list_find_name(const struct list_image *, struct span host, struct list_hit *);
bool	list_find_addr(const struct list_image *, const struct addr *, struct list_hit *);	/* folded first */

uint64_t list_digest(struct span bytes);		/* not against forgery: whether a file is another one */

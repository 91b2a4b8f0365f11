/*
 * list_image_priv.h - how an image lies in memory: shared by its builder and its look-ups.
 *
 *   names:      | head | buckets | records: line and flag (4 bytes), length, name; one behind the other |
 *   addresses:  | head | v6 | v4 | line6 | line4 | bits6 | bits4 |
 *
 * A name's hash chooses a bucket and a tag. A bucket is one cache line; who finds it full goes on in the next. Blocks
 * are flattened to ranges that do not overlap: each begins where it says and ends where the next begins.
 */
#pragma once
#include "conf/base/list_image.h"

#define LIST_MAGIC	0x4c585250u	/* "PRXL" */
#define LIST_WAYS	12		/* places of a bucket */
#define LIST_CHAIN	32		/* buckets looked into at most */
#define LIST_BELOW	0x80000000u	/* in a record's line */
#define LIST_LINES	0x7fffffffu
#define LIST_RECORD	5		/* bytes before a name */
#define LIST_NAME_MAX	253

enum { LIST_N_BUCKETS = 0, LIST_N_NAMES = 1 };	/* head.n of names: buckets, bytes of records */
enum { LIST_N_V6 = 0, LIST_N_V4 = 1 };		/* head.n of addresses: ranges */

struct list_bucket {
	uint8_t	 tag[16];		/* 0: empty, and so are all behind it; the last four always are */
	uint32_t at[LIST_WAYS];		/* of the record */
};
_Static_assert(sizeof(struct list_bucket) == 64, "a bucket is a cache line");
_Static_assert(sizeof(struct list_head) == 64, "and what follows the head begins with one");

/* Bytes behind the head that its numbers ask for; of an unknown kind more than there are. */
uint64_t list_parts_size(const struct list_head *);

uint64_t list_hash_name(const struct list_head *, struct span name, uint32_t *labels);

static inline uint32_t
list_bucket_of(uint64_t hash, uint32_t buckets)
{
	return (uint32_t)((hash >> 32) * buckets >> 32);
}

static inline uint8_t
list_tag_of(uint64_t hash)
{
	return (uint8_t)((hash & 0xff) == 0 ? 1 : hash & 0xff);
}

/*
 * ban.h - what was purged in bulk: by prefix, tag, route, or everything. In shared memory, written by the keeper.
 *
 * A ban holds from the moment it is added, for every worker: what was received before it is not found any more. The
 * keeper then walks through the store, deletes what the ban names, counts it, and lifts the ban. So there are few at
 * any time, mostly none, and a hit pays one load for that.
 */
#pragma once
#include <stdatomic.h>
#include "cache/entry.h"

enum { BANS_MAX = 64, BAN_TEXT = 1000 };

enum ban_kind {
	BAN_EVERYTHING = 1,
	BAN_PREFIX,			/* text: the beginning of a URL, "http://host/path" */
	BAN_SCOPE,			/* text: the scope of keys (key.h): a service's or a route's */
	BAN_TAG,			/* tag: hash of a surrogate key */
};

struct ban {
	uint32_t kind;			/* enum ban_kind */
	uint16_t length;		/* of text */
	bool	 soft;			/* what it names is stale from now on, and not gone */
	int64_t	 before;		/* Unix seconds: of what was received then or earlier */
	uint64_t tag;
	char	 text[BAN_TEXT];
};

struct bans {
	_Atomic uint32_t version;	/* odd while they change */
	_Atomic uint32_t n;
	struct ban	 v[BANS_MAX];
};

enum banned { BANNED_NOT, BANNED_SOFT, BANNED_HARD };

/* Does this ban name the object? key: the text it is stored under. */
bool	ban_names(const struct ban *, struct span key, const struct entry *, const struct head *);

/* A reader's: what all bans say of an object. While they change, an object is better not served: BANNED_HARD. */
enum banned bans_judge(const struct bans *, const struct entry *, const struct head *);

/* The keeper's. -E_LIMIT: there are BANS_MAX. */
int	bans_add(struct bans *, const struct ban *) MUST_CHECK;
void	bans_lift(struct bans *, unsigned n);		/* the n oldest ones */

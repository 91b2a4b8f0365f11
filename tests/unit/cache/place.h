/* place.h - the file of a store, in a folder of its own. One at a time. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache/store.h"

static char path[64];			/* of the file */

static inline void
place_make(void)
{
	char folder[] = "/tmp/proxyd-cache-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/cache.mdb", folder);
}

/* Whatever a test left beside the file and its lock makes it fail. */
static inline void
place_remove(void)
{
	char lock[sizeof path + 8];

	snprintf(lock, sizeof lock, "%s-lock", path);
	unlink(path);
	unlink(lock);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

/* Keys whose order is not that of the numbers. */
static inline struct key
key_number(uint32_t n)
{
	struct key k = { { 0 } };

	n *= 2654435761u;
	memcpy(k.b, &n, sizeof n);
	return k;
}

/* What is committed under a number's key. */
static inline int
find_in(struct store *s, uint32_t n, struct entry *e)
{
	struct key k = key_number(n);
	int rc;

	ck_assert_int_eq(store_transaction(s), 0);
	rc = store_find(s, &k, e);
	store_abort(s);
	return rc;
}

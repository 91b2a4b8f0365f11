/*
 * acl_index.h - which of many rules may match: asked before any of them is tried.
 *
 * Every rule that is left out would answer ACL_NO, by a term without "!" whose acl says no to the client's address,
 * to the name or to the target's address. The others are tried in their order, so the decision stays the same.
 */
#pragma once
#include "worker/mode/acl_priv.h"

#define ACL_INDEX_RULES	16	/* fewer are tried one after another */

struct acl_index;
/* conf and its acls, compiled, are lent as long as it lives. *out is NULL where an index would not pay. */
int	acl_index_new(struct acl_index **out, const struct acl_table *) MUST_CHECK;
void	acl_index_free(struct acl_index **);
/*
 * Finds the rules that may match; good until the next call. without: kinds known to have no entry for the request, not
 * looked up, as an earlier question about the same host and client answered; 0: ask all. Returns the same for the next.
 */
unsigned acl_index_find(struct acl_index *, const struct acl_query *, unsigned without);
/* The first rule at or behind `from` that may be left out, or their number: those before are always tried. */
unsigned acl_index_closed(const struct acl_index *, unsigned from);
/* The first of those found at or behind `from`, which is at most the number of rules; that number: none. */
unsigned acl_index_next(const struct acl_index *, unsigned from);

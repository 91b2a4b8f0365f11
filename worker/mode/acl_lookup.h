/*
 * acl_lookup.h - which acls hold a name or an address, by which of their keys and lists: for people who ask.
 */
#pragma once
#include "worker/mode/acl.h"

struct acl_found {
	const struct conf_acl *acl;
	const char	*key;		/* "domain", "src" or "dst" */
	const struct conf_list *list;	/* NULL: an entry of the acl itself */
	struct list_hit	at;		/* of a list */
};
typedef void acl_found_f(void *owner, const struct acl_found *);

/* Calls back for everything that holds the name (as in acl_query) or, when addr is not NULL, the address. */
void	acl_lookup(const struct acl_table *, struct span name, const struct addr *addr, acl_found_f *, void *owner);

/*
 * acl_priv.h - the compiled acls, shared by the files that build them, judge by them and judge addresses.
 */
#pragma once
#include "conf/base/map.h"
#include "worker/mode/acl.h"

enum acl_cover { COVER_SELF = 1, COVER_BELOW = 2 };

struct acl {
	const struct conf_acl *conf;
	struct cidr_tree *src, *dst;	/* NULL: the kind is not given */
	struct map	 domains;	/* name without leading dot -> enum acl_cover, as a pointer */
	uint32_t	 methods;	/* bit per enum method */
};

struct acl_table {
	const struct conf *conf;
	struct acl	*acls;		/* by conf_acl index */
	const struct list_image *lists;	/* by conf_list index; NULL: none is known */
	struct addr	*local;		/* addresses of this host, for listeners on every address */
	unsigned	 nlocal;
	struct acl_index *index;	/* NULL: rules are tried one after another */
	bool		 wants_url;
	struct arena	 arena;		/* names that had to be changed */
};

bool	acl_domain_match(const struct map *domains, struct span host);	/* acl.c */
void	acl_local_read(struct acl_table *);	/* acl_address.c */

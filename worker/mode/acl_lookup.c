/*
 * acl_lookup.c - every acl and every list of it asked, where a request stops at the first.
 */
#include "worker/mode/acl_lookup.h"

#include "worker/mode/acl_priv.h"

struct search {
	const struct acl_table *table;
	struct span	 name;
	const struct addr *addr;
	acl_found_f	*found;
	void		*owner;
};

static void
in_lists(const struct search *s, struct acl_found f, const struct conf_list_refs *lists)
{
	for (unsigned i = 0; i < lists->n && s->table->lists != NULL; i++) {
		const struct list_image *image = &s->table->lists[lists->v[i]->index];

		if (s->addr != NULL ? list_find_addr(image, s->addr, &f.at) :
				      list_find_name(image, s->name, &f.at)) {
			f.list = lists->v[i];
			s->found(s->owner, &f);
		}
	}
}

static void
in_tree(const struct search *s, struct acl_found f, const struct cidr_tree *tree)
{
	uint32_t value;

	if (tree != NULL && cidr_tree_find(tree, s->addr, &value))
		s->found(s->owner, &f);
}

void
acl_lookup(const struct acl_table *t, struct span name, const struct addr *addr, acl_found_f *found,
    void *owner)
{
	struct search s = { t, name, addr, found, owner };

	for (unsigned i = 0; i < t->conf->nacls; i++) {
		const struct acl *a = &t->acls[i];
		struct acl_found f = { .acl = a->conf, .key = "domain" };

		if (addr == NULL) {
			if (acl_domain_match(&a->domains, name))
				found(owner, &f);
			in_lists(&s, f, &a->conf->domain_lists);
			continue;
		}
		f.key = "src";
		in_tree(&s, f, a->src);
		in_lists(&s, f, &a->conf->src_lists);
		f.key = "dst";
		in_tree(&s, f, a->dst);
		in_lists(&s, f, &a->conf->dst_lists);
	}
}

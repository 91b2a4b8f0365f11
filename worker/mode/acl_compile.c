/*
 * acl_compile.c - acls of the configuration made ready to be asked: prefix trees, a hash of domains, bits of methods.
 *
 * Domains are one hash per acl, the value saying what the entry covers: "example.com" (itself) and ".example.com"
 * (itself and all below) share a key.
 */
#include "worker/mode/acl_priv.h"

#include <stdlib.h>

#include "conf/base/mem.h"
#include "conf/http/uri.h"
#include "worker/mode/acl_index.h"

static struct cidr_tree *
tree_of(const struct conf_cidrs *c)
{
	struct cidr_tree *t;

	if (c->n == 0)
		return NULL;
	t = cidr_tree_new();
	for (unsigned i = 0; i < c->n; i++)
		cidr_tree_add(t, &c->v[i], 1);
	return t;
}

/* The key of a domain: lower case, no trailing dot; copied only when it differs from what was written. */
static struct span
domain_key(struct acl_table *t, struct span text)
{
	bool upper = false;
	char *p;

	for (size_t i = 0; i < text.n; i++)
		upper |= text.p[i] >= 'A' && text.p[i] <= 'Z';
	if (!upper && (text.n == 0 || text.p[text.n - 1] != '.'))
		return text;
	p = arena_alloc(&t->arena, text.n);
	return span_make(p, uri_host_lower(p, text));
}

static int
domain_add(struct acl_table *t, struct map *m, const char *written)
{
	bool below = written[0] == '.';
	struct span key = domain_key(t, span_str(written + below));
	uintptr_t cover = (uintptr_t)map_get(m, key);

	return map_put(m, key, (void *)(cover | (below ? COVER_SELF | COVER_BELOW : COVER_SELF)));
}

static int
acl_compile(struct acl_table *t, struct acl *a, const struct conf_acl *c)
{
	int rc = 0;

	a->conf = c;
	a->src = tree_of(&c->src);
	a->dst = tree_of(&c->dst);
	for (unsigned i = 0; i < c->domain.n && rc == 0; i++)
		if (c->domain.v[i][0] != '@')		/* a list: domain_lists has it */
			rc = domain_add(t, &a->domains, c->domain.v[i]);
	for (unsigned i = 0; i < c->method.n; i++)
		a->methods |= 1u << method_find(span_str(c->method.v[i]));
	t->wants_url |= c->url.n > 0;
	return rc;
}

struct acl_table *
acl_table_new(const struct conf *conf, struct errdetail *ed)
{
	struct acl_table *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_set(ed, -E_NOMEM, "the table of rules");
		return NULL;
	}
	t->conf = conf;
	arena_init(&t->arena, NULL, 0, 0);
	t->acls = mem_array(conf->nacls + 1, sizeof *t->acls);
	for (unsigned i = 0; i < conf->nacls; i++) {
		if (acl_compile(t, &t->acls[i], &conf->acls[i]) == 0)
			continue;
		err_set(ed, -E_NOMEM, "acl %s", conf->acls[i].name);
		acl_table_free(&t);
		return NULL;
	}
	if (acl_index_new(&t->index, t) != 0) {
		err_set(ed, -E_NOMEM, "the index of rules");
		acl_table_free(&t);
		return NULL;
	}
	acl_local_read(t);
	return t;
}

void
acl_table_lists(struct acl_table *t, const struct list_image *images)
{
	t->lists = images;
}

void
acl_table_free(struct acl_table **tp)
{
	struct acl_table *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->conf->nacls; i++) {
		cidr_tree_free(&t->acls[i].src);
		cidr_tree_free(&t->acls[i].dst);
		map_fini(&t->acls[i].domains);
	}
	acl_index_free(&t->index);
	mem_free(t->acls);
	mem_free(t->local);
	arena_fini(&t->arena);
	free(t);
}

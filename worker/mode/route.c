/*
 * route.c - the compiled routes: a hash of host patterns, each with a tree of path segments.
 *
 *	"www.example.com" ---> tree		"/v1/{id}"	v1 -> one	(ends)
 *	".example.com"    ---> tree		"/v1/items"	v1 -> items	(ends)
 *	""                ---> tree		"/{all=**}"	root		(rests)
 *
 * Hosts are tried from exact over the longest suffix to any; a tree is walked literal before one segment before the
 * end before the rest, which is the order of pattern_compare, so the first route that accepts the method is the
 * most specific one. A verb is no part of the tree: where the path's end looks like one, templates with that verb
 * and templates without are two walks, and pattern_compare decides between their winners. The tree finds candidates;
 * pattern_match has the last word and makes the captures.
 */
#include "worker/mode/route.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/map.h"
#include "conf/http/uri.h"

/* One route at one node, the more specific first: more conditions, then methods, then the order of the file. */
struct leaf {
	struct leaf	*next;
	const struct conf_route *route;
	uint32_t	 methods;	/* bit per enum method; 0 and not other: any */
	bool		 other;		/* extension methods are among them */
};

struct node {
	struct map	 literals;	/* text of a segment -> struct node */
	struct node	*one;
	struct leaf	*ends, *rests;
	struct node	*all_next;	/* every node of the table, for freeing */
};

struct route_table {
	struct map	 hosts;		/* "exact" or ".suffix" -> root struct node */
	struct node	*any;
	struct node	*all;
	const struct conf_route *server;	/* takes hosts that no route knows */
	struct arena	 arena;
};

struct find {
	const struct route_query *q;
	struct span	 verb;		/* of the walk under way; n 0: templates without one */
	struct route_match *match;
	bool		 path_seen;
	bool		 undecided;	/* match->route came to the limits of matching: nothing else is tried */
};

/* --------------------------------------------------------------------------------------------- build */

static struct node *
node_new(struct route_table *t)
{
	struct node *n = arena_alloc(&t->arena, sizeof *n);

	n->all_next = t->all;
	t->all = n;
	return n;
}

static struct node *
child_get(struct route_table *t, struct map *m, struct span key)
{
	struct node *n = map_get(m, key);

	if (n != NULL)
		return n;
	n = node_new(t);
	return map_put(m, key, n) == 0 ? n : NULL;
}

/* "*.Example.com" is kept as ".example.com", any host as "". */
static struct node *
host_root(struct route_table *t, const char *host)
{
	struct span text = span_str(host);
	char *lower;

	if (text.n > 0 && text.p[0] == '*')
		text = span_make(text.p + 1, text.n - 1);
	if (text.n == 0) {
		if (t->any == NULL)
			t->any = node_new(t);
		return t->any;
	}
	lower = arena_alloc(&t->arena, text.n);
	return child_get(t, &t->hosts, span_make(lower, uri_host_lower(lower, text)));
}

static void
leaf_init(struct leaf *leaf, const struct conf_route *r)
{
	*leaf = (struct leaf){ .route = r };
	for (unsigned i = 0; i < r->match.methods.n; i++) {
		enum method m = method_find(span_str(r->match.methods.v[i]));

		if (m == M_OTHER)
			leaf->other = true;
		else
			leaf->methods |= 1u << m;
	}
}

/* Of two routes at one node. */
static bool
more_specific(const struct conf_route *a, const struct conf_route *b)
{
	if (a->nconditions != b->nconditions)
		return a->nconditions > b->nconditions;
	return a->match.methods.n > 0 && b->match.methods.n == 0;
}

static void
leaf_add(struct route_table *t, struct leaf **at, const struct conf_route *r)
{
	struct leaf *leaf = arena_alloc(&t->arena, sizeof *leaf);

	leaf_init(leaf, r);
	while (*at != NULL && !more_specific(r, (*at)->route))
		at = &(*at)->next;
	leaf->next = *at;
	*at = leaf;
}

/* false: memory is out. */
static bool
route_add(struct route_table *t, struct node *n, const struct conf_route *r)
{
	for (unsigned i = 0; i < r->path.nsegs; i++) {
		const struct pattern_seg *seg = &r->path.segs[i];

		switch (seg->kind) {
		case PAT_LITERAL:
			n = child_get(t, &n->literals, seg->text);
			break;
		case PAT_ONE:
			if (n->one == NULL)
				n->one = node_new(t);
			n = n->one;
			break;
		case PAT_REST:
			leaf_add(t, &n->rests, r);
			return true;
		}
		if (n == NULL)
			return false;
	}
	leaf_add(t, &n->ends, r);
	return true;
}

static bool
route_add_hosts(struct route_table *t, const struct conf_route *r)
{
	unsigned n = r->match.hosts.n;

	for (unsigned i = 0; i < (n == 0 ? 1 : n); i++) {
		struct node *root = host_root(t, n == 0 ? "" : r->match.hosts.v[i]);

		if (root == NULL || !route_add(t, root, r))
			return false;
	}
	return true;
}

struct route_table *
route_table_new(const struct conf *conf, struct errdetail *ed)
{
	struct route_table *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_set(ed, -E_NOMEM, "the table of routes");
		return NULL;
	}
	arena_init(&t->arena, NULL, 0, 0);
	for (unsigned i = 0; i < conf->nroutes; i++) {
		const struct conf_route *r = &conf->routes[i];

		if (conf->defaults.server != NULL && strcmp(conf->defaults.server, r->name) == 0)
			t->server = r;
		if (route_add_hosts(t, r))
			continue;
		err_set(ed, -E_NOMEM, "the table of %u routes", conf->nroutes);
		route_table_free(&t);
		return NULL;
	}
	return t;
}

void
route_table_free(struct route_table **tp)
{
	struct route_table *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	for (struct node *n = t->all; n != NULL; n = n->all_next)
		map_fini(&n->literals);
	map_fini(&t->hosts);
	arena_fini(&t->arena);
	free(t);
}

/* ---------------------------------------------------------------------------------------------- find */

static bool
lists_method(const struct conf_route *r, struct span text)
{
	for (unsigned i = 0; i < r->match.methods.n; i++)
		if (span_eq_str(text, r->match.methods.v[i]))
			return true;
	return false;
}

static bool
accepts(const struct find *f, const struct leaf *leaf)
{
	if (leaf->route->match.methods.n == 0)
		return true;
	if (f->q->method != M_OTHER)
		return (leaf->methods >> f->q->method & 1) != 0;
	return leaf->other && lists_method(leaf->route, f->q->method_text);
}

static void
tell(const struct find *f, const struct conf_route *r, enum route_try what,
    const struct conf_condition *by)
{
	struct route_trace *t = f->q->trace;

	if (t != NULL)
		t->candidate(t, r, what, by);
}

/* The first of the conditions that does not hold goes to *by. */
static enum regex_answer
holds(const struct conf_conditions *all, const struct condition_query *q,
    const struct conf_condition **by)
{
	enum regex_answer a = REGEX_YES;

	for (unsigned i = 0; i < all->n && a == REGEX_YES; i++) {
		*by = &all->v[i];
		a = condition_ask(*by, q);
	}
	return a;
}

/* Of a route whose host and path match. needed: the route would be taken, so a match may not fail. */
static bool
conditions_hold(struct find *f, const struct conf_route *r, bool needed)
{
	const struct conf_condition *by = NULL;
	enum regex_answer a = holds(&r->match.header, &f->q->head, &by);

	if (a == REGEX_YES)
		a = holds(&r->match.query, &f->q->head, &by);
	if (a == REGEX_YES)
		a = holds(&r->match.cookie, &f->q->head, &by);
	if (a == REGEX_YES)
		return true;
	f->undecided = needed && a == REGEX_FAILED;
	if (f->undecided)
		f->match->route = r;
	tell(f, r, f->undecided ? ROUTE_TRY_UNDECIDED : ROUTE_TRY_CONDITION, by);
	return false;
}

/* The first leaf that takes the request; those that would with another method are noted for Allow. */
static const struct conf_route *
judge(struct find *f, const struct leaf *leaf)
{
	struct route_match *m = f->match;

	for (; leaf != NULL && !f->undecided; leaf = leaf->next) {
		const struct pattern *p = &leaf->route->path;
		bool takes;

		if (!span_eq(p->verb, f->verb) ||
		    !pattern_match(p, f->q->path, m->captures, &m->ncaptures))
			continue;
		takes = accepts(f, leaf);
		if (leaf->route->nconditions > 0 && !conditions_hold(f, leaf->route, takes))
			continue;
		f->path_seen = true;
		if (takes) {
			tell(f, leaf->route, ROUTE_TRY_TAKEN, NULL);
			return leaf->route;
		}
		tell(f, leaf->route, ROUTE_TRY_METHOD, NULL);
		m->allow |= leaf->methods;
		m->allow_other |= leaf->other;
	}
	return NULL;
}

/* rest: the segments not walked yet; p NULL: none. As deep as the longest template at most. */
static const struct conf_route *
walk(struct find *f, const struct node *n, struct span rest)
{
	const struct conf_route *r = NULL;
	const struct node *child;
	struct span part, behind = rest;

	if (rest.p != NULL && span_split(&behind, '/', &part)) {
		child = n->literals.used == 0 ? NULL : map_get(&n->literals, part);
		if (child != NULL)
			r = walk(f, child, behind);
		if (r == NULL && n->one != NULL && part.n > 0)
			r = walk(f, n->one, behind);
	} else {
		r = judge(f, n->ends);
	}
	return r != NULL ? r : judge(f, n->rests);
}

static const struct conf_route *
walk_verb(struct find *f, const struct node *root, size_t end, struct span verb)
{
	f->verb = verb;
	return walk(f, root, end == 0 ? SPAN_NONE : span_make(f->q->path.p + 1, end - 1));
}

static const struct conf_route *
find_in(struct find *f, const struct node *root)
{
	size_t n = f->q->path.n, slash = n, colon;
	const struct conf_route *plain = walk_verb(f, root, n, SPAN_NONE), *with = NULL;

	while (slash > 0 && f->q->path.p[slash - 1] != '/' && f->q->path.p[slash - 1] != ':')
		slash--;
	if (slash == 0 || f->q->path.p[slash - 1] != ':')
		return plain;
	colon = slash - 1;
	if (colon > 0)
		with = walk_verb(f, root, colon, span_make(f->q->path.p + slash, n - slash));
	if (plain == NULL || (with != NULL && pattern_compare(&with->path, &plain->path) < 0))
		return with;
	return plain;
}

/* Judges one host's tree; true ends the search. The captures are made again: a walk leaves those of its last try. */
static bool
search(struct find *f, const struct node *root)
{
	const struct conf_route *r = find_in(f, root);
	struct route_match *m = f->match;

	if (f->undecided)
		return true;
	if (r == NULL)
		return false;
	m->route = r;
	return pattern_match(&r->path, f->q->path, m->captures, &m->ncaptures);
}

static enum route_result
find_by_server(const struct route_table *t, struct find *f)
{
	const struct conf_route *r;
	struct leaf leaf;

	leaf_init(&leaf, t->server);
	f->verb = t->server->path.verb;
	r = judge(f, &leaf);
	if (f->undecided)
		return ROUTE_UNDECIDED;
	f->match->route = r;
	if (r != NULL)
		return ROUTE_FOUND;
	return f->path_seen ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

enum route_result
route_find(const struct route_table *t, const struct route_query *q, struct route_match *m)
{
	struct find f = { .q = q, .match = m };
	struct span host = q->host;
	bool suffix = host.n > 0 && host.p[0] == '.';	/* no name: it would pass for a wildcard's key */
	const struct node *root = suffix ? NULL : map_get(&t->hosts, host);
	bool known = root != NULL;

	m->route = NULL;
	m->ncaptures = 0;
	m->allow = 0;
	m->allow_other = false;
	if (root != NULL && search(&f, root))
		return f.undecided ? ROUTE_UNDECIDED : ROUTE_FOUND;
	for (size_t i = 1; i < host.n; i++) {
		if (host.p[i] != '.' ||
		    (root = map_get(&t->hosts, span_make(host.p + i, host.n - i))) == NULL)
			continue;
		known = true;
		if (search(&f, root))
			return f.undecided ? ROUTE_UNDECIDED : ROUTE_FOUND;
	}
	if (t->any != NULL && search(&f, t->any))
		return f.undecided ? ROUTE_UNDECIDED : ROUTE_FOUND;
	if (!known && !f.path_seen && (t->any == NULL || t->hosts.used > 0))
		return t->server != NULL ? find_by_server(t, &f) : ROUTE_NO_HOST;
	return f.path_seen ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

/*
 * check.c - the sections against each other: modes, listeners, and duplicate names everywhere.
 *
 * Routes are in check_routes.c, acls and rules in check_policy.c, their lists in check_lists.c. Every check reports
 * and goes on.
 */
#include "conf/check.h"

#include "conf/base/map.h"
#include "conf/base/mem.h"
#include "conf/item.h"

const char *const *
check_names(const struct conf *c, const void *v, unsigned n, size_t size, size_t at)
{
	const char **names = arena_alloc(c->arena, (n + 1) * sizeof *names);
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)v + i * size + at);

		if (name != NULL)
			names[k++] = name;
	}
	return names;
}

void
check_unknown(struct conf_problems *ps, struct conf_pos at, const char *where, const char *what,
    const char *name, const char *const *names)
{
	const char *near = suggest(name, names);
	struct str known = STR_INIT;

	for (unsigned i = 0; i < 20 && names[i] != NULL; i++)
		str_printf(&known, "%s\"%.40s\"", i == 0 ? "" : ", ", names[i]);
	if (near != NULL)
		conf_problems_add(ps, at, false,
		    "%s: there is no %s \"%.64s\": did you mean \"%.64s\"?", where, what, name,
		    near);
	else
		conf_problems_add(ps, at, false, "%s: there is no %s \"%.64s\": %s%.200s", where,
		    what, name, known.len == 0 ? "define it" : "known are ",
		    known.len == 0 ? "" : known.data);
	str_fini(&known);
}

/* Objects of one kind: where their position and their name are. */
struct kind { const char *what; size_t size, pos, name; };

static void
duplicates(struct conf_problems *ps, const struct kind *k, const void *v, unsigned n)
{
	struct map seen = MAP_INIT;

	for (unsigned i = 0; i < n; i++) {
		const char *o = (const char *)v + i * k->size;
		struct span name = span_str(*(const char *const *)(o + k->name));
		const struct conf_pos *at = (const void *)(o + k->pos), *first;

		if (name.p == NULL)
			continue;
		first = map_get(&seen, name);
		if (first != NULL)
			conf_problems_add(ps, *at, false,
			    "%s \"%.64s\" is there twice, first at %.150s:%d: rename one", k->what,
			    name.p, first->file, first->line);
		else if (map_put(&seen, name, (void *)at) != 0)
			break;
	}
	map_fini(&seen);
}

#define KIND(what, type, id) \
	{ what, sizeof(struct type), offsetof(struct type, at), offsetof(struct type, id) }

static void
check_duplicates(const struct conf *c, struct conf_problems *ps)
{
	static const struct kind listener = KIND("listener", conf_listener, name);
	static const struct kind service = KIND("service", conf_service, name);
	static const struct kind route = KIND("route", conf_route, name);
	static const struct kind rule = KIND("rule", conf_rule, id);

	duplicates(ps, &listener, c->listeners, c->nlisteners);
	duplicates(ps, &service, c->services, c->nservices);
	duplicates(ps, &route, c->routes, c->nroutes);
	duplicates(ps, &rule, c->rules, c->nrules);
}

static bool
any_address(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

/* "*:80" takes the port of both families; otherwise only the same address twice is a contradiction. */
static bool
bind_clash(const char *at, const struct addr *a, const char *bt, const struct addr *b)
{
	if (a->u.sa.sa_family == AF_UNIX || b->u.sa.sa_family == AF_UNIX)
		return strcmp(at, bt) == 0;
	if (addr_port(a) != addr_port(b) || addr_port(a) == 0)
		return false;
	if (at[0] == '*' || bt[0] == '*')
		return any_address(a) && any_address(b);
	return addr_eq(a, b);
}

static void
clash(struct conf_problems *ps, const struct conf_listener *a, const char *at,
    const struct conf_listener *b, const char *bt)
{
	if (a == b)
		conf_problems_add(ps, b->at, false,
		    "listener \"%.64s\" binds %.80s and %.80s, which are one address: remove one",
		    b->name, at, bt);
	else
		conf_problems_add(ps, b->at, false,
		    "listener \"%.64s\" binds %.80s, which listener \"%.64s\" at %.120s:%d has: change one",
		    b->name, bt, a->name, a->at.file, a->at.line);
}

/* The n first addresses of a against the y-th of b; texts and addresses go together only when all were understood. */
static void
check_bind(struct conf_problems *ps, const struct conf_listener *a, unsigned n,
    const struct conf_listener *b, unsigned y)
{
	if (a->naddrs != a->bind.n || b->naddrs != b->bind.n)
		return;
	for (unsigned x = 0; x < n; x++)
		if (bind_clash(a->bind.v[x], &a->addrs[x], b->bind.v[y], &b->addrs[y]))
			clash(ps, a, a->bind.v[x], b, b->bind.v[y]);
}

static void
check_binds(const struct conf *c, struct conf_problems *ps)
{
	const struct conf_listener *all = c->listeners;

	for (unsigned j = 0; j < c->nlisteners; j++)
		for (unsigned y = 0; y < all[j].naddrs; y++) {
			for (unsigned i = 0; i < j; i++)
				check_bind(ps, &all[i], all[i].naddrs, &all[j], y);
			check_bind(ps, &all[j], y, &all[j], y);
		}
}

static struct conf_pos
top_pos(const struct conf *c)
{
	return (struct conf_pos){ c->process.at.file, 1 };
}

static bool
has_mode(const struct conf *c, enum conf_mode mode)
{
	for (unsigned i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].mode == mode)
			return true;
	return false;
}

#define LISTENERS_MAX 256

static void
check_listeners(struct conf *c, struct conf_problems *ps)
{
	if (c->nlisteners > LISTENERS_MAX) {
		conf_problems_add(ps, c->listeners[LISTENERS_MAX].at, false,
		    "%u listeners: %d are allowed; one may bind several addresses", c->nlisteners,
		    LISTENERS_MAX);
		c->nlisteners = LISTENERS_MAX;
	}
	for (unsigned i = 0; i < c->nlisteners; i++) {
		struct conf_listener *l = &c->listeners[i];

		l->index = i;
		if (l->mode == MODE_UNSET)
			l->mode = c->mode;
	}
	check_binds(c, ps);
}

static void
check_modes(const struct conf *c, struct conf_problems *ps)
{
	if (c->mode == MODE_REVERSE && c->nlisteners == 0)
		conf_problems_add(ps, top_pos(c), false,
		    "reverse mode needs to know where clients connect: write listeners = ( { "
		    "bind = [ \"0.0.0.0:80\" ]; } );");
	if ((has_mode(c, MODE_REVERSE) || (c->mode == MODE_REVERSE && c->nlisteners == 0)) &&
	    c->nroutes == 0)
		conf_problems_add(ps, top_pos(c), false,
		    "reverse mode needs to know where requests go: write services = ( { name = "
		    "\"app\"; targets = [ \"127.0.0.1:9001\" ]; } ); "
		    "routes = ( { name = \"all\"; service = \"app\"; } );");
	if (c->nroutes > 0 && c->nlisteners > 0 && !has_mode(c, MODE_REVERSE))
		conf_problems_add(ps, c->routes[0].at, true,
		    "routes are for reverse listeners, and there is none");
}

/* Rules and acls of the file in a configuration that forwards for nobody. */
static void
check_forward_used(const struct conf *c, struct conf_problems *ps)
{
	if (has_mode(c, MODE_FORWARD) || c->mode != MODE_REVERSE)
		return;
	for (unsigned i = 0; i < c->nrules; i++)
		if (c->rules[i].at.line > 0) {
			conf_problems_add(ps, c->rules[i].at, true,
			    "rules are for forward listeners, and there is none");
			return;
		}
}

void
check_all(struct conf *c, struct conf_problems *ps)
{
	check_listeners(c, ps);
	check_duplicates(c, ps);
	check_modes(c, ps);
	check_routes(c, ps);
	check_lists(c, ps);
	check_policy(c, ps);
	check_forward_used(c, ps);
}

static long
order_of(const struct conf_problem *p, const struct conf_source *src)
{
	if (p->at.file != NULL && p->at.line > 0)
		for (unsigned i = 0; i < src->nfiles; i++)
			if (strcmp(src->files[i], p->at.file) == 0)
				return ((long)i << 32) + p->at.line;
	return INT64_MAX;
}

void
problems_sort(struct conf_problems *ps, const struct conf_source *src)
{
	long *order = mem_array(ps->n + 1, sizeof *order), key;
	struct conf_problem p;
	unsigned j;

	for (unsigned i = 0; i < ps->n; i++) {
		key = order_of(&ps->v[i], src);
		p = ps->v[i];
		for (j = i; j > 0 && order[j - 1] > key; j--) {
			order[j] = order[j - 1];
			ps->v[j] = ps->v[j - 1];
		}
		order[j] = key;
		ps->v[j] = p;
	}
	mem_free(order);
}

/*
 * check_routes.c - routes against services and against each other.
 *
 * Two routes of equal specificity overlap exactly when host, kinds of segments, literals and verb are the same, so
 * they are found through a map of that text instead of by comparing every pair: 10 000 routes stay cheap.
 * The methods decide last: a route that names methods is more specific than one for any.
 */
#include "conf/check.h"

#include <stdio.h>

#include "conf/base/map.h"
#include "conf/item.h"

static void
resolve_services(struct conf *c, struct conf_problems *ps, bool *used)
{
	const char *const *names = check_names(c, c->services, c->nservices, sizeof *c->services,
	    offsetof(struct conf_service, name));
	struct map by_name = MAP_INIT;
	char where[96];

	for (unsigned i = 0; i < c->nservices; i++)
		if (c->services[i].name != NULL &&
		    map_put(&by_name, span_str(c->services[i].name), &c->services[i]) != 0)
			break;
	for (unsigned i = 0; i < c->nroutes; i++) {
		struct conf_route *r = &c->routes[i];

		if (r->service_name == NULL)
			continue;
		r->service = map_get(&by_name, span_str(r->service_name));
		if (r->service != NULL) {
			used[r->service - c->services] = true;
			continue;
		}
		(void)snprintf(
		    where, sizeof where, "route \"%.64s\"", r->name == NULL ? "" : r->name);
		check_unknown(ps, r->at, where, "service", r->service_name, names);
	}
	map_fini(&by_name);
}

static void
check_services(struct conf *c, struct conf_problems *ps)
{
	bool *used = arena_alloc(c->arena, c->nservices + 1);

	for (unsigned i = 0; i < c->nservices; i++)
		c->services[i].index = i;
	resolve_services(c, ps, used);
	for (unsigned i = 0; i < c->nservices; i++)
		if (!used[i] && c->services[i].name != NULL)
			conf_problems_add(ps, c->services[i].at, true,
			    "service \"%.64s\" is used by no route", c->services[i].name);
}

static bool
methods_overlap(const struct conf_strs *a, const struct conf_strs *b)
{
	if (a->n == 0 || b->n == 0)
		return a->n == b->n;
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			if (strcmp(a->v[i], b->v[j]) == 0)
				return true;
	return false;
}

/* The host and the template with its names taken out. */
static struct span
shape(struct arena *arena, const char *host, const struct pattern *p)
{
	struct str s = STR_INIT;
	struct span out;

	str_adds(&s, host);
	for (unsigned i = 0; i < p->nsegs; i++) {
		str_addc(&s, '/');
		if (p->segs[i].kind == PAT_LITERAL)
			str_add(&s, p->segs[i].text);
		else
			str_adds(&s, p->segs[i].kind == PAT_ONE ? "*" : "**");
	}
	str_addc(&s, ':');
	str_add(&s, p->verb);
	out = arena_try_copy(arena, str_span(&s));
	str_fini(&s);
	return out;
}

/* Routes of one shape, newest first. */
struct same { const struct conf_route *route; struct same *older; };

static void
enter(struct arena *arena, struct map *shapes, const struct conf_route *r, const char *host,
    struct conf_problems *ps)
{
	struct span key = shape(arena, host, &r->path);
	struct same *s = arena_alloc(arena, sizeof *s), *o;

	s->route = r;
	s->older = key.p == NULL ? NULL : map_get(shapes, key);
	for (o = s->older; o != NULL; o = o->older) {
		if (o->route == r || !methods_overlap(&o->route->match.methods, &r->match.methods))
			continue;
		conf_problems_add(ps, r->at, false,
		    "route \"%.64s\" matches the same requests as route \"%.64s\" at %.120s:%d "
		    "(%.100s %.60s): neither is more specific, change one",
		    r->name == NULL ? "" : r->name, o->route->name == NULL ? "" : o->route->name,
		    o->route->at.file, o->route->at.line, host[0] == '\0' ? "any host" : host,
		    r->match.path);
		break;
	}
	if (key.p != NULL && map_put(shapes, key, s) != 0)
		return;
}

static void
check_overlap(struct conf *c, struct conf_problems *ps)
{
	struct map shapes = MAP_INIT;
	struct arena scratch;

	arena_init(&scratch, NULL, 0, 0);
	for (unsigned i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i];

		if (r->path.nsegs == 0 || r->nconditions > 0)
			continue;	/* its template was refused; with conditions the order decides */
		for (unsigned h = 0; h < r->match.hosts.n; h++)
			enter(&scratch, &shapes, r, r->match.hosts.v[h], ps);
		if (r->match.hosts.n == 0)
			enter(&scratch, &shapes, r, "", ps);
	}
	map_fini(&shapes);
	arena_fini(&scratch);
}

static void
check_default_server(struct conf *c, struct conf_problems *ps)
{
	const char *name = c->defaults.server;

	if (name == NULL)
		return;
	for (unsigned i = 0; i < c->nroutes; i++)
		if (c->routes[i].name != NULL && strcmp(c->routes[i].name, name) == 0)
			return;
	check_unknown(ps, c->defaults.at, "defaults.server", "route", name,
	    check_names(
		c, c->routes, c->nroutes, sizeof *c->routes, offsetof(struct conf_route, name)));
}

void
check_routes(struct conf *c, struct conf_problems *ps)
{
	for (unsigned i = 0; i < c->nroutes; i++)
		c->routes[i].index = i;
	check_services(c, ps);
	check_overlap(c, ps);
	check_default_server(c, ps);
}

/*
 * check_routes.c - routes against services and against each other.
 *
 * Two routes of equal specificity overlap exactly when host, kinds of segments, literals and verb are the same, so
 * they are found through a map of that text instead of by comparing every pair: 10 000 routes stay cheap.
 * The methods decide last: a route that names methods is more specific than one for any.
 */
#include "conf/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/base/map.h"
#include "conf/cover.h"
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

/* ------------------------------------------------------------------ routes that can never match */

static int
by_place_and_name(const void *a, const void *b)
{
	const struct conf_condition *x = *(const struct conf_condition *const *)a,
				    *y = *(const struct conf_condition *const *)b;

	return x->where != y->where ? (int)x->where - (int)y->where : strcasecmp(x->name, y->name);
}

static void
add_conditions(struct arena *scratch, const struct conf_route *r, bool texts, struct str *out)
{
	const struct conf_conditions *const parts[] = { &r->match.header, &r->match.query,
		&r->match.cookie };
	const struct conf_condition **v = arena_alloc(scratch, r->nconditions * sizeof *v);
	unsigned n = 0;

	for (size_t p = 0; p < ARRAY_LEN(parts); p++)
		for (unsigned i = 0; i < parts[p]->n; i++)
			v[n++] = &parts[p]->v[i];
	qsort(v, n, sizeof *v, by_place_and_name);
	for (unsigned i = 0; i < n; i++) {
		str_printf(out, "\n%d ", (int)v[i]->where);
		for (const char *p = v[i]->name; *p != '\0'; p++)
			str_addc(out, v[i]->where == IN_HEADER && *p >= 'A' && *p <= 'Z' ?
				(char)(*p | 0x20) : *p);
		str_printf(out, "=%s", texts ? v[i]->text : "");
	}
}

/* Host, template and conditions; without their texts: as a route that only asks for their presence has them. */
static struct span
condition_key(struct arena *scratch, const struct conf_route *r, const char *host, bool texts)
{
	struct span text = shape(scratch, host, &r->path), out;
	struct str s = STR_INIT;

	str_add(&s, text);
	add_conditions(scratch, r, texts, &s);
	out = arena_try_copy(scratch, str_span(&s));
	str_fini(&s);
	return out;
}

/* At one host, template and number of conditions those with methods come first, then the order of the file. */
static bool
takes_all(const struct conf_route *earlier, const struct conf_route *r)
{
	return (earlier->match.methods.n > 0) == (r->match.methods.n > 0) &&
	    cover_methods(&r->match.methods, &earlier->match.methods);
}

#define SAME_MAX 64		/* routes of one key looked at; beyond, it is not decided */

static const struct conf_route *
find_cover(const struct map *seen, struct span key, const struct conf_route *r)
{
	unsigned looked = 0;

	for (const struct same *o = key.p == NULL ? NULL : map_get(seen, key);
	    o != NULL && looked++ < SAME_MAX; o = o->older)
		if (o->route != r && takes_all(o->route, r))
			return o->route;
	return NULL;
}

/* The one that takes what r would get at this host, or NULL; r is entered. */
static const struct conf_route *
enter_conditions(
    struct arena *scratch, struct map *seen, const struct conf_route *r, const char *host)
{
	struct span key = condition_key(scratch, r, host, true);
	const struct conf_route *by = find_cover(seen, key, r);
	struct same *s = arena_alloc(scratch, sizeof *s);

	if (by == NULL)
		by = find_cover(seen, condition_key(scratch, r, host, false), r);
	s->route = r;
	s->older = key.p == NULL ? NULL : map_get(seen, key);
	if (key.p != NULL && map_put(seen, key, s) != 0)
		return NULL;
	return by;
}

/*
 * Only routes with conditions can hide behind others: without, two of one specificity are refused above, and a route
 * of another host or template is more specific where it is contained, so it is asked first. One cover for each host.
 */
static void
check_hidden(struct conf *c, struct conf_problems *ps)
{
	struct map seen = MAP_INIT;
	struct arena scratch;

	arena_init(&scratch, NULL, 0, 0);
	for (unsigned i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i], *by = NULL, *one;
		unsigned hosts = r->match.hosts.n == 0 ? 1 : r->match.hosts.n, hidden = 0;

		if (r->path.nsegs == 0 || r->nconditions == 0)
			continue;
		for (unsigned h = 0; h < hosts; h++) {
			one = enter_conditions(&scratch, &seen, r,
			    r->match.hosts.n == 0 ? "" : r->match.hosts.v[h]);
			hidden += one != NULL;
			by = by == NULL ? one : by;
		}
		if (hidden == hosts && !(c->defaults.server != NULL && r->name != NULL &&
		    strcmp(c->defaults.server, r->name) == 0))
			conf_problems_add(ps, r->at, true,
			    "route \"%.64s\" can never match: route \"%.64s\" at %.120s:%d takes all of its requests",
			    r->name == NULL ? "" : r->name, by->name == NULL ? "" : by->name,
			    by->at.file, by->at.line);
	}
	map_fini(&seen);
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
	check_hidden(c, ps);
	check_default_server(c, ps);
}

/*
 * drain.c - from a target's name to its words in the endpoints segment, and back.
 */
#include "master/drain.h"

#include <stdlib.h>

#include "master/master.h"

void
drain_split(struct span name, struct span *service, struct span *target)
{
	ptrdiff_t slash = span_find(name, '/');

	*service = SPAN_NONE;
	*target = name;
	if (slash < 0 || (name.n >= 5 && span_eq_str(span_make(name.p, 5), "unix:")))
		return;
	*service = span_make(name.p, (size_t)slash);
	*target = span_make(name.p + slash + 1, name.n - (size_t)slash - 1);
}

static unsigned
set_in(struct generation *g, struct span service, struct span target, bool out)
{
	for (unsigned i = 0; i < g->conf->nservices; i++)
		if (span_eq_str(service, g->conf->services[i].name))
			return endpoint_drain(g->endpoints.data, i, target, out);
	return 0;
}

/* One that is about to serve has copied what the current one knew when it was made: it is told too. */
unsigned
drain_set(struct master *m, const char *service, struct span target, bool out)
{
	unsigned found = 0;

	LIST_EACH(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);
		unsigned here = set_in(g, span_str(service), target, out);

		if (g == m->current)
			found = here;
	}
	return found;
}

/* A target that is out is named once, for all the addresses it has. */
static void
list_endpoint(const struct conf_service *s, const struct endpoint *e, bool *named, struct str *out)
{
	uint32_t bits = atomic_load(&e->out);
	bool whole = (bits & ENDPOINT_OUT_TARGET) != 0;
	char text[ADDR_TEXT];

	if (whole && !named[e->target])
		str_printf(out, "%s/%s\n", s->name, s->targets[e->target].text);
	else if (!whole && bits != 0 && endpoint_used(e))
		str_printf(out, "%s/%s\n", s->name, addr_text(&e->addr, text));
	named[e->target] = named[e->target] || whole;
}

static void
list_service(const struct generation *g, const struct conf_service *s, struct str *out)
{
	const struct endpoint_data *d = g->endpoints.data;
	const struct endpoint_table *t = endpoint_table(d, s->index);
	bool *named = calloc(s->ntargets + 1, sizeof *named);

	for (unsigned i = 0; named != NULL && i < t->room; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);

		if (e != NULL && e->target < s->ntargets)
			list_endpoint(s, e, named, out);
	}
	free(named);
}

void
drain_list(const struct generation *g, struct str *out)
{
	for (unsigned i = 0; i < g->conf->nservices; i++)
		list_service(g, &g->conf->services[i], out);
}

void
drain_take(struct generation *g, struct span list)
{
	struct span name, service, target;

	while (span_split(&list, '\n', &name)) {
		drain_split(name, &service, &target);
		(void)set_in(g, service, target, true);
	}
}

/*
 * list_store.c - entries of the store, as long as a generation uses them.
 *
 *	stat at start: another file? --+--> source to an agent -> done -> serial + 1 -> to all workers -> taken
 *	agent: looks changed ----------+    `----- list_source.c -----'   `--------- list_offer.c ----------'
 *	acl reload --------------------+
 *
 * Nothing waits for a child: what cannot be sent now is sent by a later tick, and an agent that dies leaves its work to
 * the next. Which lists a worker still has to be sent, and which it has not told to have taken, are two sets of bits
 * in its struct child, by index in its generation's configuration.
 */
#include "master/list_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/list_store_priv.h"
#include "master/master.h"

/* --------------------------------------------------------------------------------------------- entries */

static bool
entry_is(const struct list_entry *e, const struct conf_list *l)
{
	return strcmp(e->path, l->path) == 0 && strcmp(e->name, l->name) == 0 &&
	    e->like.kind == l->kind && e->like.syntax == l->syntax && e->like.match == l->match &&
	    e->like.max_bytes == l->max_bytes && e->like.max_entries == l->max_entries;
}

struct list_entry *
list_entry_find(const struct master *m, const struct conf_list *l)
{
	LIST_EACH(&m->lists.entries, n) {
		struct list_entry *e = LIST_ENTRY(n, struct list_entry, node);

		if (entry_is(e, l))
			return e;
	}
	return NULL;
}

static struct list_entry *
entry_new(struct master *m, const struct conf_list *l)
{
	struct list_entry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	*e = (struct list_entry){
		.like = *l, .image = -1, .old = -1, .name = strdup(l->name), .path = strdup(l->path)
	};
	if (e->name == NULL || e->path == NULL) {
		free(e->name);
		free(e->path);
		free(e);
		return NULL;
	}
	list_push(&m->lists.entries, &e->node);
	return e;
}

/*
 * Who lets go of an image last frees its pages, some milliseconds in the kernel in which nobody gets that core: not a
 * worker, in the midst of requests, nor this process, which wakes where a worker would.
 */
void
list_entry_let_go(const struct master *m, struct list_entry *e)
{
	const struct child *agent = e->old < 0 ? NULL : list_agent_of(m->current);
	char buf[16];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST_OLD);
	if (agent != NULL && agent->link.fd >= 0)
		(void)!wire_send(agent->link.fd, &w, e->old);
	if (e->old >= 0)
		close(e->old);
	e->old = -1;
}

static void
entry_free(struct master *m, struct list_entry *e)
{
	list_reload_drop(m, e);
	list_remove(&m->lists.entries, &e->node);
	if (e->image >= 0)
		close(e->image);
	list_entry_let_go(m, e);
	free(e->name);
	free(e->path);
	free(e);
}

/* Index of the entry's list in the generation, or -1. */
int
list_entry_index(const struct generation *g, const struct list_entry *e)
{
	for (unsigned i = 0; i < g->conf->nlists; i++)
		if (g->conf->lists[i].used && entry_is(e, &g->conf->lists[i]))
			return (int)i;
	return -1;
}

struct list_entry *
list_entry_at(const struct child *c, uint32_t index)
{
	const struct conf *conf = c->seat->gen->conf;

	return index < conf->nlists ? list_entry_find(c->master, &conf->lists[index]) : NULL;
}

struct child *
list_agent_of(const struct generation *g)
{
	return g == NULL || g->seats == NULL ? NULL : g->seats[g->nworkers].child;
}

void
list_store_init(struct master *m)
{
	list_init(&m->lists.entries);
	list_init(&m->lists.reloads);
}

void
list_store_fini(struct master *m)
{
	LIST_EACH_SAFE(&m->lists.entries, n)
		entry_free(m, LIST_ENTRY(n, struct list_entry, node));
	list_reload_fini(m);
}

void
list_store_drop(struct master *m)
{
	LIST_EACH_SAFE(&m->lists.entries, n) {
		struct list_entry *e = LIST_ENTRY(n, struct list_entry, node);
		bool used = false;

		LIST_EACH(&m->generations, g)
			used |= list_entry_index(LIST_ENTRY(g, struct generation, node), e) >= 0;
		if (!used)
			entry_free(m, e);
	}
}

/* ----------------------------------------------------------------------------------------- generations */

int
list_store_plan(struct master *m, struct generation *g)
{
	for (unsigned i = 0; i < g->conf->nlists; i++) {
		const struct conf_list *l = &g->conf->lists[i];
		struct list_entry *e = list_entry_find(m, l);
		struct list_stamp now;
		struct stat st;

		if (!l->used)
			continue;
		if (e == NULL && (e = entry_new(m, l)) == NULL)
			return -E_NOMEM;
		if (stat(l->path, &st) == 0)
			now = list_stamp_of(&st);
		else
			now = (struct list_stamp){ 0 };
		if (e->image >= 0 && list_stamp_eq(&now, &e->stamp))
			continue;
		g->lists_wait |= LIST_BIT(i);
		e->again = true;
	}
	if (g->lists_wait != 0)		/* behind what starts the generation: it may fail there */
		(void)timer_set(&m->loop.timers, &m->tick, m->loop.now_ms);
	return 0;
}

bool
list_store_ready(const struct generation *g)
{
	return g->lists_wait == 0;
}

void
list_store_greet(struct child *c)
{
	if (c->seat->role == ROLE_AGENT)
		list_source_greet(c);
	else if (c->seat->role == ROLE_WORKER)
		list_offer_greet(c);
}

void
list_store_left(struct child *c)
{
	struct master *m = c->master;

	LIST_EACH(&m->lists.entries, n) {
		struct list_entry *e = LIST_ENTRY(n, struct list_entry, node);

		if (e->busy != c)
			continue;
		e->busy = NULL;
		e->again = true;
	}
	list_reload_step(m);
}

void
list_store_tick(struct master *m)
{
	struct generation *g = m->cycle.next != NULL ? m->cycle.next : m->current;

	list_offer_tick(m);
	LIST_EACH_SAFE(&m->lists.entries, n) {
		struct list_entry *e = LIST_ENTRY(n, struct list_entry, node);

		if (e->again && e->busy == NULL && list_agent_of(g) != NULL &&
		    list_entry_index(g, e) >= 0)
			list_entry_compile(e, list_agent_of(g));
	}
	list_reload_step(m);
}

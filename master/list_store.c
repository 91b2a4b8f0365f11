/*
 * list_store.c - entries of the store: from a file opened for the agent to an image in every worker.
 *
 *	stat at start: another file? --+--> source to an agent -> done -> serial + 1 -> to all workers -> taken
 *	agent: looks changed ----------+
 *	acl reload --------------------+
 *
 * Nothing waits for a child: what cannot be sent now is sent by a later tick, and an agent that dies leaves its work to
 * the next. Which lists a worker still has to be sent, and which it has not told to have taken, are two sets of bits
 * in its struct child, by index in its generation's configuration.
 */
#include "master/list_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/child.h"
#include "master/generation.h"
#include "master/list_store_priv.h"
#include "master/master.h"

#define BIT(i) ((uint64_t)1 << (i))

static void settle(struct master *, struct list_entry *, const char *why);

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

/* Who lets go of an image last frees its pages, which takes a while: not a worker, in the midst of requests. */
static void
old_close(struct list_entry *e)
{
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
	old_close(e);
	free(e->name);
	free(e->path);
	free(e);
}

/* Index of the entry's list in the generation, or -1. */
static int
index_in(const struct generation *g, const struct list_entry *e)
{
	for (unsigned i = 0; i < g->conf->nlists; i++)
		if (g->conf->lists[i].used && entry_is(e, &g->conf->lists[i]))
			return (int)i;
	return -1;
}

static struct list_entry *
entry_at(const struct child *c, uint32_t index)
{
	const struct conf *conf = c->seat->gen->conf;

	return index < conf->nlists ? list_entry_find(c->master, &conf->lists[index]) : NULL;
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
			used |= index_in(LIST_ENTRY(g, struct generation, node), e) >= 0;
		if (!used)
			entry_free(m, e);
	}
}

/* ----------------------------------------------------------------------------------------- to the agent */

static struct child *
agent_of(const struct generation *g)
{
	return g == NULL || g->seats == NULL ? NULL : g->seats[g->nworkers].child;
}

/* The same trouble is told once. */
static void
trouble(struct list_entry *e, const char *why)
{
	if (strncmp(e->trouble, why, sizeof e->trouble - 1) != 0)
		log_write(e->image < 0 ? LOG_ERROR : LOG_WARN, "list %s: %s%s", e->name, why,
		    e->image < 0 ? "" : "; the list as it was stays in force");
	snprintf(e->trouble, sizeof e->trouble, "%s", why);
}

/* The file as the agent gets it: -1 with the trouble noted. */
static int
file_open(struct list_entry *e, struct list_stamp *stamp)
{
	int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char why[sizeof e->trouble];
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*stamp = list_stamp_of(&st);
		return fd;
	}
	snprintf(why, sizeof why, "%.180s: %s", e->path,
	    fd < 0 ? strerror(errno) : "not a regular file");
	if (fd >= 0)
		close(fd);
	trouble(e, why);
	return -1;
}

static int
send_source(struct child *c, uint32_t index, const struct list_stamp *stamp, int fd)
{
	char buf[64];
	struct wire w;

	if (c->link.fd < 0)
		return -E_CLOSED;
	wire_write_init(&w, buf, sizeof buf, LINK_LIST_SOURCE);
	list_put_source(&w, index, stamp);
	return wire_send(c->link.fd, &w, fd);
}

void
list_entry_compile(struct list_entry *e, struct child *agent)
{
	int index = agent == NULL || e->busy != NULL ? -1 : index_in(agent->seat->gen, e), fd;
	struct list_stamp stamp;

	if (index < 0) {
		e->again = true;	/* the tick finds an agent */
		return;
	}
	e->again = false;
	fd = file_open(e, &stamp);
	if (fd < 0) {
		e->rounds++;
		settle(agent->master, e, e->trouble);
		return;
	}
	if (send_source(agent, (uint32_t)index, &stamp, fd) == 0)
		e->busy = agent;
	else
		e->again = true;
	close(fd);
}

/* The file was not there, or looked like another one, to the agent. */
void
list_store_want(struct child *c, struct wire *w)
{
	uint32_t index = wire_get_u32(w);
	struct list_entry *e = wire_done(w) == 0 && c->seat->role == ROLE_AGENT ?
	    entry_at(c, index) :
	    NULL;
	struct list_stamp stamp;
	int fd;

	if (e == NULL || e->busy != NULL)
		return;		/* it asks again */
	fd = file_open(e, &stamp);
	if (fd < 0)
		return;
	if (list_stamp_eq(&stamp, &e->tried)) {
		if (list_stamp_eq(&stamp, &e->stamp))
			e->trouble[0] = '\0';	/* it was away, and came back as it had been */
		(void)!send_source(c, index, &stamp, -1);
	} else if (send_source(c, index, &stamp, fd) == 0)
		e->busy = c;
	close(fd);
}

/* -------------------------------------------------------------------------------------------- to workers */

static void
worker_send(struct child *c)
{
	const struct conf *conf = c->seat->gen->conf;

	for (unsigned i = 0; i < conf->nlists && c->lists_unsent != 0; i++) {
		const struct list_entry *e;
		char buf[32];
		struct wire w;
		int rc;

		if ((c->lists_unsent & BIT(i)) == 0 || (e = entry_at(c, i)) == NULL)
			continue;
		wire_write_init(&w, buf, sizeof buf, LINK_LIST);
		list_put_image(&w, i, e->serial);
		rc = c->link.fd < 0 ? -E_CLOSED : wire_send(c->link.fd, &w, e->image);
		if (rc == -E_AGAIN)
			return;
		c->lists_unsent &= ~BIT(i);
		if (rc == 0)
			c->lists_due |= BIT(i);
	}
}

static void
offer_all(struct master *m, const struct list_entry *e)
{
	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);
		int index = c->seat->role == ROLE_WORKER ? index_in(c->seat->gen, e) : -1;

		if (index < 0)
			continue;
		c->lists_due &= ~BIT(index);
		c->lists_unsent |= BIT(index);
		worker_send(c);
	}
}

bool
list_entry_taken(const struct master *m, const struct list_entry *e)
{
	LIST_EACH(&m->children, n) {
		const struct child *c = LIST_ENTRY(n, struct child, node);
		int index = c->seat->role == ROLE_WORKER ? index_in(c->seat->gen, e) : -1;

		if (index >= 0 && ((c->lists_due | c->lists_unsent) & BIT(index)) != 0)
			return false;
	}
	return true;
}

void
list_store_taken(struct child *c, struct wire *w)
{
	struct list_entry *e;
	uint32_t index, serial;

	if (list_get_image(w, &index, &serial) != 0 || (e = entry_at(c, index)) == NULL ||
	    serial != e->serial)
		return;
	c->lists_due &= ~BIT(index);
	if (list_entry_taken(c->master, e))
		old_close(e);
	list_reload_step(c->master);
}

/* --------------------------------------------------------------------------------------------- results */

/* Generations that wait for this list go on, or fail when there is no image at all. */
static void
settle(struct master *m, struct list_entry *e, const char *why)
{
	struct generation *g = m->cycle.next;
	int index = g == NULL || !cycle_starting(m, g) ? -1 : index_in(g, e);
	char text[512];

	if (index >= 0 && (g->lists_wait & BIT(index)) != 0) {
		g->lists_wait &= ~BIT(index);
		if (e->image < 0) {
			snprintf(text, sizeof text, "list %s: %s", e->name, why);
			cycle_failed(m, g, "generation", span_str(text));
		} else if (g->lists_wait == 0) {
			cycle_listed(m, g);
		}
	}
	list_reload_step(m);
}

/* NULL, or why the image is not put in force. */
static const char *
refuse_image(const struct list_entry *e, const struct list_done *d, int fd, struct errdetail *ed)
{
	struct list_image image;

	if (d->report.bytes == 0 && e->image >= 0 && e->report.entries > 0)
		return "the file is empty: if that is meant, write a comment line into it";
	if (list_image_open(&image, fd, e->like.kind, ed) != 0)
		return ed->text;
	list_image_close(&image);
	return NULL;
}

static int
accept_image(struct master *m, struct list_entry *e, const struct list_done *d, int fd)
{
	bool same = e->image >= 0 && e->report.digest == d->report.digest &&
	    e->report.bytes == d->report.bytes;
	int image = same ? e->image : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (image < 0)
		return -E_SYS;
	e->stamp = d->stamp;
	e->trouble[0] = '\0';
	if (same)
		return 0;
	old_close(e);
	e->old = e->image;
	e->image = image;
	e->serial = ++m->lists.serials;
	e->report = d->report;
	e->since_ms = clock_mono_ms();
	if (d->report.bytes == 0)
		log_write(LOG_WARN, "list %s: %s is empty", e->name, e->path);
	log_write(LOG_INFO, "list %s: %u entries, %u bad lines, %llu bytes, compiled in %u ms",
	    e->name, e->report.entries, e->report.bad, (unsigned long long)e->report.bytes,
	    e->report.ms);
	offer_all(m, e);
	return 0;
}

void
list_store_done(struct child *c, struct wire *w, int fd)
{
	struct master *m = c->master;
	struct errdetail ed = { 0 };
	struct list_entry *e;
	struct list_done d;
	const char *why;
	char text[sizeof e->trouble];

	if (list_get_done(w, &d) != 0 || (e = entry_at(c, d.index)) == NULL || e->busy != c)
		return;
	e->busy = NULL;
	e->rounds++;
	e->tried = d.stamp;
	snprintf(text, sizeof text, SPAN_FMT, SPAN_ARG(d.why));
	why = !d.ok ? text : refuse_image(e, &d, fd, &ed);
	if (why == NULL && accept_image(m, e, &d, fd) != 0)
		why = "no descriptor for its image";
	if (why != NULL)
		trouble(e, why);
	if (e->again)
		list_entry_compile(e, agent_of(m->current));
	settle(m, e, why);
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
		g->lists_wait |= BIT(i);
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

/* What the store has seen of the files; what is to be compiled comes with the next tick. */
static void
greet_agent(struct child *c)
{
	const struct generation *g = c->seat->gen;

	for (unsigned i = 0; i < g->conf->nlists; i++) {
		struct list_entry *e = g->conf->lists[i].used ? entry_at(c, i) : NULL;

		if (e != NULL && e->image >= 0)
			(void)!send_source(c, i, &e->tried, -1);
	}
}

void
list_store_greet(struct child *c)
{
	const struct conf *conf = c->seat->gen->conf;

	if (c->seat->role == ROLE_AGENT)
		greet_agent(c);
	for (unsigned i = 0; c->seat->role == ROLE_WORKER && i < conf->nlists; i++) {
		const struct list_entry *e = conf->lists[i].used ? entry_at(c, i) : NULL;

		if (e != NULL && e->image >= 0)
			c->lists_unsent |= BIT(i);
	}
	worker_send(c);
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

	LIST_EACH(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		if (c->lists_unsent != 0)
			worker_send(c);
	}
	LIST_EACH_SAFE(&m->lists.entries, n) {
		struct list_entry *e = LIST_ENTRY(n, struct list_entry, node);

		if (e->again && e->busy == NULL && agent_of(g) != NULL && index_in(g, e) >= 0)
			list_entry_compile(e, agent_of(g));
	}
	list_reload_step(m);
}

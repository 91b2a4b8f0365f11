/*
 * list_source.c - from a list's file to its image: opened here, compiled by an agent's helper, and put in force or not.
 *
 * An entry is with one agent at a time (busy). What comes meanwhile is tried again after the result (again).
 */
#include "master/list_store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "master/master.h"

/* ---------------------------------------------------------------------------------------- to the agent */

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

/* Generations that wait for this list go on, or fail when there is no image at all. */
static void
settle(struct master *m, struct list_entry *e, const char *why)
{
	struct generation *g = m->cycle.next;
	int index = g == NULL || !cycle_starting(m, g) ? -1 : list_entry_index(g, e);
	char text[512];

	if (index >= 0 && (g->lists_wait & LIST_BIT(index)) != 0) {
		g->lists_wait &= ~LIST_BIT(index);
		if (e->image < 0) {
			snprintf(text, sizeof text, "list %s: %s", e->name, why);
			cycle_failed(m, g, "generation", span_str(text));
		} else if (g->lists_wait == 0) {
			cycle_listed(m, g);
		}
	}
	list_reload_step(m);
}

void
list_entry_compile(struct list_entry *e, struct child *agent)
{
	int index = agent == NULL || e->busy != NULL ? -1 : list_entry_index(agent->seat->gen, e),
	    fd;
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
	    list_entry_at(c, index) :
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

/* What the store has seen of the files; what is to be compiled comes with the next tick. */
void
list_source_greet(struct child *c)
{
	const struct generation *g = c->seat->gen;

	for (unsigned i = 0; i < g->conf->nlists; i++) {
		struct list_entry *e = g->conf->lists[i].used ? list_entry_at(c, i) : NULL;

		if (e != NULL && e->image >= 0)
			(void)!send_source(c, i, &e->tried, -1);
	}
}

/* --------------------------------------------------------------------------------------------- results */

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
	list_entry_let_go(m, e);
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
	list_offer_all(m, e);
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

	if (list_get_done(w, &d) != 0 || (e = list_entry_at(c, d.index)) == NULL || e->busy != c)
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
		list_entry_compile(e, list_agent_of(m->current));
	settle(m, e, why);
}

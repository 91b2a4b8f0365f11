/*
 * list_reload.c - lists taken anew because somebody asks, and what the store holds, for people.
 *
 * A request waits until each of its lists has been tried and every worker judges by what is in force; a worker that
 * does not answer delays the verdict, not the list.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/base/clock.h"
#include "master/list_store_priv.h"
#include "master/master.h"

#define RELOADS_MAX	16	/* as many as admin clients */
#define PATIENCE_MS	60000

struct want { struct list_entry *entry; uint32_t round; };	/* NULL: gone meanwhile */
struct list_reload {
	struct list_node node;
	list_reload_f	*done;		/* NULL: forgotten */
	void		*owner;
	uint64_t	asked_ms;
	unsigned	n;
	struct want	want[];
};

/* ------------------------------------------------------------------------------------------ for people */

static const char *
state_text(const struct list_entry *e)
{
	if (e->trouble[0] != '\0')
		return "old";
	return e->busy != NULL || e->again ? "compiling" : "ok";
}

static struct json *
entry_json(const struct list_entry *e)
{
	struct json *o = json_obj();

	json_set_str(o, "name", e->name);
	json_set_str(o, "kind", e->like.kind == LIST_DOMAINS ? "domains" : "addresses");
	json_set_str(o, "file", e->path);
	json_set_str(o, "state", state_text(e));
	json_set_int(o, "entries", e->report.entries);
	json_set_int(o, "bad_lines", e->report.bad);
	json_set_int(o, "bytes", (int64_t)e->report.bytes);
	json_set_int(o, "image_bytes", (int64_t)e->report.image_bytes);
	json_set_int(o, "compile_ms", e->report.ms);
	json_set_int(o, "age_s", (int64_t)(clock_mono_ms() - e->since_ms) / 1000);
	if (e->trouble[0] != '\0')
		json_set_str(o, "error", e->trouble);
	return o;
}

struct json *
list_store_json(const struct master *m)
{
	const struct conf *conf = m->current->conf;
	struct json *all = json_arr();

	for (unsigned i = 0; i < conf->nlists; i++) {
		const struct list_entry *e = conf->lists[i].used ?
		    list_entry_find(m, &conf->lists[i]) :
		    NULL;

		if (e != NULL)
			json_push(all, entry_json(e));
	}
	return all;
}

/* ------------------------------------------------------------------------------------------- requests */

static bool
is_over(const struct master *m, const struct list_reload *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct list_entry *e = r->want[i].entry;

		if (e != NULL &&
		    ((int32_t)(e->rounds - r->want[i].round) < 0 || !list_entry_taken(m, e)))
			return false;
	}
	return true;
}

static void
finish(struct master *m, struct list_reload *r, bool late)
{
	struct json *all = json_arr(), *o;

	for (unsigned i = 0; i < r->n; i++) {
		const struct list_entry *e = r->want[i].entry;

		if (e == NULL)
			continue;
		o = entry_json(e);
		if (late && e->trouble[0] == '\0')
			json_set_str(o, "error", "not every worker has told that it took the list");
		json_push(all, o);
	}
	list_remove(&m->lists.reloads, &r->node);
	if (r->done != NULL)
		r->done(r->owner, all);
	else
		json_free(&all);
	free(r);
}

void
list_reload_step(struct master *m)
{
	uint64_t now = clock_mono_ms();

	LIST_EACH_SAFE(&m->lists.reloads, n) {
		struct list_reload *r = LIST_ENTRY(n, struct list_reload, node);
		bool late = now - r->asked_ms > PATIENCE_MS;

		if (late || is_over(m, r))
			finish(m, r, late);
	}
}

void
list_reload_drop(struct master *m, const struct list_entry *e)
{
	LIST_EACH(&m->lists.reloads, n) {
		struct list_reload *r = LIST_ENTRY(n, struct list_reload, node);

		for (unsigned i = 0; i < r->n; i++)
			if (r->want[i].entry == e)
				r->want[i].entry = NULL;
	}
}

void
list_reload_fini(struct master *m)
{
	LIST_EACH_SAFE(&m->lists.reloads, n) {
		list_remove(&m->lists.reloads, n);
		free(LIST_ENTRY(n, struct list_reload, node));
	}
}

/* One that is being compiled may have been read before the question: it is compiled once more. */
static void
want_add(struct master *m, struct list_reload *r, struct list_entry *e)
{
	struct child *agent = m->current->seats[m->current->nworkers].child;

	r->want[r->n++] = (struct want){ e, e->rounds + (e->busy != NULL ? 2 : 1) };
	list_entry_compile(e, agent);
}

int
list_store_reload(
    struct master *m, const char *name, list_reload_f *done, void *owner, struct errdetail *ed)
{
	const struct conf *conf = m->current->conf;
	struct list_reload *r;

	if (m->lists.reloads.count >= RELOADS_MAX)
		return err_set(ed, -E_LIMIT, "too many wait for lists already: try again later");
	r = calloc(1, sizeof *r + (conf->nlists + 1) * sizeof r->want[0]);
	if (r == NULL)
		return err_set(ed, -E_NOMEM, "no memory for a request");
	*r = (struct list_reload){ .done = done, .owner = owner, .asked_ms = clock_mono_ms() };
	for (unsigned i = 0; i < conf->nlists; i++) {
		struct list_entry *e = conf->lists[i].used ? list_entry_find(m, &conf->lists[i]) :
							     NULL;

		if (e != NULL && (name == NULL || strcmp(name, e->name) == 0))
			want_add(m, r, e);
	}
	if (name != NULL && r->n == 0) {
		free(r);
		return err_set(
		    ed, -E_UNKNOWN, "there is no list \"%.64s\" that an acl names", name);
	}
	list_push(&m->lists.reloads, &r->node);
	list_reload_step(m);
	return 0;
}

void
list_store_forget(struct master *m, const void *owner)
{
	LIST_EACH(&m->lists.reloads, n) {
		struct list_reload *r = LIST_ENTRY(n, struct list_reload, node);

		if (r->owner == owner)
			r->done = NULL;
	}
}

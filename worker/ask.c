/*
 * ask.c - questions of the master: taken, kept until the turn ends, answered in a sealed file.
 *
 * The master asks little and waits at most seconds, so a few asks at a time are enough; more than ASKS_MAX are
 * refused. Building an answer may use malloc: this is no request's path.
 */
#include "worker/ask.h"

#include <string.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/shared/sheet.h"

#define ASKS_MAX 64

static const struct {
	const char *verb;
	ask_f *run;
} verbs[] = {
#define ASK(verb, run) { verb, run },
#include "worker/ask_tbl.h"
#undef ASK
};

/* ---------------------------------------------------------------------- answers */

static void
tell(const struct env *e, uint32_t ticket, bool ok, int fd)
{
	char buf[64];
	struct wire w;
	int rc;

	wire_write_init(&w, buf, sizeof buf, LINK_TELL);
	wire_put_u32(&w, ticket);
	wire_put_u32(&w, ok);
	rc = wire_send(e->link, &w, fd);
	if (rc != 0)
		log_write(LOG_WARN, "an answer to the master is lost: %s", err_text(rc));
	close(fd);
}

static void
tell_why(const struct env *e, uint32_t ticket, const char *why)
{
	struct json *o = json_obj();
	int fd;

	json_set_str(o, "error", why);
	if (sheet_write(o, &fd, NULL) == 0)
		tell(e, ticket, false, fd);
	else
		log_sys(LOG_WARN, "an answer to the master is lost");
	json_free(&o);
}

static void
ask_free(struct ask *a)
{
	list_remove(&a->all->open, &a->node);
	if (a->args != NULL)
		json_free(&a->args);
	mem_free(a);
}

void
ask_answer(struct ask *a, struct json *data)
{
	struct errdetail ed = { 0 };
	int fd;

	if (sheet_write(data, &fd, &ed) == 0)
		tell(a->x->env, a->ticket, true, fd);
	else
		tell_why(a->x->env, a->ticket, ed.text);
	json_free(&data);
	ask_free(a);
}

void
ask_refuse(struct ask *a, const char *why)
{
	tell_why(a->x->env, a->ticket, why);
	ask_free(a);
}

void
ask_continue(struct ask *a, const struct json *args)
{
	a->args = json_clone(args);
	list_remove(&a->all->open, &a->node);
	list_push(&a->all->waiting, &a->node);
	loop_post(&a->x->loop, &a->all->wake);
}

/* -------------------------------------------------------------------- questions */

static bool
verb_find(struct span name, unsigned *verb)
{
	for (*verb = 0; *verb < ARRAY_LEN(verbs); ++*verb)
		if (span_eq_str(name, verbs[*verb].verb))
			return true;
	return false;
}

void
asks_take(struct asks *all, struct wire *w)
{
	uint32_t ticket = wire_get_u32(w);
	struct span name = wire_get_span(w), text = wire_get_span(w);
	struct json *args = NULL;
	struct ask *a;
	unsigned verb = 0;

	if (wire_done(w) != 0 || (args = json_parse(text, NULL)) == NULL) {
		log_write(LOG_WARN, "a question of the master makes no sense");
	} else if (!verb_find(name, &verb)) {
		tell_why(all->x->env, ticket, "this worker does not know the question");
	} else if (all->waiting.count + all->open.count >= ASKS_MAX) {
		tell_why(all->x->env, ticket, "too many questions at a time");
	} else {
		a = mem_alloc(sizeof *a);
		*a = (struct ask){ .all = all, .x = all->x, .ticket = ticket, .verb = verb,
			.args = args };
		list_push(&all->waiting, &a->node);
		return;
	}
	json_free(&args);
}

void
asks_run(struct asks *all)
{
	for (uint32_t left = all->waiting.count; left > 0; left--) {
		struct list_node *n = list_shift(&all->waiting);
		struct ask *a = LIST_ENTRY(n, struct ask, node);
		struct json *args = a->args;

		a->args = NULL;
		list_push(&all->open, n);
		verbs[a->verb].run(a, args);
		json_free(&args);
	}
}

/* The turn has an end, and does not sleep before it. */
static void
on_wake(struct loop_task *t)
{
	(void)t;
}

void
asks_init(struct asks *all, struct ctx *x)
{
	*all = (struct asks){ .x = x, .wake.run = on_wake };
	list_init(&all->waiting);
	list_init(&all->open);
}

void
asks_fini(struct asks *all)
{
	struct list_node *n;

	loop_unpost(&all->x->loop, &all->wake);
	while ((n = list_shift(&all->waiting)) != NULL)
		list_push(&all->open, n);
	LIST_EACH_SAFE(&all->open, m)
		ask_free(LIST_ENTRY(m, struct ask, node));
}

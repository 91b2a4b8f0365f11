/*
 * ask.c - one list of open questions, each with the children that still owe it an answer.
 *
 * What a worker sends is judged: a ticket it does not owe is dropped, its sheet is read only when it is sealed.
 */
#include "master/ask.h"

#include <stdlib.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/wire.h"
#include "master/child.h"
#include "master/master.h"
#include "worker/shared/sheet.h"

#define OPEN_MAX 64	/* questions; every admin client has one at most, others are few */

struct question {
	struct list_node node;
	struct loop_garbage garbage;
	struct master	*master;
	struct timer	timer;
	uint32_t	ticket;
	ask_done_f	*done;
	void		*owner;
	struct json	*answers;
	unsigned	nowing;
	struct child	*owing[];	/* one that dies is taken off by ask_left */
};

/* ----------------------------------------------------------------------- the end */

static void
free_question(struct loop_garbage *g)
{
	free(LIST_ENTRY(g, struct question, garbage));
}

static void
question_free(struct question *q)
{
	list_remove(&q->master->asks.questions, &q->node);
	timer_fini(&q->master->loop.timers, &q->timer);
	if (q->answers != NULL)
		json_free(&q->answers);
	loop_defer_free(&q->master->loop, &q->garbage, free_question);
}

/* The asker is told last: it may ask again at once. */
static void
question_end(struct question *q)
{
	struct json *answers = q->answers;
	ask_done_f *done = q->done;
	void *owner = q->owner;

	q->answers = NULL;
	question_free(q);
	done(owner, answers);
}

static struct json *
answer_new(const struct child *c)
{
	struct json *o = json_obj();

	json_set_int(o, "pid", c->pid);
	json_set_int(o, "slot", c->seat->slot);
	json_set_int(o, "lane", c->lane);
	json_set_int(o, "generation", c->seat->gen->number);
	return o;
}

static void
answer_error(struct question *q, const struct child *c, const char *why)
{
	struct json *o = answer_new(c);

	json_set_str(o, "error", why);
	json_push(q->answers, o);
}

static void
on_timer(struct timer *t)
{
	struct question *q = LIST_ENTRY(t, struct question, timer);

	for (unsigned i = 0; i < q->nowing; i++)
		answer_error(q, q->owing[i], "it did not answer in time");
	question_end(q);
}

/* False: this child owes it nothing. */
static bool
owing_remove(struct question *q, const struct child *c)
{
	for (unsigned i = 0; i < q->nowing; i++) {
		if (q->owing[i] != c)
			continue;
		q->owing[i] = q->owing[--q->nowing];
		return true;
	}
	return false;
}

/* -------------------------------------------------------------------- the answers */

static struct question *
question_find(struct master *m, uint32_t ticket)
{
	LIST_EACH(&m->asks.questions, n) {
		struct question *q = LIST_ENTRY(n, struct question, node);

		if (q->ticket == ticket)
			return q;
	}
	return NULL;
}

static void
answer_take(struct question *q, const struct child *c, bool ok, int fd)
{
	struct errdetail ed = { 0 };
	struct json *doc = sheet_read(fd, &ed), *o;

	if (doc == NULL) {
		answer_error(q, c, ed.text);
	} else if (!ok) {
		answer_error(q, c, json_str(json_get(doc, "error"), "it gave no reason"));
		json_free(&doc);
	} else {
		o = answer_new(c);
		json_set(o, "data", doc);
		json_push(q->answers, o);
	}
}

void
ask_told(struct child *c, struct wire *w, int fd)
{
	uint32_t ticket = wire_get_u32(w), ok = wire_get_u32(w);
	struct question *q = question_find(c->master, ticket);

	if (wire_done(w) != 0 || q == NULL || !owing_remove(q, c))
		return; /* too late, or nonsense */
	answer_take(q, c, ok != 0, fd);
	if (q->nowing == 0)
		question_end(q);
}

/* A question that this child owes an answer, no more; NULL: none. */
static struct question *
owed_take(struct child *c)
{
	LIST_EACH(&c->master->asks.questions, n) {
		struct question *q = LIST_ENTRY(n, struct question, node);

		if (owing_remove(q, c))
			return q;
	}
	return NULL;
}

void
ask_left(struct child *c)
{
	struct question *q;

	while ((q = owed_take(c)) != NULL) {
		answer_error(q, c, "it ended before it answered");
		if (q->nowing == 0)
			question_end(q);
	}
}

/* -------------------------------------------------------------------- the question */

static bool
meant(const struct master *m, const struct child *c, enum ask_whom whom)
{
	if (c->seat->role != ROLE_WORKER || c->link.fd < 0)
		return false;
	return (c->state == CHILD_READY && c->seat->gen == m->current) ||
	    (whom == ASK_ALL && c->state != CHILD_STARTING && c->state != CHILD_STOPPING);
}

static void
send_to(struct question *q, struct child *c, struct wire *w)
{
	int rc = wire_send(c->link.fd, w, -1);

	if (rc == 0)
		q->owing[q->nowing++] = c;
	else
		answer_error(q, c, rc == -E_AGAIN ? "it does not read its messages" : err_text(rc));
}

static void
send_all(struct question *q, enum ask_whom whom, const char *verb, const struct json *args)
{
	struct str text = STR_INIT;
	char buf[WIRE_MAX];
	struct wire w;

	json_dump(args, false, &text);
	wire_write_init(&w, buf, sizeof buf, LINK_ASK);
	wire_put_u32(&w, q->ticket);
	wire_put_span(&w, span_str(verb));
	wire_put_span(&w, str_span(&text));
	LIST_EACH(&q->master->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		if (!meant(q->master, c, whom))
			continue;
		send_to(q, c, &w);
		if (whom == ASK_ONE && q->nowing > 0)
			break;
	}
	str_fini(&text);
}

static struct question *
question_new(struct master *m, ask_done_f *done, void *owner)
{
	struct question *q = NULL;

	if (m->asks.questions.count < OPEN_MAX)
		q = calloc(1, sizeof *q + m->children.count * sizeof(struct child *));
	if (q == NULL)
		return NULL;
	q->master = m;
	q->ticket = ++m->asks.tickets;
	q->done = done;
	q->owner = owner;
	q->answers = json_arr();
	timer_init(&q->timer, on_timer);
	list_push(&m->asks.questions, &q->node);
	return q;
}

void
ask_workers(struct master *m, enum ask_whom whom, const char *verb, struct json *args,
    int64_t limit_ms, ask_done_f *done, void *owner)
{
	struct question *q = question_new(m, done, owner);

	if (args == NULL)
		args = json_obj();
	if (q != NULL)
		send_all(q, whom, verb, args);
	json_free(&args);
	if (q == NULL)
		done(owner, json_arr());
	else if (q->nowing == 0 ||
	    !timer_set(&m->loop.timers, &q->timer, (int64_t)clock_mono_ms() + limit_ms))
		question_end(q);
}

void
ask_forget(struct master *m, const void *owner)
{
	LIST_EACH_SAFE(&m->asks.questions, n) {
		struct question *q = LIST_ENTRY(n, struct question, node);

		if (q->owner == owner)
			question_free(q);
	}
}

void
ask_init(struct master *m)
{
	list_init(&m->asks.questions);
}

void
ask_fini(struct master *m)
{
	LIST_EACH_SAFE(&m->asks.questions, n)
		question_free(LIST_ENTRY(n, struct question, node));
}

/*
 * gate.c - who is let in, in which order, and what refusals cost.
 *
 * A session whose conn is watched is idle, and its conn in raw mode: it is told that there are bytes, and does not read
 * them. A held session (SESS_HELD) stands in a list, the newest first, and its conn is paused. Let in, it is as idle as
 * any other, and its conn reads in the next turn; whether its request is served is decided when its head is there
 * (steps.c). The refusals of a turn read one behind the other, between two tasks that look at the processor's clock.
 */
#include "worker/front/gate.h"

#include "conf/base/clock.h"
#include "conf/base/mem.h"
#include "worker/front/session_priv.h"

#define LOOK_MS		5	/* to the next look when nothing else makes a turn */

struct gate {
	struct ctx	*x;
	struct acceptor	*acceptor;
	struct list	known, others;	/* held sessions, the newest first */
	bool		shut;		/* in an episode */
	struct timer	look;
	struct loop_task before, behind;
	uint32_t	refusals;	/* let in between these two tasks */
	uint64_t	began_us;	/* processor time before them */
};

static void
on_before(struct loop_task *t)
{
	LIST_ENTRY(t, struct gate, before)->began_us = clock_cpu_us();
}

static void
on_behind(struct loop_task *t)
{
	struct gate *g = LIST_ENTRY(t, struct gate, behind);

	shed_spent(&g->x->shed, g->refusals, clock_cpu_us() - g->began_us);
}

/* The turn it makes is all it is for. */
static void
on_look(struct timer *t)
{
	(void)t;
}

struct gate *
gate_new(struct ctx *x, struct acceptor *a)
{
	struct gate *g = mem_alloc(sizeof *g);

	*g = (struct gate){ .x = x, .acceptor = a };
	list_init(&g->known);
	list_init(&g->others);
	g->before.run = on_before;
	g->behind.run = on_behind;
	timer_init(&g->look, on_look);
	return g;
}

void
gate_free(struct gate **gp)
{
	struct gate *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	timer_fini(&g->x->loop.timers, &g->look);
	loop_unpost(&g->x->loop, &g->before);
	loop_unpost(&g->x->loop, &g->behind);
	mem_free(g);
}

/* ------------------------------------------------------------------ one session */

static void
watch(struct session *s, bool on)
{
	if (s->watched != on)
		conn_raw(s->conn, on);
	s->watched = on;
}

static struct list *
list_of(struct gate *g, const struct session *s)
{
	return s->requests > 0 && !s->refused ? &g->known : &g->others;
}

static struct session *
held(struct list_node *n)
{
	return LIST_ENTRY(n, struct session, held);
}

/* Of a new connection nothing is known, and bytes that were read are not told again in raw mode. */
void
gate_idle(struct gate *g, struct session *s)
{
	if (s->requests == 0 || conn_peek(s->conn).n > 0) {
		gate_hold(g, s);
		return;
	}
	watch(s, true);
	conn_resume(s->conn);
}

/* What has come while the worker lagged may have waited for all of that. */
void
gate_hold(struct gate *g, struct session *s)
{
	const struct ctx *x = g->x;

	conn_pause(s->conn);
	ctx_count(g->x, C_CONNS_IDLE, -1);
	ctx_count(g->x, C_CONNS_HELD, 1);
	s->state = SESS_HELD;
	s->due_ms = x->loop.now_ms - (int64_t)(x->loop.lag_us / 1000);
	list_push_front(list_of(g, s), &s->held);
	session_arm(s);
}

void
gate_forget(struct gate *g, struct session *s)
{
	list_remove(list_of(g, s), &s->held);
	ctx_count(g->x, C_CONNS_HELD, -1);
}

static int64_t
waited_ms(const struct session *s)
{
	return s->x->loop.now_ms - s->due_ms;
}

/* A new connection that brought nothing yet is watched for what it brings. */
static void
let_in(struct gate *g, struct session *s)
{
	bool nothing = g->shut && s->requests == 0 && conn_dry(s->conn);

	gate_forget(g, s);
	watch(s, nothing);
	session_read(s);
}

/* ------------------------------------------------------------------ the begin and the end of an episode */

static void
shut(struct gate *g)
{
	LIST_EACH(&g->x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->state == SESS_IDLE && conn_peek(s->conn).n == 0)
			watch(s, true);
	}
}

static void
open_up(struct gate *g)
{
	while (!list_empty(&g->known))
		let_in(g, held(list_last(&g->known)));
	while (!list_empty(&g->others))
		let_in(g, held(list_last(&g->others)));
	LIST_EACH(&g->x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->state == SESS_IDLE)
			watch(s, false);
	}
	acceptor_resume(g->acceptor);
}

/* ------------------------------------------------------------------ a turn */

static uint32_t
admit(struct gate *g, struct list *l, uint32_t most)
{
	for (; most > 0 && !list_empty(l); most--) {
		struct session *s = held(list_first(l));

		let_in(g, s);
		s->refused = false;
	}
	return most;
}

static void
turn_away(struct gate *g, struct session *s)
{
	if (g->refusals++ == 0)
		loop_post(&g->x->loop, &g->before);
	let_in(g, s);
	s->refused = true;
}

/* Who has waited for as long as a head may take is told in any case; then the newest of who have waited at all. */
static void
refuse(struct gate *g, struct list *l, uint32_t most)
{
	const struct conf *c = g->x->conf;
	int64_t least = (int64_t)(shed_target_us(&c->overload) / 2000);

	while (!list_empty(l) && waited_ms(held(list_last(l))) >= c->timeouts.head_ms)
		turn_away(g, held(list_last(l)));
	LIST_EACH_SAFE(l, n) {
		if (g->refusals >= most)
			break;
		if (waited_ms(held(n)) >= least)
			turn_away(g, held(n));
	}
	if (!list_empty(l) && waited_ms(held(list_last(l))) >= least)
		g->x->shed.pressed = true;
}

void
gate_turn(struct gate *g)
{
	struct ctx *x = g->x;
	uint32_t room, left, refusals;
	bool more;

	if (g->shut != x->shed.on) {
		g->shut = x->shed.on;
		if (g->shut)
			shut(g);
		else
			open_up(g);
	}
	if (!g->shut)
		return;
	room = shed_room(&x->shed, x->reqs.count);
	refusals = shed_refusals(&x->shed, clock_cpu_us());
	left = admit(g, &g->known, room);
	more = acceptor_take(g->acceptor, 1 + left + refusals / 2);
	(void)admit(g, &g->others, left == 0 ? 1 : left);
	g->refusals = 0;
	refuse(g, &g->others, refusals);
	refuse(g, &g->known, refusals);
	if (g->refusals > 0)
		loop_post(&x->loop, &g->behind);
	if (more || !list_empty(&g->known) || !list_empty(&g->others))
		(void)timer_set(&x->loop.timers, &g->look, x->loop.now_ms + LOOK_MS);
}

/*
 * porter.c - who is let in, in which order, and what refusals cost.
 *
 * A session whose conn is watched is idle, and its conn in raw mode: it is told that there are bytes, and does not read
 * them. A held session (SESS_HELD) stands in a list, the newest first, and its conn is paused. Let in, it is as idle as
 * any other, and its conn reads in the next turn; whether its request is served is decided when its head is there
 * (steps.c). The refusals of a turn read one behind the other, between two tasks that look at the processor's clock.
 */
#include "worker/front/porter.h"

#include "conf/base/clock.h"
#include "conf/base/mem.h"
#include "worker/front/session_priv.h"

#define LOOK_MS		5	/* to the next look when nothing else makes a turn */

struct porter {
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
	LIST_ENTRY(t, struct porter, before)->began_us = clock_cpu_us();
}

static void
on_behind(struct loop_task *t)
{
	struct porter *p = LIST_ENTRY(t, struct porter, behind);

	shed_spent(&p->x->shed, p->refusals, clock_cpu_us() - p->began_us);
}

/* The turn it makes is all it is for. */
static void
on_look(struct timer *t)
{
	(void)t;
}

struct porter *
porter_new(struct ctx *x, struct acceptor *a)
{
	struct porter *p = mem_alloc(sizeof *p);

	*p = (struct porter){ .x = x, .acceptor = a };
	list_init(&p->known);
	list_init(&p->others);
	p->before.run = on_before;
	p->behind.run = on_behind;
	timer_init(&p->look, on_look);
	return p;
}

void
porter_free(struct porter **pp)
{
	struct porter *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	timer_fini(&p->x->loop.timers, &p->look);
	loop_unpost(&p->x->loop, &p->before);
	loop_unpost(&p->x->loop, &p->behind);
	mem_free(p);
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
list_of(struct porter *p, const struct session *s)
{
	return s->requests > 0 && !s->refused ? &p->known : &p->others;
}

static struct session *
held(struct list_node *n)
{
	return LIST_ENTRY(n, struct session, held);
}

/* Of a new connection nothing is known, and bytes that were read are not told again in raw mode. */
void
porter_idle(struct porter *p, struct session *s)
{
	if (s->requests == 0 || conn_peek(s->conn).n > 0) {
		porter_hold(p, s);
		return;
	}
	watch(s, true);
	conn_resume(s->conn);
}

/* What has come while the worker lagged may have waited for all of that. */
void
porter_hold(struct porter *p, struct session *s)
{
	const struct ctx *x = p->x;

	conn_pause(s->conn);
	ctx_count(p->x, C_CONNS_IDLE, -1);
	ctx_count(p->x, C_CONNS_HELD, 1);
	s->state = SESS_HELD;
	s->due_ms = x->loop.now_ms - (int64_t)(x->loop.lag_us / 1000);
	list_push_front(list_of(p, s), &s->held);
	session_arm(s);
}

void
porter_forget(struct porter *p, struct session *s)
{
	list_remove(list_of(p, s), &s->held);
	ctx_count(p->x, C_CONNS_HELD, -1);
}

static int64_t
waited_ms(const struct session *s)
{
	return s->x->loop.now_ms - s->due_ms;
}

/* Not of a held session: it decides on its list. */
static void
mark(struct session *s, bool refused)
{
	if (s->refused && !refused)
		s->x->shed.refused--;
	else if (!s->refused && refused)
		s->x->shed.refused++;
	s->refused = refused;
}

/* A new connection that brought nothing yet is watched for what it brings. */
static void
let_in(struct porter *p, struct session *s)
{
	bool nothing = p->shut && s->requests == 0 && conn_dry(s->conn);

	porter_forget(p, s);
	watch(s, nothing);
	session_read(s);
}

/* ------------------------------------------------------------------ the begin and the end of an episode */

static void
shut(struct porter *p)
{
	LIST_EACH(&p->x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->state == SESS_IDLE && conn_peek(s->conn).n == 0)
			watch(s, true);
	}
}

static void
open_up(struct porter *p)
{
	while (!list_empty(&p->known))
		let_in(p, held(list_last(&p->known)));
	while (!list_empty(&p->others))
		let_in(p, held(list_last(&p->others)));
	LIST_EACH(&p->x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->state == SESS_IDLE)
			watch(s, false);
		mark(s, false);
	}
	acceptor_resume(p->acceptor);
}

/* ------------------------------------------------------------------ a turn */

static uint32_t
admit(struct porter *p, struct list *l, uint32_t most)
{
	for (; most > 0 && !list_empty(l); most--) {
		struct session *s = held(list_first(l));

		let_in(p, s);
		mark(s, false);
	}
	return most;
}

static void
turn_away(struct porter *p, struct session *s)
{
	if (p->refusals++ == 0)
		loop_post(&p->x->loop, &p->before);
	let_in(p, s);
	mark(s, true);
}

/* Who has waited for as long as a head may take is told in any case; then the newest of who have waited at all. */
static void
refuse(struct porter *p, struct list *l, uint32_t most)
{
	const struct conf *c = p->x->conf;
	int64_t least = (int64_t)(shed_target_us(&c->overload) / 2000);

	while (!list_empty(l) && waited_ms(held(list_last(l))) >= c->timeouts.head_ms)
		turn_away(p, held(list_last(l)));
	LIST_EACH_SAFE(l, n) {
		if (p->refusals >= most)
			break;
		if (waited_ms(held(n)) >= least)
			turn_away(p, held(n));
	}
	if (!list_empty(l) && waited_ms(held(list_last(l))) >= least)
		p->x->shed.pressed = true;
}

/* Who was refused may stand among the others or not: he is counted once. */
static uint32_t
demand(const struct porter *p)
{
	const struct ctx *x = p->x;
	uint32_t others = p->others.count, refused = x->shed.refused;

	return x->reqs.count + p->known.count + (others > refused ? others : refused);
}

void
porter_turn(struct porter *p)
{
	struct ctx *x = p->x;
	uint32_t room, left, refusals;
	bool more;

	if (p->shut != x->shed.on) {
		p->shut = x->shed.on;
		if (p->shut)
			shut(p);
		else
			open_up(p);
	}
	if (!p->shut)
		return;
	room = shed_room(&x->shed, x->reqs.count);
	refusals = shed_refusals(&x->shed, clock_cpu_us());
	left = admit(p, &p->known, room);
	more = acceptor_take(p->acceptor, 1 + left + refusals / 2);
	(void)admit(p, &p->others, left == 0 ? 1 : left);
	p->refusals = 0;
	refuse(p, &p->others, refusals);
	refuse(p, &p->known, refusals);
	if (p->refusals > 0)
		loop_post(&x->loop, &p->behind);
	x->shed.demand = demand(p);
	if (more || !list_empty(&p->known) || !list_empty(&p->others))
		(void)timer_set(&x->loop.timers, &p->look, x->loop.now_ms + LOOK_MS);
}

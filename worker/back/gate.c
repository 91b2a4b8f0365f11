/* First come, first served. A grant is counted when it is given, so it cannot be overtaken. */
#include "worker/back/gate.h"

void
gate_init(struct gate *g)
{
	g->inflight = 0;
	list_init(&g->waiting);
}

enum gate_result
gate_look(const struct gate *g, const struct conf_service *s)
{
	if (g->inflight < (uint32_t)s->max_requests)
		return GATE_OPEN;
	return g->waiting.count >= (uint32_t)s->max_pending ? GATE_FULL : GATE_WAIT;
}

enum gate_result
gate_enter(struct gate *g, const struct conf_service *s, struct gate_wait *w)
{
	enum gate_result rc = gate_look(g, s);

	w->granted = false;
	if (rc == GATE_OPEN)
		g->inflight++;
	else if (rc == GATE_WAIT)
		list_push(&g->waiting, &w->node);
	return rc;
}

void
gate_leave(struct gate *g, struct loop *l)
{
	struct list_node *n = list_shift(&g->waiting);
	struct gate_wait *w;

	if (n == NULL) {
		g->inflight--;
		return;
	}
	w = LIST_ENTRY(n, struct gate_wait, node);
	w->granted = true;
	loop_post(l, &w->task);
}

void
gate_cancel(struct gate *g, struct loop *l, struct gate_wait *w)
{
	loop_unpost(l, &w->task);
	if (list_linked(&w->node))
		list_remove(&g->waiting, &w->node);
	else if (w->granted)
		gate_leave(g, l);
	w->granted = false;
}

/*
 * gate.h - how many requests of a service one worker has in flight, and the short queue before it.
 */
#pragma once
#include "conf/base/list.h"
#include "conf/conf.h"
#include "worker/io/loop.h"

struct gate { uint32_t inflight; struct list waiting; };
struct gate_wait { struct list_node node; struct loop_task task; bool granted; };

enum gate_result { GATE_OPEN, GATE_WAIT, GATE_FULL };

void	gate_init(struct gate *);
/* What gate_enter would say. */
enum gate_result gate_look(const struct gate *, const struct conf_service *);
/* GATE_WAIT: w->task.run is posted with w->granted once there is room; the caller keeps the time. */
enum gate_result gate_enter(struct gate *, const struct conf_service *, struct gate_wait *w);
void	gate_leave(struct gate *, struct loop *);		/* one request less: the next in the queue is let in */
void	gate_cancel(struct gate *, struct loop *, struct gate_wait *);	/* leaves the queue; gives a grant back */

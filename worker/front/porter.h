/*
 * porter.h - back-pressure: what a worker leaves unread while it is overloaded (worker/req/shed.h).
 *
 * In an episode connections stay in the kernel's queue, and kept ones are not read when a request comes: both cost
 * next to nothing there. At the end of each turn the porter lets in as many as there is room for, and as many more to
 * be refused as refusals may cost. Who is neither waits: until the load falls, or for the time a head may take, and is
 * refused then.
 *
 * Whose last request was served goes first: half a page is of no use to anybody, and sockets that were used a moment
 * ago are cheaper by a third. New connections and those refused before get what room is left, at least one a turn. Of
 * either kind the newest is first: it is answered in time, where in the order of coming everybody would be late.
 */
#pragma once
#include "worker/front/accept.h"

struct porter;
struct session;
struct porter *porter_new(struct ctx *, struct acceptor *);	/* the acceptor is lent */
void	porter_free(struct porter **);		/* when no session is left */
/* At the end of every turn of an episode, and of the one that ends it. */
void	porter_turn(struct porter *);
/* Of an idle session, in an episode: takes the place of reading. */
void	porter_idle(struct porter *, struct session *);
void	porter_hold(struct porter *, struct session *);	/* it was idle and may have brought a request: SESS_HELD */
void	porter_forget(struct porter *, struct session *);	/* it was held; its state is the caller's to change */

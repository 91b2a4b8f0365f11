/*
 * accept.h - the worker's listening sockets: its own slot of every listener, and slots it adopted.
 */
#pragma once
#include "worker/req/ctx.h"

struct acceptor;
struct acceptor *acceptor_new(struct ctx *, struct errdetail *);
void	acceptor_free(struct acceptor **);
int	acceptor_serve(struct acceptor *, unsigned slot) MUST_CHECK;	/* starts taking connections of that slot */
void	acceptor_leave(struct acceptor *, unsigned slot);
/* During an overload, when nothing is taken unasked: at most that many connections. true: more may wait. */
bool	acceptor_take(struct acceptor *, unsigned most);
void	acceptor_resume(struct acceptor *);		/* takes again as they come */
void	acceptor_stop(struct acceptor *);		/* leaves every slot: draining */

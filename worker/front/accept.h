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
void	acceptor_stop(struct acceptor *);		/* leaves every slot: draining */

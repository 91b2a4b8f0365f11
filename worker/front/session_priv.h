/*
 * session_priv.h - between the files of a session: its beginning, its life, the events of its conn.
 */
#pragma once
#include "worker/front/session.h"

struct client_slot;

/* session.c */

/* Counted and in ctx->sessions, without a conn, in SESS_LINGER; owns slot. NULL, and slot stays the caller's, without
 * memory. */
struct session *session_new(struct ctx *, const struct conf_listener *, const struct addr *peer, struct client_slot *);
void	session_end(struct session *, enum reason why);	/* outside of a request: counts why, closes, frees */
int64_t	session_request_due(const struct session *);	/* of SESS_REQUEST; TIMER_NEVER: waits for nobody */
void	session_read(struct session *);			/* session_idle as if there was no overload */

/* session_start.c */
void	session_proxy_data(struct session *);		/* bytes in SESS_PROXY */

/* session_event.c */
void	session_on_event(struct conn *, enum conn_event, void *session);

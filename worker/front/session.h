/*
 * session.h - what a client connection carries: the PROXY header, then HTTP/1 requests one after another.
 */
#pragma once
#include "worker/back/pool.h"
#include "worker/req/req.h"

enum session_state {
	SESS_PROXY,		/* a PROXY header must come first */
	SESS_IDLE,		/* between requests: no byte of the next one yet */
	SESS_HELD,		/* the same, left unread because the worker is overloaded (porter.h) */
	SESS_HEAD,		/* part of a head is here */
	SESS_REQUEST,		/* a req is at work */
	SESS_LINGER		/* answered and closed for writing; reads and drops what still comes */
};

struct session {
	union {
		struct list_node node;		/* in ctx->sessions */
		struct loop_garbage garbage;	/* closed */
	};
	struct ctx	*x;
	const struct conf_listener *listener;
	uint64_t	id;		/* of its first conn: unique in this process */
	struct conn	*conn;		/* NULL once given to a tunnel */
	enum session_state state;
	struct addr_peer peer;
	struct addr_peer local;		/* what it connected to, told by a PROXY header; len 0: ask the socket */
	char		peer_text[INET6_ADDRSTRLEN];	/* "": not asked for yet */
	struct req	*req;
	union {
		struct h1_scan	scan;		/* of the head that comes */
		int64_t		linger_left;	/* bytes, of SESS_LINGER */
		struct list_node held;		/* in the porter's list, of SESS_HELD */
	};
	bool		last;		/* no further request after this one */
	bool		refused;	/* its last request was turned away by the porter */
	bool		watched;	/* of SESS_IDLE and SESS_HELD: its conn tells of bytes and does not read them */
	uint32_t	requests;
	int64_t		started_ms;
	int64_t		due_ms;		/* absolute deadline of the head, or of lingering; of SESS_HELD, when it came */
	struct pool_owner owner;	/* of connections to targets that speak for this client */
	struct client_slot *slot;	/* its address in the table of connections per client */
};

/* Takes fd. Refuses politely (429, 503) or closes when there is no room. */
void	session_start(struct ctx *, const struct conf_listener *, int fd, const struct addr *peer);
void	session_drain(struct ctx *);	/* closes idle ones, lets the others finish */
void	session_kill(struct session *);	/* an operator's wish: resets it, whatever it does; it is gone on return */

/* worker/front/h1.c, for session.c */
void	h1_on_data(struct session *);
extern const struct front_ops h1_front;
/* worker/front/session.c, for h1.c */
void	session_idle(struct session *);		/* ready for the next request */
void	session_linger(struct session *);	/* FIN, then drop what comes */
void	session_close(struct session *);	/* at once; frees it */
void	session_abort(struct session *);	/* reset; frees it */
struct span session_peer_text(struct session *);	/* its address without port, lent for its life */
bool	session_may_go_on(const struct session *);	/* limits on requests, age and draining allow another request */
void	session_arm(struct session *);		/* sets the deadline its state asks for */

/*
 * fetch.h - the upstream half of a request: pick, dial, send, read; may be retried. A machine of its own, run
 * from the request's FETCH step.
 */
#pragma once
#include "worker/back/balance.h"
#include "worker/back/dial.h"
#include "worker/back/gate.h"
#include "worker/req/kept.h"
#include "worker/req/req.h"

enum fetch_result {
	FETCH_WAIT,		/* req_run will be called */
	FETCH_HEAD,		/* r->resp and r->down are set; the body follows by itself */
	FETCH_TUNNEL,		/* connected (CONNECT): take the conn */
	FETCH_PLANNED,		/* explained only: fetch->peer would be asked; len 0: its name was not resolved */
	FETCH_FAILED		/* fetch->why */
};

enum fetch_state {
	FS_ENTER, FS_QUEUED, FS_PICK, FS_RESOLVE, FS_CONNECT, FS_DIAL, FS_SEND, FS_HEAD, FS_BODY, FS_TUNNEL, FS_PLANNED,
	FS_FAILED, FS_MAX
};

struct fetch {
	struct req	*r;
	struct loop_garbage garbage;
	enum fetch_state state;
	enum reason	why;		/* of FS_FAILED */
	struct gate	*gate;		/* entered, or NULL */
	struct gate_wait wait;
	struct timer	timer;		/* of the queue */
	struct pick	pick;		/* picked: pick.endpoint is not NULL */
	unsigned	ntried;
	struct dns_query query;
	enum reason	resolved;	/* R_MAX: not yet */
	unsigned	nlist;
	struct dial	dial;
	struct conn	*conn;
	struct addr	peer;
	bool		reused;		/* conn was kept from an earlier request */
	bool		sent;		/* the whole request is out */
	bool		one_shot;	/* conn carries this request only */
	unsigned	interims;
	int64_t		send_us;
	uint64_t	in_at_start, out_at_start;	/* conn's bytes when this request began */
	struct h1_scan	scan;
	struct h1_sink	sink;
	struct h1_source source;
	struct kept	kept;		/* the request's body, when it may have to be sent again; copy NULL: not kept */
	/* big, and not zeroed: only the first ntried and nlist are read */
	struct addr	tried[BALANCE_TRIED];
	struct addr	list[DNS_ADDRS];
};

/* The request's fetch, or false: no memory. */
bool	fetch_new(struct req *);
enum fetch_result fetch_run(struct fetch *);
struct conn *fetch_take_conn(struct fetch *);	/* for a tunnel: the conn is the caller's */
/*
 * The end, whatever the state: keeps the conn for reuse when the exchange was complete, tells balancer and gate;
 * r->fetch is NULL after.
 */
void	fetch_end(struct req *);
const char *fetch_state_name(const struct fetch *);
const struct gate *fetch_gate(const struct conf_service *);	/* of this process */

/* worker/back/h1.c, for fetch.c: the client half of HTTP/1 */
void	fetch_send(struct fetch *);		/* writes the request, starts reading */
bool	fetch_head(struct fetch *, struct h1_out *);	/* what it writes first; false: no memory */
/* fetch.c, for h1.c: this attempt is over; tries again where the rule allows, else FS_FAILED */
void	fetch_attempt_failed(struct fetch *, enum reason);
/* ... and nothing can mend it: FS_FAILED */
void	fetch_give_up(struct fetch *, enum reason, enum pick_outcome);
/* fetch_reach.c, for fetch.c: the states on the way to a connection */
void	fetch_pick(struct fetch *);
enum fetch_result fetch_resolve(struct fetch *);
void	fetch_connect(struct fetch *);
enum fetch_result fetch_dialled(struct fetch *);
struct pool_owner *fetch_owner(const struct req *);	/* for whom its connection may be kept; NULL: for anybody */
void	fetch_fail(struct fetch *, enum reason);	/* fetch.c, for it: FS_FAILED */

int	fetch_gates_new(const struct conf *) MUST_CHECK;	/* once per process */
void	fetch_gates_free(void);

/*
 * req.h - one request and its response, whatever the protocol: the unit everything is counted by.
 *
 * A req and its arena come from a free list. Heads are spans into the read buffers kept in head_buf and
 * resp_buf. The steps (worker/steps.c) alone assign `step`; who finishes something later calls req_run.
 * A req is freed at the end of the turn in which it ended, so pointers to it stay valid through a callback.
 */
#pragma once
#include "worker/req/ctx.h"
#include "worker/req/h1_sink.h"
#include "worker/req/h1_source.h"

struct cached;
struct explain;
struct fetch;
struct pool_owner;
struct req;
struct tunnel;

enum step { ST_RECV, ST_ADMIT, ST_FILTER, ST_LOOKUP, ST_FETCH, ST_RESPOND, ST_DELIVER, ST_TUNNEL, ST_LOG, ST_MAX };
enum next { NEXT_STEP, NEXT_WAIT, NEXT_DONE };

/* The protocol's half towards the client. */
struct front_ops {
	void	(*interim)(struct req *, const struct h1_response *);	/* relay a 1xx now */
	/* Writes resp and down; called again after each wake-up. NEXT_STEP: all out, or cut. */
	enum next (*deliver)(struct req *);
	void	(*local)(struct req *, struct addr *);	/* what the client connected to; before tunnel */
	struct conn *(*tunnel)(struct req *);	/* gives the conn up to a tunnel */
	uint64_t (*sent)(const struct req *);	/* bytes of the answer that left: head, framing, body */
	void	(*done)(struct req *);		/* the req is over: go on with the next request, or close */
};

/* What differs between forward and reverse. */
struct mode_ops {
	/*
	 * Decides where the request goes (service or host, up_target, up_host, limits): R_NONE, or an answer was
	 * prepared.
	 */
	enum reason (*admit)(struct req *);
	/* May this address be dialled for this request? NULL: yes. */
	enum reason (*allow)(struct req *, const struct addr *);
};

/* What an HTTP/1 front remembers of an answer on its way. */
struct h1_answer {
	struct h1_sink	sink;		/* valid once delivering */
	bool		delivering;
	struct span	unsent;		/* of an interim answer; goes before whatever is written next */
	int64_t		blocked_since, blocked;	/* ms the client has not taken bytes: now, and before */
	uint64_t	out_at_start;	/* conn's bytes out when the answer began */
	uint64_t	tunnel_head;	/* bytes of the answer when the conn was given to a tunnel */
};

#define REQ_MAGIC	0x72657121u
#define REQ_ROOM	(20u << 10)	/* first block of the arena: a usual request never needs another */
#define REQ_ARENA_MAX	(256u << 10)	/* most memory of one request beyond that */
#define REQ_FIELDS_ADDED 24		/* fields this program may add to a head */

struct req {
	uint32_t	magic;
	enum step	step;
	struct ctx	*x;
	struct list_node node;		/* in ctx->reqs */
	struct loop_garbage garbage;
	const struct front_ops *front;
	void		*session;
	const struct conf_listener *listener;
	const struct mode_ops *mode;
	struct cached	*cached;	/* its part of the cache; NULL: none */
	struct explain	*explain;	/* NULL: a request like any other */
	struct addr	peer;		/* the connection's other end, as a PROXY header told it */
	struct span	peer_text;	/* its address without port */
	struct addr	client;		/* who asks, after trusted proxies' X-Forwarded-For */
	bool		trusted;	/* the peer itself is a trusted proxy */
	bool		running;	/* req_run is on the stack */
	bool		background;	/* nobody asked: not in the record */

	/* the request */
	struct buf	*head_buf;
	struct span	head;		/* as received */
	struct h1_request in;
	struct body	*up;		/* NULL: no body */
	struct h1_source up_source;
	struct span	host;		/* lower case, no port, no trailing dot; n 0: none */
	uint16_t	port;		/* asked for, or the scheme's default */
	struct span	path;		/* normalised; n 0 for authority and asterisk forms */
	bool		dots;		/* normalising resolved dot segments */
	uint16_t	nreceived;	/* fields of in that the client sent; those behind are ours */

	/* the decision */
	const struct conf_route *route;
	const struct conf_rule *rule;
	const struct conf_rule *rule_named; /* forward: where the decision before the address was known stopped */
	const struct conf_list *list;	/* whose entry made the rule match, and where it stands; NULL: none */
	uint32_t	list_line;
	uint8_t		rule_without;	/* acl_query.without, between decisions */
	const struct conf_service *service;	/* NULL: the host itself (forward) */
	struct pattern_capture captures[PATTERN_CAPTURES];
	unsigned	ncaptures;
	struct span	url, url_strict; /* forward: what rules with "url" judge; p NULL: not asked for */
	struct span	up_target;	/* request target to send; p NULL: as received, line unchanged */
	struct span	up_host;	/* Host to send; p NULL: as received */
	struct span	up_etag, up_modified;	/* conditions of our own to send; p NULL: none */
	uint64_t	max_body;
	struct conf_upstream_timeout timeout;
	bool		connect;	/* CONNECT: a tunnel to host:port */
	bool		want_upgrade;	/* an allowed Upgrade is asked for */

	/* the answer */
	struct pool_owner *owner;	/* who speaks through connections that tell the client; outlives the fetch */
	struct fetch	*fetch;		/* the upstream half; NULL: none */
	struct buf	*resp_buf;
	struct h1_response resp;
	struct body	*down;		/* NULL: no body */
	struct h1_answer answer;	/* its front's alone */
	struct memory_source local;
	struct tunnel	*tunnel;
	bool		is_local;	/* made here */
	bool		close;		/* the client connection ends with this answer */
	bool		cut;		/* the answer could not be completed: the client must see that */
	bool		gone;		/* the client is gone: nothing can be delivered */

	/* the record */
	enum reason	reason;
	uint64_t	start_us, wall_us;
	struct journal_times t;
	struct addr	upstream;
	uint16_t	upstream_status;
	uint8_t		tries;
	uint8_t		cache_result;	/* enum cache_result */
	bool		reused;
	uint64_t	bytes_in, bytes_out;
	struct span	id;

	struct arena	arena;
	char		room[REQ_ROOM];
};

/* NULL: no memory. head_buf is taken (the head is its unread part), also on failure. */
struct req *req_new(struct ctx *, const struct front_ops *, void *session, const struct conf_listener *,
	    struct buf *head_buf);
void	req_run(struct req *);			/* worker/steps.c */
void	req_free(struct req **);		/* at the end of the turn */
const char *req_step_name(enum step);

/* in, from the head that the scanner found; lent from it. */
enum reason req_parse(struct req *, struct span head);
/* Lower-case host, port and normalised path from in; what makes them impossible is the result. */
enum reason req_target(struct req *);
void	req_log(struct req *);			/* journal record and counters */

/* worker/req/reply.c: an answer made here. status 0: the reason's own. */
void	req_reply(struct req *, enum reason, int status);
void	req_reply_body(struct req *, enum reason, int status, struct span type, struct span body);
/* One more header on an answer made here (after req_reply). */
void	req_reply_field(struct req *, const char *name, struct span value);

/* worker/req/forwarded.c: who the client is, and what the next hop is told about it. */
/* An address as the next hop is told it: without port, a mapped one as IPv4, "unknown" over a UNIX socket. */
void	req_peer_text(const struct addr *, char out[INET6_ADDRSTRLEN]);
void	req_find_client(struct req *);		/* client and trusted, from peer; drops what an untrusted peer claims */
bool	req_find_id(struct req *);		/* id: given by a trusted proxy, or new; false: no memory */
bool	req_add_forwarded(struct req *);	/* Forwarded, X-Forwarded-*, Via, the id; false: no room */
bool	req_via_loop(const struct req *);	/* our own name is in Via already */

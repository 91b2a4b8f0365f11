/*
 * dial.h - a connection to the first of several addresses that answers (happy eyeballs, RFC 8305).
 *
 * A new attempt starts when one fails or 250 ms after the last one began; two at most are under way. Every
 * address is judged by `allow` right before it is dialled: what policy checked is what connect() gets.
 */
#pragma once
#include "conf/http/reason.h"
#include "worker/back/dns.h"
#include "worker/io/conn.h"

struct dial {
	/* set by the caller */
	/* R_NONE: dial->conn is the caller's (take it), dial->peer its address. */
	void	(*done)(struct dial *, enum reason why);
	/* NULL: all; not R_NONE: this address is not dialled. */
	enum reason (*allow)(struct dial *, const struct addr *);
	const struct addr *source4, *source6;	/* dial from, NULL or len 0: any */
	/* result */
	struct conn	*conn;
	struct addr	 peer;		/* without a conn the address dialled last; len 0: none was */
	/* private */
	struct loop	*loop;
	struct stats_lane *stats;
	struct timer	 next;
	struct conn	*tries[2];
	struct addr	 tried[2];
	const struct addr *list;
	unsigned	 n, at;
	int64_t		 deadline;
	enum reason	 why;		/* of the last failure */
	bool		 busy;
	bool		 full;		/* the queue of a UNIX socket was */
};

/* done may be called before this returns. The struct and the addresses must stay until done or dial_cancel. */
void	dial_start(struct dial *, struct loop *, struct stats_lane *, const struct addr *, unsigned n,
	    int64_t timeout_ms);
/* Judges as dial_start would, and dials nothing: R_NONE and d->peer, the address dialled first, or why none is. */
enum reason dial_look(struct dial *, const struct addr *, unsigned n);
void	dial_cancel(struct dial *);	/* no call after it; no-op when not busy */

/*
 * listen.h - the sockets the master has bound: for each address one SO_REUSEPORT socket per worker slot.
 *
 * The same address keeps its sockets from generation to generation. Slots that a new generation adds to an
 * address in use do not listen before bounds_open, so that a generation that fails to start leaves no queue
 * without a server. An address that no serving generation names any more is retired: its workers get a moment
 * to accept what has arrived, then it stops listening and is closed.
 */
#pragma once
#include "conf/base/list.h"
#include "conf/conf.h"
#include "master/listen_unix.h"
#include "worker/shared/env.h"

struct bound {
	struct list_node node;		/* in bounds.all */
	struct addr	addr;
	bool		dual;		/* [::] takes IPv4 as well */
	int		backlog;
	struct unix_path path;		/* of a UNIX socket, as the newest plan wants it */
	int		*fd;		/* per slot; UNIX sockets: duplicates of one */
	unsigned	nfds, nlive;	/* sockets; of them listening */
	unsigned	plan;		/* newest generation that names this address */
	unsigned	listener;	/* its index in that generation's configuration */
	unsigned	older_plan, older_listener;	/* before the plan, to undo it; 0: this plan made it */
	int64_t		retire_ms;	/* when to close; 0: in use */
	int64_t		older_retire_ms;
	bool		given;		/* handed in by the service manager: one descriptor for all slots */
	bool		lent;		/* another master listens here too: nothing ends for it with us */
};

struct bounds {
	struct list	all;
	int		patience_ms;	/* how long an address may still be in use by a predecessor that leaves */
};

void	bounds_init(struct bounds *);
void	bounds_fini(struct bounds *);		/* closes all, removes the paths of UNIX sockets */

/* Sockets that listen already, as somebody left them to us. */
struct bound_plan {
	const struct addr *addr;
	bool		dual, given;
	unsigned	generation;	/* whose plan they were; 0: nobody's yet */
	bool		lent;
};
/* Takes the descriptors, on success only; each must listen at the address. */
int	bounds_take(struct bounds *, const struct bound_plan *, const int *fd, unsigned n, struct errdetail *)
	    MUST_CHECK;
void	bounds_own(struct bounds *);		/* the other master has left them to us */
void	bounds_leave(struct bounds *);		/* closes all; the other master goes on with them */
void	bounds_prune(struct bounds *);		/* what was handed in and no plan names: told and closed */

/* Would a new plan for addr use b? The same address and the same families. */
bool	bound_matches(const struct bound *, const struct addr *, bool dual);

/* Finds or binds what the configuration names. On failure everything new is closed again. */
int	bounds_plan(struct bounds *, const struct conf *, unsigned workers, unsigned generation, struct errdetail *)
	    MUST_CHECK;
/* The plan as children inherit it; *list is the caller's to free. nslots: the most slots of any address. */
int	bounds_list(const struct bounds *, unsigned generation, struct listen_fd **list, unsigned *n, unsigned *nslots)
	    MUST_CHECK;
/* The generation serves: its sockets listen, addresses it does not name retire at `when`. */
int	bounds_open(struct bounds *, unsigned generation, struct errdetail *) MUST_CHECK;
void	bounds_retire(struct bounds *, unsigned generation, int64_t when);
void	bounds_tick(struct bounds *, int64_t now_ms);	/* closes what is due */
/* The generation is freed: undoes a plan that never opened. */
void	bounds_drop(struct bounds *, unsigned generation);

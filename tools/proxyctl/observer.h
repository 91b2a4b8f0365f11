/*
 * observer.h - the records of a running proxyd as they are written: a reader of its journal beside the logger.
 *
 * The segment is mapped read-only, nobody is asked for anything after that, and no worker notices. An observer that
 * is too slow is overrun and told how much it missed.
 */
#pragma once
#include "conf/base/shm.h"
#include "tools/proxyctl/call.h"
#include "worker/shared/journal.h"

struct observer_lane;
struct observer {
	struct shm	shm;
	const struct journal_data *journal;
	struct observer_lane *lanes;	/* owned */
	pid_t		server;
	uint64_t	lost_bytes;	/* overrun since the start */
	uint64_t	records, record_bytes;	/* seen since the start */
};

/* Asks the server for its journal; an exit code, said why not. It begins at the oldest record still there. */
int	observer_open(struct observer *, const struct call *);
void	observer_close(struct observer *);
/*
 * The next record, NULL when no ring has more now; lent until the next call. A lane's records are in the order in
 * which requests ended; between lanes the time of the request decides.
 */
const struct journal_view *observer_next(struct observer *);
/* Records missed, estimated from their bytes and the size of those seen. */
uint64_t observer_lost(const struct observer *);
/*
 * Wall time, in microseconds, since which the rings hold every record: the latest of the oldest records of rings
 * that were overwritten. 0: none was. Before the first observer_next.
 */
uint64_t observer_complete_since(struct observer *);
bool	observer_alive(const struct observer *);	/* the server still runs */

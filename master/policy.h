/*
 * policy.h - the master's decisions that depend on time alone: pure functions, the clock is an argument.
 *
 * Times are monotonic milliseconds.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define POLICY_EARLY_MS		5000	/* a death this soon after being ready counts as early */
#define POLICY_EARLY_FREE	5	/* early deaths in a row that are forgiven */
#define POLICY_DELAY_MIN_MS	1000
#define POLICY_DELAY_MAX_MS	30000
#define POLICY_SILENCE_MS	5000	/* no heartbeat while awake */
#define POLICY_SILENCE_DISK_MS	30000	/* of a process that waits for a disk */
#define POLICY_STARTUP_MS	10000	/* from fork to LINK_READY */
#define POLICY_ABORT_MS		500	/* from SIGABRT to SIGKILL */

/* How one place (a role's slot) has fared. Zeroed: never died. */
struct backoff { unsigned early; };

struct death {
	int64_t	now_ms;
	int64_t	ready_ms;	/* when the process became ready; 0: never */
	int	signal;		/* that ended it; 0: it exited */
};

/* Milliseconds to wait before the place is filled again; 0: at once. */
int64_t	backoff_died(struct backoff *, const struct death *);

enum watch_verdict { WATCH_FINE, WATCH_ABORT, WATCH_KILL };

struct watch {			/* what is known of a child when it is looked at */
	int64_t	now_ms;
	int64_t	started_ms, ready_ms;	/* ready_ms 0: not yet */
	int64_t	beat_ms;		/* last heartbeat; 0: this child keeps none */
	bool	disk;			/* it waits for a disk now and then */
	bool	asleep;			/* waiting for events: no heartbeat expected */
	int64_t	stopped_ms;		/* since when stopped by a signal; 0: it runs */
	int64_t	aborted_ms;		/* when WATCH_ABORT was acted upon; 0: not */
};
enum watch_verdict watch_judge(const struct watch *);

/* When a reload may begin, seen from the generation that still drains. */
struct gate {
	int64_t	now_ms;
	bool	draining;		/* an older generation still has workers */
	int64_t	since_ms;		/* its drain began */
	int64_t	patience_ms;		/* process.drain */
};
/* Milliseconds the reload has to wait at most before it is asked again; 0: go. */
int64_t	gate_wait(const struct gate *);

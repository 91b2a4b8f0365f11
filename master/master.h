/*
 * master.h - the master process: the objects its files share.
 *
 * One struct master per process. A generation is an accepted configuration with everything built for it; it
 * has seats (places that must be filled by a process), and a seat has at most one child. A child outlives
 * neither its seat nor its generation: both are freed when their last child has been reaped.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/list.h"
#include "master/admin.h"
#include "master/ask.h"
#include "master/confirm.h"
#include "master/cycle.h"
#include "master/history.h"
#include "master/heir.h"
#include "master/keeper_seat.h"
#include "master/list_store.h"
#include "master/listen.h"
#include "master/logs.h"
#include "master/notify.h"
#include "master/policy.h"
#include "master/purge_wait.h"
#include "master/segments.h"
#include "master/signals.h"
#include "master/stop.h"
#include "master/upgrade.h"
#include "worker/io/loop.h"
#include "worker/shared/env.h"

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_DRAINING, CHILD_STOPPING };

struct child {
	struct list_node node;		/* in master.children */
	struct master	*master;
	struct seat	*seat;
	struct loop_source link;	/* SOCK_SEQPACKET; fd -1 once closed */
	enum child_state state;
	pid_t		pid;
	unsigned	lane;
	int64_t		started_ms, ready_ms, stopped_ms, aborted_ms, deadline_ms;	/* deadline 0: none */
	unsigned	noise;		/* messages that made no sense */
	uint64_t	lists_unsent, lists_due;	/* bit per list of its generation: to be sent; not taken yet */
	struct loop_garbage garbage;
};

struct seat {
	struct master	*master;
	struct generation *gen;
	enum role	role;
	unsigned	slot;
	bool		wanted;		/* to be filled again when its child dies */
	struct child	*child;		/* NULL: empty */
	struct backoff	backoff;
	struct timer	respawn;
	unsigned	deaths;
};

/* Whom the children of a generation run as. */
struct identity { bool drop; uid_t uid; gid_t gid; };

struct generation {
	struct list_node node;		/* in master.generations */
	unsigned	number;
	struct conf	*conf;		/* owned */
	struct identity	identity;
	struct shm	endpoints;
	bool		unsettled;	/* a worker died: its load may not be all taken back yet */
	uint64_t	lists_wait;	/* bit per list: its image must come before workers start */
	struct listen_fd *listens;
	unsigned	nlistens;
	unsigned	*slots;		/* listener, service, route and rule slots in one allocation */
	unsigned	nworkers;
	unsigned	nslots;		/* of its listeners: at least nworkers */
	struct seat	*seats;		/* the workers, then the agent */
	struct seat	**adopter;	/* per slot: who serves it instead of its owner, or NULL */
	bool		draining;
	int64_t		drain_since_ms;
};

struct master {
	struct loop	loop;
	const char	*path;		/* of the configuration file, absolute */
	bool		foreground;
	pid_t		pid;
	uint64_t	boot_id;
	uint64_t	started_ms;	/* monotonic */
	struct segments	segments;
	struct bounds	bounds;
	struct logs	logs;
	struct list_store lists;
	struct list	generations;	/* oldest first */
	struct generation *current;	/* the one that serves; NULL until the first is ready */
	struct list	children;
	struct seat	logger;
	struct seat	keeper;		/* of the cache */
	uint64_t	keeper_object;	/* cache.max_object, as it was started with */
	unsigned	faults;		/* workers that died of one lately, see keeper_seat.c */
	int64_t		faults_since_ms;
	struct timer	tick;		/* heartbeats, deadlines, retired listeners */
	struct cycle	cycle;
	struct history	history;
	struct confirm	confirm;
	struct admin	admin;
	struct ask_desk	asks;
	struct purge_waits purges;
	struct signals	signals;
	struct stop	stop;
	struct notify	notify;
	struct upgrade	upgrade;	/* to a master that comes */
	struct heir	heir;		/* of a master that was before */
	int		ready_fd;	/* pipe to the process that waits for the daemon; -1: none */
	int		exit_status;
};

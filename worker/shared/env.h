/*
 * env.h - what a child gets from the master: everything is inherited by fork and stays valid for its life.
 */
#pragma once
#include "conf/conf.h"
#include "worker/shared/endpoint.h"
#include "worker/shared/journal.h"
#include "worker/shared/report.h"
#include "worker/shared/stats.h"

struct cache_data;

enum link_type {
#define LINK(id, value, name, text) id = value,
#include "worker/shared/link_tbl.h"
#undef LINK
};

enum role { ROLE_MASTER, ROLE_WORKER, ROLE_AGENT, ROLE_LOGGER, ROLE_KEEPER, ROLE_MAX };
const char *role_name(enum role);

/* One bound socket. Every worker inherits all slots of all listeners and serves its own slot. */
struct listen_fd {
	int		fd;
	unsigned	listener, slot;
	struct addr	addr;
	bool		shared;		/* one queue for all slots: who is woken takes, nobody else is */
};

struct env {
	const struct conf *conf;
	enum role	role;
	unsigned	slot, workers;		/* this worker's slot; slots in all */
	bool		held;			/* worker: serves no slot before LINK_ADOPT, not even its own */
	unsigned	generation;
	unsigned	lane;			/* index into every lane array */
	struct stats_data *stats;
	struct stats_lane *my;			/* this process's lane */
	struct journal_data *journal;
	struct endpoint_data *endpoints;
	struct report_data *report;
	const struct listen_fd *listens; unsigned nlistens;
	int		link;			/* SOCK_SEQPACKET to the master, non-blocking */
	int		access_log;		/* logger: descriptor of the access log, -1 off */
	const unsigned *listener_slot, *service_slot, *route_slot, *rule_slot;	/* conf index -> stats slot */
	struct cache_data *cache;		/* NULL: no cache is configured */
	const int	*cache_events;		/* by lane: eventfds; the keeper's is that of lane 0 */
	uint64_t	boot_id;		/* random per boot of the master: Via token, request ids */
};

/* Role entries: run until told to stop; the result is the exit status. */
int	worker_main(struct env *);		/* worker/worker.c */
int	agent_main(struct env *);		/* worker/back/agent.c */
int	logger_main(struct env *);		/* master/logger.c */
int	keeper_main(struct env *);		/* master/keeper.c */

/*
 * ctx.h - what every part of a worker shares: its loop, configuration and tables. One per process, made by
 * worker.c, never copied. Parts above this room are named only.
 */
#pragma once
#include "worker/http/h1_parse.h"
#include "worker/io/loop.h"
#include "worker/req/shed.h"
#include "worker/shared/env.h"

struct acl_table;
struct balance;
struct cache;
struct chain;
struct dns;
struct list_set;
struct pool;
struct porter;
struct retry_budget;
struct route_table;

struct ctx {
	struct loop	loop;
	const struct env *env;
	const struct conf *conf;
	struct stats_lane *stats;
	struct journal_ring *journal;
	struct dns	*dns;
	struct pool	*pool;
	struct cache	*cache;		/* NULL: none is configured */
	struct balance	*balance;
	struct route_table *routes;	/* NULL without a reverse listener */
	struct acl_table *acls;		/* NULL without a forward listener */
	struct list_set	*lists;		/* what acls name with @ */
	struct retry_budget *budgets;	/* per service, and one more for forward */
	struct chain	**chains;	/* per route, and one more for forward */
	struct h1_limits request_limits, response_limits;
	uint32_t	fields_added;	/* room in a head for what this program and its routes add */
	struct list	sessions;	/* every client connection */
	uint32_t	max_sessions;	/* process.connections, or what the open-files limit allows */
	struct list	reqs;		/* every request in progress: for the crash report and drain */
	bool		draining;
	struct shed	shed;		/* whether new requests are refused because the loop lags */
	struct porter	*porter;	/* what is left unread then */
	char		via[24];	/* our name in Via: unlike any other proxy's */
	uint8_t		via_len;
	char		via_value[2][32];	/* "1.0 NAME", "1.1 NAME": what a message of that minor version gets */
	uint64_t	id_state;	/* of request ids */
	char		date[29];	/* of date_s */
	int64_t		date_s;
};

static inline void ctx_count(struct ctx *x, enum counter c, int64_t n) { x->stats->counter[c] += (uint64_t)n; }
void	ctx_set_name(struct ctx *, unsigned boot_id);	/* via and what is made of it */
struct span ctx_date(struct ctx *);	/* the HTTP date of this turn */

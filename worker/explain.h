/*
 * explain.h - one request being explained, shared by the files that run it (explain.c) and tell what became of it.
 */
#pragma once
#include "conf/base/json.h"
#include "worker/mode/acl.h"
#include "worker/mode/route.h"
#include "worker/req/explain.h"
#include "worker/req/req.h"

struct ask;
struct explained {
	struct explain	explain;
	struct acl_trace rules;
	struct route_trace routes;
	struct ask	*ask;
	struct req	*r;
	struct json	*doc;		/* the answer as it grows; worker/ask_tbl.h describes it */
	struct json	*addresses, *searches;	/* lists in it; NULL: not there yet */
	struct json	*pass;		/* where what is tried now goes */
	struct json	*terms;		/* of the rule under way, by the word they are written as; NULL: none */
	struct json	*about;		/* the address being judged, until the last word on it; NULL: none */
	struct addr	judged[32];	/* addresses that had their last word */
	unsigned	njudged;
	char		peer_text[INET6_ADDRSTRLEN];
};

/* explain_trace.c: hears what is decided. */
void	explain_listen(struct explained *);		/* sets explain, rules and routes */
void	explain_judge_rest(struct explained *);	/* addresses that would be dialled only after others failed */

/* explain_show.c: once the request is over. */
void	explain_show(struct explained *);
/* explain_limits.c */
struct json *explain_limits(const struct req *);

/* Words of a document. */
void	explain_set_span(struct json *, const char *key, struct span);		/* p NULL: null */
void	explain_set_at(struct json *, const char *key, struct conf_pos);	/* "file:line", or "built in" */

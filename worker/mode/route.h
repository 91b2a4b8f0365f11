/*
 * route.h - routes compiled for matching: host, then path template, then method. Cost does not grow with the
 * number of routes (10 000): hosts are hashed (exact, then each suffix), paths walk a tree of segments.
 */
#pragma once
#include "worker/mode/condition.h"

struct route_table;
struct route_table *route_table_new(const struct conf *, struct errdetail *);
void	route_table_free(struct route_table **);

/* ROUTE_UNDECIDED: a condition came to the limits of matching; no other route may be taken instead. */
enum route_result { ROUTE_FOUND, ROUTE_NO_HOST, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_UNDECIDED };

/* What became of a route whose host and path match: refused by its methods or a condition, undecided, or taken. */
enum route_try { ROUTE_TRY_METHOD, ROUTE_TRY_CONDITION, ROUTE_TRY_UNDECIDED, ROUTE_TRY_TAKEN };

/*
 * A listener to a search, for explaining it: embed it, and get your struct back from the pointer. `candidate` is called
 * for every route whose host and path match, in the order tried; by: the condition that refused or came to its limits.
 * Of two that are taken, one with a verb (":cancel") and one without, route_find's answer is the more specific.
 */
struct route_trace {
	void	(*candidate)(struct route_trace *, const struct conf_route *, enum route_try,
		    const struct conf_condition *by);
};

struct route_query {
	struct span	host;		/* lower case, without port and trailing dot */
	struct span	path;		/* normalised */
	enum method	method;
	struct span	method_text;
	struct condition_query head;
	struct route_trace *trace;	/* NULL: nobody listens */
};
struct route_match {
	const struct conf_route *route;	/* NULL unless ROUTE_FOUND or ROUTE_UNDECIDED */
	struct pattern_capture captures[PATTERN_CAPTURES];
	unsigned ncaptures;
	uint32_t allow;			/* ROUTE_NO_METHOD: bit per enum method some route with this path accepts */
	bool	 allow_other;		/* ... or extension methods */
};
/*
 * The most specific route wins: exact host before longest wildcard before any; literal segments before captures before
 * rest (pattern_compare); the one with more conditions; one with methods before one without; the first in the file.
 * A host that no route names goes to routes without hosts, then to defaults.server, else ROUTE_NO_HOST; where no route
 * names a host, ROUTE_NO_PATH.
 */
enum route_result route_find(const struct route_table *, const struct route_query *, struct route_match *);

/*
 * mode.h - the two faces of the proxy, and what both ask of a request before it goes anywhere.
 */
#pragma once
#include "worker/mode/condition.h"
#include "worker/req/req.h"

extern const struct mode_ops mode_forward, mode_reverse;

/* TRACE, loops and Max-Forwards (RFC 9110 7.6.2): R_NONE, or an answer was made. */
enum reason mode_common(struct req *);
/* The head as the client sent it. */
struct condition_query mode_head(const struct req *);
/* Tells the event log, at most once a second, that a match of this rule or route came to its limits. */
void	mode_log_limit(const struct req *, const char *what, const char *name, struct conf_pos);
/* The target in origin form, as received (RFC 9112 3.2.1); "*" for OPTIONS without a path. p NULL: no memory. */
struct span mode_origin_form(struct req *);
void	mode_want_upgrade(struct req *, const struct conf_strs *allowed);	/* NULL: websocket */

/*
 * mode.h - the two faces of the proxy, and what both ask of a request before it goes anywhere.
 */
#pragma once
#include "worker/req/req.h"

extern const struct mode_ops mode_forward, mode_reverse;

/* TRACE, loops and Max-Forwards (RFC 9110 7.6.2): R_NONE, or an answer was made. */
enum reason mode_common(struct req *);
/* The target in origin form, as received (RFC 9112 3.2.1); "*" for OPTIONS without a path. p NULL: no memory. */
struct span mode_origin_form(struct req *);
void	mode_want_upgrade(struct req *, const struct conf_strs *allowed);	/* NULL: websocket */

/*
 * proxy.h - the PROXY protocol header, versions 1 and 2, as a balancer in front of us sends it. Pure function.
 *
 * Only read on listeners that name the senders, only from those senders; never guessed (SECURITY.md row 66).
 */
#pragma once
#include "conf/base/addr.h"

enum proxy_result { PROXY_MORE, PROXY_OK, PROXY_BAD };

/*
 * buf: everything received so far. PROXY_OK: *len bytes belong to the header, *src is the client and *dst what it
 * connected to, or src->len is 0 (LOCAL, UNKNOWN, AF_UNSPEC: the connection's own addresses count; *dst is nothing).
 * At most 107 (v1) or 536 (v2) bytes.
 */
enum proxy_result proxy_parse(struct span buf, size_t *len, struct addr *src, struct addr *dst);

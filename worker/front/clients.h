/*
 * clients.h - how many connections each client holds in this worker: by IPv4 address or IPv6 /64.
 */
#pragma once
#include "conf/base/addr.h"

struct client_slot;
/* false: the client is at its limit (0: none). *slot may be NULL when counting is off; pass it to clients_leave. */
bool	clients_enter(const struct addr *, int64_t limit, struct client_slot **slot);
void	clients_leave(struct client_slot *);

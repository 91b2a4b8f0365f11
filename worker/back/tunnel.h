/*
 * tunnel.h - two connections, bytes both ways: CONNECT and Upgrade.
 *
 * Each direction starts by copying through the reader's buffer and changes to splice once it has moved enough to
 * be bulk; FIN is passed on per direction. Idle time and lifetime are limited.
 */
#pragma once
#include "worker/req/req.h"

/* Takes both conns. false: no memory (both are closed). req_run is called when it is over. */
bool	tunnel_start(struct req *, struct conn *client, struct conn *target);
bool	tunnel_over(const struct req *);
const struct conn *tunnel_client(const struct req *);	/* lent until the tunnel ends */
/* Ends it now, both peers see a reset; the req may be over when this returns. */
void	tunnel_break(struct req *, enum reason);
/* Closes what is open, writes the byte counts into the req; r->tunnel is NULL after. */
void	tunnel_end(struct req *);

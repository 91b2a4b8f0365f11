/*
 * activation.h - sockets that the service manager has bound for us: LISTEN_FDS and LISTEN_PID, as sd_listen_fds(3)
 * describes them.
 */
#pragma once
#include "conf/base/err.h"

struct bounds;

/*
 * Takes the descriptors that this process was given. The first plan uses those whose address it names (bounds_prune
 * closes the others); what is no listening stream socket is told and closed. Names (LISTEN_FDNAMES) appear in the log.
 */
int	activation_take(struct bounds *, struct errdetail *) MUST_CHECK;

/*
 * role_link.h - the link to the master of a role that polls: what it says is heard a message at a time.
 */
#pragma once
#include "conf/base/wire.h"
#include "worker/shared/env.h"

/* Takes *fd by setting it to -1; otherwise it is closed. What makes no sense has type 0. */
typedef void role_heard_f(void *owner, uint16_t type, struct wire *, int *fd);

/* Hears all there is. LINK_LOGLEVEL is obeyed here. False: the master is gone. */
bool	role_hear(const struct env *, role_heard_f *, void *owner);
bool	role_say(const struct env *, enum link_type);

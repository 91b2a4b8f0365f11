/*
 * env.c - the names of the roles.
 */
#include "worker/shared/env.h"

static const char *const names[ROLE_MAX] = {
	[ROLE_MASTER] = "master",
	[ROLE_WORKER] = "worker",
	[ROLE_AGENT] = "agent",
	[ROLE_LOGGER] = "logger",
	[ROLE_KEEPER] = "keeper",
};

const char *
role_name(enum role r)
{
	return (unsigned)r < ROLE_MAX ? names[r] : "unknown";
}

/*
 * roles.h - the table of roles: what a child of each kind runs, keeps and may do.
 */
#pragma once
#include "worker/shared/env.h"

struct role_row {
	int	(*main)(struct env *);
	bool	listens;	/* keeps the listening sockets */
	bool	access_log;	/* keeps the access log's descriptor */
	bool	cache;		/* keeps the cache's events */
	bool	forks;		/* may have children of its own */
};

const struct role_row *role_row(enum role);	/* never for ROLE_MASTER */

/* System calls a role makes, for the sandbox: names as in the kernel's table, in the order of syscall_tbl.h. */
bool	role_calls(enum role, const char *name);
unsigned role_call_count(enum role);

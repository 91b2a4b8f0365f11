/*
 * roles.c - one row per role. A new kind of process begins here.
 */
#include "master/roles.h"

#include <string.h>

#include "conf/base/assert.h"

static const struct role_row rows[ROLE_MAX] = {
	[ROLE_WORKER] = { worker_main, .listens = true, .cache = true },
	[ROLE_AGENT] = { agent_main, .forks = true },
	[ROLE_LOGGER] = { logger_main, .access_log = true },
	[ROLE_KEEPER] = { keeper_main, .cache = true },
};

enum { W = 1 << ROLE_WORKER, A = 1 << ROLE_AGENT, L = 1 << ROLE_LOGGER, K = 1 << ROLE_KEEPER };

static const struct {
	const char *name;
	unsigned roles;
} calls[] = {
#define CALL(name, roles, why) { name, roles },
#include "master/syscall_tbl.h"
#undef CALL
};

const struct role_row *
role_row(enum role r)
{
	ASSERT((unsigned)r < ROLE_MAX && rows[r].main != NULL);
	return &rows[r];
}

bool
role_calls(enum role r, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return (calls[i].roles & 1u << r) != 0;
	return false;
}

unsigned
role_call_count(enum role r)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		n += (calls[i].roles & 1u << r) != 0;
	return n;
}

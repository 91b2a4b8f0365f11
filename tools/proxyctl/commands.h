/*
 * commands.h - the verbs: what a person typed, and how each one is done.
 */
#pragma once
#include <stdbool.h>

enum exit_code { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_RUNNING };

enum cmd_id {
#define CMD(id, verb, args, who, help) id,
#include "master/admin_tbl.h"
#undef CMD
	CMD_MAX
};

struct options {
	const char	*socket, *name;	/* as given; NULL: the default */
	bool		 json, tty;	/* tty: standard output is a terminal */
};

/* argv is the verb and what follows; the result is an exit code. */
int	command_run(struct options *, int argc, char **argv);
const char *command_verb(enum cmd_id);
void	command_list(void);		/* every verb with its help, to standard output */
void	command_manual(void);		/* proxyctl(1), to standard output */

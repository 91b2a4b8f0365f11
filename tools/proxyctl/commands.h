/*
 * commands.h - the verbs: what a person typed, and how each one is done.
 */
#pragma once
#include <stdbool.h>
#include "master/admin_request.h"

#define INSTANCE "proxyd"	/* the name of an instance that was not given one */

enum exit_code { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_RUNNING };

struct globals {
	const char	*socket, *name;	/* as given; NULL: the default */
	const char	*watch;		/* seconds between two looks, as given; NULL: one look */
	bool		 json, tty;	/* tty: standard output is a terminal */
};

/* argv is the verb and what follows; the result is an exit code. */
int	command_run(struct globals *, int argc, char **argv);
void	command_list(void);		/* every verb with its help, to standard output (help.c) */

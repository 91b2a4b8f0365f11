/*
 * options.h - the command line of proxyd.
 */
#pragma once
#include <stdbool.h>

enum action { ACTION_RUN, ACTION_TEST, ACTION_PRINT, ACTION_VERSION, ACTION_HELP };

struct master_options {
	enum action	action;
	const char	*program;	/* argv[0] */
	const char	*file;		/* -c; lent from argv or static */
	bool		foreground;	/* -f */
};

#define OPTIONS_FILE "/etc/proxyd/proxyd.conf"

/* 0, or 2 after saying what is wrong on standard error. */
int	options_parse(struct master_options *, int argc, char *const argv[]);
void	options_help(void);	/* on standard output */

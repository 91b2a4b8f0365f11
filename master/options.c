/*
 * options.c - one table for parsing and help.
 */
#include "master/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/base/err.h"

static const struct {
	char letter;
	const char *name, *arg, *help;
} rows[] = {
	{ 'c', "config", "FILE", "configuration file; default " OPTIONS_FILE },
	{ 't', "test", NULL, "judge the configuration: every problem, then \"ok\" or an exit status of 1" },
	{ 'T', "print", NULL, "as -t, then print the configuration in force with all defaults" },
	{ 'f', "foreground", NULL, "stay in the foreground" },
	{ 'v', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print this" },
};

void
options_help(void)
{
	printf("usage: proxyd [-c FILE] [-f | -t | -T | -v]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[32];

		snprintf(text, sizeof text, "--%s %s", rows[i].name,
		    rows[i].arg == NULL ? "" : rows[i].arg);
		printf("  -%c, %-16s %s\n", rows[i].letter, text, rows[i].help);
	}
	printf(
	    "\nSIGHUP reloads, SIGTERM stops (twice: at once), SIGQUIT stops without haste, SIGUSR1 opens\n"
	    "the log files anew, SIGUSR2 upgrades to the program that now is where this one was. proxyctl\n"
	    "does the same and shows what is going on.\n");
}

static int
usage(void)
{
	fprintf(stderr, "proxyd: try 'proxyd --help'\n");
	return 2;
}

static int
take(struct master_options *o, int letter)
{
	switch (letter) {
	case 'c': o->file = optarg; return 0;
	case 'f': o->foreground = true; return 0;
	case 't': o->action = ACTION_TEST; return 0;
	case 'T': o->action = ACTION_PRINT; return 0;
	case 'v': o->action = ACTION_VERSION; return 0;
	case 'h': o->action = ACTION_HELP; return 0;
	default: return usage();
	}
}

int
options_parse(struct master_options *o, int argc, char *const argv[])
{
	struct option longs[ARRAY_LEN(rows) + 1] = { 0 };
	char shorts[ARRAY_LEN(rows) * 2 + 1];
	size_t at = 0;
	int c, rc;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool arg = rows[i].arg != NULL;

		longs[i] = (struct option){ rows[i].name, arg, NULL, rows[i].letter };
		shorts[at++] = rows[i].letter;
		if (arg)
			shorts[at++] = ':';
	}
	shorts[at] = '\0';
	*o = (struct master_options){ .program = argv[0], .file = OPTIONS_FILE };
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		if ((rc = take(o, c)) != 0)
			return rc;
	if (optind == argc)
		return 0;
	fprintf(stderr, "proxyd: unexpected argument '%s'\n", argv[optind]);
	return usage();
}

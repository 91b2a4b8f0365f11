/*
 * main.c - proxyctl: the options in front of the verb, then the verb.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/proxyctl/commands.h"

static int
usage(void)
{
	(void)fprintf(stderr,
	    "usage: proxyctl [-s SOCKET | -n NAME] [--json] [--watch SECONDS] VERB [ARGUMENT...]\n"
	    "'proxyctl help' lists the verbs\n");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
		{ "watch", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	struct globals o = { .tty = isatty(STDOUT_FILENO) == 1 };
	int c;

	(void)signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "+s:n:h", longs, NULL)) != -1) {
		switch (c) {
		case 's': o.socket = optarg; break;
		case 'n': o.name = optarg; break;
		case 'j': o.json = true; break;
		case 'w': o.watch = optarg; break;
		case 'h': command_list(); return EXIT_OK;
		default: return usage();
		}
	}
	return optind < argc ? command_run(&o, argc - optind, argv + optind) : usage();
}

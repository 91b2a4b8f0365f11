/*
 * help.c - the list of verbs, out of master/admin_tbl.h.
 */
#include <stdio.h>

#include "tools/proxyctl/commands.h"

#define HELP_COLUMN 30

static const struct {
	const char *verb, *args, *help;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, help },
#include "master/admin_tbl.h"
#undef CMD
};

void
command_list(void)
{
	(void)printf(
	    "usage: proxyctl [-s SOCKET | -n NAME] [--json] [--watch SECONDS] VERB [ARGUMENT...]\n\n");
	for (unsigned i = 0; i < CMD_MAX; i++) {
		int n = printf("  %s %s", rows[i].verb, rows[i].args);

		if (n > HELP_COLUMN - 2)
			n = printf("\n");
		(void)printf("%*s%s\n", n > 1 ? HELP_COLUMN - n : HELP_COLUMN, "", rows[i].help);
	}
	(void)printf(
	    "\n"
	    "  -s SOCKET  the admin socket of the instance, else found by its name\n"
	    "  -n NAME    the name of the instance, as in its configuration; default: " INSTANCE
	    "\n"
	    "  --json     data as proxyd gave it\n"
	    "  --watch S  a verb that shows something again every S seconds, until Ctrl-C\n\n"
	    "exit codes: 0 ok, 1 failed, 2 usage, 3 not running\n");
}

/*
 * help.c - the list of verbs and the manual page, both out of master/admin_tbl.h.
 */
#include <stdio.h>

#include "conf/base/version.h"
#include "tools/proxyctl/commands.h"
#include "tools/proxyctl/expressions.h"

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

static void
manual_text(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '-' || *s == '\\')
			(void)putchar('\\');
		(void)putchar(*s);
	}
}

void
command_manual(void)
{
	(void)printf(
	    ".TH PROXYCTL 1 \"\" \"proxyd " PROXYD_VERSION "\" \"User Commands\"\n"
	    ".SH NAME\nproxyctl \\- look at and control a running proxyd\n"
	    ".SH SYNOPSIS\n.B proxyctl\n[\\-s SOCKET | \\-n NAME] [\\-\\-json] [\\-\\-watch SECONDS]\n"
	    "VERB [ARGUMENT...]\n"
	    ".SH DESCRIPTION\nproxyctl talks to the master over its admin socket, a UNIX socket that only the\n"
	    "user who runs proxyd and root may use. Answers are tables on a terminal and JSON with\n"
	    ".BR \\-\\-json .\n.SH VERBS\n");
	for (unsigned i = 0; i < CMD_MAX; i++) {
		(void)printf(".TP\n.B ");
		manual_text(rows[i].verb);
		(void)printf(" ");
		manual_text(rows[i].args);
		(void)printf("\n");
		manual_text(rows[i].help);
		(void)printf(".\n");
	}
	(void)printf(
	    ".SH OPTIONS\n.TP\n.BI \\-s \" SOCKET\"\nThe admin socket, else found by the instance's name:\n"
	    ".I /run/proxyd/NAME.sock\nas root, else\n.I $XDG_RUNTIME_DIR/proxyd\\-NAME.sock\nor\n"
	    ".IR /tmp/proxyd\\-UID/NAME.sock .\n"
	    ".TP\n.BI \\-n \" NAME\"\nThe instance, as named in its configuration; default: " INSTANCE
	    ".\n"
	    ".TP\n.B \\-\\-json\nThe data as proxyd gave it.\n"
	    ".TP\n.BI \\-\\-watch \" SECONDS\"\n"
	    "A verb that shows something is repeated until Ctrl\\-C, on a terminal in\nplace, with\n"
	    ".B \\-\\-json\none document a line.\n");
	expressions_manual();
	(void)printf(
	    ".SH EXIT STATUS\n0 ok, 1 failed, 2 usage, 3 not running.\n"
	    ".SH SEE ALSO\n.BR proxyd (8),\n.BR proxyd.conf (5)\n");
}

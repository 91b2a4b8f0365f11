/*
 * confref.c - prints the configuration reference: confref markdown | man. `make reference` writes both files.
 */
#include <stdio.h>

#include "conf/reference.h"

int
main(int argc, char **argv)
{
	struct str out = STR_INIT;
	int rc;

	if (argc == 2 && strcmp(argv[1], "markdown") == 0)
		reference_markdown(&out);
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		reference_man(&out);
	else {
		fputs("usage: confref markdown | man\n", stderr);
		return 2;
	}
	rc = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
	str_fini(&out);
	return rc;
}

/*
 * confref.c - prints what is written from the tables: confref markdown | man | proxyctl. `make reference` writes the
 * files. proxyctl fills the template of proxyctl(1) that it reads from standard input.
 */
#include <stdio.h>

#include "conf/reference.h"
#include "tools/proxyctl/manual.h"

static void
fill(struct str *out)
{
	struct str template = STR_INIT;
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
		str_add(&template, span_make(buf, n));
	manual_fill(str_span(&template), out);
	str_fini(&template);
}

int
main(int argc, char **argv)
{
	struct str out = STR_INIT;
	int rc;

	if (argc == 2 && strcmp(argv[1], "markdown") == 0)
		reference_markdown(&out);
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		reference_man(&out);
	else if (argc == 2 && strcmp(argv[1], "proxyctl") == 0)
		fill(&out);
	else {
		fputs("usage: confref markdown | man | proxyctl <TEMPLATE\n", stderr);
		return 2;
	}
	rc = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
	str_fini(&out);
	return rc;
}

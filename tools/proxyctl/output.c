/*
 * output.c - whole pieces to standard output, each flushed: a reader that is gone is an exit code.
 */
#include "tools/proxyctl/output.h"

#include <stdio.h>

#include "tools/proxyctl/commands.h"

static bool one_line;

void
output_one_line(bool on)
{
	one_line = on;
}

int
output_str(const struct str *s)
{
	bool ok = fwrite(str_span(s).p, 1, s->len, stdout) == s->len && fflush(stdout) == 0;

	return ok ? EXIT_OK : EXIT_FAILED;
}

int
output_json(const struct json *v)
{
	struct str out = STR_INIT;
	int rc;

	if (v == NULL)
		str_adds(&out, "{}");
	else
		json_dump(v, !one_line, &out);
	if (out.len == 0 || out.data[out.len - 1] != '\n')
		str_addc(&out, '\n');
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

/* A text the server wrote, with a line's end behind it. */
int
output_text(const char *text, const char *when_empty)
{
	struct str out = STR_INIT;
	int rc;

	str_adds(&out, text[0] == '\0' ? when_empty : text);
	if (out.len > 0 && out.data[out.len - 1] != '\n')
		str_addc(&out, '\n');
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

/*
 * upgrade.c - asks for an upgrade and waits for the verdict, which the server gives within its own time limit.
 */
#include "tools/proxyctl/upgrade.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/proxyctl/output.h"

#define WAIT_DEFAULT	"30"
#define VERDICT_MS	((int64_t)3700 * 1000)	/* the longest process.upgrade_timeout, and some */

/* The server's working directory is not ours. */
static const char *
whole_path(const char *name, char out[PATH_MAX])
{
	char cwd[PATH_MAX / 2];

	if (name[0] == '/' || getcwd(cwd, sizeof cwd) == NULL ||
	    snprintf(out, PATH_MAX, "%s/%s", cwd, name) >= PATH_MAX)
		return name;
	return out;
}

static int
show(struct call *c)
{
	const struct json *d = c->answer.data;
	struct str text = STR_INIT;
	int rc;

	str_printf(&text, "process %" PRId64 " (proxyd %s) serves, generation %" PRId64 "\n",
	    json_int(json_get(d, "pid"), 0), json_str(json_get(d, "version"), "?"),
	    json_int(json_get(d, "generation"), 0));
	rc = output_str(&text);
	str_fini(&text);
	return rc;
}

int
upgrade_run(struct call *c)
{
	const char *wait = call_value(c, "--wait");
	char path[PATH_MAX];
	uint64_t seconds;
	int rc;

	if (wait != NULL && wait[0] == '\0')
		wait = WAIT_DEFAULT;
	if (wait != NULL && !call_number(wait, ADMIN_WAIT_MAX, &seconds))
		return call_usage(c, "--wait takes a number of seconds up to an hour");
	if (c->argc > 1)
		return call_usage(c, "one binary at a time");
	if (c->argc == 1)
		call_word(c, whole_path(c->argv[0], path));
	if (wait != NULL) {
		call_word(c, "--wait");
		call_word(c, wait);
	}
	rc = call_ask(c, VERDICT_MS);
	if (rc != EXIT_OK)
		return rc;
	return c->o->json ? output_json(c->answer.data) : show(c);
}

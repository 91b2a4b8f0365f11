/*
 * commands.c - the verbs of master/admin_tbl.h on the client's side.
 *
 * Most verbs ask the server and show its data: as a table or text for people, as it came with --json. `check`
 * and `help` are done here; `log` reads the segment that comes with the answer. Options may stand before or behind
 * the arguments.
 */
#include "tools/proxyctl/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/base/mem.h"
#include "conf/base/version.h"
#include "conf/item.h"
#include "master/options.h"
#include "tools/proxyctl/call.h"
#include "tools/proxyctl/check.h"
#include "tools/proxyctl/completion.h"
#include "tools/proxyctl/expressions.h"
#include "tools/proxyctl/format.h"
#include "tools/proxyctl/output.h"
#include "tools/proxyctl/records.h"
#include "tools/proxyctl/top.h"
#include "tools/proxyctl/upgrade.h"
#include "tools/proxyctl/verify.h"
#include "tools/proxyctl/watch.h"

#define WAIT_DEFAULT "30"

static call_f run_check, run_acl_reload, run_reload, run_stop, run_version, run_help,
    run_completion;
static call_format_f format_text, format_diff, format_confirm;

static const struct command {
	const char *verb, *args;
	enum admin_who who;
	const char *help;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, who, help },
#include "master/admin_tbl.h"
#undef CMD
};

static call_f *const runs[CMD_MAX] = {
	[CMD_CHECK] = run_check,
	[CMD_ACL_RELOAD] = run_acl_reload,
	[CMD_CONFIG_ROLLBACK] = run_reload,
	[CMD_RELOAD] = run_reload,
	[CMD_STOP] = run_stop,
	[CMD_LOG] = records_run,
	[CMD_TOP] = top_run,
	[CMD_UPGRADE] = upgrade_run,
	[CMD_CACHE_VERIFY] = verify_run,
	[CMD_COMPLETION] = run_completion,
	[CMD_VERSION] = run_version,
	[CMD_HELP] = run_help,
};

/* Verbs that only ask: how their data is shown to people. */
static call_format_f *const shows[CMD_MAX] = {
	[CMD_CONFIG_SHOW] = format_text,
	[CMD_CONFIG_DIFF] = format_diff,
	[CMD_CONFIG_HISTORY] = format_history,
	[CMD_CONFIRM] = format_confirm,
	[CMD_STATUS] = format_status,
	[CMD_WORKERS] = format_workers,
	[CMD_LOGLEVEL] = format_loglevel,
	[CMD_DRAIN] = format_drain,
	[CMD_UPSTREAM_LS] = format_upstream,
	[CMD_EXPLAIN] = format_explain,
	[CMD_ACL_LOOKUP] = format_acl_lookup,
	[CMD_ACL_LS] = format_acl_ls,
	[CMD_ACL_HITS] = format_acl_hits,
	[CMD_CACHE_STAT] = format_cache_stat,
	[CMD_CACHE_PURGE] = format_cache_purge,
	[CMD_CONN_LS] = format_conn_ls,
	[CMD_CONN_KILL] = format_conn_kill,
};

/* ------------------------------------------------------------------------------------------- check */

static int
run_check(struct call *c)
{
	int rc;

	if (c->argc > 1)
		return call_usage(c, "one file at a time");
	if (check_file(c->argc == 1 ? c->argv[0] : OPTIONS_FILE, c->o->json, &rc, &c->ed) != 0)
		return call_failed(c);
	return rc;
}

/* ----------------------------------------------------------------------------------------- lists */

/* A list of millions takes its time. */
static int
run_acl_reload(struct call *c)
{
	return call_show_within(c, format_acl_reload, 3 * CALL_PATIENCE_MS);
}

/* ------------------------------------------------------------------------------ small formats */

static void
format_text(const struct json *data, bool colour, struct str *out)
{
	(void)colour;
	str_adds(out, json_str(json_get(data, "text"), ""));
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		str_addc(out, '\n');
}

static void
format_diff(const struct json *data, bool colour, struct str *out)
{
	format_text(data, colour, out);
	if (out->len == 0)
		str_adds(out, "no changes\n");
}

static void
format_confirm(const struct json *data, bool colour UNUSED, struct str *out)
{
	str_printf(out, "generation %" PRId64 " is confirmed\n",
	    json_int(json_get(data, "generation"), 0));
}

/* reload and config rollback: --wait alone has a default. */
static int
run_reload(struct call *c)
{
	const char *wait = call_value(c, "--wait"), *confirm = call_value(c, "--confirm");
	uint64_t seconds = 0;
	int rc;

	if (wait != NULL && wait[0] == '\0')
		wait = WAIT_DEFAULT;
	if (wait != NULL && !call_number(wait, ADMIN_WAIT_MAX, &seconds))
		return call_usage(c, "--wait takes a number of seconds up to an hour");
	if (confirm != NULL && confirm[0] == '\0')
		return call_usage(c, "--confirm takes a time, such as 60s");
	rc = call_words(c);
	if (rc != EXIT_OK)
		return rc;
	if (wait != NULL) {
		call_word(c, "--wait");
		call_word(c, wait);
	}
	if (confirm != NULL) {
		call_word(c, "--confirm");
		call_word(c, confirm);
	}
	rc = call_ask(c, CALL_PATIENCE_MS * 2 + (int64_t)seconds * 1000);
	if (rc != EXIT_OK)
		return rc;
	if (c->o->json)
		return output_json(c->answer.data);
	(void)printf("generation %" PRId64 " is in force\n",
	    json_int(json_get(c->answer.data, "generation"), 0));
	return output_text(json_str(json_get(c->answer.data, "text"), ""), "no changes");
}

static int
run_stop(struct call *c)
{
	bool fast = call_flag(c, "--fast");
	int rc;

	if (c->argc > 0)
		return call_usage(c, "unexpected argument");
	if (fast)
		call_word(c, "--fast");
	rc = call_ask(c, CALL_PATIENCE_MS);
	if (rc != EXIT_OK)
		return rc;
	if (c->o->json)
		return output_json(c->answer.data);
	return output_text(
	    fast ? "stopping now" : "stopping when the requests in progress are done", "");
}

static int
run_version(struct call *c)
{
	struct json *both;
	const char *running;
	char path[SOCKET_PATH_MAX];
	int rc;

	if (c->argc > 0)
		return call_usage(c, "unexpected argument");
	rc = c->o->socket == NULL ? call_socket(c, path) : 0;
	if (rc == 0)
		rc = client_ask(c->o->socket == NULL ? path : c->o->socket, c->words, c->nwords,
		    CALL_PATIENCE_MS, &c->answer, &c->ed);
	running = rc == 0 ? json_str(json_get(c->answer.data, "version"), NULL) : NULL;
	if (c->o->json) {
		both = json_obj();
		json_set_str(both, "proxyctl", PROXYD_VERSION);
		json_set_str(both, "proxyd", running);
		rc = output_json(both);
		json_free(&both);
		return rc;
	}
	(void)printf("proxyctl %s\nproxyd   %s\n", PROXYD_VERSION,
	    running != NULL ? running : "not running");
	return EXIT_OK;
}

/* -------------------------------------------------------------------------------------------- help */

static int
run_completion(struct call *c)
{
	struct str out = STR_INIT;
	int rc;

	if (c->argc != 1 || strcmp(c->argv[0], "bash") != 0)
		return call_usage(c, "the shell is bash");
	completion_bash(&out);
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

static bool
verb_is(const char *verb, int argc, char **argv, int *words)
{
	struct span rest = span_str(verb), word;

	for (*words = 0; span_split(&rest, ' ', &word); (*words)++)
		if (*words >= argc || !span_eq_str(word, argv[*words]))
			return false;
	return true;
}

static enum admin_cmd
verb_find(int argc, char **argv, int *words)
{
	unsigned i = 0;

	while (i < CMD_MAX && !verb_is(rows[i].verb, argc, argv, words))
		i++;
	return (enum admin_cmd)i;
}

static int
run_help(struct call *c)
{
	enum admin_cmd id;
	int words;

	if (c->argc == 0) {
		command_list();
		return EXIT_OK;
	}
	id = verb_find(c->argc, c->argv, &words);
	if (id == CMD_MAX)
		return call_usage(c, "no such verb");
	(void)printf("proxyctl %s %s\n    %s\n", rows[id].verb, rows[id].args, rows[id].help);
	if (strstr(rows[id].args, "EXPR") != NULL)
		expressions_help();
	return EXIT_OK;
}

/* ------------------------------------------------------------------------------------------- entry */

/* The verbs that begin with the word, else the one it resembles. */
static int
verb_unknown(const char *word)
{
	const char *names[CMD_MAX + 1] = { NULL }, *near;
	unsigned found = 0;

	(void)fprintf(stderr, "proxyctl: there is no verb '%s'", word);
	for (unsigned i = 0; i < CMD_MAX; i++) {
		names[i] = rows[i].verb;
		if (word[0] != '\0' && strncmp(rows[i].verb, word, strlen(word)) == 0)
			(void)fprintf(stderr, "%s '%s'", found++ == 0 ? "; did you mean" : " or",
			    rows[i].verb);
	}
	near = found == 0 ? suggest(word, names) : NULL;
	if (near != NULL)
		(void)fprintf(stderr, "; did you mean '%s'", near);
	(void)fprintf(
	    stderr, "%s\n'proxyctl help' lists them\n", found > 0 || near != NULL ? "?" : "");
	return EXIT_USAGE;
}

static int
call_run(struct call *c)
{
	int rc = runs[c->id] != NULL ? runs[c->id](c) : call_show(c, shows[c->id]);

	client_fini(&c->answer);
	return rc;
}

/* A verb takes its options out of the arguments: each round has its own. */
static int
on_round(void *owner)
{
	struct call c = *(const struct call *)owner;
	char **argv = mem_array((size_t)c.argc + 1, sizeof *argv);
	int rc;

	memcpy(argv, c.argv, (size_t)c.argc * sizeof *argv);
	c.argv = argv;
	rc = call_run(&c);
	mem_free(argv);
	return rc;
}

/* Only what is looked at is worth a second look. */
static int
call_watch(struct call *c, const char *seconds)
{
	int64_t ms;

	if (rows[c->id].who != ADMIN_VIEW)
		return call_usage(c, "--watch goes with verbs that show something");
	if (!watch_parse(seconds, &ms))
		return call_usage(c, "--watch takes seconds, 0.1 to 3600");
	output_one_line(c->o->json);
	return watch_run(ms, c->o->tty && !c->o->json, on_round, c);
}

int
command_run(struct globals *o, int argc, char **argv)
{
	struct call c = { .o = o, .answer.fd = -1 };
	const char *seconds;
	int words;

	c.id = verb_find(argc, argv, &words);
	if (c.id == CMD_MAX)
		return verb_unknown(argv[0]);
	for (int i = 0; i < words; i++)
		call_word(&c, argv[i]);
	c.argc = argc - words;
	c.argv = argv + words;
	o->json |= call_flag(&c, "--json");
	seconds = call_value(&c, "--watch");
	if (seconds == NULL)
		seconds = o->watch;
	o->watch = seconds;
	/* top looks again and again by itself: what passes in between counts too */
	return seconds != NULL && c.id != CMD_TOP ? call_watch(&c, seconds) : call_run(&c);
}

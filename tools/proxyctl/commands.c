/*
 * commands.c - the verbs of master/admin_tbl.h on the client's side.
 *
 * Most verbs ask the server and show its data: as a table or text for people, as it came with --json. `check`
 * and `help` are done here; `log` reads the segment that comes with the answer. Each verb's own options are few
 * and read by hand, because an option may stand before or behind the arguments.
 */
#include "tools/proxyctl/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/base/version.h"
#include "conf/item.h"
#include "conf/socket_path.h"
#include "master/options.h"
#include "tools/proxyctl/check.h"
#include "tools/proxyctl/client.h"
#include "tools/proxyctl/follow.h"
#include "tools/proxyctl/format.h"
#include "tools/proxyctl/output.h"

#define WORDS_MAX 8
#define PATIENCE_MS 30000
#define WAIT_DEFAULT "30"
#define LOG_LINES 20
#define LOG_LINES_MAX 100000

struct call {
	struct globals *o;
	enum admin_cmd id;
	int argc; /* arguments behind the verb */
	char **argv;
	const char *words[WORDS_MAX]; /* of the question */
	unsigned nwords;
	struct answer answer;
	struct errdetail ed;
};

typedef int command_f(struct call *);

static command_f run_check, run_config, run_diff, run_status, run_reload, run_stop, run_workers,
    run_log, run_version, run_help;

static const struct command {
	const char *verb, *args, *help;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, help },
#include "master/admin_tbl.h"
#undef CMD
};

static command_f *const runs[CMD_MAX] = {
	[CMD_CHECK] = run_check,
	[CMD_CONFIG_SHOW] = run_config,
	[CMD_CONFIG_DIFF] = run_diff,
	[CMD_STATUS] = run_status,
	[CMD_RELOAD] = run_reload,
	[CMD_STOP] = run_stop,
	[CMD_WORKERS] = run_workers,
	[CMD_LOG] = run_log,
	[CMD_VERSION] = run_version,
	[CMD_HELP] = run_help,
};

/* ----------------------------------------------------------------------------------------- asking */

static int
usage(const struct call *c, const char *why)
{
	(void)fprintf(stderr,
	    "proxyctl: %s\nusage: proxyctl [-s SOCKET | -n NAME] [--json] %s %s\n", why,
	    rows[c->id].verb, rows[c->id].args);
	return EXIT_USAGE;
}

static struct span
trim_end(struct span s)
{
	while (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

/* Says why: to programs in the shape of an answer. */
static void
complain(const struct call *c, const char *why)
{
	struct json *o;

	if (!c->o->json) {
		(void)fprintf(
		    stderr, "proxyctl: " SPAN_FMT "\n", SPAN_ARG(trim_end(span_str(why))));
		return;
	}
	o = json_obj();
	json_set_bool(o, "ok", false);
	json_set_str(o, "error", why);
	(void)output_json(o);
	json_free(&o);
}

static int
failed(const struct call *c)
{
	complain(c, c->ed.text[0] != '\0' ? c->ed.text : err_text(c->ed.code));
	return c->ed.code == -E_CLOSED ? EXIT_NOT_RUNNING : EXIT_FAILED;
}

/* An unprivileged user's own instance first, then the system's. */
static int
socket_find(struct call *c, char path[SOCKET_PATH_MAX])
{
	const char *name = c->o->name == NULL ? INSTANCE : c->o->name;
	int rc = socket_path(path, name, false, &c->ed);

	if (rc == 0 && access(path, F_OK) != 0) {
		char system[SOCKET_PATH_MAX];

		if (snprintf(system, sizeof system, "/run/proxyd/%s.sock", name) <
			(int)sizeof system &&
		    access(system, F_OK) == 0)
			memcpy(path, system, sizeof system);
	}
	return rc;
}

static void
word_add(struct call *c, const char *word)
{
	if (c->nwords < WORDS_MAX)
		c->words[c->nwords++] = word;
}

/* Sends the verb with the words added so far; EXIT_OK with c->answer filled, or said why not. */
static int
ask(struct call *c, int64_t patience_ms)
{
	char path[SOCKET_PATH_MAX];
	const char *at = c->o->socket;
	int rc = 0;

	if (at == NULL) {
		rc = socket_find(c, path);
		at = path;
	}
	if (rc == 0)
		rc = client_ask(at, c->words, c->nwords, patience_ms, &c->answer, &c->ed);
	if (rc != 0)
		return failed(c);
	if (c->answer.error == NULL)
		return EXIT_OK;
	complain(c, c->answer.error);
	return EXIT_FAILED;
}

/* ------------------------------------------------------------------------------------------ options */

/* Takes "--name" out of the arguments. */
static bool
option_flag(struct call *c, const char *name)
{
	for (int i = 0; i < c->argc; i++) {
		if (strcmp(c->argv[i], name) != 0)
			continue;
		c->argc--;
		memmove(c->argv + i, c->argv + i + 1, (size_t)(c->argc - i) * sizeof *c->argv);
		return true;
	}
	return false;
}

/* Takes "--name VALUE" or "--name=VALUE" out; NULL when absent, "" when the value is missing. */
static const char *
option_value(struct call *c, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < c->argc; i++) {
		bool joined = strncmp(c->argv[i], name, n) == 0 && c->argv[i][n] == '=';
		int take = joined ? 1 : 2;
		const char *value;

		if (!joined && strcmp(c->argv[i], name) != 0)
			continue;
		if (!joined && i + 1 == c->argc) {
			c->argc--;
			return "";
		}
		value = joined ? c->argv[i] + n + 1 : c->argv[i + 1];
		c->argc -= take;
		memmove(c->argv + i, c->argv + i + take, (size_t)(c->argc - i) * sizeof *c->argv);
		return value;
	}
	return NULL;
}

static bool
number_parse(const char *text, uint64_t max, uint64_t *out)
{
	return span_to_u64(span_str(text), max, out) == 0;
}

/* ------------------------------------------------------------------------------------------- check */

static int
run_check(struct call *c)
{
	int rc;

	if (c->argc > 1)
		return usage(c, "one file at a time");
	if (check_file(c->argc == 1 ? c->argv[0] : OPTIONS_FILE, c->o->json, &rc, &c->ed) != 0)
		return failed(c);
	return rc;
}

/* ------------------------------------------------------------------------------ verbs that only ask */

static int
ask_and_show(struct call *c, void (*format)(const struct json *, bool, struct str *))
{
	struct str out = STR_INIT;
	int rc;

	if (c->argc > 0)
		return usage(c, "unexpected argument");
	rc = ask(c, PATIENCE_MS);
	if (rc != EXIT_OK)
		return rc;
	if (c->o->json)
		return output_json(c->answer.data);
	format(c->answer.data, c->o->tty, &out);
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

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

static int
run_config(struct call *c)
{
	return ask_and_show(c, format_text);
}

static int
run_diff(struct call *c)
{
	return ask_and_show(c, format_diff);
}

static int
run_status(struct call *c)
{
	return ask_and_show(c, format_status);
}

static int
run_workers(struct call *c)
{
	return ask_and_show(c, format_workers);
}

static int
run_reload(struct call *c)
{
	const char *wait = option_value(c, "--wait");
	uint64_t seconds = 0;
	int rc;

	if (wait != NULL && wait[0] == '\0')
		wait = WAIT_DEFAULT;
	if (wait != NULL && !number_parse(wait, ADMIN_WAIT_MAX, &seconds))
		return usage(c, "--wait takes a number of seconds up to an hour");
	if (c->argc > 0)
		return usage(c, "unexpected argument");
	if (wait != NULL) {
		word_add(c, "--wait");
		word_add(c, wait);
	}
	rc = ask(c, PATIENCE_MS * 2 + (int64_t)seconds * 1000);
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
	bool fast = option_flag(c, "--fast");
	int rc;

	if (c->argc > 0)
		return usage(c, "unexpected argument");
	if (fast)
		word_add(c, "--fast");
	rc = ask(c, PATIENCE_MS);
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
		return usage(c, "unexpected argument");
	rc = c->o->socket == NULL ? socket_find(c, path) : 0;
	if (rc == 0)
		rc = client_ask(c->o->socket == NULL ? path : c->o->socket, c->words, c->nwords,
		    PATIENCE_MS, &c->answer, &c->ed);
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

/* --------------------------------------------------------------------------------------------- log */

struct log_options {
	enum logline_format format;
	uint64_t n;
	bool follow;
};

static int
log_options(struct call *c, struct log_options *lo)
{
	const char *format = option_value(c, "--format"), *n = option_value(c, "-n");

	*lo = (struct log_options){ .format = c->o->json ? LOGLINE_JSON : LOGLINE_COMBINED,
		.n = LOG_LINES };
	lo->follow = option_flag(c, "--follow") || option_flag(c, "-f");
	if (format != NULL && logline_format_parse(&lo->format, format) != 0)
		return usage(c, "--format is combined or json");
	if (n != NULL && !number_parse(n, LOG_LINES_MAX, &lo->n))
		return usage(c, "-n takes a number of records up to 100000");
	return c->argc > 0 ? usage(c, "unexpected argument") : EXIT_OK;
}

static int
run_log(struct call *c)
{
	struct log_options lo;
	struct shm shm;
	int rc = log_options(c, &lo);

	if (rc == EXIT_OK)
		rc = ask(c, PATIENCE_MS);
	if (rc != EXIT_OK)
		return rc;
	if (c->answer.fd < 0) {
		(void)err_set(&c->ed, -E_PROTO, "proxyd handed over no journal");
		return failed(c);
	}
	if (shm_attach(&shm, c->answer.fd, "journal", JOURNAL_VERSION, 0, &c->ed) != 0)
		return failed(c);
	c->answer.fd = -1; /* shm owns it now */
	rc = follow_journal(&shm, lo.format, (unsigned)lo.n, lo.follow, c->answer.pid, &c->ed);
	shm_close(&shm);
	return rc == 0 ? EXIT_OK : failed(c);
}

/* -------------------------------------------------------------------------------------------- help */

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
		return usage(c, "no such verb");
	(void)printf("proxyctl %s %s\n    %s\n", rows[id].verb, rows[id].args, rows[id].help);
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

int
command_run(struct globals *o, int argc, char **argv)
{
	struct call c = { .o = o, .answer.fd = -1 };
	int words, rc;

	c.id = verb_find(argc, argv, &words);
	if (c.id == CMD_MAX)
		return verb_unknown(argv[0]);
	for (int i = 0; i < words; i++)
		word_add(&c, argv[i]);
	c.argc = argc - words;
	c.argv = argv + words;
	o->json |= option_flag(&c, "--json");
	rc = runs[c.id](&c);
	client_fini(&c.answer);
	return rc;
}

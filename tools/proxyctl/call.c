/*
 * call.c - one use of a verb: its options taken out, the question asked, the answer shown.
 */
#include "tools/proxyctl/call.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/proxyctl/output.h"

static const struct command {
	const char *verb, *args, *help;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, help },
#include "master/admin_tbl.h"
#undef CMD
};

/* ----------------------------------------------------------------------------------------- asking */

int
call_usage(const struct call *c, const char *why)
{
	(void)fprintf(stderr,
	    "proxyctl: %s\nusage: proxyctl [-s SOCKET | -n NAME] [--json] [--watch SECONDS] %s %s\n",
	    why, rows[c->id].verb, rows[c->id].args);
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

int
call_failed(const struct call *c)
{
	complain(c, c->ed.text[0] != '\0' ? c->ed.text : err_text(c->ed.code));
	return c->ed.code == -E_CLOSED ? EXIT_NOT_RUNNING : EXIT_FAILED;
}

/* An unprivileged user's own instance first, then the system's. */
int
call_socket(struct call *c, char path[SOCKET_PATH_MAX])
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

void
call_word(struct call *c, const char *word)
{
	if (c->nwords < ADMIN_WORDS)
		c->words[c->nwords++] = word;
}

/* Sends the verb with the words added so far; EXIT_OK with c->answer filled, or said why not. */
int
call_ask(struct call *c, int64_t patience_ms)
{
	char path[SOCKET_PATH_MAX];
	const char *at = c->o->socket;
	int rc = 0;

	if (at == NULL) {
		rc = call_socket(c, path);
		at = path;
	}
	if (rc == 0)
		rc = client_ask(at, c->words, c->nwords, patience_ms, &c->answer, &c->ed);
	if (rc != 0)
		return call_failed(c);
	if (c->answer.error == NULL)
		return EXIT_OK;
	complain(c, c->answer.error);
	return EXIT_FAILED;
}

/* ------------------------------------------------------------------------------------------ options */

/* Takes "--name" out of the arguments. */
bool
call_flag(struct call *c, const char *name)
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
const char *
call_value(struct call *c, const char *name)
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

bool
call_number(const char *text, uint64_t max, uint64_t *out)
{
	return span_to_u64(span_str(text), max, out) == 0;
}

/* Everything behind the verb goes to the server, once it fits the verb's row: most verbs need no more. */
int
call_words(struct call *c)
{
	struct admin_request r;

	if (admin_args(&r, c->id, (const char *const *)c->argv, (size_t)c->argc, &c->ed) != 0)
		return call_usage(c, c->ed.text);
	for (int i = 0; i < c->argc; i++)
		call_word(c, c->argv[i]);
	return EXIT_OK;
}

/* Asks, and shows the data: as it came with --json, else as format puts it. */
int
call_show_within(struct call *c, call_format_f *format, int64_t patience_ms)
{
	struct str out = STR_INIT;
	int rc = call_words(c);

	if (rc == EXIT_OK)
		rc = call_ask(c, patience_ms);
	if (rc != EXIT_OK)
		return rc;
	if (c->o->json)
		return output_json(c->answer.data);
	format(c->answer.data, c->o->tty, &out);
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

int
call_show(struct call *c, call_format_f *format)
{
	return call_show_within(c, format, CALL_PATIENCE_MS);
}

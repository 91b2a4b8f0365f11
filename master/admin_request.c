/*
 * admin_request.c - a JSON array of strings to a command and its arguments.
 *
 * The peer has been checked, its bytes have not: every size, type and word is.
 */
#include "master/admin_request.h"

#include <string.h>

static const struct {
	const char *verb, *args;
	enum admin_who who;
} commands[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, who },
#include "master/admin_tbl.h"
#undef CMD
};

struct words { const char *v[ADMIN_WORDS]; size_t n; };

/* ------------------------------------------------------------- what a verb takes */

enum kind { KIND_UNKNOWN, KIND_FLAG, KIND_VALUE };

static bool
is_option(struct span word)
{
	return word.n > 1 && word.p[0] == '-';
}

/* A word of the row's text without its brackets. */
static struct span
bare(struct span word)
{
	while (word.n > 0 && word.p[0] == '[')
		word = span_make(word.p + 1, word.n - 1);
	while (word.n > 0 && word.p[word.n - 1] == ']')
		word.n--;
	return word;
}

/* "--name" is followed by a value unless its bracket closes, or another option or alternative comes. */
static bool
takes_value(struct span word, struct span rest)
{
	struct span next;

	if (word.p[word.n - 1] == ']' || !span_split(&rest, ' ', &next) || next.n == 0)
		return false;
	if (next.p[0] == '[')
		return word.p[0] == '[' && !is_option(bare(next));
	return next.p[0] != '|' && !is_option(next);
}

static enum kind
option_kind(const char *args, struct span name)
{
	struct span rest = span_str(args), word;

	while (span_split(&rest, ' ', &word))
		if (word.n > 0 && span_eq(bare(word), name))
			return takes_value(word, rest) ? KIND_VALUE : KIND_FLAG;
	return KIND_UNKNOWN;
}

/* How many arguments may stand beside the options. */
static size_t
args_most(const char *args)
{
	struct span rest = span_str(args), word, skipped;
	size_t n = 0;

	while (span_split(&rest, ' ', &word)) {
		if (word.n == 0 || word.p[0] == '|')
			continue;
		if (!is_option(bare(word)))
			n += memmem(word.p, word.n, "...", 3) != NULL ? ADMIN_WORDS : 1;
		else if (takes_value(word, rest))
			(void)span_split(&rest, ' ', &skipped);
	}
	return n;
}

/* --------------------------------------------------------------------- the words */

static int
unknown(const struct admin_request *r, const char *word, struct errdetail *ed)
{
	return err_set(
	    ed, -E_UNKNOWN, "%s: unknown argument '%.64s'", commands[r->cmd].verb, word);
}

/* "--name VALUE" or "--name=VALUE"; *at is moved over the value. */
static int
option_take(struct admin_request *r, const struct words *w, size_t *at, struct errdetail *ed)
{
	const char *word = w->v[*at], *equals = strchr(word, '=');
	struct span name = span_make(word, equals == NULL ? strlen(word) : (size_t)(equals - word));
	enum kind kind = option_kind(commands[r->cmd].args, name);
	struct admin_option *o = &r->option[r->noptions++];

	if (kind == KIND_UNKNOWN || (kind == KIND_FLAG && equals != NULL))
		return unknown(r, word, ed);
	*o = (struct admin_option){ word, "" };
	if (kind == KIND_FLAG)
		return 0;
	if (equals == NULL && *at + 1 == w->n)
		return err_set(ed, -E_MISSING, "%s: %.64s needs a value: %s", commands[r->cmd].verb,
		    word, commands[r->cmd].args);
	o->value = equals != NULL ? equals + 1 : w->v[++*at];
	return 0;
}

static int
args_take(struct admin_request *r, const struct words *w, size_t at, struct errdetail *ed)
{
	size_t most = args_most(commands[r->cmd].args);
	int rc = 0;

	for (; at < w->n && rc == 0; at++) {
		if (is_option(span_str(w->v[at])))
			rc = option_take(r, w, &at, ed);
		else if (r->nargs < most)
			r->arg[r->nargs++] = w->v[at];
		else
			rc = unknown(r, w->v[at], ed);
	}
	return rc;
}

int
admin_args(struct admin_request *r, enum admin_cmd cmd, const char *const *v, size_t n,
    struct errdetail *ed)
{
	struct words w = { .n = n };

	r->cmd = cmd;
	r->nargs = r->noptions = 0;
	if (n > ADMIN_WORDS)
		return err_set(ed, -E_LIMIT, "at most %d arguments", ADMIN_WORDS);
	for (size_t i = 0; i < n; i++)
		w.v[i] = v[i];
	return args_take(r, &w, 0, ed);
}

/* ---------------------------------------------------------------------- the line */

/* Copies the texts: decoded they are never longer than the line. */
static int
words_take(struct words *w, struct admin_request *r, const struct json *doc, struct errdetail *ed)
{
	char *to = r->room;

	w->n = json_len(doc);
	if (!json_is_arr(doc) || w->n == 0 || w->n > ADMIN_WORDS)
		return err_set(
		    ed, -E_SYNTAX, "a request is a JSON array of 1 to %d strings", ADMIN_WORDS);
	for (size_t i = 0; i < w->n; i++) {
		const char *text = json_str(json_at(doc, i), NULL);
		size_t n = text == NULL ? 0 : strlen(text) + 1;

		if (text == NULL || n > (size_t)(r->room + sizeof r->room - to))
			return err_set(ed, -E_SYNTAX, "a request holds nothing but strings");
		memcpy(to, text, n);
		w->v[i] = to;
		to += n;
	}
	return 0;
}

/* How many words of w make up the verb; 0: it is another one. */
static size_t
verb_matches(const char *verb, const struct words *w)
{
	struct span rest = span_str(verb), word;
	size_t n = 0;

	while (span_split(&rest, ' ', &word))
		if (n == w->n || !span_eq_str(word, w->v[n++]))
			return 0;
	return n;
}

static int
verb_find(const struct words *w, enum admin_cmd *cmd, size_t *used, struct errdetail *ed)
{
	for (unsigned i = 0; i < CMD_MAX; i++) {
		*used = verb_matches(commands[i].verb, w);
		if (*used == 0 || commands[i].who == ADMIN_LOCAL)
			continue;
		*cmd = (enum admin_cmd)i;
		return 0;
	}
	return err_set(ed, -E_UNKNOWN, "unknown command '%.64s'", w->v[0]);
}

int
admin_parse(struct admin_request *r, struct span line, struct errdetail *ed)
{
	struct words w = { 0 };
	struct json *doc;
	size_t used = 0;
	int rc;

	*r = (struct admin_request){ .cmd = CMD_MAX };
	if (line.n > ADMIN_LINE_MAX)
		return err_set(ed, -E_LIMIT, "a request is at most %d bytes", ADMIN_LINE_MAX);
	doc = json_parse(line, ed);
	if (doc == NULL)
		return -E_SYNTAX;
	rc = words_take(&w, r, doc, ed);
	json_free(&doc);
	if (rc == 0)
		rc = verb_find(&w, &r->cmd, &used, ed);
	return rc == 0 ? args_take(r, &w, used, ed) : rc;
}

/* --------------------------------------------------------------- for the commands */

static bool
option_is(const struct admin_option *o, const char *name)
{
	size_t n = strlen(name);

	return strncmp(o->name, name, n) == 0 && (o->name[n] == '\0' || o->name[n] == '=');
}

const char *
admin_option(const struct admin_request *r, const char *name)
{
	for (unsigned i = 0; i < r->noptions; i++)
		if (option_is(&r->option[i], name))
			return r->option[i].value;
	return NULL;
}

int
admin_option_number(const struct admin_request *r, const char *name, uint64_t max, uint64_t *out,
    struct errdetail *ed)
{
	const char *text = admin_option(r, name);

	if (text == NULL || span_to_u64(span_str(text), max, out) == 0)
		return 0;
	return err_set(ed, -E_RANGE, "%s takes a number up to %llu, not '%.32s'", name,
	    (unsigned long long)max, text);
}

/*
 * admin_request.c - a JSON array of strings to a command and its arguments.
 *
 * The peer has been checked, its bytes have not: every size, type and word is.
 */
#include "master/admin_request.h"

#include <string.h>

#define WORDS_MAX 16

static const struct {
	const char *verb;
	enum admin_who who;
} commands[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, who },
#include "master/admin_tbl.h"
#undef CMD
};

struct words { const char *v[WORDS_MAX]; size_t n; };

static int
words_take(struct words *w, const struct json *doc, struct errdetail *ed)
{
	w->n = json_len(doc);
	if (!json_is_arr(doc) || w->n == 0 || w->n > WORDS_MAX)
		return err_set(
		    ed, -E_SYNTAX, "a request is a JSON array of 1 to %d strings", WORDS_MAX);
	for (size_t i = 0; i < w->n; i++) {
		w->v[i] = json_str(json_at(doc, i), NULL);
		if (w->v[i] == NULL)
			return err_set(ed, -E_SYNTAX, "a request holds nothing but strings");
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

static int
parse_seconds(int64_t *out, const char *text, struct errdetail *ed)
{
	uint64_t n;

	if (text == NULL || span_to_u64(span_str(text), ADMIN_WAIT_MAX, &n) != 0)
		return err_set(ed, -E_RANGE, "--wait takes seconds, at most %d", ADMIN_WAIT_MAX);
	*out = (int64_t)n;
	return 0;
}

static int
args_parse(struct admin_request *r, const struct words *w, size_t at, struct errdetail *ed)
{
	int rc;

	for (; at < w->n; at++) {
		if (r->cmd == CMD_STOP && strcmp(w->v[at], "--fast") == 0) {
			r->fast = true;
		} else if (r->cmd == CMD_RELOAD && strcmp(w->v[at], "--wait") == 0) {
			rc = parse_seconds(&r->wait_s, at + 1 < w->n ? w->v[at + 1] : NULL, ed);
			if (rc != 0)
				return rc;
			at++;
		} else {
			return err_set(ed, -E_UNKNOWN, "%s: unknown argument '%.64s'",
			    commands[r->cmd].verb, w->v[at]);
		}
	}
	return 0;
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
	rc = words_take(&w, doc, ed);
	if (rc == 0)
		rc = verb_find(&w, &r->cmd, &used, ed);
	if (rc == 0)
		rc = args_parse(r, &w, used, ed);
	json_free(&doc);
	return rc;
}

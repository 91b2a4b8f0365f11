/*
 * admin_config.c - configurations looked at: the one in force, those of the history, what differs. What the verbs
 * answer with is described in admin_tbl.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "conf/load.h"
#include "master/admin_cmds.h"
#include "master/master.h"

#define NUMBER_MAX 1000000000

static void
set_text(struct json *o, struct str *text)
{
	json_set_str(o, "text", str_span(text).p);
	str_fini(text);
}

const struct conf *
admin_past(const struct master *m, const char *text, unsigned *number, struct errdetail *ed)
{
	const struct past *past;
	uint64_t n = 0;

	if (span_to_u64(span_str(text), NUMBER_MAX, &n) != 0) {
		(void)err_set(ed, -E_SYNTAX,
		    "'%.32s' is no number of a generation: see 'proxyctl config history'", text);
		return NULL;
	}
	*number = (unsigned)n;
	past = history_find(&m->history, *number);
	if (past == NULL)
		(void)err_set(ed, -E_UNKNOWN,
		    "generation %u is not in the history: see 'proxyctl config history'", *number);
	else if (past->conf == NULL)
		(void)err_set(ed, -E_LIMIT,
		    "generation %u is not kept: process.history is too small for it", *number);
	return past == NULL ? NULL : past->conf;
}

/* Argument i of the request as the number of a generation; absent: the one in force. */
static const struct conf *
conf_of(const struct master *m, const struct admin_request *r, unsigned i, struct errdetail *ed)
{
	unsigned number;

	return i < r->nargs ? admin_past(m, r->arg[i], &number, ed) : m->current->conf;
}

void
admin_config_show(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };
	const struct conf *conf = conf_of(m, r, 0, &ed);
	struct str text = STR_INIT;
	struct json *o;

	if (conf == NULL) {
		admin_refuse(c, ed.text);
		return;
	}
	o = json_obj();
	conf_print(conf, true, &text);
	set_text(o, &text);
	admin_reply(c, o);
}

/* ---------------------------------------------------------------- differences */

static void
on_diff(void *owner, const struct verdict *v)
{
	struct str text = STR_INIT;
	struct json *o;

	if (!v->ok) {
		admin_verdict_text(v, &text);
		admin_refuse(owner, str_span(&text).p);
		str_fini(&text);
		return;
	}
	o = json_obj();
	json_set_str(o, "text", v->text);
	json_set_int(o, "changes", v->changes);
	admin_reply(owner, o);
}

static void
diff_past(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };
	const struct conf *from = conf_of(m, r, 0, &ed);
	const struct conf *to = conf_of(m, r, 1, &ed);
	struct str text = STR_INIT;
	struct json *o;

	if (from == NULL || to == NULL) {
		admin_refuse(c, ed.text);
		return;
	}
	o = json_obj();
	json_set_int(o, "changes", conf_diff(from, to, &text));
	set_text(o, &text);
	admin_reply(c, o);
}

void
admin_config_diff(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	if (r->nargs > 0)
		diff_past(m, c, r);
	else
		cycle_reload(m, &(struct reload){ .done = on_diff, .owner = c, .diff = true });
}

/* -------------------------------------------------------------------- history */

static void
set_time(struct json *o, int64_t at_s)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)at_s;

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) != 0)
		json_set_str(o, "at", text);
}

static const char *
state_text(const struct master *m, const struct past *past)
{
	if (past->number == m->confirm.number)
		return "unconfirmed";
	if (past->number == m->current->number)
		return "serves";
	return past->conf != NULL ? "kept" : "dropped";
}

static struct json *
past_json(const struct master *m, const struct past *past)
{
	struct json *o = json_obj();
	char digest[24];

	snprintf(digest, sizeof digest, "%016" PRIx64, past->digest);
	json_set_int(o, "generation", past->number);
	set_time(o, past->at_s);
	json_set_str(o, "by", past->by);
	json_set_int(o, "changes", past->changes);
	json_set_str(o, "digest", digest);
	json_set_str(o, "state", state_text(m, past));
	return o;
}

void
admin_config_history(struct master *m, struct admin_client *c, const struct admin_request *r UNUSED)
{
	struct json *list = json_arr();

	for (unsigned i = 0; i < m->history.n; i++)
		json_push(list, past_json(m, &m->history.row[i]));
	admin_reply(c, list);
}

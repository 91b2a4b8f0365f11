/*
 * admin_conn.c - conn ls and conn kill: asked of every worker, those that drain included.
 */
#include <stdio.h>

#include "conf/base/addr.h"
#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/master.h"

#define CONNS_USUAL	200	/* a worker */
#define CONNS_MAX	2000

static int
set_client(struct json *args, const struct admin_request *r, struct errdetail *ed)
{
	const char *client = admin_option(r, "--client");
	struct cidr cidr;
	int rc = client == NULL ? 0 : cidr_parse_peers(&cidr, client, ed);

	if (rc == 0 && client != NULL)
		json_set_str(args, "client", client);
	return rc;
}

/* ------------------------------------------------------------------------ listing */

static void
on_list(void *owner, struct json *answers)
{
	struct json *o = json_obj();

	json_set(o, "workers", answers);
	admin_reply(owner, o);
}

void
admin_conn_ls(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *args = json_obj();
	struct errdetail ed = { 0 };
	uint64_t limit = CONNS_USUAL;

	if (set_client(args, r, &ed) != 0 ||
	    admin_option_number(r, "--limit", CONNS_MAX, &limit, &ed) != 0) {
		json_free(&args);
		admin_refuse(c, ed.text);
		return;
	}
	json_set_int(args, "limit", (int64_t)limit);
	ask_workers(m, ASK_ALL, "conn ls", args, ASK_MS, on_list, c);
}

/* ------------------------------------------------------------------------ killing */

static struct json *
errors_of(const struct json *answers)
{
	struct json *list = json_arr();

	for (size_t i = 0; i < json_len(answers); i++) {
		const struct json *a = json_at(answers, i);
		const char *why = json_str(json_get(a, "error"), NULL);
		char text[256];

		if (why == NULL)
			continue;
		snprintf(text, sizeof text, "worker %lld[%lld]: %s",
		    (long long)json_int(json_get(a, "slot"), 0),
		    (long long)json_int(json_get(a, "pid"), 0), why);
		json_push_str(list, text);
	}
	return list;
}

static void
on_killed(struct admin_client *c, struct json *answers, bool named)
{
	struct json *o = json_obj(), *errors = errors_of(answers);
	int64_t killed = 0;

	for (size_t i = 0; i < json_len(answers); i++)
		killed += json_int(
		    json_get(json_get(json_at(answers, i), "data"), "killed"), 0);
	json_free(&answers);
	log_write(LOG_INFO, "user %u killed %lld connections", (unsigned)admin_uid(c),
	    (long long)killed);
	json_set_int(o, "killed", killed);
	if (named && killed == 0 && json_len(errors) == 0) {
		json_free(&o);
		json_free(&errors);
		admin_refuse(c, "there is no such connection (any more)");
		return;
	}
	json_set(o, "errors", errors);
	admin_reply(c, o);
}

static void
on_killed_named(void *owner, struct json *answers)
{
	on_killed(owner, answers, true);
}

static void
on_killed_client(void *owner, struct json *answers)
{
	on_killed(owner, answers, false);
}

void
admin_conn_kill(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	bool named = r->nargs == 1;
	struct json *args = json_obj();
	struct errdetail ed = { 0 };

	if (named == (admin_option(r, "--client") != NULL))
		(void)err_set(
		    &ed, -E_SYNTAX, "name one connection, or the clients by --client CIDR");
	else
		(void)!set_client(args, r, &ed);
	if (ed.text[0] != '\0') {
		json_free(&args);
		admin_refuse(c, ed.text);
		return;
	}
	if (named)
		json_set_str(args, "id", r->arg[0]);
	ask_workers(m, ASK_ALL, "conn kill", args, ASK_MS,
	    named ? on_killed_named : on_killed_client, c);
}

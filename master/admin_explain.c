/*
 * admin_explain.c - explain: asked of one worker that serves, which takes its time while it resolves a name.
 */
#include "master/admin_cmds.h"
#include "master/master.h"

#define SPARE_MS 1000	/* beyond the patience with resolvers */

/* The only answer, with who gave it; or why there is none. */
static void
on_explained(void *owner, struct json *answers)
{
	const struct json *a = json_at(answers, 0), *data = json_get(a, "data");
	const char *error = json_str(json_get(a, "error"), "no worker serves now: ask again");
	struct json *o, *who = json_obj();

	if (data == NULL) {
		admin_refuse(owner, error);
		json_free(&who);
		json_free(&answers);
		return;
	}
	json_set_int(who, "pid", json_int(json_get(a, "pid"), 0));
	json_set_int(who, "slot", json_int(json_get(a, "slot"), 0));
	json_set_int(who, "generation", json_int(json_get(a, "generation"), 0));
	o = json_clone(data);
	json_set(o, "worker", who);
	json_free(&answers);
	admin_reply(owner, o);
}

static struct json *
headers_of(const struct admin_request *r)
{
	struct json *list = json_arr();

	for (unsigned i = 0; i < r->noptions; i++)
		if (strncmp(r->option[i].name, "-H", 2) == 0)
			json_push_str(list, r->option[i].value);
	return list;
}

void
admin_explain(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *args;

	if (r->nargs != 2) {
		admin_refuse(c, "name a method and a URL: explain GET http://www.example.com/");
		return;
	}
	args = json_obj();
	json_set_str(args, "method", r->arg[0]);
	json_set_str(args, "url", r->arg[1]);
	json_set_str(args, "client", admin_option(r, "--client"));
	json_set_str(args, "at", admin_option(r, "--at"));
	json_set_str(args, "listener", admin_option(r, "--listener"));
	json_set(args, "headers", headers_of(r));
	json_set_bool(args, "no_dns", admin_option(r, "--no-dns") != NULL);
	ask_workers(m, ASK_ONE, "explain", args, m->current->conf->dns.total_ms + SPARE_MS,
	    on_explained, c);
}

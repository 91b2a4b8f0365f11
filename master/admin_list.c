/*
 * admin_list.c - acl reload and acl lookup.
 */
#include "master/admin_cmds.h"

#include "conf/base/log.h"
#include "master/master.h"

/* ------------------------------------------------------------------------- reload */

static void
refuse_lists(struct admin_client *c, const struct json *lists)
{
	struct str text = STR_INIT;

	for (size_t i = 0; i < json_len(lists); i++) {
		const struct json *o = json_at(lists, i);
		const char *error = json_str(json_get(o, "error"), NULL);

		str_printf(
		    &text, "%slist %s: ", i == 0 ? "" : "\n", json_str(json_get(o, "name"), "-"));
		if (error != NULL)
			str_printf(&text, "%s; what was in force stays", error);
		else
			str_printf(&text, "%lld entries are in force",
			    (long long)json_int(json_get(o, "entries"), 0));
	}
	admin_refuse(c, str_span(&text).p);
	str_fini(&text);
}

static void
on_lists(void *owner, struct json *lists)
{
	struct json *o;

	for (size_t i = 0; i < json_len(lists); i++)
		if (json_get(json_at(lists, i), "error") != NULL) {
			refuse_lists(owner, lists);
			json_free(&lists);
			return;
		}
	o = json_obj();
	json_set(o, "lists", lists);
	admin_reply(owner, o);
}

void
admin_acl_reload(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };

	log_write(LOG_INFO, "user %u asks for lists to be taken anew", (unsigned)admin_uid(c));
	if (list_store_reload(m, r->nargs > 0 ? r->arg[0] : NULL, on_lists, c, &ed) != 0)
		admin_refuse(c, ed.text);
}

/* ------------------------------------------------------------------------- look-up */

static void
on_looked_up(void *owner, struct json *answers)
{
	const struct json *a = json_at(answers, 0), *data = json_get(a, "data");

	if (data != NULL)
		admin_reply(owner, json_clone(data));
	else
		admin_refuse(
		    owner, json_str(json_get(a, "error"), "no worker serves now: ask again"));
	json_free(&answers);
}

void
admin_acl_lookup(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *args;

	if (r->nargs != 1) {
		admin_refuse(c, "name a host or an address: acl lookup www.example.com");
		return;
	}
	args = json_obj();
	json_set_str(args, "value", r->arg[0]);
	ask_workers(m, ASK_ONE, "acl lookup", args, ASK_MS, on_looked_up, c);
}

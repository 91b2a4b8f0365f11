/*
 * admin_upgrade.c - the verb upgrade: the verdict of upgrade.h as an answer.
 */
#include "master/admin_cmds.h"
#include "master/master.h"

static struct json *
upgrade_data(const struct upgrade_verdict *v)
{
	struct json *o = json_obj();

	json_set_int(o, "pid", v->pid);
	json_set_str(o, "version", v->version);
	json_set_int(o, "generation", v->generation);
	return o;
}

static void
on_upgrade(void *owner, const struct upgrade_verdict *v)
{
	if (v->ok)
		admin_reply(owner, upgrade_data(v));
	else
		admin_refuse(owner, v->error);
}

static void
on_upgrade_wait(void *owner, const struct upgrade_verdict *v)
{
	if (v->ok)
		admin_reply_late(owner, upgrade_data(v));
	else
		admin_refuse(owner, v->error);
}

void
admin_upgrade(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };
	uint64_t wait_s = 0;

	if (admin_option_number(r, "--wait", ADMIN_WAIT_MAX, &wait_s, &ed) != 0) {
		admin_refuse(c, ed.text);
		return;
	}
	if (wait_s > 0)
		admin_patience(c, (int64_t)wait_s);
	upgrade_begin(m, r->nargs > 0 ? r->arg[0] : NULL,
	    wait_s > 0 ? on_upgrade_wait : on_upgrade, c);
}

/*
 * admin_reload.c - the verbs that change the configuration in force: reload, config rollback, confirm.
 */
#include <stdio.h>

#include "conf/base/units.h"
#include "master/admin_cmds.h"
#include "master/master.h"

#define CONFIRM_MIN_MS	1000
#define CONFIRM_MAX_MS	86400000

void
admin_verdict_text(const struct verdict *v, struct str *out)
{
	str_adds(out, v->error);
	if (v->text[0] != '\0')
		str_printf(out, "\n%s", v->text);
}

/* What stands in status and in a verdict while a configuration is on probation. */
void
admin_set_confirm(struct json *o, const struct master *m)
{
	struct json *c;

	if (m->confirm.number == 0)
		return;
	c = json_obj();
	json_set_int(c, "generation", m->confirm.number);
	json_set_int(c, "returns_to", m->confirm.back);
	json_set_int(c, "left_s", confirm_left_s(m));
	json_set(o, "unconfirmed", c);
}

static struct json *
verdict_json(const struct master *m, const struct verdict *v)
{
	struct str text = STR_INIT;
	struct json *o = json_obj();

	json_set_int(o, "generation", v->generation);
	json_set_int(o, "changes", v->changes);
	json_set_int(o, "waited_ms", v->waited_ms);
	admin_set_confirm(o, m);
	str_adds(&text, v->text);
	if (v->changes == 0)
		str_adds(&text, "nothing changed in the configuration\n");
	if (v->waited_ms > 0)
		str_printf(&text, "waited %lld ms for an older generation or reload\n",
		    (long long)v->waited_ms);
	if (m->confirm.number == v->generation)
		str_printf(&text,
		    "not confirmed: returns to generation %u in %lld s unless "
		    "'proxyctl confirm' comes\n",
		    m->confirm.back, (long long)confirm_left_s(m));
	json_set_str(o, "text", str_span(&text).p);
	str_fini(&text);
	return o;
}

static void
refuse_verdict(struct admin_client *c, const struct verdict *v)
{
	struct str text = STR_INIT;

	admin_verdict_text(v, &text);
	admin_refuse(c, str_span(&text).p);
	str_fini(&text);
}

static void
on_reload(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply(owner, verdict_json(admin_master(owner), v));
	else
		refuse_verdict(owner, v);
}

static void
on_reload_wait(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply_late(owner, verdict_json(admin_master(owner), v));
	else
		refuse_verdict(owner, v);
}

static int
confirm_option(const struct admin_request *r, int64_t *ms, struct errdetail *ed)
{
	const char *text = admin_option(r, "--confirm");

	*ms = 0;
	if (text == NULL)
		return 0;
	if (units_msec(ms, text, ed) != 0 || *ms < CONFIRM_MIN_MS || *ms > CONFIRM_MAX_MS)
		return err_set(ed, -E_RANGE,
		    "--confirm takes a time from 1s to 1d, such as 60s or 5m, not '%.32s'", text);
	return 0;
}

/* What reload and rollback have in common; reload is done, owner and the options' part. */
static void
start(struct master *m, struct admin_client *c, const struct admin_request *r, struct reload *wish)
{
	struct errdetail ed = { 0 };
	uint64_t wait_s = 0;

	if (admin_option_number(r, "--wait", ADMIN_WAIT_MAX, &wait_s, &ed) != 0 ||
	    confirm_option(r, &wish->confirm_ms, &ed) != 0) {
		admin_refuse(c, ed.text);
		return;
	}
	wish->owner = c;
	wish->done = wait_s > 0 ? on_reload_wait : on_reload;
	if (wait_s > 0)
		admin_patience(c, (int64_t)wait_s);
	cycle_reload(m, wish);
}

void
admin_reload(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct reload wish = { 0 };

	snprintf(wish.by, sizeof wish.by, "reload by user %u", (unsigned)admin_uid(c));
	start(m, c, r, &wish);
}

void
admin_config_rollback(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };
	struct reload wish = { 0 };

	if (admin_past(m, r->nargs > 0 ? r->arg[0] : "", &wish.take, &ed) == NULL) {
		admin_refuse(c, ed.text);
		return;
	}
	snprintf(wish.by, sizeof wish.by, "rollback to generation %u by user %u", wish.take,
	    (unsigned)admin_uid(c));
	start(m, c, r, &wish);
}

void
admin_confirm(struct master *m, struct admin_client *c, const struct admin_request *r UNUSED)
{
	struct errdetail ed = { 0 };
	struct json *o;

	if (confirm_give(m, &ed) != 0) {
		admin_refuse(c, ed.text);
		return;
	}
	o = json_obj();
	json_set_int(o, "generation", m->current->number);
	admin_reply(c, o);
}

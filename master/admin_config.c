/*
 * admin_config.c - the verbs about configurations: show, diff, reload. What they answer with is described in
 * admin_tbl.h.
 */
#include "conf/load.h"
#include "master/admin_cmds.h"
#include "master/master.h"

static void
set_text(struct json *o, struct str *text)
{
	json_set_str(o, "text", str_span(text).p);
	str_fini(text);
}

static void
refuse_verdict(struct admin_client *c, const struct verdict *v)
{
	struct str text = STR_INIT;

	str_adds(&text, v->error);
	if (v->text[0] != '\0')
		str_printf(&text, "\n%s", v->text);
	admin_refuse(c, str_span(&text).p);
	str_fini(&text);
}

void
admin_config_show(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct str text = STR_INIT;
	struct json *o = json_obj();

	(void)r;
	conf_print(m->current->conf, true, &text);
	set_text(o, &text);
	admin_reply(c, o);
}

static void
on_diff(void *owner, const struct verdict *v)
{
	struct json *o;

	if (!v->ok) {
		refuse_verdict(owner, v);
		return;
	}
	o = json_obj();
	json_set_str(o, "text", v->text);
	json_set_int(o, "changes", v->changes);
	admin_reply(owner, o);
}

void
admin_config_diff(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	(void)r;
	cycle_diff(m, on_diff, c);
}

static struct json *
reload_data(const struct verdict *v)
{
	struct str text = STR_INIT;
	struct json *o = json_obj();

	json_set_int(o, "generation", v->generation);
	json_set_int(o, "changes", v->changes);
	json_set_int(o, "waited_ms", v->waited_ms);
	str_adds(&text, v->text);
	if (v->changes == 0)
		str_adds(&text, "nothing changed in the configuration\n");
	if (v->waited_ms > 0)
		str_printf(&text, "waited %lld ms for an older generation or reload\n",
		    (long long)v->waited_ms);
	set_text(o, &text);
	return o;
}

static void
on_reload(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply(owner, reload_data(v));
	else
		refuse_verdict(owner, v);
}

static void
on_reload_wait(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply_late(owner, reload_data(v));
	else
		refuse_verdict(owner, v);
}

void
admin_reload(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct errdetail ed = { 0 };
	uint64_t wait_s = 0;

	if (admin_option_number(r, "--wait", ADMIN_WAIT_MAX, &wait_s, &ed) != 0) {
		admin_refuse(c, ed.text);
		return;
	}
	if (wait_s > 0)
		admin_patience(c, (int64_t)wait_s);
	cycle_reload(m, wait_s > 0 ? on_reload_wait : on_reload, c);
}

/*
 * admin_upstream.c - upstream ls: every target of every service with its addresses, from the endpoints segment of the
 * generation in force. The data is described in tools/proxyctl/format_upstream.c.
 */
#include <stdio.h>

#include "conf/base/clock.h"
#include "master/admin_cmds.h"
#include "master/master.h"

static void
set_state(struct json *o, const struct endpoint *e)
{
	uint64_t now = clock_mono_ms(), until = atomic_load(&e->ejected_until_ms);

	json_set_str(o, "state", endpoint_state_text(e, now));
	json_set_int(o, "ejected_ms", until > now ? (int64_t)(until - now) : 0);
}

static struct json *
target_json(const struct conf_service *s, const struct conf_target *t)
{
	struct json *o = json_obj();

	json_set_str(o, "service", s->name);
	json_set_str(o, "target", t->text);
	json_set_int(o, "weight", t->weight);
	json_set_bool(o, "backup", t->backup);
	return o;
}

static struct json *
endpoint_json(const struct endpoint_data *d, const struct endpoint *e, const struct addr *addr,
    struct json *o)
{
	struct endpoint_counts n;
	char text[ADDR_TEXT];

	endpoint_count(d, e, &n);
	json_set_str(o, "address", addr_text(addr, text));
	set_state(o, e);
	json_set_int(o, "inflight", endpoint_load(e));
	json_set_int(o, "requests", (int64_t)n.requests);
	json_set_int(o, "failures", (int64_t)n.failures);
	json_set_int(o, "failures_in_row", atomic_load(&e->failures));
	json_set_int(o, "ejections", (int64_t)n.ejections);
	json_set_int(o, "idle", n.idle);
	return o;
}

/* One row for each address; a name that has none yet is a row as well. */
static void
push_target(struct json *list, const struct endpoint_data *d, const struct conf_service *s,
    const struct conf_target *t)
{
	const struct endpoint_table *table = endpoint_table(d, s->index);
	uint32_t n = atomic_load(&table->count), found = 0;

	for (uint32_t i = 0; i < n && i < table->room; i++) {
		const struct endpoint *e = endpoint_at(d, table, i);
		struct addr addr;

		if (e == NULL || e->target != t->index || !endpoint_addr(d, table, i, &addr))
			continue;
		json_push(list, endpoint_json(d, e, &addr, target_json(s, t)));
		found++;
	}
	if (found == 0) {
		struct json *o = target_json(s, t);

		json_set_str(o, "state", "unresolved");
		json_push(list, o);
	}
}

void
admin_upstream_ls(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	const struct conf *conf = m->current->conf;
	const char *only = r->nargs > 0 ? r->arg[0] : NULL;
	struct json *list = json_arr();
	bool known = only == NULL;
	char why[160];

	for (unsigned i = 0; i < conf->nservices; i++) {
		const struct conf_service *s = &conf->services[i];

		if (only != NULL && strcmp(s->name, only) != 0)
			continue;
		known = true;
		for (unsigned t = 0; t < s->ntargets; t++)
			push_target(list, m->current->endpoints.data, s, &s->targets[t]);
	}
	if (known) {
		admin_reply(c, list);
		return;
	}
	json_free(&list);
	(void)snprintf(why, sizeof why,
	    "there is no service '%.64s': 'proxyctl upstream ls' shows all", only);
	admin_refuse(c, why);
}

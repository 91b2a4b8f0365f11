/*
 * admin_drain.c - drain: a target takes no new requests, those it has finish. A word in the endpoints segment that
 * balancers read; a reload or an upgrade carries it over for targets and addresses that are still there.
 */
#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/drain.h"
#include "master/master.h"

static int64_t
inflight(const struct generation *g, const struct conf_service *s)
{
	const struct endpoint_data *d = g->endpoints.data;
	const struct endpoint_table *t = endpoint_table(d, s->index);
	int64_t sum = 0;

	for (unsigned i = 0; i < t->room; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);

		sum += e != NULL && endpoint_drained(e) ? endpoint_load(e) : 0;
	}
	return sum;
}

static void
push_service(struct json *list, const struct generation *g, const struct conf_service *s)
{
	struct json *o = json_obj();

	json_set_str(o, "name", s->name);
	json_set_int(o, "inflight", inflight(g, s));
	json_set_bool(o, "all_drained", endpoint_all_drained(g->endpoints.data, s->index));
	json_push(list, o);
}

void
admin_drain(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	const char *name = r->nargs > 0 ? r->arg[0] : "";
	bool out = admin_option(r, "--undo") == NULL;
	const struct conf *conf = m->current->conf;
	struct span service, target;
	struct json *list, *o;

	if (upgrade_under_way(m)) {
		admin_refuse(c, "an upgrade is in progress: ask again when it is over");
		return;
	}

	list = json_arr();
	drain_split(span_str(name), &service, &target);
	for (unsigned i = 0; i < conf->nservices; i++) {
		const struct conf_service *s = &conf->services[i];

		if ((service.n == 0 || span_eq_str(service, s->name)) &&
		    drain_set(m, s->name, target, out) > 0)
			push_service(list, m->current, s);
	}
	if (json_len(list) == 0) {
		json_free(&list);
		admin_refuse(c,
		    "no service has such a target: name it as the configuration does, or one of "
		    "its addresses as 'proxyctl status' shows them");
		return;
	}
	log_write(LOG_INFO, "%s %s, by user %u", name,
	    out ? "is drained: no new requests" : "is drained no more", (unsigned)admin_uid(c));
	o = json_obj();
	json_set_str(o, "target", name);
	json_set_bool(o, "drained", out);
	json_set(o, "services", list);
	admin_reply(c, o);
}

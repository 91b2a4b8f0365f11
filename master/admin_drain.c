/*
 * admin_drain.c - drain: a target takes no new requests, those it has finish. A word in the endpoints segment that
 * balancers read; a reload carries it over for targets and addresses that are still there.
 */
#include <string.h>

#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/master.h"

/* "SERVICE/TARGET" or "TARGET": the service is empty then. A UNIX target has slashes of its own. */
static void
name_split(const char *text, struct span *service, struct span *target)
{
	struct span all = span_str(text);
	ptrdiff_t slash = span_find(all, '/');

	*service = SPAN_NONE;
	*target = all;
	if (slash < 0 || strncmp(text, "unix:", 5) == 0)
		return;
	*service = span_make(all.p, (size_t)slash);
	*target = span_make(all.p + slash + 1, all.n - (size_t)slash - 1);
}

static const struct conf_service *
service_named(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->nservices; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return &c->services[i];
	return NULL;
}

/* In every generation: one that is about to serve has copied what the current one knew when it was made. */
static unsigned
drain_everywhere(struct master *m, const char *service, struct span target, bool out)
{
	unsigned found = 0;

	LIST_EACH(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);
		const struct conf_service *s = service_named(g->conf, service);
		unsigned here = 0;

		if (s != NULL)
			here = endpoint_drain(g->endpoints.data, s->index, target, out);
		if (g == m->current)
			found = here;
	}
	return found;
}

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
	struct json *list = json_arr(), *o;
	struct span service, target;

	name_split(name, &service, &target);
	for (unsigned i = 0; i < conf->nservices; i++) {
		const struct conf_service *s = &conf->services[i];

		if ((service.n == 0 || span_eq_str(service, s->name)) &&
		    drain_everywhere(m, s->name, target, out) > 0)
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

/*
 * explain_limits.c - the limits and timeouts a request lives under, and where each comes from.
 *
 * A limit is named by its path in the configuration; the schema's tables say where it lies and how it is written. One
 * that may be said in several places is what the req holds, and comes from the first place that says it.
 */
#include "worker/explain.h"

#include "conf/base/units.h"
#include "conf/schema/schema.h"

/* A place that may say it: a section's object with the path of the item in it. */
struct place {
	const struct section *section;
	const void *obj;
	struct conf_pos at;
	const char *path, *name;
};

static const struct item *
item_in(const struct section *s, struct span name)
{
	for (unsigned i = 0; i < s->nitems; i++)
		if (span_eq_str(name, s->items[i].name))
			return &s->items[i];
	return NULL;
}

/* The item and its value; NULL: the schema has no such path. */
static const struct item *
find(const struct place *p, const void **value)
{
	const struct section *s = p->section;
	const char *obj = p->obj;
	struct span rest = span_str(p->path), name;
	const struct item *it = NULL;

	while (s != NULL && span_split(&rest, '.', &name)) {
		it = item_in(s, name);
		if (it == NULL)
			return NULL;
		obj += it->at;
		s = it->sub;
	}
	*value = obj;
	return it;
}

static void
push(struct json *list, const char *name, const char *value, const char *from, struct conf_pos at)
{
	struct json *o = json_obj();

	json_set_str(o, "name", name);
	json_set_str(o, "value", value);
	json_set_str(o, "from", from);
	if (at.line != 0)
		explain_set_at(o, "at", at);
	json_push(list, o);
}

/* Of the places, the first that says it; holds: what it must say, because the request has it, NULL: whatever. */
static void
add(struct json *list, const char *name, const struct place *v, unsigned n, const int64_t *holds)
{
	static const struct conf_pos none = { 0 };
	const void *value;

	for (unsigned i = 0; i < n; i++) {
		const struct item *it = find(&v[i], &value);
		struct str text = STR_INIT, quoted = STR_INIT;
		struct conf_pos at;
		bool usual;

		if (it == NULL || !value_is_set(it, value) ||
		    (holds != NULL && *(const int64_t *)value != *holds))
			continue;
		usual = !(it->flags & ITEM_INHERIT) && value_is_default(it, value);
		at = usual ? none : v[i].at;
		value_text(it, value, &quoted);
		if (quoted.len > 1 && quoted.data[0] == '"')
			str_add(&text, span_make(quoted.data + 1, quoted.len - 2));
		else
			str_add(&text, str_span(&quoted));
		push(list, name, str_span(&text).p, usual ? "built in" : v[i].name, at);
		str_fini(&text);
		str_fini(&quoted);
		return;
	}
}

#define CONF_PLACE(c, part, item) { &schema_##part, &(c)->part, (c)->part.at, item, #part }

static void
add_client(struct json *list, const struct conf *c)
{
	static const struct { const char *name, *item; bool http; } items[] = {
		{ "http.max_head", "max_head", true },
		{ "http.max_field", "max_field", true },
		{ "http.max_fields", "max_fields", true },
		{ "http.max_target", "max_target", true },
		{ "timeouts.head", "head", false },
		{ "timeouts.keepalive", "keepalive", false },
	};

	for (unsigned i = 0; i < ARRAY_LEN(items); i++) {
		struct place http = CONF_PLACE(c, http, items[i].item);
		struct place times = CONF_PLACE(c, timeouts, items[i].item);

		add(list, items[i].name, items[i].http ? &http : &times, 1, NULL);
	}
}

static void
add_inherited(struct json *list, const struct req *r, const char *name, int64_t holds)
{
	const struct conf *c = r->x->conf;
	struct place v[3];
	unsigned n = 0;

	if (r->service == NULL) {
		v[n++] = (struct place)CONF_PLACE(c, forward, name);
	} else {
		v[n++] = (struct place){ &schema_route, r->route, r->route->at, name, "route" };
		v[n++] = (struct place){ &schema_service, r->service, r->service->at, name,
			"service" };
		v[n++] = (struct place)CONF_PLACE(c, defaults, name);
	}
	add(list, name, v, n, &holds);
}

static void
add_service(struct json *list, const struct conf_service *s)
{
	static const char *const items[] = { "retry.tries", "queue.max_requests",
		"queue.max_pending", "queue.wait" };

	for (unsigned i = 0; i < ARRAY_LEN(items); i++) {
		struct place p = { &schema_service, s, s->at, items[i], "service" };

		add(list, items[i], &p, 1, NULL);
	}
}

struct json *
explain_limits(const struct req *r)
{
	const struct conf *c = r->x->conf;
	struct json *list = json_arr();

	add_client(list, c);
	if (r->mode == NULL || r->is_local)
		return list;
	add_inherited(list, r, "timeout.connect", r->timeout.connect_ms);
	add_inherited(list, r, "timeout.response", r->timeout.response_ms);
	add_inherited(list, r, "timeout.idle", r->timeout.idle_ms);
	add_inherited(list, r, "max_body", (int64_t)r->max_body);
	if (r->route != NULL) {
		struct place body[] = { { &schema_route, r->route, r->route->at, "body_idle",
					    "route" },
			CONF_PLACE(c, timeouts, "body_idle") };

		add(list, "body_idle", body, 2, NULL);
	}
	if (r->service != NULL)
		add_service(list, r->service);
	if (r->connect || r->want_upgrade) {
		struct place idle = CONF_PLACE(c, timeouts, "tunnel_idle");
		struct place life = CONF_PLACE(c, timeouts, "tunnel_life");

		add(list, "timeouts.tunnel_idle", &idle, 1, NULL);
		add(list, "timeouts.tunnel_life", &life, 1, NULL);
	}
	return list;
}

/*
 * admin_rules.c - acl ls and acl hits: the rules and routes in force, and how often each decided a request. Numbers
 * come from the statistics segment: they count requests that have ended, from when the name first appeared.
 */
#include <stdio.h>

#include "conf/base/clock.h"
#include "master/admin_cmds.h"
#include "master/master.h"

struct count { uint64_t requests; int64_t since_s; };

static struct count
count_of(const struct master *m, unsigned slot)
{
	const struct stats_data *stats = m->segments.stats.data;
	struct stats_object object;

	stats_sum_object(stats, slot, &object);
	return (struct count){ object.requests, stats->name[slot].since_s };
}

/* "counted_s": how long ago counting began. */
static void
set_count(struct json *o, struct count n)
{
	int64_t now_s = (int64_t)(clock_wall_us() / 1000000);

	json_set_int(o, "hits", (int64_t)n.requests);
	if (n.since_s != 0)
		json_set_int(o, "counted_s", now_s > n.since_s ? now_s - n.since_s : 0);
}

static void
set_place(struct json *o, struct conf_pos at)
{
	char text[300] = "built in";

	if (at.line > 0)
		(void)snprintf(text, sizeof text, "%.280s:%d", at.file, at.line);
	json_set_str(o, "at", text);
}

static struct json *
rule_json(const struct conf_rule *r)
{
	struct json *o = json_obj();

	json_set_str(o, "id", r->id);
	json_set_str(o, "verdict", r->allow ? "allow" : "deny");
	set_place(o, r->at);
	return o;
}

static void
set_terms(struct json *o, const struct conf_rule *r)
{
	struct json *terms = json_arr(), *open = json_arr();
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < r->all.n; i++)
		json_push_str(terms, r->all.v[i]);
	for (unsigned i = 0; i < r->open.n; i++) {
		cidr_text(&r->open.v[i], text);
		json_push_str(open, text);
	}
	json_set(o, "all", terms);
	json_set(o, "open", open);
}

static struct json *
route_json(const struct conf_route *r)
{
	struct json *o = json_obj(), *hosts = json_arr();

	json_set_str(o, "name", r->name);
	for (unsigned i = 0; i < r->match.hosts.n; i++)
		json_push_str(hosts, r->match.hosts.v[i]);
	json_set(o, "hosts", hosts);
	json_set_str(o, "path", r->match.path);
	set_place(o, r->at);
	return o;
}

/* The slots of routes and rules stand behind those of listeners and services: see generation.c. */
static unsigned
route_slot(const struct generation *g, unsigned i)
{
	return g->slots[g->conf->nlisteners + g->conf->nservices + i];
}

static unsigned
rule_slot(const struct generation *g, unsigned i)
{
	return g->slots[g->conf->nlisteners + g->conf->nservices + g->conf->nroutes + i];
}

void
admin_acl_ls(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	const struct generation *g = m->current;
	struct json *list = json_arr(), *data = json_obj();

	(void)r;
	for (unsigned i = 0; i < g->conf->nrules; i++) {
		struct json *o = rule_json(&g->conf->rules[i]);

		set_terms(o, &g->conf->rules[i]);
		set_count(o, count_of(m, rule_slot(g, i)));
		json_push(list, o);
	}
	json_set(data, "rules", list);
	json_set(data, "lists", list_store_json(m));
	admin_reply(c, data);
}

static struct json *
rule_hits(const struct master *m, const struct generation *g, bool zero)
{
	struct json *list = json_arr(), *o;

	for (unsigned i = 0; i < g->conf->nrules; i++) {
		struct count n = count_of(m, rule_slot(g, i));

		if (zero && n.requests > 0)
			continue;
		o = rule_json(&g->conf->rules[i]);
		set_count(o, n);
		json_push(list, o);
	}
	return list;
}

static struct json *
route_hits(const struct master *m, const struct generation *g, bool zero)
{
	struct json *list = json_arr(), *o;

	for (unsigned i = 0; i < g->conf->nroutes; i++) {
		struct count n = count_of(m, route_slot(g, i));

		if (zero && n.requests > 0)
			continue;
		o = route_json(&g->conf->routes[i]);
		set_count(o, n);
		json_push(list, o);
	}
	return list;
}

static bool
has_mode(const struct conf *c, enum conf_mode mode)
{
	for (unsigned i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].mode == mode)
			return true;
	return false;
}

/* Rules that no listener asks are not told: their zero says nothing. */
void
admin_acl_hits(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	const struct generation *g = m->current;
	bool zero = admin_option(r, "--zero") != NULL, forward = has_mode(g->conf, MODE_FORWARD),
	     reverse = has_mode(g->conf, MODE_REVERSE);
	struct json *o = json_obj();

	json_set_bool(o, "zero", zero);
	json_set(o, "rules", forward ? rule_hits(m, g, zero) : json_arr());
	json_set(o, "routes", reverse ? route_hits(m, g, zero) : json_arr());
	admin_reply(c, o);
}

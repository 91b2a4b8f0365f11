/*
 * ask_lookup.c - acl lookup: which acls and lists hold a name or an address, as requests would find it.
 */
#include <stdio.h>

#include "conf/http/uri.h"
#include "worker/ask.h"
#include "worker/mode/acl_lookup.h"

#define VALUE_MAX 1024

struct answer {
	const struct conf *conf;
	struct json	*found;
};

static void
set_at(struct json *o, const char *key, struct conf_pos at)
{
	char text[300];

	if (at.line > 0)
		(void)snprintf(text, sizeof text, "%.280s:%d", at.file, at.line);
	json_set_str(o, key, at.line > 0 ? text : "built in");
}

/* "ads.example.com and below", "192.0.2.0/24" */
static void
set_entry(struct json *o, const struct list_hit *at)
{
	char text[300];

	if (at->block.family != 0)
		cidr_text(&at->block, text);
	else
		(void)snprintf(text, sizeof text, SPAN_FMT "%s", SPAN_ARG(at->name),
		    at->below ? " and below" : "");
	json_set_str(o, "entry", text);
}

/* Ids of the rules that name the acl, "!" before those it must not match. */
static struct json *
rules_of(const struct conf *conf, const struct conf_acl *acl)
{
	struct json *list = json_arr();
	char text[130];		/* an id has 120 bytes at most */

	for (unsigned i = 0; i < conf->nrules; i++)
		for (unsigned j = 0; j < conf->rules[i].nterms; j++) {
			const struct conf_rule_term *t = &conf->rules[i].terms[j];

			if (t->acl != acl)
				continue;
			(void)snprintf(
			    text, sizeof text, "%s%s", t->negate ? "!" : "", conf->rules[i].id);
			json_push_str(list, text);
		}
	return list;
}

static void
on_found(void *owner, const struct acl_found *f)
{
	struct answer *a = owner;
	struct json *o = json_obj();

	json_set_str(o, "acl", f->acl->name);
	set_at(o, "at", f->acl->at);
	json_set_str(o, "key", f->key);
	json_set(o, "rules", rules_of(a->conf, f->acl));
	if (f->list != NULL) {
		json_set_str(o, "list", f->list->name);
		json_set_str(o, "file", f->list->path);
		json_set_int(o, "line", f->at.line);
		set_entry(o, &f->at);
	}
	json_push(a->found, o);
}

/* As a request would name it: an address with or without brackets, or a host. */
static bool
value_is_addr(struct span value, struct addr *a)
{
	if (value.n > 2 && value.p[0] == '[' && value.p[value.n - 1] == ']')
		value = span_make(value.p + 1, value.n - 2);
	return addr_parse_ip(a, value, 0) == 0;
}

void
ask_acl_lookup(struct ask *ask, const struct json *args)
{
	struct span value = span_str(json_str(json_get(args, "value"), ""));
	const struct acl_table *t = ask->x->acls;
	struct answer a = { .conf = ask->x->conf };
	char host[VALUE_MAX];
	struct addr addr;
	struct json *o;
	bool is_addr;

	if (t == NULL || value.n == 0 || value.n > sizeof host) {
		ask_refuse(ask, t == NULL ? "acls are for forward listeners, and there is none" :
					    "a host name or an address is looked up");
		return;
	}
	is_addr = value_is_addr(value, &addr);
	a.found = json_arr();
	acl_lookup(
	    t, span_make(host, uri_host_lower(host, value)), is_addr ? &addr : NULL, on_found, &a);
	o = json_obj();
	json_set_str(o, "kind", is_addr ? "address" : "name");
	json_set(o, "found", a.found);
	ask_answer(ask, o);
}

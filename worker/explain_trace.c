/*
 * explain_trace.c - the listener: rules and routes as they are tried, addresses as they are judged.
 *
 * Rules are tried once for the target's name and again for each of its addresses; what is heard belongs to the pass
 * under way. An address may be judged twice, for a kept connection and for a new one: told once.
 */
#include "worker/explain.h"

#include <stdio.h>

#include "conf/base/assert.h"
#include "worker/back/fetch.h"
#include "worker/mode/guard.h"

#define TERM_TEXT 160

void
explain_set_span(struct json *o, const char *key, struct span s)
{
	struct str text = STR_INIT;

	str_add(&text, s);
	json_set_str(o, key, s.p == NULL ? NULL : str_span(&text).p);
	str_fini(&text);
}

void
explain_set_at(struct json *o, const char *key, struct conf_pos at)
{
	struct str text = STR_INIT;

	if (at.line == 0)
		str_adds(&text, "built in");
	else
		str_printf(&text, "%s:%d", at.file, at.line);
	json_set_str(o, key, text.data);
	str_fini(&text);
}

/* ------------------------------------------------------------------------------------------ rules */

static const char *
answer_text(enum acl_answer a)
{
	switch (a) {
	case ACL_NO:		return "no";
	case ACL_YES:		return "match";
	case ACL_UNKNOWN:	return "unknown";
	case ACL_FAILED:	return "undecided";
	}
	NEVER("a rule without an answer");
}

static void
term_text(const struct conf_rule_term *t, char out[TERM_TEXT])
{
	(void)snprintf(out, TERM_TEXT, "%s%s", t->negate ? "!" : "", t->acl->name);
}

/* A term asked a second time, for another form of the path, takes its first answer's place. */
static void
on_term(struct acl_trace *t, const struct conf_rule_term *term, enum acl_answer a,
    const struct acl_hit *hit)
{
	struct explained *e = LIST_ENTRY(t, struct explained, rules);
	struct json *o = json_obj();
	char text[TERM_TEXT];

	json_set_str(o, "says", answer_text(a));
	explain_set_at(o, "at", term->acl->at);
	if (hit->no != NULL)
		json_set_str(o, "kind", hit->no);
	if (a != ACL_NO && hit->url != NULL)
		json_set_str(o, "url", hit->url->text);
	if (hit->list != NULL) {
		json_set_str(o, "list", hit->list->name);
		json_set_int(o, "line", hit->line);
		json_set_str(o, "file", hit->list->path);
	}
	if (e->terms == NULL)
		e->terms = json_obj();
	term_text(term, text);
	json_set(e->terms, text, o);
}

static void
on_rule(struct acl_trace *t, const struct conf_rule *rule, enum acl_answer a,
    const struct conf_rule_term *by)
{
	struct explained *e = LIST_ENTRY(t, struct explained, rules);
	struct json *o = json_obj();
	char term[TERM_TEXT];

	json_set_str(o, "id", rule->id);
	json_set_str(o, "action", rule->allow ? "allow" : "deny");
	explain_set_at(o, "at", rule->at);
	json_set_str(o, "verdict", answer_text(a));
	if (by != NULL) {
		term_text(by, term);
		json_set_str(o, "term", term);
	}
	if (e->terms != NULL)
		json_set(o, "terms", e->terms);
	e->terms = NULL;
	json_push(e->pass, o);
}

static struct acl_trace *
rules_for(struct explain *x, const struct addr *dst)
{
	struct explained *e = LIST_ENTRY(x, struct explained, explain);

	e->pass = json_arr();
	if (dst == NULL) {
		json_set(e->doc, "rules", e->pass);
	} else {
		json_free(&e->about);
		e->about = json_obj();
		json_set(e->about, "rules", e->pass);
	}
	return &e->rules;
}

/* ---------------------------------------------------------------------------------------- addresses */

static bool
known(const struct explained *e, const struct addr *a)
{
	for (unsigned i = 0; i < e->njudged; i++)
		if (addr_eq(&e->judged[i], a))
			return true;
	return false;
}

static struct json *
member_array(struct json *o, const char *key)
{
	struct json *list = json_arr();

	json_set(o, key, list);
	return list;
}

static void
on_address(struct explain *x, const struct addr *a, enum reason why)
{
	struct explained *e = LIST_ENTRY(x, struct explained, explain);
	struct json *o = e->about == NULL ? json_obj() : e->about;
	char text[ADDR_TEXT];

	e->about = NULL;
	if (e->r->mode->allow == NULL || known(e, a) || e->njudged == ARRAY_LEN(e->judged)) {
		json_free(&o);
		return;
	}
	e->judged[e->njudged++] = *a;
	json_set_str(o, "address", addr_text(a, text));
	json_set_str(o, "verdict", why == R_NONE ? "allowed" : "denied");
	json_set_str(o, "range", guard_range(a));
	json_set_str(o, "rule", e->r->rule == NULL ? NULL : e->r->rule->id);
	if (why != R_NONE) {
		json_set_str(o, "reason", reason_token(why));
		json_set_str(o, "text", reason_text(why));
	}
	if (e->addresses == NULL)
		e->addresses = member_array(e->doc, "addresses");
	json_push(e->addresses, o);
}

void
explain_judge_rest(struct explained *e)
{
	struct req *r = e->r;
	const struct conf_rule *rule = r->rule;
	const struct conf_list *list = r->list;
	uint32_t line = r->list_line;

	for (unsigned i = 0; r->fetch != NULL && r->mode->allow != NULL && i < r->fetch->nlist; i++)
		if (!known(e, &r->fetch->list[i]))
			on_address(&e->explain, &r->fetch->list[i],
			    r->mode->allow(r, &r->fetch->list[i]));
	r->rule = rule;
	r->list = list;
	r->list_line = line;
}

/* ------------------------------------------------------------------------------------------ routes */

static const char *
try_text(enum route_try what)
{
	switch (what) {
	case ROUTE_TRY_METHOD:		return "method";
	case ROUTE_TRY_CONDITION:	return "condition";
	case ROUTE_TRY_UNDECIDED:	return "undecided";
	case ROUTE_TRY_TAKEN:		return "match";
	}
	NEVER("a route without an answer");
}

/* "header X-A ~ ^1" */
static void
set_condition(struct json *o, const struct conf_condition *c)
{
	static const char *const where[] = {
		[IN_HEADER] = "header", [IN_QUERY] = "query", [IN_COOKIE] = "cookie"
	};
	struct str text = STR_INIT;

	str_printf(&text, "%s %s", where[c->where], c->name);
	if (c->re != NULL)
		str_printf(&text, " ~ %s", c->text);
	json_set_str(o, "condition", text.data);
	explain_set_at(o, "condition_at", c->at);
	str_fini(&text);
}

static void
on_candidate(struct route_trace *t, const struct conf_route *route, enum route_try what,
    const struct conf_condition *by)
{
	struct explained *e = LIST_ENTRY(t, struct explained, routes);
	struct json *o = json_obj();

	json_set_str(o, "name", route->name);
	explain_set_at(o, "at", route->at);
	json_set_str(o, "path", route->match.path);
	json_set_str(o, "verdict", try_text(what));
	if (by != NULL)
		set_condition(o, by);
	json_push(e->pass, o);
}

static struct route_trace *
routes_for(struct explain *x, struct span path)
{
	struct explained *e = LIST_ENTRY(x, struct explained, explain);
	struct json *o = json_obj();

	e->pass = json_arr();
	explain_set_span(o, "path", path);
	json_set(o, "candidates", e->pass);
	if (e->searches == NULL)
		e->searches = member_array(e->doc, "searches");
	json_push(e->searches, o);
	return &e->routes;
}

void
explain_listen(struct explained *e)
{
	e->explain.rules = rules_for;
	e->explain.routes = routes_for;
	e->explain.address = on_address;
	e->rules.rule = on_rule;
	e->rules.term = on_term;
	e->routes.candidate = on_candidate;
}

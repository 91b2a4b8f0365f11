/* top.c - the outermost keys of a configuration file. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf, f)

const char *const schema_modes[] = { "", "forward", "reverse", NULL };

static const struct item items[] = {
	{ "mode", ITEM_ENUM, AT(mode), .names = schema_modes,
	    .help =
		"what every listener is unless it says otherwise: \"forward\" stands in front "
		"of clients, \"reverse\" in front of servers" },
	{ "name", ITEM_STR, AT(name), "proxyd", .flags = ITEM_NONEMPTY | ITEM_RESTART,
	    .help = "name of this instance: part of the admin socket's path and of log lines" },
	{ "process", ITEM_GROUP, AT(process), .sub = &schema_process, .help = "processes, user, logs" },
	{ "listeners", ITEM_LIST, AT(listeners), .count = AT(nlisteners), .sub = &schema_listener,
	    .help = "where clients connect" },
	{ "services", ITEM_LIST, AT(services), .count = AT(nservices), .sub = &schema_service,
	    .help = "named sets of upstream servers" },
	{ "routes", ITEM_LIST, AT(routes), .count = AT(nroutes), .sub = &schema_route,
	    .help = "which request goes to which service (reverse mode)" },
	{ "defaults", ITEM_GROUP, AT(defaults), .sub = &schema_defaults, .help = "for every route" },
	{ "lists", ITEM_MAP, AT(lists), .count = AT(nlists), .sub = &schema_list,
	    .help = "files of domains or address blocks that acls name as \"@name\" (forward mode)" },
	{ "acls", ITEM_MAP, AT(acls), .count = AT(nacls), .sub = &schema_acl,
	    .help = "named conditions on a request (forward mode)" },
	{ "rules", ITEM_LIST, AT(rules), .count = AT(nrules), .sub = &schema_rule,
	    .help =
		"who may go where, in order: the first match wins, no match is a denial (forward mode)",
	    .flags = ITEM_ORDERED },
	{ "forward", ITEM_GROUP, AT(forward), .sub = &schema_forward, .help = "forward mode" },
	{ "http", ITEM_GROUP, AT(http), .sub = &schema_http, .help = "limits on messages" },
	{ "timeouts", ITEM_GROUP, AT(timeouts), .sub = &schema_timeouts, .help = "patience with clients" },
	{ "overload", ITEM_GROUP, AT(overload), .sub = &schema_overload,
	    .help = "refusing requests when a worker lags behind" },
	{ "dns", ITEM_GROUP, AT(dns), .sub = &schema_dns, .help = "resolving names that requests bring" },
	{ "cache", ITEM_GROUP, AT(cache), .sub = &schema_cache, .help = "keeping responses" },
	{ "telemetry", ITEM_GROUP, AT(telemetry), .sub = &schema_telemetry, .help = "access log" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf *conf = obj;

	if (!item_given(c, "mode") && c->at.line > 0)		/* the shipped policy has none */
		item_error(c, "mode",
		    "\"mode\" is missing: write mode = \"forward\"; (a proxy for clients) or "
		    "mode = \"reverse\"; (before servers)");
	if (!word_name(c, "name", conf->name))
		return;
	if (strchr(conf->name, '/') != NULL)
		item_error(c, "name",
		    "\"name\" = \"%s\" becomes part of a file name: write it without '/'",
		    conf->name);
}

const struct section schema_top = {
	.help = "The top of a file.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf),
	.pos = SECTION_NO_POS, .check = check,
};

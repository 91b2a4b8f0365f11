/* rule.c - entries of "rules": ordered allow and deny over named acls. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_rule, f)

static const struct item items[] = {
	{ "id", ITEM_STR, AT(id), .flags = ITEM_REQUIRED, .help = "as it appears in logs and on error pages" },
	{ "allow", ITEM_BOOL, AT(allow), "false", .flags = ITEM_TERSE, .help = "let the request pass" },
	{ "deny", ITEM_BOOL, AT(deny), "false", .flags = ITEM_TERSE, .help = "refuse it with 403" },
	{ "all", ITEM_STRS, AT(all),
	    .help =
		"acls that must all match, \"!name\" one that must not; without it every request" },
	{ "open", ITEM_CIDRS, AT(open),
	    .help =
		"protected networks (private, loopback, …) that this allow rule opens as targets" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_rule *r = obj;

	if (r->id != NULL)
		(void)word_name(c, "id", r->id);
	if (r->allow == r->deny && c->node != NULL)
		conf_problems_add(c->problems, c->at, false,
		    "rule \"%.64s\" %s: write either allow = true or deny = true",
		    r->id == NULL ? "" : r->id,
		    r->allow ? "both allows and denies" : "neither allows nor denies");
	if (r->deny && r->open.n > 0)
		item_error(
		    c, "open", "\"open\" in a deny rule opens nothing: write it in an allow rule");
}

const struct section schema_rule = {
	.help = "One line of policy.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf_rule),
	.pos = AT(at), .check = check,
};

/*
 * builtin.c - the shipped policy, written in the language of the file and read by the same tables.
 *
 * Squid's order: deny unsafe ports, deny CONNECT to other than TLS ports, then the rules of the file, then deny.
 * Denial of protected targets (private, loopback, …) is not a rule: it judges the address dialled, and "open" in an
 * allow rule lifts it.
 */
#include "conf/check.h"

#include "conf/base/assert.h"
#include "conf/schema/schema.h"

static const char policy[] =
    "acls = {"
    "  all = { };"
    "  localhost = { src = [ \"127.0.0.0/8\", \"::1/128\" ]; };"
    "  localnet = { src = [ \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"100.64.0.0/10\","
    "    \"169.254.0.0/16\", \"fc00::/7\", \"fe80::/10\" ]; };"
    "  to_localhost = { dst = [ \"127.0.0.0/8\", \"0.0.0.0/8\", \"::1/128\", \"::/128\" ]; };"
    "  to_linklocal = { dst = [ \"169.254.0.0/16\", \"fe80::/10\" ]; };"
    "  to_private = { dst = [ \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", "
    "\"100.64.0.0/10\", \"fc00::/7\" ]; };"
    "  connect = { method = [ \"CONNECT\" ]; };"
    "  safe_ports = { port = [ \"80\", \"21\", \"443\", \"70\", \"210\", \"280\", \"488\", "
    "\"591\", \"777\", \"1025-65535\" ]; };"
    "  ssl_ports = { port = [ \"443\" ]; };"
    "};"
    "listeners = ( { bind = [ \"127.0.0.1:3128\" ]; } );"
    "rules = ("
    "  { id = \"default/safe-ports\"; deny = true; all = [ \"!safe_ports\" ]; },"
    "  { id = \"default/ssl-ports\"; deny = true; all = [ \"connect\", \"!ssl_ports\" ]; },"
    "  { id = \"default/localhost\"; allow = true; all = [ \"localhost\" ]; },"
    "  { id = \"implicit-deny\"; deny = true; }"
    ");";

enum { RULE_LOCALHOST = 2, RULE_DENY = 3 };	/* places in the list above */

static bool
may_redefine(const char *name)
{
	return strcmp(name, "safe_ports") == 0 || strcmp(name, "ssl_ports") == 0;
}

static const struct conf_acl *
acl_of(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->nacls; i++)
		if (strcmp(c->acls[i].name, name) == 0)
			return &c->acls[i];
	return NULL;
}

/* The shipped acls the file does not define itself, then those of the file. */
static void
merge_acls(struct conf *c, const struct conf *shipped, struct conf_problems *ps)
{
	struct conf_acl *v = arena_alloc(c->arena, (c->nacls + shipped->nacls) * sizeof *v);
	const struct conf_acl *own;
	unsigned n = 0;

	for (unsigned i = 0; i < shipped->nacls; i++) {
		own = acl_of(c, shipped->acls[i].name);
		if (own == NULL)
			v[n++] = shipped->acls[i];
		else if (!may_redefine(own->name))
			conf_problems_add(ps, own->at, false,
			    "acl \"%s\" is a shipped one: choose another name", own->name);
	}
	for (unsigned i = 0; i < c->nacls; i++)
		v[n++] = c->acls[i];
	c->acls = v;
	c->nacls = n;
}

static void
merge_rules(struct conf *c, const struct conf *shipped)
{
	struct conf_rule *v = arena_alloc(c->arena, (c->nrules + shipped->nrules) * sizeof *v);
	unsigned n = 0;

	for (unsigned i = 0; i < shipped->nrules; i++)
		shipped->rules[i].builtin = true;
	for (unsigned i = 0; c->forward.default_rules && i < RULE_LOCALHOST; i++)
		v[n++] = shipped->rules[i];
	for (unsigned i = 0; i < c->nrules; i++)
		v[n++] = c->rules[i];
	if (c->nrules == 0)
		v[n++] = shipped->rules[RULE_LOCALHOST];
	v[n++] = shipped->rules[RULE_DENY];
	c->rules = v;
	c->nrules = n;
}

void
check_builtin(struct conf *c, struct conf_problems *ps)
{
	char *file = arena_strdup(c->arena, "built in");
	struct conf_source src = { .files = &file, .nfiles = 1 };
	struct conf *shipped = arena_alloc(c->arena, sizeof *shipped);
	struct item_ctx ctx = { .arena = c->arena, .problems = ps };
	struct node *root;

	src.text.data = arena_strdup(c->arena, policy);
	src.text.len = sizeof policy - 1;
	root = node_parse(&src, c->arena, ps);
	ASSERT(root != NULL);
	item_fill(&ctx, &schema_top, shipped, root);
	merge_acls(c, shipped, ps);
	merge_rules(c, shipped);
	if (c->nlisteners == 0 && c->mode == MODE_FORWARD) {
		c->listeners = shipped->listeners;
		c->nlisteners = 1;
	}
}

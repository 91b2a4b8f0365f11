/* service.c - entries of "services": sets of upstream servers, and how they are used. */
#include "conf/schema/schema.h"

#include "conf/base/assert.h"
#include "conf/http/uri.h"

#define AT(f) offsetof(struct conf_service, f)
#define TIMEOUT(f) offsetof(struct conf_upstream_timeout, f)
#define TARGET(f) offsetof(struct conf_target, f)
#define DAY ((int64_t)86400000)

static const struct item timeout_items[] = {
	{ "connect", ITEM_MSEC, TIMEOUT(connect_ms), NULL, 1, DAY,
	    .help = "reaching a target; then the next try, or 504", .flags = ITEM_INHERIT },
	{ "response", ITEM_MSEC, TIMEOUT(response_ms), NULL, 1, DAY,
	    .help = "from the request to the first byte of its response; then 504",
	    .flags = ITEM_INHERIT },
	{ "idle", ITEM_MSEC, TIMEOUT(idle_ms), NULL, 1, DAY,
	    .help = "between two bytes of a response", .flags = ITEM_INHERIT },
};
const struct section schema_upstream_timeout = {
	.help = "Patience with servers.", .items = timeout_items, .nitems = ARRAY_LEN(timeout_items),
	.size = sizeof(struct conf_upstream_timeout), .pos = SECTION_NO_POS,
};

static const struct item target_items[] = {
	{ "addr", ITEM_STR, TARGET(text), .flags = ITEM_REQUIRED,
	    .help = "\"host:port\", \"[::1]:port\", \"unix:/path\" or \"unix:@name\" (abstract)" },
	{ "weight", ITEM_INT, TARGET(weight), "1", 1, 1000,
	    .help = "share of the requests, against the other targets" },
	{ "backup", ITEM_BOOL, TARGET(backup), "false", .flags = ITEM_TERSE,
	    .help = "used only when no other target is usable" },
};

/* "host:port" with a name or a literal; the port must be there. */
static void
target_host(struct item_ctx *c, struct conf_target *t)
{
	struct authority auth;
	struct span host;

	if (uri_parse_authority(&auth, span_str(t->text)) != URI_OK || auth.host.n == 0) {
		item_error(c, "addr",
		    "target \"%.100s\" is not a server: write \"host:port\", without scheme and path",
		    t->text);
		return;
	}
	if (!auth.has_port) {
		item_error(c, "addr", "target \"%.100s\" has no port: write \"%.100s:80\"", t->text,
		    t->text);
		return;
	}
	host = arena_try_copy(c->arena, auth.host);
	ASSERT(host.p != NULL);
	t->host = host.p;
	t->port = auth.port;
	if (addr_parse_ip(&t->addr, host, auth.port) != 0)
		t->addr.len = 0;
	if (t->addr.len == 0 && (auth.ip6 || !word_host(c, "addr", &t->host, false)))
		t->host = NULL;
}

static void
check_target(struct item_ctx *c, void *obj)
{
	struct conf_target *t = obj;
	struct errdetail ed = { 0 };

	if (t->text == NULL)
		return;
	if (strncmp(t->text, "unix:", 5) != 0)
		target_host(c, t);
	else if (addr_parse(&t->addr, t->text, &ed) != 0)
		item_error(c, "addr", "%.200s", ed.text);
	else
		t->host = t->text;
}

static const struct section schema_target = {
	.help = "A server; \"host:port\" alone is short for { addr = \"host:port\"; }.", .items = target_items,
	.nitems = ARRAY_LEN(target_items), .size = sizeof(struct conf_target), .pos = TARGET(at), .bare = "addr",
	.check = check_target,
};

static const struct item retry_items[] = {
	{ "tries", ITEM_INT, AT(tries), "2", 1, 10, .help = "attempts in all, the first included" },
	{ "budget", ITEM_PERCENT, AT(retry_budget), "20%", 0, 100,
	    .help = "share of the requests that may be retried" },
	{ "min", ITEM_INT, AT(retry_min), "3", 0, 100000,
	    .help = "retries per second that are allowed beside the budget" },
};
static const struct section schema_retry = {
	.help = "A second attempt, on another target where there is one.", .items = retry_items,
	.nitems = ARRAY_LEN(retry_items), .pos = SECTION_NO_POS,
};

#define OUTLIER(f) offsetof(struct conf_outlier, f)
static const struct item outlier_items[] = {
	{ "failures", ITEM_INT, OUTLIER(failures), "5", 0, 10000,
	    .help = "failures in a row that eject a target; 0: never" },
	{ "window", ITEM_MSEC, OUTLIER(window_ms), "10s", 1, DAY, .help = "within this time" },
	{ "base", ITEM_MSEC, OUTLIER(base_ms), "30s", 1, DAY,
	    .help = "out for this long, doubled with every ejection that follows" },
	{ "max", ITEM_MSEC, OUTLIER(max_ms), "300s", 1, DAY, .help = "and at most this long" },
	{ "max_ejected", ITEM_PERCENT, OUTLIER(max_ejected), "50%", 0, 100,
	    .help = "share of the targets that may be out at once" },
};

static void
check_outlier(struct item_ctx *c, void *obj)
{
	struct conf_outlier *o = obj;

	if (o->base_ms > o->max_ms)
		item_error(c, "base", "\"base\" is larger than \"max\": lower it");
}

static const struct section schema_outlier = {
	.help = "Targets that fail are left out for a while.",
	.items = outlier_items,
	.nitems = ARRAY_LEN(outlier_items),
	.size = sizeof(struct conf_outlier),
	.pos = SECTION_NO_POS,
	.check = check_outlier,
};

static const struct item pool_items[] = {
	{ "max_idle", ITEM_INT, AT(max_idle), "64", 0, 65536,
	    .help = "idle connections kept per target and worker; 0: none" },
	{ "idle", ITEM_MSEC, AT(pool_idle_ms), "30s", 0, DAY,
	    .help = "for how long; keep it below the server's own" },
};
static const struct section schema_pool = {
	.help = "Connections kept for the next request.", .items = pool_items, .nitems = ARRAY_LEN(pool_items),
	.pos = SECTION_NO_POS,
};

static const struct item queue_items[] = {
	{ "max_requests", ITEM_INT, AT(max_requests), "1024", 1, 1000000,
	    .help = "requests in flight per worker; above, they wait" },
	{ "max_pending", ITEM_INT, AT(max_pending), "256", 0, 1000000,
	    .help = "requests that may wait; above: 503" },
	{ "wait", ITEM_MSEC, AT(pending_ms), "1s", 0, 600000, .help = "for how long; then 503" },
};
static const struct section schema_queue = {
	.help = "How much a service is asked at once.", .items = queue_items, .nitems = ARRAY_LEN(queue_items),
	.pos = SECTION_NO_POS,
};

static const char *const balances[] = { "round_robin", "least_request", NULL };
static const char *const proxy_versions[] = { "off", "v1", "v2", NULL };

static const struct item items[] = {
	{ "name", ITEM_STR, AT(name), .flags = ITEM_REQUIRED, .help = "the word that routes use" },
	{ "targets", ITEM_LIST, AT(targets), .count = AT(ntargets), .sub = &schema_target,
	    .flags = ITEM_REQUIRED,
	    .help =
		"the servers: \"host:port\" or { addr = \"host:port\"; weight = 2; backup = true; }" },
	{ "balance", ITEM_ENUM, AT(balance), "round_robin", .names = balances,
	    .help = "\"round_robin\", or \"least_request\": the least busy by weight" },
	{ "proxy_protocol", ITEM_ENUM, AT(send_proxy), "off", .names = proxy_versions,
	    .help =
		"tell targets the client's address in a PROXY protocol header; a connection then serves "
		"that client's connection only" },
	{ "timeout", ITEM_GROUP, AT(timeout), .sub = &schema_upstream_timeout,
	    .help = "patience with servers; what is missing comes from defaults.timeout" },
	{ "retry", ITEM_GROUP, 0, .sub = &schema_retry, .help = "a second attempt" },
	{ "outlier", ITEM_GROUP, AT(outlier), .sub = &schema_outlier,
	    .help = "targets that fail are left out for a while" },
	{ "pool", ITEM_GROUP, 0, .sub = &schema_pool,
	    .help = "connections kept for the next request" },
	{ "queue", ITEM_GROUP, 0, .sub = &schema_queue,
	    .help = "how much a service is asked at once" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_service *s = obj;
	bool main_target = s->ntargets == 0;

	if (s->name != NULL)
		(void)word_name(c, "name", s->name);
	if (s->ntargets == 0 && item_given(c, "targets"))
		item_error(c, "targets",
		    "service \"%.64s\" has no targets: write targets = [ \"127.0.0.1:9001\" ]",
		    s->name == NULL ? "" : s->name);
	for (unsigned i = 0; i < s->ntargets; i++) {
		s->targets[i].index = i;
		main_target |= !s->targets[i].backup;
	}
	if (!main_target)
		item_error(c, "targets",
		    "every target is a backup: leave at least one without \"backup\"");
}

const struct section schema_service = {
	.help = "A named set of servers.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_service),
	.pos = AT(at),
	.check = check,
};

/* dns.c - section "dns": the resolver for names that requests bring. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_dns, f)
#define DAY ((int64_t)86400000)

static const struct item items[] = {
	{ "servers", ITEM_STRS, AT(servers),
	    .help = "resolvers, \"ip\" or \"ip:port\"; without it those of the system" },
	{ "timeout", ITEM_MSEC, AT(timeout_ms), "2s", 10, 60000,
	    .help = "one question to one server" },
	{ "tries", ITEM_INT, AT(tries), "2", 1, 10, .help = "questions before giving up" },
	{ "total", ITEM_MSEC, AT(total_ms), "5s", 10, 60000, .help = "a look-up in all" },
	{ "min_ttl", ITEM_MSEC, AT(min_ttl_ms), "5s", 0, DAY, .help = "an answer is kept at least this long" },
	{ "max_ttl", ITEM_MSEC, AT(max_ttl_ms), "1h", 0, 7 * DAY, .help = "and at most this long" },
	{ "negative", ITEM_MSEC, AT(negative_ms), "5s", 0, DAY,
	    .help = "\"no such name\" is kept this long" },
	{ "stale", ITEM_MSEC, AT(stale_ms), "5m", 0, DAY,
	    .help = "an expired answer serves this long while servers fail" },
	{ "max_entries", ITEM_INT, AT(max_entries), "10000", 16, 10000000,
	    .help = "names kept per worker" },
};

static bool
server_ok(const char *text)
{
	struct addr a;

	return addr_parse_ip(&a, span_str(text), 53) == 0 ||
	    (addr_parse(&a, text, NULL) == 0 && a.u.sa.sa_family != AF_UNIX);
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_dns *d = obj;

	for (unsigned i = 0; i < d->servers.n; i++)
		if (!server_ok(d->servers.v[i]))
			item_error(c, "servers",
			    "resolver \"%.80s\" is not an address: write \"9.9.9.9\" or \"[2620:fe::fe]:53\"",
			    d->servers.v[i]);
	if (d->servers.n > 8)
		item_error(c, "servers", "%u resolvers: 8 are allowed", d->servers.n);
	if (d->min_ttl_ms > d->max_ttl_ms)
		item_error(c, "min_ttl", "\"min_ttl\" is larger than \"max_ttl\": lower it");
	if (d->timeout_ms > d->total_ms)
		item_error(
		    c, "timeout", "\"timeout\" of one question is larger than \"total\": lower it");
}

const struct section schema_dns = {
	.help = "The resolver.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf_dns),
	.pos = AT(at), .check = check,
};

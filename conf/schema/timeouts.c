/* timeouts.c - section "timeouts": patience with clients (with servers: "timeout" of services and routes). */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_timeouts, f)
#define DAY ((int64_t)86400000)
#define GIB ((int64_t)1 << 30)

static const struct item items[] = {
	{ "head", ITEM_MSEC, AT(head_ms), "10s", 10, DAY,
	    .help = "a whole request head, from its first byte; then 408" },
	{ "body_idle", ITEM_MSEC, AT(body_idle_ms), "30s", 10, DAY,
	    .help = "between two bytes of a request body; then 408" },
	{ "body_grace", ITEM_MSEC, AT(body_grace_ms), "20s", 0, DAY,
	    .help = "a request body may be slow for this long" },
	{ "body_rate", ITEM_SIZE, AT(body_rate), "512", 0, GIB,
	    .help = "bytes per second demanded of it afterwards; 0: any" },
	{ "write_idle", ITEM_MSEC, AT(write_idle_ms), "60s", 10, DAY,
	    .help = "a client that takes no byte of its response" },
	{ "write_grace", ITEM_MSEC, AT(write_grace_ms), "20s", 0, DAY,
	    .help = "a client may take its response slowly for this long" },
	{ "write_rate", ITEM_SIZE, AT(write_rate), "1KiB", 0, GIB,
	    .help = "bytes per second demanded of it afterwards; 0: any" },
	{ "keepalive", ITEM_MSEC, AT(keepalive_ms), "60s", 0, DAY,
	    .help =
		"an idle client connection; 5s when over 80 % of the connections are in use; 0: "
		"close after each response" },
	{ "keepalive_requests", ITEM_INT, AT(keepalive_requests), "1000", 1, INT32_MAX,
	    .help = "requests on one connection" },
	{ "keepalive_age", ITEM_MSEC, AT(keepalive_age_ms), "1h", 1000, 30 * DAY,
	    .help = "age of a connection, then it is closed after a response" },
	{ "linger", ITEM_MSEC, AT(linger_ms), "2s", 0, 60000,
	    .help = "after an answer that closes: read and drop what still comes" },
	{ "linger_bytes", ITEM_SIZE, AT(linger_bytes), "16MiB", 0, GIB,
	    .help = "and at most this much: what a client has under way when it hears a refusal" },
	{ "tunnel_idle", ITEM_MSEC, AT(tunnel_idle_ms), "300s", 10, 30 * DAY,
	    .help = "a tunnel or WebSocket without a byte either way" },
	{ "tunnel_life", ITEM_MSEC, AT(tunnel_life_ms), "24h", 10, 365 * DAY,
	    .help = "a tunnel or WebSocket in all" },
	{ "proxy", ITEM_MSEC, AT(proxy_ms), "3s", 10, DAY, .help = "the PROXY protocol header" },
};

const struct section schema_timeouts = {
	.help = "Patience with clients.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_timeouts),
	.pos = AT(at),
};

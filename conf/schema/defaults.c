/* defaults.c - section "defaults": what every route does unless it says otherwise. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_defaults, f)
#define DAY ((int64_t)86400000)

static const struct item timeout_items[] = {
	{ "connect", ITEM_MSEC, offsetof(struct conf_upstream_timeout, connect_ms), "3s", 1, DAY,
	    .help = "reaching a target; then the next try, or 504" },
	{ "response", ITEM_MSEC, offsetof(struct conf_upstream_timeout, response_ms), "60s", 1, DAY,
	    .help = "from the request to the first byte of its response; then 504" },
	{ "idle", ITEM_MSEC, offsetof(struct conf_upstream_timeout, idle_ms), "60s", 1, DAY,
	    .help = "between two bytes of a response" },
};

static const struct section schema_default_timeout = {
	.help = "Patience with servers.", .items = timeout_items, .nitems = ARRAY_LEN(timeout_items),
	.size = sizeof(struct conf_upstream_timeout), .pos = SECTION_NO_POS,
};

static const struct item items[] = {
	{ "max_body", ITEM_SIZE, AT(max_body), "10MiB", 0, INT64_MAX, .help = "a request body; above: 413; 0: any" },
	{ "timeout", ITEM_GROUP, AT(timeout), .sub = &schema_default_timeout,
	    .help = "patience with servers; services and routes may say otherwise" },
	{ "request_id", ITEM_STR, AT(request_id), "X-Request-Id",
	    .help = "header that carries the request id to servers and back; \"\": none" },
	{ "server", ITEM_STR, AT(server), .flags = ITEM_NONEMPTY,
	    .help = "name of the route that takes hosts no route knows; without it 421" },
	{ "error_pages", ITEM_LIST, AT(error_pages), .count = AT(nerror_pages),
	    .sub = &schema_error_page, .help = "own pages for answers the proxy makes itself" },
	{ "forwarded", ITEM_BOOL, AT(forwarded), "false",
	    .help = "tell servers the client's address in Forwarded (RFC 7239)" },
	{ "x_forwarded", ITEM_BOOL, AT(x_forwarded), "true",
	    .help = "tell it in X-Forwarded-For, -Proto and -Host" },
	{ "via", ITEM_BOOL, AT(via), "true", .help = "add Via (RFC 9110 7.6.3)" },
	{ "cache", ITEM_GROUP, AT(caching), .sub = &schema_caching,
	    .help = "what is stored, where there is a section \"cache\"; routes may say otherwise" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_defaults *d = obj;

	if (d->request_id[0] != '\0')
		(void)word_header(c, "request_id", d->request_id);
}

const struct section schema_defaults = {
	.help = "For every route.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf_defaults),
	.pos = AT(at), .check = check,
};

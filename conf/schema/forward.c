/* forward.c - section "forward": what only a forward proxy does. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_forward, f)
#define DAY ((int64_t)86400000)

static const struct item timeout_items[] = {
	{ "connect", ITEM_MSEC, offsetof(struct conf_upstream_timeout, connect_ms), "10s", 1, DAY,
	    .help = "reaching the target, all its addresses together; then 504" },
	{ "response", ITEM_MSEC, offsetof(struct conf_upstream_timeout, response_ms), "60s", 1, DAY,
	    .help = "from the request to the first byte of its response; then 504" },
	{ "idle", ITEM_MSEC, offsetof(struct conf_upstream_timeout, idle_ms), "60s", 1, DAY,
	    .help = "between two bytes of a response" },
};

static const struct section schema_forward_timeout = {
	.help = "Patience with the servers asked.", .items = timeout_items, .nitems = ARRAY_LEN(timeout_items),
	.size = sizeof(struct conf_upstream_timeout), .pos = SECTION_NO_POS,
};

static const struct item pool_items[] = {
	{ "max_idle", ITEM_INT, AT(max_idle), "64", 0, 65536,
	    .help = "idle connections kept per server and worker; 0: none" },
	{ "idle", ITEM_MSEC, AT(pool_idle_ms), "30s", 0, DAY, .help = "for how long" },
};

static const struct section schema_forward_pool = {
	.help = "Connections kept for the next request.", .items = pool_items, .nitems = ARRAY_LEN(pool_items),
	.pos = SECTION_NO_POS,
};

static const struct item items[] = {
	{ "default_rules", ITEM_BOOL, AT(default_rules), "true",
	    .help =
		"put the shipped denials (unsafe ports, CONNECT to other than TLS ports) before the rules" },
	{ "source", ITEM_STRS, AT(source),
	    .help = "local addresses to dial from, at most one per family" },
	{ "timeout", ITEM_GROUP, AT(timeout), .sub = &schema_forward_timeout,
	    .help = "patience with the servers asked" },
	{ "max_body", ITEM_SIZE, AT(max_body), "0", 0, INT64_MAX,
	    .help = "a request body; above: 413; 0: any" },
	{ "pool", ITEM_GROUP, 0, .sub = &schema_forward_pool,
	    .help = "connections kept for the next request" },
	{ "forwarded", ITEM_BOOL, AT(forwarded), "false",
	    .help = "tell servers the client's address in Forwarded (RFC 7239)" },
	{ "x_forwarded", ITEM_BOOL, AT(x_forwarded), "false",
	    .help = "tell it in X-Forwarded-For, -Proto and -Host" },
	{ "via", ITEM_BOOL, AT(via), "true",
	    .help = "add Via (RFC 9110 7.6.3); without it loops are found late" },
	{ "request_id", ITEM_STR, AT(request_id), "",
	    .help = "header that carries the request id to servers; \"\": none" },
	{ "contact", ITEM_STR, AT(contact), "",
	    .help = "whom to ask, shown on error pages; \"\": nobody" },
	{ "cache", ITEM_GROUP, AT(caching), .sub = &schema_caching,
	    .help = "what is stored, where there is a section \"cache\"" },
};

static void
check_source(struct item_ctx *c, struct conf_forward *f)
{
	struct addr a, *to;

	for (unsigned i = 0; i < f->source.n; i++) {
		if (addr_parse_ip(&a, span_str(f->source.v[i]), 0) != 0) {
			item_error(c, "source",
			    "\"%.80s\" is not an address: write source = [ \"192.0.2.1\", \"2001:db8::1\" ]",
			    f->source.v[i]);
			continue;
		}
		to = a.u.sa.sa_family == AF_INET ? &f->source4 : &f->source6;
		if (to->len != 0)
			item_error(c, "source",
			    "\"%s\" is a second address of its family: keep one", f->source.v[i]);
		else
			*to = a;
	}
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_forward *f = obj;

	check_source(c, f);
	if (f->request_id[0] != '\0')
		(void)word_header(c, "request_id", f->request_id);
}

const struct section schema_forward = {
	.help = "Forward mode.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf_forward),
	.pos = AT(at), .check = check,
};

/* http.c - section "http": limits on message heads, whoever sends them. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_http, f)
#define KIB(n) ((int64_t)(n) << 10)

static const struct item items[] = {
	{ "max_head", ITEM_SIZE, AT(max_head), "32KiB", KIB(1), KIB(1024), .help = "a whole request head; above: 431" },
	{ "max_field", ITEM_SIZE, AT(max_field), "8KiB", 256, KIB(256), .help = "one header field; above: 431" },
	{ "max_fields", ITEM_INT, AT(max_fields), "100", 8, 1000, .help = "header fields of a request; above: 431" },
	{ "max_target", ITEM_SIZE, AT(max_target), "8KiB", 256, KIB(64), .help = "the request line; above: 414" },
	{ "max_response_head", ITEM_SIZE, AT(max_response_head), "64KiB", KIB(1), KIB(1024),
	    .help = "a whole response head from upstream; above: 502" },
	{ "max_response_fields", ITEM_INT, AT(max_response_fields), "200", 8, 1000,
	    .help = "header fields of a response from upstream; above: 502" },
	{ "max_interim", ITEM_INT, AT(max_interim), "32", 0, 1000,
	    .help = "1xx responses relayed for one request; above: 502" },
	{ "relaxed_line_endings", ITEM_BOOL, AT(relaxed_line_endings), "false",
	    .help = "take a bare LF as a line's end in heads of requests (never in chunk framing): for old "
		    "devices only" },
	{ "server_header", ITEM_BOOL, AT(server_header), "true", .help = "say \"Server: proxyd\" on own answers" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_http *h = obj;

	if (h->max_field > h->max_head)
		item_error(c, "max_field",
		    "\"max_field\" is larger than \"max_head\": a field is part of the head, lower it");
	if (h->max_target > h->max_head)
		item_error(c, "max_target",
		    "\"max_target\" is larger than \"max_head\": the request line is part of the head, lower it");
	if (h->relaxed_line_endings)
		conf_problems_add(c->problems, item_pos(c, "relaxed_line_endings"), true,
		    "\"relaxed_line_endings\" accepts what other programs read differently: use "
		    "it only before old devices");
}

const struct section schema_http = {
	.help = "Limits on message heads.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_http),
	.pos = AT(at),
	.check = check,
};

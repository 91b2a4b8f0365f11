/*
 * fuzz_xff.c - any lines as X-Forwarded-For of a request. From an untrusted peer nothing is believed; behind a trusted
 * one the client is an address of the list only when everything to the right of it is trusted; what the next hop is
 * told is a valid value and ends with the peer.
 *
 *	first byte: bit 0 the peer is trusted, bit 1 it is IPv6; the rest: values, one a line
 */
#include <stdlib.h>
#include "worker/req/req.h"

#define LINES 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf conf = {
	.defaults = { .request_id = "", .x_forwarded = true, .forwarded = true, .via = true }
};
static struct cidr trusted[2];
static struct conf_listener listener = {
	.name = "fuzz", .mode = MODE_REVERSE, .trusted_proxies.v = trusted
};
static struct ctx ctx = { .conf = &conf };
static struct req req;
static struct field fields[LINES + REQ_FIELDS_ADDED];

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
start(bool trust, bool ip6)
{
	memset(&req, 0, offsetof(struct req, room));
	ctx_set_name(&ctx, 1);
	req.x = &ctx;
	req.listener = &listener;
	req.in.minor = 1;
	req.in.host_raw = SPAN("a.example");
	req.in.fields = (struct fields){ .v = fields, .size = ARRAY_LEN(fields) };
	listener.trusted_proxies.n = trust ? 2 : 0;
	require(cidr_parse(&trusted[0], "10.0.0.0/8", NULL) == 0 &&
	    cidr_parse(&trusted[1], "fd00::/8", NULL) == 0);
	require(addr_parse_ip(&req.peer, ip6 ? SPAN("fd00::1") : SPAN("10.0.0.1"), 9) == 0);
	req.peer_text = ip6 ? SPAN("fd00::1") : SPAN("10.0.0.1");
	arena_init(&req.arena, req.room, sizeof req.room, REQ_ARENA_MAX);
}

static void
add_lines(struct span rest)
{
	struct span line;

	while (req.in.fields.n < LINES - 1 && span_split(&rest, '\n', &line)) {
		line = span_trim(line);
		if (http_is_value(line))
			(void)fields_add(&req.in.fields, SPAN("X-Forwarded-For"), line, SPAN_NONE);
	}
}

static bool
believed(const struct addr *a)
{
	return cidr_has(&trusted[0], a) || cidr_has(&trusted[1], a);
}

/* The same list with one more hop at its right end, written by the trusted peer. */
static void
check_one_more(const char *ip)
{
	struct addr a;

	(void)fields_add(&req.in.fields, SPAN("X-Forwarded-For"), span_str(ip), SPAN_NONE);
	req_find_client(&req);
	require(addr_parse_ip(&a, span_str(ip), addr_port(&req.client)) == 0);
	require(addr_eq(&a, &req.client));
}

static void
check_told(void)
{
	char text[ADDR_TEXT];
	struct span peer = span_str(addr_ip_text(&req.peer, text)), last = SPAN_NONE;
	unsigned n = 0;

	if (!req_add_forwarded(&req))
		return;			/* the arena's limit */
	for (unsigned i = 0; i < req.in.fields.n; i++) {
		const struct field *f = &req.in.fields.v[i];

		require(http_is_value(f->value));
		if (f->id != H_X_FORWARDED_FOR || (f->flags & FIELD_DROP))
			continue;
		n++;
		last = f->value;
	}
	require(
	    n == 1 && last.n >= peer.n && memcmp(last.p + last.n - peer.n, peer.p, peer.n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool trust = size > 0 && (data[0] & 1);

	if (size == 0)
		return 0;
	start(trust, data[0] & 2);
	add_lines(span_make((const char *)data + 1, size - 1));
	req_find_client(&req);
	require(req.trusted == trust);
	if (!trust) {
		require(addr_eq(&req.client, &req.peer));
		for (unsigned i = 0; i < req.in.fields.n; i++)
			require(fields[i].flags & FIELD_DROP);
	} else {
		require(
		    req.client.u.sa.sa_family == AF_INET || req.client.u.sa.sa_family == AF_INET6);
		require(req.in.fields.n > 0 || believed(&req.client));
		check_one_more("203.0.113.9");
	}
	check_told();
	arena_fini(&req.arena);
	return 0;
}

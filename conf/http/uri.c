/*
 * uri.c - request targets and authorities taken apart, and what a host may look like.
 *
 * Strict where a peer behind us might read differently: a host is letters, digits, "-._~" or a bracketed IPv6
 * literal; no userinfo, no escapes, no comma, no empty label. Nothing is copied: results are spans into the
 * target. Paths are normalised in uri_norm.c.
 */
#include "conf/http/uri.h"

#include <arpa/inet.h>

#include "conf/http/field.h"

#define HOST_MAX 255		/* a DNS name has at most 253 bytes, and perhaps a final dot */

static bool
all_of(struct span s, uint8_t class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(http_char[(uint8_t)s.p[i]] & class))
			return false;
	return true;
}

static struct span
cut_from(struct span s, size_t at)
{
	return span_make(s.p + at, s.n - at);
}

/* ---- authority ---- */

/* No empty label except behind a final dot: "a..b" and "." never name anything. */
static bool
reg_name_valid(struct span host)
{
	bool dot_before = true;

	if (host.n == 0 || host.n > HOST_MAX || !all_of(host, HC_HOST))
		return false;
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] == '.' && dot_before)
			return false;
		dot_before = host.p[i] == '.';
	}
	return true;
}

/* The address alone: no zone, no IPvFuture. */
static bool
ip6_valid(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (host.n == 0 || host.n >= sizeof text || memchr(host.p, '\0', host.n) != NULL)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET6, text, &ip) == 1;
}

/* rest: what follows the host, "" or ":" port. */
static enum uri_err
parse_port(struct authority *a, struct span rest)
{
	uint64_t port;

	if (rest.n == 0)
		return URI_OK;
	if (rest.p[0] != ':')
		return URI_BAD_HOST;
	rest = cut_from(rest, 1);
	if (rest.n == 0 || rest.n > 5 || span_to_u64(rest, 65535, &port) != 0 || port == 0)
		return URI_BAD_PORT;
	a->port = (uint16_t)port;
	a->has_port = true;
	return URI_OK;
}

static enum uri_err
parse_bracketed(struct authority *a, struct span raw)
{
	ptrdiff_t end = span_find(raw, ']');

	if (end < 0)
		return URI_BAD_HOST;
	a->ip6 = true;
	a->host = span_make(raw.p + 1, (size_t)end - 1);
	if (!ip6_valid(a->host))
		return URI_BAD_HOST;
	return parse_port(a, cut_from(raw, (size_t)end + 1));
}

enum uri_err
uri_parse_authority(struct authority *a, struct span raw)
{
	ptrdiff_t colon;

	*a = (struct authority){ .host = span_make(raw.p, 0) };
	if (raw.n == 0)
		return URI_OK;
	if (raw.p[0] == '[')
		return parse_bracketed(a, raw);
	colon = span_find(raw, ':');
	a->host = span_make(raw.p, colon < 0 ? raw.n : (size_t)colon);
	if (!reg_name_valid(a->host))
		return URI_BAD_HOST;
	return parse_port(a, cut_from(raw, a->host.n));
}

/* ---- target ---- */

/* raw begins with '/' or '?', or is empty. */
static enum uri_err
parse_path_query(struct target *t, struct span raw)
{
	ptrdiff_t mark = span_find(raw, '?');

	t->path = mark < 0 ? raw : span_make(raw.p, (size_t)mark);
	if (!all_of(t->path, HC_PATH))
		return span_find(t->path, '\\') < 0 ? URI_BAD_TARGET : URI_BAD_PATH;
	if (mark >= 0)
		t->query = cut_from(raw, (size_t)mark + 1);
	return all_of(t->query, HC_QUERY) ? URI_OK : URI_BAD_TARGET;
}

/* A host the target names must be there; only a Host field may be empty. */
static enum uri_err
parse_target_authority(struct target *t, struct span raw)
{
	t->auth_raw = raw;
	return raw.n == 0 ? URI_BAD_HOST : uri_parse_authority(&t->auth, raw);
}

static enum uri_err
parse_connect(struct target *t, struct span raw)
{
	enum uri_err err = parse_target_authority(t, raw);

	t->form = TARGET_AUTHORITY;
	if (err != URI_OK)
		return err;
	return t->auth.has_port ? URI_OK : URI_BAD_PORT;
}

/* RFC 3986 3.1: what stands before the first ':' could be a scheme. */
static bool
has_scheme(struct span raw)
{
	ptrdiff_t colon = span_find(raw, ':');

	if (colon < 1 || !((raw.p[0] | 0x20) >= 'a' && (raw.p[0] | 0x20) <= 'z'))
		return false;
	for (ptrdiff_t i = 1; i < colon; i++)
		if (raw.p[i] == '_' || raw.p[i] == '~' ||
		    !(raw.p[i] == '+' || http_char[(uint8_t)raw.p[i]] & HC_UNRESERVED))
			return false;
	return true;
}

static enum uri_err
parse_absolute(struct target *t, struct span raw)
{
	struct span rest;
	size_t end;
	enum uri_err err;

	t->form = TARGET_ABSOLUTE;
	t->https = span_istarts(raw, SPAN("https:"));
	if (!t->https && !span_istarts(raw, SPAN("http:")))
		return has_scheme(raw) ? URI_BAD_SCHEME : URI_BAD_TARGET;
	rest = cut_from(raw, t->https ? 6 : 5);
	if (rest.n < 2 || rest.p[0] != '/' || rest.p[1] != '/')
		return URI_BAD_TARGET;
	rest = cut_from(rest, 2);
	for (end = 0; end < rest.n && rest.p[end] != '/' && rest.p[end] != '?'; end++)
		;
	err = parse_target_authority(t, span_make(rest.p, end));
	return err != URI_OK ? err : parse_path_query(t, cut_from(rest, end));
}

enum uri_err
uri_parse_target(struct target *t, struct span raw, bool connect)
{
	*t = (struct target){ .form = TARGET_ORIGIN };
	if (raw.n == 0)
		return URI_BAD_TARGET;
	if (connect)
		return parse_connect(t, raw);
	if (raw.p[0] == '/')
		return parse_path_query(t, raw);
	if (raw.n == 1 && raw.p[0] == '*') {
		t->form = TARGET_ASTERISK;
		return URI_OK;
	}
	return parse_absolute(t, raw);
}

/* ---- hosts ---- */

size_t
uri_host_lower(char *out, struct span host)
{
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	for (size_t i = 0; i < host.n; i++) {
		unsigned c = (unsigned char)host.p[i];

		out[i] = (char)(c - 'A' < 26 ? c | 0x20 : c);
	}
	return host.n;
}

/* One part of an address as inet_aton reads it; "0x" alone is 0, and "08" is taken as decimal. */
static bool
odd_part(struct span s, uint32_t *v)
{
	unsigned base = 10;
	uint64_t x = 0;

	if (s.n == 0)
		return false;
	if (s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
		base = 16;
		s = cut_from(s, 2);
	} else if (s.p[0] == '0' && memchr(s.p, '8', s.n) == NULL &&
	    memchr(s.p, '9', s.n) == NULL) {
		base = 8;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i] | 0x20;
		unsigned d = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 99;

		if (d >= base || (x = x * base + d) > UINT32_MAX)
			return false;
	}
	*v = (uint32_t)x;
	return true;
}

/* The usual spelling: four decimal parts without leading zeros. */
static bool
is_plain_ip4(struct span host)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr ip;

	if (host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, &ip) == 1;
}

bool
uri_host_is_odd_ip4(struct span host, uint8_t ip[4])
{
	uint32_t part[4], v = 0;
	unsigned n = 0;
	struct span rest = host, s;

	if (host.n == 0 || is_plain_ip4(host))
		return false;
	if (host.p[host.n - 1] == '.')
		rest.n--;
	while (span_split(&rest, '.', &s))
		if (n == 4 || !odd_part(s, &part[n++]))
			return false;
	for (unsigned i = 0; i + 1 < n; i++) {
		if (part[i] > 255)
			return false;
		v |= part[i] << (24 - 8 * i);
	}
	if (n == 0 || (n > 1 && part[n - 1] >> (8 * (5 - n))))
		return false;
	v |= part[n - 1];
	for (unsigned i = 0; i < 4; i++)
		ip[i] = (uint8_t)(v >> (24 - 8 * i));
	return true;
}

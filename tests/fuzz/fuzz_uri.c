/*
 * fuzz_uri.c - any bytes as a target, an authority, a host and a path. Oracles of the normaliser: never longer than
 * its input, no dot segment, no control byte or backslash raw or escaped, normalising twice changes nothing; the
 * stricter form besides has no double slash, no %2F and no parameters.
 */
#include <stdlib.h>
#include "conf/http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static bool
has(struct span s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static void
check_segments(struct span path)
{
	struct span rest = path, segment;

	while (span_split(&rest, '/', &segment))
		require(!span_eq_str(segment, ".") && !span_eq_str(segment, ".."));
}

static void
check_bytes(struct span path)
{
	static const char *const escapes[] = { "%0", "%1", "%5C", "%5c", "%7F", "%7f", "%2E", "%2e",
		"\\" };

	require(path.n > 0 && path.p[0] == '/');
	for (size_t i = 0; i < path.n; i++)
		require((unsigned char)path.p[i] > 0x20 && (unsigned char)path.p[i] < 0x7f);
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++)
		require(!has(path, escapes[i]));
}

static void
check_strict(struct span path)
{
	char *out = malloc(path.n + 1), *again = malloc(path.n + 1);
	size_t n = uri_strict_form(path, out);
	struct span strict = span_make(out, n);

	require(n > 0 && n <= path.n && out[0] == '/');
	check_segments(strict);
	require(!has(strict, "//") && !has(strict, "%2F") && !has(strict, ";"));
	require(uri_strict_form(strict, again) == n && memcmp(out, again, n) == 0);
	free(again);
	free(out);
}

static void
check_path(struct span path)
{
	char *out = malloc(path.n + 1), *again;
	size_t n, m;
	bool dots;

	if (uri_normalise(path, out, &n, &dots) == URI_OK) {
		require(n <= path.n || (path.n == 0 && n == 1));
		check_bytes(span_make(out, n));
		check_segments(span_make(out, n));
		again = malloc(n + 1);
		require(uri_normalise(span_make(out, n), again, &m, &dots) == URI_OK && !dots);
		require(m == n && memcmp(out, again, n) == 0);
		free(again);
		check_strict(span_make(out, n));
	}
	free(out);
}

static void
check_host(struct span host)
{
	char *out = malloc(host.n + 1);
	size_t n = uri_host_lower(out, host);
	struct authority a;
	uint8_t ip[4];

	require(n <= host.n);
	(void)uri_host_is_odd_ip4(host, ip);
	if (host.n > 0 && uri_parse_authority(&a, host) == URI_OK) {
		require(
		    a.host.n > 0 && a.host.p >= host.p && a.host.p + a.host.n <= host.p + host.n);
		require(a.has_port == (a.port != 0));
		for (size_t i = 0; i < a.host.n; i++)
			require(
			    strchr("@,/\\%?#[] \t", a.host.p[i]) == NULL && a.host.p[i] != '\0');
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span raw = span_make((const char *)data, size);
	struct target t;

	check_path(raw);
	check_host(raw);
	if (uri_parse_target(&t, raw, true) == URI_OK)
		require(t.form == TARGET_AUTHORITY && t.auth.has_port && t.auth.host.n > 0);
	if (uri_parse_target(&t, raw, false) == URI_OK) {
		require(
		    t.form != TARGET_AUTHORITY && (t.form != TARGET_ABSOLUTE || t.auth.host.n > 0));
		if (t.form != TARGET_ASTERISK)
			check_path(t.path);
	}
	return 0;
}

/*
 * fuzz_proxy.c - any bytes as the beginning of a connection that must send a PROXY header. The verdict does not depend
 * on how the bytes were cut or on what follows the header, and a header is never longer than its version allows. What
 * was understood can be told on, and means the same there.
 */
#include <stdlib.h>
#include "worker/front/proxy.h"
#include "worker/http/proxy_header.h"

static struct addr dst;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* A copy of its own size, so that the sanitizer sees a byte read behind the end. */
static enum proxy_result
parse(const uint8_t *data, size_t n, size_t *len, struct addr *src)
{
	char *copy = malloc(n == 0 ? 1 : n);
	enum proxy_result rc;

	require(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	rc = proxy_parse(span_make(n == 0 ? NULL : copy, n), len, src, &dst);
	free(copy);
	return rc;
}

static bool
same_ip(const struct addr *a, const struct addr *b)
{
	struct addr x = addr_fold(a), y = addr_fold(b);

	return addr_eq(&x, &y);
}

static void
tell_on(enum conf_send_proxy version, const struct addr *src, const struct addr *to)
{
	struct addr from = *src, local = *to, again = { 0 };
	char out[PROXY_HEADER_MAX];
	size_t n = proxy_header(out, version, &from, &local), len = 0;

	require(parse((const uint8_t *)out, n, &len, &again) == PROXY_OK && len == n);
	require(same_ip(&again, &from) && same_ip(&dst, &local));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr src = { 0 }, again = { 0 };
	size_t len = 0, other = 0;
	enum proxy_result whole = parse(data, size, &len, &src);

	require(whole != PROXY_MORE || size < 536);
	if (whole == PROXY_OK) {
		require(len > 0 && len <= size && len <= (data[0] == 'P' ? 107 : 536));
		require(src.len == 0 || src.u.sa.sa_family == AF_INET ||
		    src.u.sa.sa_family == AF_INET6);
		require(parse(data, len, &other, &again) == PROXY_OK && other == len &&
		    again.len == src.len);
		require(src.len == 0 || addr_eq(&src, &again));
		if (src.len != 0) {
			struct addr to = dst;

			tell_on(SEND_PROXY_V1, &src, &to);
			tell_on(SEND_PROXY_V2, &src, &to);
		}
	}
	for (size_t n = size > 600 ? 600 : size; n-- > 0;) {
		enum proxy_result part = parse(data, n, &other, &again);

		if (whole == PROXY_OK)
			require(part == (n < len ? PROXY_MORE : PROXY_OK));
		else if (whole == PROXY_MORE)
			require(part == PROXY_MORE);
		else
			require(part != PROXY_OK);
	}
	return 0;
}

/*
 * fuzz_chunked.c - any bytes as a chunked body: payload, verdict and bytes used are the same whatever the cuts,
 * and agree with a second decoder written for clarity alone.
 */
#include <stdlib.h>
#include "worker/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS 256		/* offsets at which an input is cut in two */

struct result {
	enum chunked_result	result;
	enum reason		why;
	size_t			used, n;
	char			*payload;
};

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* In reads of `first` bytes, then of `step`. */
static struct result
decode(const uint8_t *data, size_t size, size_t first, size_t step)
{
	struct chunked c = { 0 };
	struct result r = { .result = CHUNKED_MORE, .payload = malloc(size + 1) };
	size_t at = 0, n, start, len, used;

	while (r.result == CHUNKED_MORE && at < size) {
		char *buf;

		n = at == 0 ? first : step;
		n = size - at < n ? size - at : n;
		buf = malloc(n);
		memcpy(buf, data + at, n);
		r.result = chunked_decode(&c, buf, n, &start, &len, &used);
		require(start + len <= n && used <= n && (used == n || r.result != CHUNKED_MORE));
		memcpy(r.payload + r.n, buf + start, len);
		r.n += len;
		r.used += used;
		at += n;
		free(buf);
	}
	require(c.payload == r.n);
	r.why = c.why;
	return r;
}

/* The bodies without extensions, by the book; -1: not such a body, else the payload's length. */
static long
plain_decode(const uint8_t *p, size_t n, char *out)
{
	size_t i = 0, o = 0, left, digits;

	for (;;) {
		for (left = digits = 0;
		     i < n && strchr("0123456789abcdefABCDEF", p[i]) != NULL && p[i] != 0; i++) {
			char digit[2] = { (char)p[i], 0 };

			if (++digits > 4)
				return -1;
			left = left * 16 + strtoul(digit, NULL, 16);
		}
		if (digits == 0 || n - i < 2 || p[i] != '\r' || p[i + 1] != '\n')
			return -1;
		i += 2;
		if (left == 0)
			return (long)o;
		if (n - i < left + 2 || p[i + left] != '\r' || p[i + left + 1] != '\n')
			return -1;
		memcpy(out + o, p + i, left);
		o += left;
		i += left + 2;
	}
}

static void
check_plain(const uint8_t *data, size_t size, const struct result *whole)
{
	char *out = malloc(size + 1);
	long n = plain_decode(data, size, out);

	if (n >= 0 && whole->why != R_CHUNK_OVERHEAD)
		require(whole->result == CHUNKED_LAST && whole->n == (size_t)n &&
		    memcmp(out, whole->payload, whole->n) == 0);
	free(out);
}

static void
check_same(const struct result *whole, struct result cut)
{
	require(cut.result == whole->result && cut.why == whole->why && cut.used == whole->used);
	require(cut.n == whole->n && memcmp(cut.payload, whole->payload, whole->n) == 0);
	free(cut.payload);
}

/* What chunked_head writes around the payload decodes to it. */
static void
check_again(const struct result *whole)
{
	char head[CHUNKED_HEAD], *text = malloc(whole->n + CHUNKED_HEAD + CHUNKED_END.n + 2);
	size_t n = whole->n > 0 ? chunked_head(head, whole->n) : 0;
	struct result again;

	memcpy(text, head, n);
	memcpy(text + n, whole->payload, whole->n);
	n += whole->n;
	memcpy(text + n, "\r\n", whole->n > 0 ? 2 : 0);
	n += whole->n > 0 ? 2 : 0;
	memcpy(text + n, CHUNKED_END.p, CHUNKED_END.n);
	again = decode((const uint8_t *)text, n + CHUNKED_END.n, SIZE_MAX, SIZE_MAX);
	require(again.result == CHUNKED_LAST && again.used == n + 3 && again.n == whole->n);
	require(memcmp(again.payload, whole->payload, whole->n) == 0);
	free(again.payload);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 2, 3, 5, 17, 100 };
	struct result whole = decode(data, size, SIZE_MAX, SIZE_MAX);

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		check_same(&whole, decode(data, size, steps[i], steps[i]));
	for (size_t at = 1; at < size && at <= CUTS; at++)
		check_same(&whole, decode(data, size, at, SIZE_MAX));
	check_plain(data, size, &whole);
	check_again(&whole);
	free(whole.payload);
	return 0;
}

/*
 * retry.c - the retry rule of SECURITY.md 2 and the budget over a sliding window of ten one-second buckets.
 *
 * (a) nothing was written: any method. (c) a kept connection closed before it answered: the target most likely
 * closed it before it saw the request, so a method that may be repeated is sent again if its body is still here.
 */
#include "worker/back/retry.h"

#include <string.h>

#include "conf/base/err.h"

static bool
repeatable(enum method m)
{
	switch (m) {
	case M_GET:
	case M_HEAD:
	case M_OPTIONS:
	case M_PUT:
	case M_DELETE:
		return true;
	case M_OTHER:
	case M_POST:
	case M_CONNECT:
	case M_TRACE:
	case M_PATCH:
	case M_MAX:
		return false;
	}
	return false;
}

bool
retry_allowed(const struct retry_case *c)
{
	if (c->answered || c->tries >= c->max_tries)
		return false;
	if (!c->wrote)
		return true;
	return c->reused && c->body_kept && repeatable(c->method);
}

/* Empties the buckets of the seconds that passed; returns the one of now. */
static unsigned
bucket_now(struct retry_budget *b, int64_t now_ms)
{
	const unsigned n = ARRAY_LEN(b->requests);
	int64_t second = now_ms / 1000;

	if (second - b->second >= (int64_t)n) {
		memset(b->requests, 0, sizeof b->requests);
		memset(b->retries, 0, sizeof b->retries);
		b->second = second;
	}
	while (b->second < second) {
		b->second++;
		b->requests[b->second % n] = b->retries[b->second % n] = 0;
	}
	return (unsigned)(b->second % n);
}

void
retry_count_request(struct retry_budget *b, int64_t now_ms)
{
	b->requests[bucket_now(b, now_ms)]++;
}

bool
retry_take(struct retry_budget *b, int64_t now_ms, double share, int64_t min)
{
	unsigned now = bucket_now(b, now_ms);
	uint64_t requests = 0, retries = 0;

	for (unsigned i = 0; i < ARRAY_LEN(b->requests); i++) {
		requests += b->requests[i];
		retries += b->retries[i];
	}
	if ((double)(retries + 1) > share * (double)requests && (int64_t)b->retries[now] >= min)
		return false;
	b->retries[now]++;
	return true;
}

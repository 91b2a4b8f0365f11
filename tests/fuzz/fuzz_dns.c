/*
 * fuzz_dns.c - any bytes as the answers of a name server to A and AAAA, over a real socket on the loop. Whatever comes,
 * the question ends with a reason of the resolver's or with addresses; every address stands in an answer, there are at
 * most DNS_ADDRS, their time lies within the configured bounds, and asked again the cache says the same.
 *
 *	byte 0: bit 0 our id and question stand before the answer, bit 1 the answers are swapped
 *	byte 1: bytes / 2 of the answer to A; the rest is the one to AAAA
 *
 * An answer that c-ares ignores (another id, another question) leaves the question open: its resolver is dropped.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "worker/back/dns_priv.h"

#define TURNS		8		/* question, answer and call on loopback, twice */
#define MESSAGE_MAX	4096
#define TTL_MIN		5000
#define TTL_MAX		300000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 2 << 20;	/* a resolver made anew reads the hosts file into a megabyte */

static struct loop loop;
static struct loop_source server;
static struct dns *dns;
static char at[32];			/* the server's address and port */
static struct span answers[2];		/* to A, to AAAA */
static bool framed;

static struct asker {
	struct dns_query q;
	enum reason why;
	unsigned n;
	struct addr list[DNS_ADDRS];
} asker;

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Behind the name of the question: its type is the second byte, its end two bytes further. */
static size_t
question_type(const uint8_t *m, size_t n)
{
	size_t i = 12;

	while (i < n && m[i] != 0)
		i += m[i] + 1u;
	require(i + 5 <= n);
	return i + 1;
}

/* id of the question; flags and counts of the answer; the question; the rest of the answer. */
static size_t
frame(uint8_t out[MESSAGE_MAX], const uint8_t *question, size_t n, struct span answer)
{
	size_t head = answer.n < 10 ? answer.n : 10, rest = answer.n - head;

	memset(out, 0, 12);
	memcpy(out, question, 2);
	memcpy(out + 2, answer.p, head);
	memcpy(out + 12, question + 12, n - 12);
	rest = rest > MESSAGE_MAX - n ? MESSAGE_MAX - n : rest;
	memcpy(out + n, answer.p + head, rest);
	return n + rest;
}

static void
on_question(struct loop_source *s, uint32_t events UNUSED)
{
	uint8_t question[512], out[MESSAGE_MAX];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t got;

	while ((got = recvfrom(s->fd, question, sizeof question, MSG_DONTWAIT,
		    (struct sockaddr *)&from, &len)) > 0) {
		size_t type = question_type(question, (size_t)got), n;
		struct span answer = answers[question[type + 1] == 28];

		n = framed ? frame(out, question, type + 4, answer) : answer.n;
		(void)!sendto(s->fd, framed ? (const void *)out : answer.p, n, 0,
		    (struct sockaddr *)&from, len);
	}
}

static void
on_done(struct dns_query *q, enum reason why, const struct addr *list, unsigned n)
{
	struct asker *a = LIST_ENTRY(q, struct asker, q);

	a->why = why;
	a->n = n;
	if (n > 0)
		memcpy(a->list, list, n * sizeof *list);
}

/* Before the first input, whose budget it is not. */
__attribute__((constructor)) static void
start(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	require(loop_init(&loop, NULL) == 0);
	require(bind(fd, (struct sockaddr *)&in, len) == 0);
	require(getsockname(fd, (struct sockaddr *)&in, &len) == 0);
	server.ready = on_question;
	require(loop_add(&loop, &server, fd, EPOLLIN) == 0);
	(void)snprintf(at, sizeof at, "127.0.0.1:%u", ntohs(in.sin_port));
}

static void
start_resolver(void)
{
	const char *servers[] = { at };
	struct conf_dns conf = { .servers = { servers, 1 },
		.timeout_ms = 60000,
		.tries = 1,
		.total_ms = 60000,
		.min_ttl_ms = TTL_MIN,
		.max_ttl_ms = TTL_MAX,
		.negative_ms = TTL_MIN,
		.max_entries = 4 };

	dns = dns_new(&loop, &conf, NULL, NULL);
	require(dns != NULL);
}

static bool
stands_in_answer(const struct addr *a)
{
	bool six = a->u.sa.sa_family == AF_INET6;
	const void *ip = six ? (const void *)&a->u.in6.sin6_addr : (const void *)&a->u.in4.sin_addr;

	for (unsigned i = 0; i < ARRAY_LEN(answers); i++)
		if (memmem(answers[i].p, answers[i].n, ip, six ? 16 : 4) != NULL)
			return true;
	return false;
}

static void
check_result(struct span host)
{
	struct addr again[DNS_ADDRS];
	struct dns_query q = { .done = on_done };
	const struct name *m = map_get(&dns->names, host);
	unsigned n;

	require(asker.why == R_NONE || asker.why == R_DNS_FAILED || asker.why == R_DNS_TIMEOUT);
	require((asker.why == R_NONE) == (asker.n > 0) && asker.n <= DNS_ADDRS);
	for (unsigned i = 0; i < asker.n; i++)
		require(addr_port(&asker.list[i]) == 0 && stands_in_answer(&asker.list[i]));
	require(
	    m != NULL && m->fresh_until >= loop.now_ms && m->fresh_until <= loop.now_ms + TTL_MAX);
	require(dns_resolve(dns, host, &q, again, &n) == asker.why && n == asker.n);
	for (unsigned i = 0; i < n; i++)
		require(addr_eq(&again[i], &asker.list[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned count;
	char text[32];
	struct span host = span_make(
	    text, (size_t)snprintf(text, sizeof text, "n%u.test", count++));
	size_t first;

	if (size < 2 || size > MESSAGE_MAX)
		return 0;
	first = 2 * (size_t)data[1] > size - 2 ? size - 2 : 2 * (size_t)data[1];
	framed = data[0] & 1;
	answers[data[0] >> 1 & 1] = span_make((const char *)data + 2, first);
	answers[!(data[0] >> 1 & 1)] = span_make((const char *)data + 2 + first, size - 2 - first);
	loop_turn(&loop, 0);
	if (dns == NULL)
		start_resolver();
	asker = (struct asker){ .q.done = on_done, .why = R_MAX };
	require(dns_resolve(dns, host, &asker.q, asker.list, &asker.n) == R_MAX);
	for (int i = 0; i < TURNS && asker.why == R_MAX; i++)
		loop_turn(&loop, 0);
	if (asker.why == R_MAX)
		dns_free(&dns);
	else
		check_result(host);
	return 0;
}

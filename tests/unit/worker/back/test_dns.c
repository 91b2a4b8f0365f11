#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conf/base/mem.h"
#include "tests/unit/unit.h"
#include "worker/back/dns.c"
#include "worker/back/dns_cache.c"

/* --------------------------------------------------------- a name server on the same loop, by script */

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };

/* What a name gets, by its first label; v4 and v6: addresses, -1: no datagram at all. */
struct script {
	const char *label;
	int v4, v6, rcode;
	uint32_t ttl;
	unsigned aliases;
	bool bad_id;
};

static struct script scripts[] = {
	{ .label = "both", .v4 = 2, .v6 = 3, .ttl = 60 },
	{ .label = "four", .v4 = 2, .ttl = 60 },
	{ .label = "many", .v4 = 40, .ttl = 60 },
	{ .label = "nx", .rcode = 3 },
	{ .label = "broken", .rcode = 2 },
	{ .label = "silent", .v4 = -1, .v6 = -1 },
	{ .label = "no6", .v4 = 1, .v6 = -1, .ttl = 60 },
	{ .label = "no4", .v4 = -1, .v6 = 1, .ttl = 60 },
	{ .label = "short", .v4 = 1, .ttl = 0 },
	{ .label = "alias8", .v4 = 1, .ttl = 60, .aliases = 8 },
	{ .label = "alias9", .v4 = 1, .ttl = 60, .aliases = 9 },
	{ .label = "forged", .v4 = 1, .ttl = 60, .bad_id = true },
};

static struct loop loop;
static struct loop_source server;
static struct dns *dns;
static struct stats_lane *lane;
static unsigned asked;			/* datagrams the server saw */
static char last_name[256];

struct msg { uint8_t b[4096]; size_t n; };

static void
put16(struct msg *m, unsigned v)
{
	m->b[m->n++] = (uint8_t)(v >> 8);
	m->b[m->n++] = (uint8_t)v;
}

static void
put_head(struct msg *m, unsigned type, uint32_t ttl, unsigned len)
{
	put16(m, type);
	put16(m, 1);
	put16(m, ttl >> 16);
	put16(m, ttl & 0xffff);
	put16(m, len);
}

/* The owner of record i of a chain: the name asked, then "aN". */
static void
put_owner(struct msg *m, unsigned i)
{
	if (i == 0) {
		put16(m, 0xc00c);
		return;
	}
	m->b[m->n++] = 2;
	m->b[m->n++] = 'a';
	m->b[m->n++] = (uint8_t)('0' + i);
	m->b[m->n++] = 0;
}

static void
put_answers(struct msg *m, const struct script *s, unsigned type)
{
	int n = type == TYPE_A ? s->v4 : s->v6;

	for (unsigned i = 0; i < s->aliases; i++) {
		put_owner(m, i);
		put_head(m, TYPE_CNAME, s->ttl, 4);
		put_owner(m, i + 1);
	}
	for (int i = 0; i < n; i++) {
		static const uint8_t net6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
		uint8_t ip[16] = { 192, 0, 2 };

		if (type == TYPE_AAAA)
			memcpy(ip, net6, sizeof ip);
		ip[type == TYPE_A ? 3 : 15] = (uint8_t)(i + 1);
		put_owner(m, s->aliases);
		put_head(m, type, s->ttl, type == TYPE_A ? 4 : 16);
		memcpy(m->b + m->n, ip, type == TYPE_A ? 4 : 16);
		m->n += type == TYPE_A ? 4 : 16;
	}
}

static const struct script *
script_for(const struct msg *q)
{
	for (unsigned i = 0; i < ARRAY_LEN(scripts); i++)
		if (strlen(scripts[i].label) == q->b[12] &&
		    memcmp(q->b + 13, scripts[i].label, q->b[12]) == 0)
			return &scripts[i];
	return NULL;
}

/* Keeps the name and returns the type asked; *end: behind the question. */
static unsigned
read_question(const struct msg *q, size_t *end)
{
	size_t i = 12, n = 0;

	while (q->b[i] != 0) {
		memcpy(last_name + n, q->b + i + 1, q->b[i]);
		n += q->b[i];
		last_name[n++] = '.';
		i += q->b[i] + 1u;
	}
	last_name[n] = '\0';
	*end = i + 5;
	return q->b[i + 2];
}

static void
on_question(struct loop_source *s, uint32_t events UNUSED)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	struct msg m;
	ssize_t got;

	while ((got = recvfrom(
		    s->fd, m.b, sizeof m.b, MSG_DONTWAIT, (struct sockaddr *)&from, &len)) > 0) {
		size_t end;
		unsigned type = read_question(&m, &end), answers;
		const struct script *script = script_for(&m);
		int n = script == NULL ? 0 : type == TYPE_A ? script->v4 : script->v6;

		asked++;
		if (script == NULL || n < 0)
			continue;
		m.n = end;
		answers = (unsigned)n + script->aliases;
		m.b[0] ^= script->bad_id;
		m.b[2] = 0x81;
		m.b[3] = (uint8_t)(0x80 | script->rcode);
		m.b[6] = (uint8_t)(answers >> 8);
		m.b[7] = (uint8_t)answers;
		memset(m.b + 8, 0, 4);
		put_answers(&m, script, type);
		ck_assert_int_eq(
		    sendto(s->fd, m.b, m.n, 0, (struct sockaddr *)&from, len), (ssize_t)m.n);
	}
}

/* ------------------------------------------------------------------------------------------- the asker */

struct asker {
	struct dns_query q;
	unsigned calls, n;
	enum reason why;
	struct addr list[DNS_ADDRS];
};

static void
on_done(struct dns_query *q, enum reason why, const struct addr *list, unsigned n)
{
	struct asker *a = LIST_ENTRY(q, struct asker, q);

	a->calls++;
	a->why = why;
	a->n = n;
	if (n > 0)
		memcpy(a->list, list, n * sizeof *list);
}

static void
setup(int64_t max_entries)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	char text[32];
	const char *servers[] = { text };
	struct conf_dns conf = { .servers = { servers, 1 },
		.timeout_ms = 150,
		.tries = 1,
		.total_ms = 250,
		.max_ttl_ms = 300000,
		.negative_ms = 80,
		.stale_ms = 400,
		.max_entries = max_entries };
	struct errdetail ed = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	server.ready = on_question;
	ck_assert_int_eq(loop_add(&loop, &server, fd, EPOLLIN), 0);
	snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(at.sin_port));
	lane = mem_alloc(sizeof *lane);
	dns = dns_new(&loop, &conf, lane, &ed);
	ck_assert_msg(dns != NULL, "%s", ed.text);
	asked = 0;
	loop_turn(&loop, 0);	/* the clock of before dns_new is old */
}

static void
teardown(void)
{
	int fd = server.fd;

	dns_free(&dns);
	loop_remove(&loop, &server);
	close(fd);
	loop_turn(&loop, 0);
	ck_assert_uint_eq(loop.timers.n, 0);
	loop_fini(&loop);
	mem_free(lane);
}

static void
wait_ms_of(int64_t ms)
{
	int64_t end = loop.now_ms + ms;

	while (loop.now_ms < end)
		loop_turn(&loop, (int)(end - loop.now_ms));
}

/* Asks and waits; the milliseconds it took. */
static int64_t
ask(struct asker *a, const char *host)
{
	int64_t start = loop.now_ms;

	*a = (struct asker){ .q.done = on_done };
	a->why = dns_resolve(dns, span_str(host), &a->q, a->list, &a->n);
	if (a->why != R_MAX)
		return 0;
	ck_assert_uint_eq(a->calls, 0);
	while (a->calls == 0 && loop.now_ms - start < 5000)
		loop_turn(&loop, 20);
	ck_assert_uint_eq(a->calls, 1);
	return loop.now_ms - start;
}

static void
check_list(const struct asker *a, const char *want)
{
	struct str text = STR_INIT;
	char one[ADDR_TEXT];

	ck_assert_int_eq(a->why, R_NONE);
	for (unsigned i = 0; i < a->n; i++) {
		str_printf(&text, "%s%s", i == 0 ? "" : " ", addr_ip_text(&a->list[i], one));
		ck_assert_uint_eq(addr_port(&a->list[i]), 0);
	}
	ck_assert_str_eq(text.data, want);
	str_fini(&text);
}

START_TEST(families_take_turns_ipv6_first)
{
	struct asker a;

	setup(100);
	ask(&a, "both.test");
	check_list(&a, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	ck_assert_uint_eq(asked, 2);
	teardown();
}
END_TEST

START_TEST(an_answer_is_kept_whatever_the_spelling)
{
	struct asker a;

	setup(100);
	ask(&a, "four.test");
	check_list(&a, "192.0.2.1 192.0.2.2");
	ck_assert_int_eq(ask(&a, "FOUR.Test."), 0);
	check_list(&a, "192.0.2.1 192.0.2.2");
	ck_assert_uint_eq(asked, 2);
	ck_assert_uint_eq(lane->counter[C_DNS_QUERIES], 1);
	ck_assert_uint_eq(lane->counter[C_DNS_HITS], 1);
	teardown();
}
END_TEST

START_TEST(at_most_32_addresses_are_used)
{
	struct asker a;

	setup(100);
	ask(&a, "many.test");
	ck_assert_int_eq(a.why, R_NONE);
	ck_assert_uint_eq(a.n, DNS_ADDRS);
	teardown();
}
END_TEST

START_TEST(literals_and_odd_spellings_never_reach_a_resolver)
{
	static const struct { const char *host, *ip; } rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "2001:DB8::7", "2001:db8::7" },
		{ "0x7f.1", "127.0.0.1" },
		{ "017700000001", "127.0.0.1" },
		{ "2130706433", "127.0.0.1" },
		{ "127.1", "127.0.0.1" },
		{ "127.0.0.1.", "127.0.0.1" },
		{ "x.localhost", "::1 127.0.0.1" },
	};
	static const char *const bad[] = { "", ".", "a..b", ".a", "1.2.3.4.5", "foo.7",
		"fe80::1%eth0", "a b.test", "a\\b.test", "\xc3\xa4.test", "a/b", "*.test",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" };
	struct asker a;

	setup(100);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(ask(&a, rows[i].host), 0);
		check_list(&a, rows[i].ip);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(ask(&a, bad[i]), 0);
		ck_assert_msg(a.why == R_DNS_FAILED, "%s", bad[i]);
	}
	wait_ms_of(20);
	ck_assert_uint_eq(asked, 0);
	teardown();
}
END_TEST

START_TEST(names_longer_than_dns_allows_are_refused)
{
	char host[300];
	struct asker a;

	setup(100);
	for (unsigned i = 0; i < sizeof host; i++)
		host[i] = i % 2 ? '.' : 'a';
	for (unsigned n = 253; n < 299; n += 2) {
		struct dns_query q = { .done = on_done };
		enum reason why = dns_resolve(dns, span_make(host, n), &q, a.list, &a.n);

		ck_assert_int_eq(why, n <= DNS_NAME_MAX ? R_MAX : R_DNS_FAILED);
		dns_cancel(&q);
	}
	teardown();
}
END_TEST

START_TEST(a_negative_answer_is_kept_for_a_while_without_a_search_list)
{
	struct asker a;

	setup(100);
	ask(&a, "nx.test");
	ck_assert_int_eq(a.why, R_DNS_FAILED);
	ck_assert_uint_eq(asked, 2);
	ck_assert_int_eq(ask(&a, "nx.test"), 0);
	ck_assert_int_eq(a.why, R_DNS_FAILED);
	ck_assert_str_eq(last_name, "nx.test.");
	wait_ms_of(90);
	ask(&a, "nx.test");
	ck_assert_uint_eq(asked, 4);
	ck_assert_uint_eq(lane->counter[C_DNS_FAILS], 2);
	teardown();
}
END_TEST

START_TEST(failures_are_told_apart_from_silence)
{
	struct asker a;

	setup(100);
	ask(&a, "broken.test");
	ck_assert_int_eq(a.why, R_DNS_FAILED);
	ck_assert_int_ge(ask(&a, "silent.test"), 100);
	ck_assert_int_eq(a.why, R_DNS_TIMEOUT);
	ck_assert_int_ge(ask(&a, "forged.test"), 100);
	ck_assert_int_eq(a.why, R_DNS_TIMEOUT);
	teardown();
}
END_TEST

START_TEST(one_family_does_not_wait_for_the_other_for_long)
{
	struct asker a;
	int64_t took;

	setup(100);
	took = ask(&a, "no6.test");
	check_list(&a, "192.0.2.1");
	ck_assert_int_ge(took, DELAY_FOR_AAAA - 5);
	ck_assert_int_lt(took, 140);		/* well before the question times out */
	ask(&a, "no4.test");
	check_list(&a, "2001:db8::1");
	teardown();
}
END_TEST

START_TEST(aliases_are_followed_eight_deep)
{
	struct asker a;

	setup(100);
	ask(&a, "alias8.test");
	check_list(&a, "192.0.2.1");
	ask(&a, "alias9.test");
	ck_assert_int_eq(a.why, R_DNS_FAILED);
	teardown();
}
END_TEST

START_TEST(many_questions_for_a_name_are_asked_once)
{
	struct asker a[20];

	setup(100);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = (struct asker){ .q.done = on_done };
		ck_assert_int_eq(
		    dns_resolve(dns, SPAN("both.test"), &a[i].q, a[i].list, &a[i].n), R_MAX);
	}
	dns_cancel(&a[3].q);
	dns_cancel(&a[19].q);
	wait_ms_of(50);
	ck_assert_uint_eq(asked, 2);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		ck_assert_uint_eq(a[i].calls, i != 3 && i != 19);
	teardown();
}
END_TEST

static struct asker *victim;

static void
on_done_cancel(struct dns_query *q UNUSED, enum reason why UNUSED, const struct addr *list UNUSED,
    unsigned n UNUSED)
{
	dns_cancel(&victim->q);
}

START_TEST(a_question_may_cancel_another_from_its_call)
{
	struct asker a[2] = { { .q.done = on_done_cancel }, { .q.done = on_done } };

	setup(100);
	victim = &a[1];
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(
		    dns_resolve(dns, SPAN("both.test"), &a[i].q, a[i].list, &a[i].n), R_MAX);
	wait_ms_of(50);
	ck_assert_uint_eq(a[1].calls, 0);
	ck_assert(!list_linked(&a[1].q.node));
	teardown();
}
END_TEST

START_TEST(askers_that_are_gone_are_not_called)
{
	struct asker *a = malloc(sizeof *a);

	setup(100);
	*a = (struct asker){ .q.done = on_done };
	ck_assert_int_eq(dns_resolve(dns, SPAN("both.test"), &a->q, a->list, &a->n), R_MAX);
	dns_cancel(&a->q);
	free(a);
	wait_ms_of(50);
	a = malloc(sizeof *a);
	*a = (struct asker){ .q.done = on_done };
	ck_assert_int_eq(dns_resolve(dns, SPAN("silent.test"), &a->q, a->list, &a->n), R_MAX);
	teardown();
	ck_assert_uint_eq(a->calls, 0);
	free(a);
}
END_TEST

START_TEST(an_old_answer_serves_while_the_resolver_fails)
{
	struct script *s = &scripts[8];
	struct asker a;

	setup(100);
	s->v4 = 1;
	ask(&a, "short.test");
	check_list(&a, "192.0.2.1");
	s->v4 = s->v6 = -1;
	wait_ms_of(5);
	ck_assert_int_ge(ask(&a, "short.test"), 100);
	check_list(&a, "192.0.2.1");
	ck_assert_int_eq(ask(&a, "short.test"), 0);
	check_list(&a, "192.0.2.1");
	wait_ms_of(500);
	ask(&a, "short.test");
	ck_assert_int_eq(a.why, R_DNS_TIMEOUT);
	teardown();
}
END_TEST

START_TEST(a_name_that_ceased_to_exist_is_not_served_from_before)
{
	struct script *s = &scripts[8];
	struct asker a;

	setup(100);
	s->v4 = 1;
	s->v6 = 0;
	ask(&a, "short.test");
	check_list(&a, "192.0.2.1");
	s->v4 = 0;
	s->rcode = 3;
	wait_ms_of(5);
	ask(&a, "short.test");
	ck_assert_int_eq(a.why, R_DNS_FAILED);
	teardown();
}
END_TEST

START_TEST(entries_are_bounded_and_the_least_used_go_first)
{
	struct asker a;
	char host[32];

	setup(4);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(host, sizeof host, "four.n%u.test", i);
		ask(&a, host);
		check_list(&a, "192.0.2.1 192.0.2.2");
		ck_assert_int_eq(ask(&a, "four.n0.test"), 0);
		ck_assert_uint_le(dns->lru.count, 4);
	}
	ck_assert_uint_eq(asked, 20);
	ck_assert_int_eq(ask(&a, "four.n9.test"), 0);
	teardown();
}
END_TEST

START_TEST(a_cache_full_of_open_questions_takes_no_more)
{
	struct asker a[5];

	setup(4);
	for (unsigned i = 0; i < 5; i++) {
		char host[32];

		snprintf(host, sizeof host, "silent.n%u.test", i);
		a[i] = (struct asker){ .q.done = on_done };
		ck_assert_int_eq(dns_resolve(dns, span_str(host), &a[i].q, a[i].list, &a[i].n),
		    i < 4 ? R_MAX : R_DNS_FAILED);
	}
	teardown();
}
END_TEST

START_TEST(servers_that_are_no_addresses_are_refused)
{
	static const char *const servers[] = { "not an address" };
	struct conf_dns conf = { .servers = { (const char **)(uintptr_t)servers, 1 },
		.timeout_ms = 100,
		.tries = 1,
		.max_entries = 1 };
	struct errdetail ed = { 0 };

	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	ck_assert_ptr_null(dns_new(&loop, &conf, NULL, &ed));
	ck_assert_int_eq(ed.code, -E_SYNTAX);
	loop_fini(&loop);
}
END_TEST

UNIT_MAIN("worker/back/dns", families_take_turns_ipv6_first,
    an_answer_is_kept_whatever_the_spelling, at_most_32_addresses_are_used,
    literals_and_odd_spellings_never_reach_a_resolver, names_longer_than_dns_allows_are_refused,
    a_negative_answer_is_kept_for_a_while_without_a_search_list,
    failures_are_told_apart_from_silence, one_family_does_not_wait_for_the_other_for_long,
    aliases_are_followed_eight_deep, many_questions_for_a_name_are_asked_once,
    a_question_may_cancel_another_from_its_call, askers_that_are_gone_are_not_called,
    an_old_answer_serves_while_the_resolver_fails,
    a_name_that_ceased_to_exist_is_not_served_from_before,
    entries_are_bounded_and_the_least_used_go_first, a_cache_full_of_open_questions_takes_no_more,
    servers_that_are_no_addresses_are_refused)

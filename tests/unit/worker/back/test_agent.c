#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "tests/unit/unit.h"
#include "worker/back/agent.c"

#define LANES 4

static struct conf_target targets[] = {
	{ .text = "127.0.0.1:81", .port = 81, .weight = 1 },
	{ .text = "a.localhost:82", .host = "a.localhost", .port = 82, .weight = 1, .index = 1 },
};
static struct conf_service services[] = { { .name = "app", .targets = targets, .ntargets = 2 } };
static struct conf conf = { .services = services };
static struct env env;
static int master;

/* now: names that need no resolver; never: a resolver that nobody answers for. */
static void
setup(const char *host, unsigned nservices)
{
	static const char *servers[] = { "127.0.0.1:9" };
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	master = fds[1];
	ck_assert_int_eq(addr_parse(&targets[0].addr, targets[0].text, NULL), 0);
	targets[1].host = host;
	conf.nservices = nservices;
	conf.dns = (struct conf_dns){ .servers = { servers, 1 }, .timeout_ms = 100, .tries = 1,
		.total_ms = 200, .max_ttl_ms = 3600000, .max_entries = 1 };
	env = (struct env){ .conf = &conf, .role = ROLE_AGENT, .link = fds[0] };
	env.my = mem_alloc(sizeof *env.my);
	env.endpoints = mem_alloc(endpoint_size(&conf, LANES) + 64);
	endpoint_init(env.endpoints, &conf, LANES);
}

static void
teardown(void)
{
	close(env.link);
	if (master >= 0)
		close(master);
	mem_free(env.my);
	mem_free(env.endpoints);
}

static void
send_link(enum link_type type, const uint32_t *value)
{
	char buf[WIRE_MAX];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, (uint16_t)type);
	if (value != NULL)
		wire_put_u32(&w, *value);
	ck_assert_int_eq(wire_send(master, &w, -1), 0);
}

static int
received(void)
{
	char buf[WIRE_MAX];
	struct wire w;
	size_t len;
	uint16_t type;

	if (wire_recv(master, buf, sizeof buf, &len, NULL) != 0 ||
	    wire_read_init(&w, buf, len, &type) != 0)
		return -1;
	return type;
}

START_TEST(names_are_published_with_the_port_and_ready_is_told)
{
	struct endpoint_table *t;
	struct addr a;
	unsigned found = 0;

	setup("a.localhost", 1);
	send_link(LINK_STOP, NULL);
	ck_assert_int_eq(agent_main(&env), EXIT_SUCCESS);
	ck_assert_int_eq(received(), LINK_READY);
	t = endpoint_table(env.endpoints, 0);
	for (unsigned i = 0; i < t->count; i++)
		if (endpoint_addr(env.endpoints, t, i, &a) && addr_port(&a) == 82)
			found++;
	ck_assert_uint_ge(found, 1);
	ck_assert_uint_ne(env.my->beat_ms, 0);
	teardown();
}
END_TEST

START_TEST(without_names_it_is_ready_at_once)
{
	setup("a.localhost", 0);
	send_link(LINK_DRAIN, NULL);
	ck_assert_int_eq(agent_main(&env), EXIT_SUCCESS);
	ck_assert_int_eq(received(), LINK_READY);
	teardown();
}
END_TEST

START_TEST(it_leaves_when_the_master_is_gone)
{
	setup("a.localhost", 1);
	close(master);
	master = -1;
	ck_assert_int_eq(agent_main(&env), EXIT_SUCCESS);
	teardown();
}
END_TEST

START_TEST(the_level_of_the_log_follows_the_link)
{
	uint32_t level = LOG_ERROR, nonsense = 77;

	setup("a.localhost", 0);
	send_link(LINK_LOGLEVEL, &level);
	send_link(LINK_LOGLEVEL, &nonsense);
	send_link(LINK_STOP, NULL);
	ck_assert_int_eq(agent_main(&env), EXIT_SUCCESS);
	ck_assert_int_eq(log_get_level(), LOG_ERROR);
	teardown();
}
END_TEST

/* A watch outside agent_main: answers are handed to it, time is set by hand. */
static struct agent agent;

static struct watch *
watch_open(const char *host)
{
	setup(host, 1);
	agent = (struct agent){ .env = &env, .link = { .fd = -1, .ready = on_link } };
	ck_assert_int_eq(agent_open(&agent, NULL), 0);
	timer_init(&agent.ready, on_ready_timer);
	ck_assert_uint_eq(agent.nwatches, 1);
	return &agent.watches[0];
}

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(&a, span_str(text), 0), 0);
	return a;
}

START_TEST(failures_are_asked_again_ever_later_and_change_nothing)
{
	static const int64_t delays[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	struct watch *w = watch_open("a.localhost");
	struct addr list[2] = { ip("127.0.0.3"), ip("127.0.0.2") };
	uint32_t seq;

	watch_answer(w, R_NONE, list, 2);
	ck_assert_int_eq(received(), LINK_READY);
	ck_assert_uint_eq(w->n, 2);
	ck_assert_int_eq(w->timer.due - agent.loop.now_ms, ASK_MS);
	seq = endpoint_table(env.endpoints, 0)->seq;
	for (unsigned i = 0; i < ARRAY_LEN(delays); i++) {
		watch_answer(w, i % 2 ? R_DNS_TIMEOUT : R_DNS_FAILED, NULL, 0);
		ck_assert_int_eq(w->timer.due - agent.loop.now_ms, delays[i]);
	}
	ck_assert_uint_eq(endpoint_table(env.endpoints, 0)->seq, seq);
	watch_answer(w, R_NONE, list, 2);
	ck_assert_int_eq(w->timer.due - agent.loop.now_ms, ASK_MS);
	ck_assert_int_eq(received(), -1);
	agent_close(&agent);
	teardown();
}
END_TEST

START_TEST(an_answer_in_another_order_is_not_published_again)
{
	struct watch *w = watch_open("a.localhost");
	struct addr list[3] = { ip("127.0.0.3"), ip("127.0.0.2"), ip("127.0.0.2") };
	uint32_t seq;

	watch_answer(w, R_NONE, list, 2);
	seq = endpoint_table(env.endpoints, 0)->seq;
	watch_answer(w, R_NONE, list + 1, 1);
	ck_assert_uint_ne(endpoint_table(env.endpoints, 0)->seq, seq);
	watch_answer(w, R_NONE, list, 2);
	seq = endpoint_table(env.endpoints, 0)->seq;
	list[2] = list[0];
	watch_answer(w, R_NONE, list + 1, 2);
	ck_assert_uint_eq(endpoint_table(env.endpoints, 0)->seq, seq);
	agent_close(&agent);
	teardown();
}
END_TEST

START_TEST(a_name_without_an_answer_does_not_hold_ready_back_for_long)
{
	struct watch *w = watch_open("nobody.test");

	ck_assert(timer_set(&agent.loop.timers, &agent.ready, agent.loop.now_ms + READY_MS));
	ck_assert_int_eq(received(), -1);
	timers_run(&agent.loop.timers, agent.loop.now_ms + READY_MS);
	ck_assert_int_eq(received(), LINK_READY);
	watch_answer(w, R_DNS_TIMEOUT, NULL, 0);
	ck_assert_int_eq(received(), -1);
	agent_close(&agent);
	teardown();
}
END_TEST

START_TEST(ttls_are_held_between_5_and_300_seconds)
{
	(void)watch_open("a.localhost");
	ck_assert_int_eq(agent.conf.min_ttl_ms, TTL_MIN_MS);
	ck_assert_int_eq(agent.conf.max_ttl_ms, TTL_MAX_MS);
	agent_close(&agent);
	conf.dns.max_ttl_ms = 1000;
	conf_adapt(&agent);
	ck_assert_int_eq(agent.conf.max_ttl_ms, TTL_MIN_MS);
	conf.dns.max_ttl_ms = 60000;
	conf_adapt(&agent);
	ck_assert_int_eq(agent.conf.max_ttl_ms, 60000);
	teardown();
}
END_TEST

UNIT_MAIN("worker/back/agent", names_are_published_with_the_port_and_ready_is_told,
    without_names_it_is_ready_at_once, it_leaves_when_the_master_is_gone,
    the_level_of_the_log_follows_the_link, failures_are_asked_again_ever_later_and_change_nothing,
    an_answer_in_another_order_is_not_published_again,
    a_name_without_an_answer_does_not_hold_ready_back_for_long,
    ttls_are_held_between_5_and_300_seconds)

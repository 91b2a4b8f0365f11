/*
 * Listening sockets across generations, on loopback ports the kernel chose.
 */
#include "master/listen.c"
#include <stdio.h>
#include "tests/unit/unit.h"

static uint16_t
free_port(void)
{
	struct addr a;
	socklen_t len = sizeof a.u;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(addr_parse(&a, "127.0.0.1:0", NULL), 0);
	ck_assert_int_eq(bind(fd, &a.u.sa, a.len), 0);
	ck_assert_int_eq(getsockname(fd, &a.u.sa, &len), 0);
	close(fd);
	return addr_port(&a);
}

/* A configuration of one listener with the given addresses: only what listen.c reads. */
struct sketch {
	struct conf conf;
	struct conf_listener listener;
	struct addr addrs[2];
	const char *bind[2];
	char text[2][32];
};

static const struct conf *
sketch(struct sketch *s, const char *host1, uint16_t port1, const char *host2, uint16_t port2)
{
	const char *hosts[2] = { host1, host2 };
	uint16_t ports[2] = { port1, port2 };
	unsigned n = host2 == NULL ? 1 : 2;

	*s = (struct sketch){ .listener = { .name = "a", .backlog = 16, .naddrs = n } };
	for (unsigned i = 0; i < n; i++) {
		snprintf(s->text[i], sizeof s->text[i], "%s:%u", hosts[i], ports[i]);
		s->bind[i] = s->text[i];
		ck_assert_int_eq(addr_parse(&s->addrs[i], s->text[i], NULL), 0);
	}
	s->listener.bind.v = s->bind;
	s->listener.bind.n = n;
	s->listener.addrs = s->addrs;
	s->conf.listeners = &s->listener;
	s->conf.nlisteners = 1;
	return &s->conf;
}

static bool
connects(uint16_t port)
{
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	ck_assert_int_eq(addr_parse(&a, "127.0.0.1:1", NULL), 0);
	addr_set_port(&a, port);
	rc = connect(fd, &a.u.sa, a.len);
	close(fd);
	return rc == 0;
}

static const struct bound *
only(const struct bounds *bs)
{
	return LIST_ENTRY(list_first(&bs->all), struct bound, node);
}

START_TEST(the_same_address_keeps_its_sockets)
{
	uint16_t port = free_port();
	struct sketch s;
	struct bounds bs;
	int first;

	bounds_init(&bs);
	ck_assert_int_eq(bounds_plan(&bs, sketch(&s, "127.0.0.1", port, NULL, 0), 2, 1, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 1, NULL), 0);
	first = only(&bs)->fd[0];
	ck_assert_int_eq(bounds_plan(&bs, &s.conf, 2, 2, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 2, NULL), 0);
	bounds_retire(&bs, 2, 10);
	bounds_tick(&bs, 20);
	bounds_drop(&bs, 1);
	ck_assert_uint_eq(bs.all.count, 1);
	ck_assert_int_eq(only(&bs)->fd[0], first);
	ck_assert(connects(port));
	bounds_fini(&bs);
	ck_assert(!connects(port));
}
END_TEST

START_TEST(slots_of_a_generation_that_failed_never_listen)
{
	uint16_t port = free_port();
	struct listen_fd *list;
	unsigned n, nslots;
	struct sketch s;
	struct bounds bs;

	bounds_init(&bs);
	ck_assert_int_eq(bounds_plan(&bs, sketch(&s, "127.0.0.1", port, NULL, 0), 1, 1, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 1, NULL), 0);
	ck_assert_int_eq(bounds_plan(&bs, &s.conf, 4, 2, NULL), 0);
	ck_assert_int_eq(bounds_list(&bs, 2, &list, &n, &nslots), 0);
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(nslots, 4);
	ck_assert_uint_eq(only(&bs)->nlive, 1);
	free(list);
	bounds_drop(&bs, 2);
	ck_assert_uint_eq(only(&bs)->nfds, 1);
	ck_assert_uint_eq(only(&bs)->plan, 1);
	ck_assert(connects(port));
	bounds_fini(&bs);
}
END_TEST

START_TEST(fewer_workers_leave_no_slot_behind)
{
	uint16_t port = free_port();
	struct listen_fd *list;
	unsigned n, nslots;
	struct sketch s;
	struct bounds bs;

	bounds_init(&bs);
	ck_assert_int_eq(bounds_plan(&bs, sketch(&s, "127.0.0.1", port, NULL, 0), 3, 1, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 1, NULL), 0);
	ck_assert_int_eq(bounds_plan(&bs, &s.conf, 1, 2, NULL), 0);
	ck_assert_int_eq(bounds_list(&bs, 2, &list, &n, &nslots), 0);
	ck_assert_uint_eq(nslots, 3);
	free(list);
	bounds_fini(&bs);
}
END_TEST

START_TEST(an_address_that_is_named_no_more_closes_when_its_time_has_come)
{
	uint16_t kept = free_port(), gone = free_port();
	struct sketch s, t;
	struct bounds bs;

	bounds_init(&bs);
	ck_assert_int_eq(
	    bounds_plan(&bs, sketch(&s, "127.0.0.1", kept, "127.0.0.1", gone), 1, 1, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 1, NULL), 0);
	ck_assert_int_eq(bounds_plan(&bs, sketch(&t, "127.0.0.1", kept, NULL, 0), 1, 2, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 2, NULL), 0);
	bounds_retire(&bs, 2, 1000);
	bounds_tick(&bs, 999);
	ck_assert(connects(gone));
	bounds_tick(&bs, 1000);
	ck_assert(!connects(gone));
	ck_assert(connects(kept));
	bounds_fini(&bs);
}
END_TEST

START_TEST(an_address_taken_back_before_its_time_stays_open)
{
	uint16_t kept = free_port(), gone = free_port();
	struct sketch s, t;
	struct bounds bs;

	bounds_init(&bs);
	ck_assert_int_eq(
	    bounds_plan(&bs, sketch(&s, "127.0.0.1", kept, "127.0.0.1", gone), 1, 1, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 1, NULL), 0);
	ck_assert_int_eq(bounds_plan(&bs, sketch(&t, "127.0.0.1", kept, NULL, 0), 1, 2, NULL), 0);
	ck_assert_int_eq(bounds_open(&bs, 2, NULL), 0);
	bounds_retire(&bs, 2, 1000);
	ck_assert_int_eq(bounds_plan(&bs, &s.conf, 1, 3, NULL), 0);
	bounds_tick(&bs, 2000);
	ck_assert(connects(gone));
	bounds_drop(&bs, 3); /* generation 3 did not start after all */
	bounds_tick(&bs, 2000);
	ck_assert(!connects(gone));
	bounds_fini(&bs);
}
END_TEST

START_TEST(a_port_that_another_program_serves_is_an_error_although_both_would_share_it)
{
	struct sketch s;
	struct errdetail ed = { 0 };
	struct bounds other, bs;
	uint16_t port = free_port();

	bounds_init(&other);
	bounds_init(&bs);
	ck_assert_int_eq(
	    bounds_plan(&other, sketch(&s, "127.0.0.1", port, NULL, 0), 1, 1, NULL), 0);
	ck_assert_int_lt(bounds_plan(&bs, &s.conf, 1, 1, &ed), 0);
	ck_assert_ptr_nonnull(strstr(ed.text, "another program"));
	ck_assert_uint_eq(bs.all.count, 0);
	bounds_fini(&other);
}
END_TEST

START_TEST(a_plan_that_fails_half_way_closes_what_it_opened)
{
	uint16_t port = free_port();
	struct sketch s;
	struct errdetail ed = { 0 };
	struct bounds bs;

	bounds_init(&bs);
	ck_assert_int_lt(
	    bounds_plan(&bs, sketch(&s, "127.0.0.1", port, "192.0.2.77", port), 1, 1, &ed), 0);
	ck_assert_ptr_nonnull(strstr(ed.text, "192.0.2.77"));
	ck_assert_uint_eq(bs.all.count, 0);
	ck_assert(!connects(port));
}
END_TEST

START_TEST(the_star_and_the_brackets_are_different_addresses)
{
	struct bound b = { .dual = true };

	ck_assert_int_eq(addr_parse(&b.addr, "*:80", NULL), 0);
	ck_assert(bound_matches(&b, &b.addr, true));
	ck_assert(!bound_matches(&b, &b.addr, false));
}
END_TEST

/* Another master's sockets, as they come through an upgrade: at most two descriptors of one address. */
static void
take_from(struct bounds *to, const struct bounds *from, unsigned generation)
{
	const struct bound *b = only(from);
	struct bound_plan plan = { .addr = &b->addr, .lent = true, .generation = generation };
	unsigned n = b->nfds;
	int fd[2];

	ck_assert_uint_le(n, ARRAY_LEN(fd));
	for (unsigned i = 0; i < n; i++)
		fd[i] = dup(b->fd[i]);
	ck_assert_int_eq(bounds_take(to, &plan, fd, n, NULL), 0);
}

START_TEST(sockets_of_another_master_are_used_and_stay_his_until_he_leaves)
{
	uint16_t port = free_port();
	struct bounds old, new;
	struct sketch s;

	bounds_init(&old);
	bounds_init(&new);
	ck_assert_int_eq(bounds_plan(&old, sketch(&s, "127.0.0.1", port, NULL, 0), 2, 7, NULL), 0);
	take_from(&new, &old, 7);
	ck_assert_int_eq(bounds_plan(&new, &s.conf, 3, 8, NULL), 0);
	ck_assert_uint_eq(new.all.count, 1);
	ck_assert_uint_eq(only(&new)->nfds, 3);
	ck_assert_uint_eq(only(&new)->nlive, 2);
	bounds_fini(&new); /* it failed: nothing has happened */
	ck_assert(connects(port));
	bounds_init(&new);
	take_from(&new, &old, 7);
	ck_assert_int_eq(bounds_plan(&new, &s.conf, 2, 8, NULL), 0);
	bounds_own(&new);
	bounds_leave(&old); /* it serves: the old one goes without a word to the kernel */
	ck_assert_uint_eq(old.all.count, 0);
	ck_assert(connects(port));
	bounds_retire(&new, 9, 1);
	bounds_tick(&new, 2);
	ck_assert(!connects(port));
}
END_TEST

static bool
accepts_without_delay(int fd, uint16_t port)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), taken, on = 0;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof on;

	ck_assert_int_eq(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(taken, 0);
	ck_assert_int_eq(getsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	close(taken);
	close(client);
	return on != 0;
}

/* Those of another master, or of the service manager, may lack the option. */
START_TEST(connections_are_born_without_delay_wherever_their_listener_came_from)
{
	uint16_t port = free_port();
	struct sketch s;
	struct bounds old, new;

	bounds_init(&old);
	bounds_init(&new);
	ck_assert_int_eq(bounds_plan(&old, sketch(&s, "127.0.0.1", port, NULL, 0), 1, 7, NULL), 0);
	ck_assert_int_eq(bounds_open(&old, 7, NULL), 0);
	ck_assert(accepts_without_delay(only(&old)->fd[0], port));
	ck_assert_int_eq(set_on(only(&old)->fd[0], IPPROTO_TCP, TCP_NODELAY, 0), 0);
	take_from(&new, &old, 7);
	ck_assert_int_eq(bounds_plan(&new, &s.conf, 1, 8, NULL), 0);
	ck_assert_int_eq(bounds_open(&new, 8, NULL), 0);
	ck_assert(accepts_without_delay(only(&new)->fd[0], port));
	bounds_fini(&new);
	bounds_fini(&old);
}
END_TEST

START_TEST(a_descriptor_that_does_not_listen_there_is_not_taken)
{
	uint16_t port = free_port();
	struct errdetail ed = { 0 };
	struct addr addr;
	struct bound_plan plan = { .addr = &addr };
	struct bounds bs;
	int fd;

	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:1", NULL), 0);
	addr_set_port(&addr, port);
	fd = bind_tcp(&addr, false, false);
	bounds_init(&bs);
	ck_assert_int_lt(bounds_take(&bs, &plan, &fd, 1, &ed), 0);
	ck_assert_ptr_nonnull(strstr(ed.text, "does not listen"));
	ck_assert_int_eq(listen(fd, 1), 0);
	addr_set_port(&addr, (uint16_t)(port + 1));
	ck_assert_int_lt(bounds_take(&bs, &plan, &fd, 1, NULL), 0);
	ck_assert_uint_eq(bs.all.count, 0);
	close(fd);
}
END_TEST

START_TEST(a_socket_handed_in_is_shared_and_never_shut_down)
{
	uint16_t port = free_port();
	struct listen_fd *list;
	unsigned n, nslots;
	struct sketch s, other;
	struct bounds manager, bs;
	struct bound_plan plan = { .given = true };
	int fd[2];

	bounds_init(&manager);
	bounds_init(&bs);
	ck_assert_int_eq(
	    bounds_plan(&manager, sketch(&s, "127.0.0.1", port, NULL, 0), 1, 1, NULL), 0);
	plan.addr = &only(&manager)->addr;
	fd[0] = dup(only(&manager)->fd[0]);
	ck_assert_int_eq(bounds_take(&bs, &plan, fd, 1, NULL), 0);
	ck_assert_int_eq(bounds_plan(&bs, &s.conf, 3, 1, NULL), 0);
	bounds_prune(&bs);
	ck_assert_int_eq(bounds_list(&bs, 1, &list, &n, &nslots), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert(list[0].shared && list[2].shared);
	free(list);
	bounds_retire(&bs, 2, 1);
	bounds_tick(&bs, 2);
	ck_assert_uint_eq(bs.all.count, 0);
	ck_assert(connects(port)); /* the manager's own goes on */
	fd[1] = dup(only(&manager)->fd[0]);
	ck_assert_int_eq(bounds_take(&bs, &plan, fd + 1, 1, NULL), 0);
	ck_assert_int_eq(
	    bounds_plan(&bs, sketch(&other, "127.0.0.1", free_port(), NULL, 0), 1, 1, NULL), 0);
	bounds_prune(&bs); /* no plan names it */
	ck_assert_uint_eq(bs.all.count, 1);
	ck_assert(connects(port));
	bounds_fini(&bs);
	bounds_fini(&manager);
}
END_TEST

UNIT_MAIN("master/listen", the_same_address_keeps_its_sockets,
    connections_are_born_without_delay_wherever_their_listener_came_from,
    slots_of_a_generation_that_failed_never_listen, fewer_workers_leave_no_slot_behind,
    an_address_that_is_named_no_more_closes_when_its_time_has_come,
    an_address_taken_back_before_its_time_stays_open,
    a_port_that_another_program_serves_is_an_error_although_both_would_share_it,
    a_plan_that_fails_half_way_closes_what_it_opened,
    the_star_and_the_brackets_are_different_addresses,
    sockets_of_another_master_are_used_and_stay_his_until_he_leaves,
    a_descriptor_that_does_not_listen_there_is_not_taken,
    a_socket_handed_in_is_shared_and_never_shut_down)

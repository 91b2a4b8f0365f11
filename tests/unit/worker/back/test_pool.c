#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "worker/back/pool.c"

static struct loop loop;
static struct pool *pool;
static struct stats_lane *lane;
static _Atomic uint32_t counted;

static void
setup(void)
{
	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	lane = mem_alloc(sizeof *lane);
	pool = pool_new(&loop, lane, NULL);
	ck_assert_ptr_nonnull(pool);
}

static void
teardown(void)
{
	pool_free(&pool);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 0);
	ck_assert_uint_eq(counted, 0);
	mem_free(lane);
	loop_fini(&loop);
	slab_drain(&host_slab);
	slab_drain(&kept_slab);
	buf_drain_pool();
}

static void
nobody(struct conn *c UNUSED, enum conn_event ev UNUSED, void *owner UNUSED)
{
	ck_abort_msg("an event for a connection that was given away");
}

static struct addr
peer(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	return a;
}

/* A conn on one end of a pair; the target's end comes back in *target. */
static struct conn *
conn_pair(int *target)
{
	int fds[2];
	struct conn *c;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*target = fds[1];
	c = conn_new(&loop, fds[0], nobody, NULL);
	ck_assert_ptr_nonnull(c);
	return c;
}

static void
keep(struct conn **c, const struct addr *to, struct pool_owner *owner, unsigned max_idle,
    int64_t idle_ms)
{
	pool_put(pool, c, &(struct pool_terms){ .peer = to, .owner = owner, .count = &counted,
	    .max_idle = max_idle, .idle_ms = idle_ms });
	ck_assert_uint_eq(counted, pool->all.count);
}

static int
put(const char *to, unsigned max_idle, int64_t idle_ms)
{
	int target;
	struct conn *c = conn_pair(&target);
	struct addr a = peer(to);

	keep(&c, &a, NULL, max_idle, idle_ms);
	ck_assert_ptr_null(c);
	return target;
}

static struct conn *
get(const char *from)
{
	struct addr a = peer(from);

	return pool_get(pool, &a, NULL);
}

static bool
is_closed(int target)
{
	char byte;

	return recv(target, &byte, 1, MSG_DONTWAIT) == 0;
}

static unsigned
look(const char *at)
{
	struct addr a = peer(at);

	return pool_look(pool, &a);
}

START_TEST(a_look_counts_what_is_usable_and_takes_nothing)
{
	int a, second, old;
	struct conn *c;

	setup();
	ck_assert_uint_eq(look("127.0.0.1:80"), 0);
	a = put("127.0.0.1:80", 8, 10000);
	second = put("127.0.0.1:80", 8, 10000);
	old = put("127.0.0.1:80", 8, 0);
	ck_assert_uint_eq(look("127.0.0.1:80"), 2);
	ck_assert_uint_eq(look("127.0.0.1:80"), 2);
	ck_assert_uint_eq(look("127.0.0.1:81"), 0);
	c = get("127.0.0.1:80");
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(look("127.0.0.1:80"), 1);
	conn_free(&c);
	close(a);
	close(second);
	close(old);
	teardown();
}
END_TEST

START_TEST(the_newest_comes_back_first)
{
	int a, b, a_fd, b_fd;
	struct conn *ca, *cb, *got;
	struct addr to = peer("10.0.0.1:80");

	setup();
	ca = conn_pair(&a_fd);
	cb = conn_pair(&b_fd);
	a = (int)conn_id(ca);
	b = (int)conn_id(cb);
	keep(&ca, &to, NULL, 8, 60000);
	keep(&cb, &to, NULL, 8, 60000);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 2);
	got = pool_get(pool, &to, NULL);
	ck_assert_int_eq((int)conn_id(got), b);
	conn_free(&got);
	got = pool_get(pool, &to, NULL);
	ck_assert_int_eq((int)conn_id(got), a);
	conn_free(&got);
	ck_assert_ptr_null(pool_get(pool, &to, NULL));
	close(a_fd);
	close(b_fd);
	teardown();
}
END_TEST

START_TEST(targets_are_told_apart_by_family_address_and_port)
{
	static const char *const others[] = { "10.0.0.1:81", "10.0.0.2:80", "[::ffff:10.0.0.1]:80",
		"[::1]:80", "unix:/run/x" };
	struct conn *c;
	int fd;

	setup();
	fd = put("10.0.0.1:80", 8, 60000);
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_ptr_null(get(others[i]));
	c = get("10.0.0.1:80");
	ck_assert_ptr_nonnull(c);
	conn_free(&c);
	close(fd);
	teardown();
}
END_TEST

START_TEST(a_byte_from_the_target_closes_it)
{
	int fd;

	setup();
	fd = put("10.0.0.1:80", 8, 60000);
	loop_turn(&loop, 0);
	ck_assert_int_eq(write(fd, "H", 1), 1);
	loop_turn(&loop, 100);
	ck_assert_ptr_null(get("10.0.0.1:80"));
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 0);
	ck_assert(is_closed(fd));
	close(fd);
	teardown();
}
END_TEST

START_TEST(the_end_from_the_target_closes_it)
{
	int fd;

	setup();
	fd = put("10.0.0.1:80", 8, 60000);
	loop_turn(&loop, 0);
	shutdown(fd, SHUT_WR);
	loop_turn(&loop, 100);
	ck_assert_ptr_null(get("10.0.0.1:80"));
	close(fd);
	teardown();
}
END_TEST

static void
ignore(struct conn *c UNUSED, enum conn_event ev UNUSED, void *owner UNUSED)
{
}

START_TEST(what_has_unread_bytes_or_ended_is_never_kept)
{
	struct addr to = peer("10.0.0.1:80");

	setup();
	for (unsigned surplus = 0; surplus < 2; surplus++) {
		int fd;
		struct conn *c = conn_pair(&fd);

		conn_set_owner(c, ignore, NULL);
		conn_resume(c);
		if (surplus)
			ck_assert_int_eq(write(fd, "surplus", 7), 7);
		else
			shutdown(fd, SHUT_WR);
		loop_turn(&loop, 0);
		ck_assert(surplus ? conn_peek(c).n == 7 : conn_eof(c));
		keep(&c, &to, NULL, 8, 60000);
		ck_assert_ptr_null(c);
		ck_assert_ptr_null(pool_get(pool, &to, NULL));
		close(fd);
	}
	teardown();
}
END_TEST

START_TEST(above_max_idle_the_oldest_goes)
{
	int fds[4];

	setup();
	for (unsigned i = 0; i < 4; i++)
		fds[i] = put("10.0.0.1:80", 2, 60000);
	loop_turn(&loop, 0);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 2);
	ck_assert(is_closed(fds[0]) && is_closed(fds[1]));
	ck_assert(!is_closed(fds[2]) && !is_closed(fds[3]));
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	teardown();
}
END_TEST

START_TEST(max_idle_0_keeps_nothing)
{
	int fd;

	setup();
	fd = put("10.0.0.1:80", 0, 60000);
	ck_assert_ptr_null(get("10.0.0.1:80"));
	close(fd);
	teardown();
}
END_TEST

START_TEST(the_sweep_closes_what_is_too_old_and_forgets_empty_hosts)
{
	int young, old;

	setup();
	old = put("10.0.0.1:80", 8, 500);
	young = put("10.0.0.2:80", 8, 60000);
	ck_assert_uint_eq(pool->hosts.used, 2);
	loop.now_ms += SWEEP_MS;
	timers_run(&loop.timers, loop.now_ms);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 1);
	ck_assert_uint_eq(pool->hosts.used, 1);
	ck_assert(is_closed(old) && !is_closed(young));
	close(old);
	close(young);
	young = put("10.0.0.3:80", 8, 500);	/* the host found last may be one that the next sweep forgets */
	loop.now_ms += SWEEP_MS;
	timers_run(&loop.timers, loop.now_ms);
	slab_drain(&host_slab);
	ck_assert_ptr_null(get("10.0.0.3:80"));
	close(young);
	teardown();
}
END_TEST

START_TEST(what_is_too_old_is_not_handed_out_before_the_sweep)
{
	int fd;

	setup();
	fd = put("10.0.0.1:80", 8, 500);
	loop.now_ms += 600;
	ck_assert_ptr_null(get("10.0.0.1:80"));
	close(fd);
	teardown();
}
END_TEST

START_TEST(clearing_closes_all)
{
	int a, b;

	setup();
	a = put("10.0.0.1:80", 8, 60000);
	b = put("10.0.0.2:80", 8, 60000);
	pool_clear(pool);
	ck_assert(is_closed(a) && is_closed(b));
	close(a);
	close(b);
	teardown();
}
END_TEST

START_TEST(what_speaks_for_a_client_is_nobody_elses_and_ends_with_it)
{
	struct addr to = peer("127.0.0.1:1"), other = peer("127.0.0.1:2");
	struct pool_owner alice, bob;
	struct conn *c[3], *got;
	int target[3];

	setup();
	pool_owner_init(&alice);
	pool_owner_init(&bob);
	for (unsigned i = 0; i < 3; i++)
		c[i] = conn_pair(&target[i]);
	got = c[0];
	keep(&c[0], &to, &alice, 8, 60000);
	keep(&c[1], &other, &alice, 8, 60000);
	keep(&c[2], &to, NULL, 8, 60000);
	ck_assert_ptr_null(pool_get(pool, &to, &bob));
	ck_assert_ptr_null(pool_get(pool, &other, NULL));
	c[0] = pool_get(pool, &to, &alice);
	ck_assert_ptr_eq(c[0], got);
	ck_assert_ptr_null(pool_get(pool, &to, &alice));
	keep(&c[0], &to, &alice, 8, 60000);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 3);
	pool_owner_fini(&alice);
	ck_assert_uint_eq(lane->counter[C_UP_IDLE], 1);
	c[2] = pool_get(pool, &to, NULL);
	ck_assert_ptr_nonnull(c[2]);
	conn_free(&c[2]);
	loop_turn(&loop, 0);
	for (unsigned i = 0; i < 3; i++)
		close(target[i]);
	teardown();
}
END_TEST

UNIT_MAIN("worker/back/pool", a_look_counts_what_is_usable_and_takes_nothing,
    the_newest_comes_back_first,
    targets_are_told_apart_by_family_address_and_port, a_byte_from_the_target_closes_it,
    the_end_from_the_target_closes_it, what_has_unread_bytes_or_ended_is_never_kept,
    above_max_idle_the_oldest_goes, max_idle_0_keeps_nothing,
    the_sweep_closes_what_is_too_old_and_forgets_empty_hosts,
    what_is_too_old_is_not_handed_out_before_the_sweep, clearing_closes_all,
    what_speaks_for_a_client_is_nobody_elses_and_ends_with_it)

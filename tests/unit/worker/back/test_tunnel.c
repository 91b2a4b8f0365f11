#include <signal.h>
#include "tests/unit/lib/drive.h"
#include "tests/unit/lib/request.h"
#include "worker/back/tunnel.h"

static struct ctx *x;
static struct req *r;
static int client, target;		/* the far ends */
static unsigned runs;
static char bytes[3 << 20];

/* Stands for the runner: the tunnel calls it when it is over. */
void
req_run(struct req *q)
{
	ck_assert_ptr_eq(q, r);
	runs++;
	tunnel_end(q);
}

static void
ignore_event(struct conn *c, enum conn_event ev, void *owner)
{
	(void)c;
	(void)ev;
	(void)owner;
}

static void
start(void (*make)(int[2]))
{
	int a[2], b[2];

	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	x = request_start(MODE_FORWARD);
	request_conf.timeouts.tunnel_idle_ms = request_conf.timeouts.tunnel_life_ms = 60000;
	r = request_make("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	make(a);
	make(b);
	client = a[1];
	target = b[1];
	ck_assert(tunnel_start(r, conn_new(&x->loop, a[0], ignore_event, NULL),
	    conn_new(&x->loop, b[0], ignore_event, NULL)));
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 11 + (i >> 10));
}

static void
stop(void)
{
	tunnel_end(r);
	req_free(&r);
	close(client);
	close(target);
	ck_assert_uint_eq(x->stats->counter[C_TUNNELS_OPEN], 0);
	request_end();
}

static void
expect(int fd, const char *text)
{
	static char got[1024];
	size_t n = 0, want = strlen(text);

	DRIVE_UNTIL(&x->loop, (n += drive_get(fd, got + n, sizeof got - n, NULL)) >= want);
	ck_assert(span_eq_str(span_make(got, n), text));
}

static bool
at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

START_TEST(both_directions_flow_and_are_counted)
{
	start(drive_pair);
	drive_put(client, SPAN("hello"));
	drive_put(target, SPAN("220 ready"));
	expect(target, "hello");
	expect(client, "220 ready");
	drive_put(client, SPAN(" again"));
	expect(target, " again");
	ck_assert_uint_eq(runs, 0);
	tunnel_end(r);
	ck_assert_ptr_null(r->tunnel);
	ck_assert_uint_eq(r->bytes_in, 11);
	ck_assert_uint_eq(r->bytes_out, 9);
	ck_assert_uint_eq(x->stats->counter[C_BYTES_UP_IN], 9);
	tunnel_end(r);				/* twice is harmless */
	ck_assert(at_end(client) && at_end(target));
	stop();
}
END_TEST

/* Between the target's connection and the tunnel the client's answer may have to wait. */
START_TEST(a_target_lost_before_the_tunnel_began_ends_it)
{
	int a[2], b[2];
	struct conn *early;

	x = request_start(MODE_FORWARD);
	request_conf.timeouts.tunnel_idle_ms = request_conf.timeouts.tunnel_life_ms = 60000;
	r = request_make("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	drive_tcp_pair(a);
	drive_tcp_pair(b);
	client = a[1];
	early = conn_new(&x->loop, b[0], ignore_event, NULL);
	conn_watch(early);
	drive_reset(b[1]);
	target = -1;
	DRIVE_UNTIL(&x->loop, conn_failed(early));
	drive(&x->loop, 2);
	ck_assert(tunnel_start(r, conn_new(&x->loop, a[0], ignore_event, NULL), early));
	DRIVE_UNTIL(&x->loop, runs == 1);
	stop();
}
END_TEST

START_TEST(each_direction_ends_alone_and_both_end_the_tunnel)
{
	start(drive_pair);
	drive_put(client, SPAN("question"));
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	expect(target, "question");
	DRIVE_UNTIL(&x->loop, at_end(target));
	ck_assert_uint_eq(runs, 0);
	ck_assert(!at_end(client));
	drive_put(target, SPAN("answer"));
	expect(client, "answer");
	ck_assert_int_eq(shutdown(target, SHUT_WR), 0);
	DRIVE_UNTIL(&x->loop, runs > 0);
	ck_assert(at_end(client));
	ck_assert_uint_eq(runs, 1);
	ck_assert_int_eq(r->reason, R_NONE);
	stop();
}
END_TEST

/* Sends all of bytes one way through a receiver that reads little at a time; the end comes behind them. */
static void
relay(int from, int to, size_t sip)
{
	static char got[sizeof bytes];
	size_t sent = 0, n = 0;
	bool eof = false;
	int64_t end = x->loop.now_ms + 20000;

	while (!eof && x->loop.now_ms < end) {
		ssize_t w = sent < sizeof bytes ?
		    send(from, bytes + sent, sizeof bytes - sent, MSG_DONTWAIT) :
		    0;

		sent += w > 0 ? (size_t)w : 0;
		if (w == 0 && sent == sizeof bytes)
			(void)shutdown(from, SHUT_WR);
		loop_turn(&x->loop, 0);
		loop_turn(&x->loop, 0);
		n += drive_get(to, got + n, sizeof got - n < sip ? sizeof got - n : sip, NULL);
		eof = at_end(to);
	}
	ck_assert_msg(
	    eof && n == sizeof bytes, "%zu of %zu bytes came, end %d", n, sizeof bytes, eof);
	ck_assert_int_eq(memcmp(got, bytes, sizeof bytes), 0);
}

START_TEST(much_crosses_into_splice_without_losing_a_byte)
{
	start(drive_pair);
	relay(client, target, SIZE_MAX);
	ck_assert_uint_eq(runs, 0);
	relay(target, client, SIZE_MAX);
	DRIVE_UNTIL(&x->loop, runs == 1);
	ck_assert_uint_eq(r->bytes_in, sizeof bytes);
	ck_assert_uint_eq(r->bytes_out, sizeof bytes);
	stop();
}
END_TEST

START_TEST(a_slow_reader_only_slows_its_own_direction)
{
	start(drive_small_pair);
	relay(client, target, 1500);
	relay(target, client, 3000);
	DRIVE_UNTIL(&x->loop, runs == 1);
	stop();
}
END_TEST

/* Bytes that fill the buffers exactly, then nothing: the change to splice must not wait for more. */
START_TEST(a_direction_blocked_at_the_change_to_splice_goes_on)
{
	static const size_t steps[] = { 60000, 70000, 5000, 100, 40000, 1 };
	static char got[200000];
	size_t n = 0, sent = 0;

	start(drive_small_pair);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		size_t want = sent + steps[i];

		while (sent < want) {
			ssize_t w = send(client, bytes + sent, want - sent, MSG_DONTWAIT);

			sent += w > 0 ? (size_t)w : 0;
			drive(&x->loop, 3);	/* the target does not read: blocked */
			if (w <= 0)
				n += drive_get(target, got + n, 4096, NULL);
		}
		DRIVE_UNTIL(
		    &x->loop, (n += drive_get(target, got + n, sizeof got - n, NULL)) == sent);
	}
	ck_assert_int_eq(memcmp(got, bytes, n), 0);
	stop();
}
END_TEST

START_TEST(bytes_and_an_end_that_came_before_the_tunnel_are_passed_on)
{
	int a[2], b[2];
	struct conn *c;

	start(drive_pair);
	tunnel_end(r);
	close(client);
	close(target);
	drive_pair(a);
	drive_pair(b);
	client = a[1];
	target = b[1];
	c = conn_new(&x->loop, a[0], ignore_event, NULL);
	drive_put(client, SPAN("early"));
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	conn_resume(c);
	drive(&x->loop, 3);
	ck_assert(conn_eof(c));
	ck_assert(tunnel_start(r, c, conn_new(&x->loop, b[0], ignore_event, NULL)));
	expect(target, "early");
	DRIVE_UNTIL(&x->loop, at_end(target));
	ck_assert_uint_eq(runs, 0);
	stop();
}
END_TEST

static void
check_reset(size_t before, bool client_ended)
{
	static char got[1 << 20];
	size_t n = 0, sent = 0;
	ssize_t last = -1;

	start(drive_tcp_pair);
	if (client_ended) {
		ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
		DRIVE_UNTIL(&x->loop, at_end(target));
	}
	while (sent < before) {
		ssize_t w = send(target, bytes + sent, before - sent, MSG_DONTWAIT);

		sent += w > 0 ? (size_t)w : 0;
		loop_turn(&x->loop, 1);
		n += drive_get(client, got + n, sizeof got - n, NULL);
	}
	DRIVE_UNTIL(&x->loop, (n += drive_get(client, got + n, sizeof got - n, NULL)) == before);
	drive_reset(target);
	target = dup(0);
	DRIVE_UNTIL(&x->loop, runs == 1);
	errno = EAGAIN;
	for (int i = 0; i < 50 && last < 0 && errno == EAGAIN; i++) {
		loop_turn(&x->loop, 1);
		last = recv(client, got, 1, MSG_DONTWAIT);
	}
	ck_assert_msg(last < 0 && errno == ECONNRESET, "after %zu bytes%s: a clean end", before,
	    client_ended ? ", client ended" : "");
	stop();
	runs = 0;
}

/* Else a cut answer would look complete to a client that reads until the end. */
START_TEST(a_reset_of_one_side_is_a_reset_for_the_other)
{
	check_reset(10, false);
	check_reset(10, true);
	check_reset(600000, false);		/* by then it is spliced */
	check_reset(600000, true);
}
END_TEST

START_TEST(silence_ends_the_tunnel_and_traffic_keeps_it)
{
	int64_t begun;

	start(drive_pair);
	request_conf.timeouts.tunnel_idle_ms = 60;
	tunnel_end(r);
	close(client);
	close(target);
	{
		int a[2], b[2];

		drive_pair(a);
		drive_pair(b);
		client = a[1];
		target = b[1];
		ck_assert(tunnel_start(r, conn_new(&x->loop, a[0], ignore_event, NULL),
		    conn_new(&x->loop, b[0], ignore_event, NULL)));
	}
	begun = x->loop.now_ms;
	while (x->loop.now_ms < begun + 150) {
		drive_put(target, SPAN("."));
		loop_turn(&x->loop, 10);
		usleep(5000);
	}
	ck_assert_uint_eq(runs, 0);
	DRIVE_UNTIL(&x->loop, runs == 1);
	ck_assert_int_eq(r->reason, R_TUNNEL_IDLE);
	stop();
}
END_TEST

UNIT_MAIN("worker/back/tunnel", both_directions_flow_and_are_counted,
    a_target_lost_before_the_tunnel_began_ends_it,
    each_direction_ends_alone_and_both_end_the_tunnel,
    much_crosses_into_splice_without_losing_a_byte, a_slow_reader_only_slows_its_own_direction,
    a_direction_blocked_at_the_change_to_splice_goes_on,
    bytes_and_an_end_that_came_before_the_tunnel_are_passed_on,
    a_reset_of_one_side_is_a_reset_for_the_other, silence_ends_the_tunnel_and_traffic_keeps_it)

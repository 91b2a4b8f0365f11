#include <linux/tcp.h>
#include "tests/unit/lib/drive.h"
#include "worker/io/conn_priv.h"

static struct loop l;
static struct ear e;
static int peer;
static char big[256 << 10];

static void
start(void (*make)(int[2]))
{
	int fd[2];

	drive_start(&l);
	make(fd);
	ear_open(&e, &l, fd[0]);
	peer = fd[1];
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7 + (i >> 8));
}

static void
stop(void)
{
	conn_free(&e.c);
	if (peer >= 0)
		close(peer);
	drive_end(&l);
}

START_TEST(nothing_is_read_or_told_before_the_first_resume)
{
	start(drive_pair);
	drive_put(peer, SPAN("hello"));
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "");
	ck_assert_uint_eq(conn_bytes_in(e.c), 0);
	conn_resume(e.c);
	ck_assert_str_eq(ear_heard(&e), "");		/* never from inside a call */
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "d");
	ck_assert(span_eq_str(conn_peek(e.c), "hello"));
	stop();
}
END_TEST

START_TEST(data_is_told_once_per_arrival_and_grows_behind_what_is_unread)
{
	start(drive_pair);
	conn_resume(e.c);
	drive(&l, 2);
	drive_put(peer, SPAN("one"));
	drive(&l, 3);
	drive_put(peer, SPAN("two"));
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "dd");
	ck_assert(span_eq_str(conn_peek(e.c), "onetwo"));
	conn_consume(e.c, 4);
	ck_assert(span_eq_str(conn_peek(e.c), "wo"));
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "");
	conn_consume(e.c, 2);
	ck_assert_uint_eq(conn_peek(e.c).n, 0);
	ck_assert_ptr_null(conn_bytes(e.c));		/* an idle conn holds no buffer */
	stop();
}
END_TEST

START_TEST(a_paused_conn_is_silent_and_announces_unread_bytes_when_resumed)
{
	start(drive_pair);
	e.pause = true;
	conn_resume(e.c);
	drive_put(peer, SPAN("one"));
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "d");
	drive_put(peer, SPAN("two"));
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "");
	ck_assert(conn_paused(e.c));
	ck_assert(span_eq_str(conn_peek(e.c), "one"));
	e.pause = false;
	conn_resume(e.c);
	drive(&l, 3);
	ck_assert(span_eq_str(conn_peek(e.c), "onetwo"));
	ck_assert_str_eq(ear_heard(&e), "dd");
	conn_resume(e.c);		/* nothing new: told again all the same */
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "d");
	stop();
}
END_TEST

START_TEST(a_full_buffer_stops_reading_until_it_is_consumed_or_grown)
{
	start(drive_pair);
	ck_assert_int_gt(write(peer, big, 60000), 50000);
	conn_resume(e.c);
	drive(&l, 20);
	ck_assert(conn_full(e.c));
	ck_assert_uint_eq(conn_peek(e.c).n, BUF_SMALL);
	ear_heard(&e);
	conn_consume(e.c, 1000);
	drive(&l, 20);
	ck_assert(conn_full(e.c));
	ck_assert_uint_eq(conn_bytes_in(e.c), BUF_SMALL + 1000);
	ck_assert_int_eq(memcmp(conn_peek(e.c).p, big + 1000, BUF_SMALL), 0);
	ck_assert_int_eq(conn_buffer(e.c, BUF_LARGE), 0);
	ck_assert(!conn_full(e.c));
	ck_assert_int_eq(memcmp(conn_peek(e.c).p, big + 1000, BUF_SMALL), 0);
	conn_resume(e.c);
	drive(&l, 20);
	ck_assert_uint_eq(conn_peek(e.c).n, 59000);
	ck_assert_int_eq(memcmp(conn_peek(e.c).p, big + 1000, 59000), 0);
	stop();
}
END_TEST

START_TEST(the_end_is_told_once_and_after_the_data_before_it)
{
	start(drive_pair);
	drive_put(peer, SPAN("last words"));
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	conn_resume(e.c);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "de");
	ck_assert(conn_eof(e.c));
	ck_assert(span_eq_str(conn_peek(e.c), "last words"));
	conn_consume(e.c, 10);
	conn_resume(e.c);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "");
	stop();
}
END_TEST

START_TEST(the_end_waits_for_an_owner_who_paused)
{
	start(drive_pair);
	e.pause = true;
	drive_put(peer, SPAN("x"));
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	conn_resume(e.c);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "d");
	conn_consume(e.c, 1);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "");
	conn_resume(e.c);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "e");
	stop();
}
END_TEST

START_TEST(bytes_received_before_a_reset_are_read_before_it_is_told)
{
	start(drive_tcp_pair);
	conn_resume(e.c);
	drive(&l, 2);
	drive_put(peer, SPAN("the answer"));
	drive_reset(peer);
	peer = -1;
	DRIVE_UNTIL(&l, conn_failed(e.c));
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&e), "dx");
	ck_assert_int_eq(conn_errno(e.c), ECONNRESET);
	ck_assert(span_eq_str(conn_peek(e.c), "the answer"));
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&e), "");		/* nothing after the error */
	stop();
}
END_TEST

/* The failed write takes the socket's error; what is left reads like a clean end. */
START_TEST(a_failed_write_does_not_turn_a_reset_into_an_end)
{
	start(drive_tcp_pair);
	conn_resume(e.c);
	drive(&l, 2);
	drive_put(peer, SPAN("half an ans"));
	drive_reset(peer);
	peer = -1;
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	DRIVE_UNTIL(&l, conn_failed(e.c));
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&e), "dx");
	ck_assert_int_eq(conn_errno(e.c), ECONNRESET);
	ck_assert(!conn_eof(e.c));
	stop();
}
END_TEST

START_TEST(an_end_before_the_reset_stays_an_end_for_a_failed_write)
{
	start(drive_tcp_pair);
	conn_resume(e.c);
	drive(&l, 2);
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), 1);
	drive_put(peer, SPAN("all of it"));
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	drive_reset(peer);
	peer = -1;
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	DRIVE_UNTIL(&l, conn_eof(e.c));
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&e), "de");
	stop();
}
END_TEST

START_TEST(a_reset_of_a_conn_nobody_reads_is_told_at_once)
{
	start(drive_tcp_pair);
	e.pause = true;
	conn_resume(e.c);
	drive(&l, 2);
	drive_put(peer, SPAN("x"));
	DRIVE_UNTIL(&l, e.n > 0);
	conn_consume(e.c, 1);
	drive(&l, 2);
	drive_reset(peer);
	peer = -1;
	DRIVE_UNTIL(&l, conn_failed(e.c));
	ck_assert_str_eq(ear_heard(&e), "dx");
	stop();
}
END_TEST

/* The end has been told, so no read could find the error any more. */
START_TEST(a_reset_behind_the_end_is_told)
{
	start(drive_tcp_pair);
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	conn_resume(e.c);
	DRIVE_UNTIL(&l, e.n > 0);
	ck_assert_str_eq(ear_heard(&e), "e");
	drive_reset(peer);
	peer = -1;
	DRIVE_UNTIL(&l, e.n > 0);
	ck_assert_str_eq(ear_heard(&e), "x");
	stop();
}
END_TEST

START_TEST(a_write_that_fails_behind_the_end_is_told)
{
	start(drive_pair);
	close(peer);
	peer = -1;
	conn_resume(e.c);
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "e");
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "x");
	ck_assert_int_eq(conn_errno(e.c), EPIPE);
	stop();
}
END_TEST

START_TEST(a_failed_write_lets_what_was_received_be_read_first)
{
	start(drive_pair);
	drive_put(peer, SPAN("why"));
	close(peer);
	peer = -1;
	e.pause = false;
	conn_resume(e.c);
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 1 }, 1), -1);
	drive(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "de");
	ck_assert(span_eq_str(conn_peek(e.c), "why"));
	stop();
}
END_TEST

START_TEST(a_short_write_is_followed_by_drained_and_every_byte_arrives)
{
	static char got[sizeof big];
	size_t sent = 0, n = 0;

	start(drive_small_pair);
	conn_resume(e.c);
	while (sent < sizeof big) {
		struct iovec iov[2] = { { big + sent, (sizeof big - sent) / 3 },
			{ big + sent + (sizeof big - sent) / 3,
			    sizeof big - sent - (sizeof big - sent) / 3 } };
		ssize_t done = conn_writev(e.c, iov, 2);

		ck_assert_int_ge(done, 0);
		sent += (size_t)done;
		if (sent == sizeof big)
			break;
		drive(&l, 3);
		ck_assert_str_eq(ear_heard(&e), "");	/* full: silent */
		n += drive_get(peer, got + n, sizeof got - n, NULL);
		DRIVE_UNTIL(&l, e.n > 0);
		ck_assert_str_eq(ear_heard(&e), "w");
	}
	n += drive_get(peer, got + n, sizeof got - n, NULL);
	ck_assert_uint_eq(n, sizeof big);
	ck_assert_int_eq(memcmp(got, big, sizeof big), 0);
	ck_assert_uint_eq(conn_bytes_out(e.c), sizeof big);
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), "");
	stop();
}
END_TEST

START_TEST(a_taken_buffer_leaves_the_bytes_behind_with_the_conn)
{
	struct buf *b;

	start(drive_pair);
	e.pause = true;
	drive_put(peer, SPAN("headrest"));
	conn_resume(e.c);
	drive(&l, 3);
	b = conn_take(e.c, 4);
	ck_assert_ptr_nonnull(b);
	ck_assert(span_eq_str(buf_span(b), "head"));
	ck_assert(span_eq_str(conn_peek(e.c), "rest"));
	buf_put(&b);
	ear_heard(&e);
	drive_put(peer, SPAN("more"));
	e.pause = false;
	conn_resume(e.c);
	drive(&l, 3);
	ck_assert(span_eq_str(conn_peek(e.c), "restmore"));
	b = conn_take(e.c, 8);
	ck_assert_uint_eq(conn_peek(e.c).n, 0);
	buf_put(&b);
	stop();
}
END_TEST

/* More unread bytes than the next buffer's usual size: they all stay. */
START_TEST(taking_a_head_from_a_grown_buffer_keeps_all_that_is_behind)
{
	struct buf *b;

	start(drive_pair);
	ck_assert_int_eq(conn_buffer(e.c, BUF_LARGE), 0);
	e.pause = true;
	ck_assert_int_eq(write(peer, big, 40000), 40000);
	conn_resume(e.c);
	drive(&l, 10);
	ck_assert_uint_eq(conn_peek(e.c).n, 40000);
	ck_assert_int_eq(conn_buffer(e.c, BUF_SMALL), 0);
	b = conn_take(e.c, 10);
	ck_assert_uint_eq(conn_peek(e.c).n, 39990);
	ck_assert_int_eq(memcmp(conn_peek(e.c).p, big + 10, 39990), 0);
	buf_put(&b);
	stop();
}
END_TEST

static void
free_at(void (*cause)(void), const char *heard)
{
	start(drive_small_pair);
	e.hangs_up = true;
	cause();
	DRIVE_UNTIL(&l, e.n > 0);
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&e), heard);
	ck_assert_ptr_null(e.c);
	stop();
}

static void by_data(void) { drive_put(peer, SPAN("x")); shutdown(peer, SHUT_WR); conn_resume(e.c); }
static void by_end(void) { shutdown(peer, SHUT_WR); conn_resume(e.c); }
static void by_timeout(void) { conn_resume(e.c); conn_deadline(e.c, l.now_ms + 2); }

static void
by_drained(void)
{
	char sink[4096];

	while (conn_writev(e.c, &(struct iovec){ big, 4096 }, 1) == 4096)
		continue;
	drive(&l, 2);
	drive_put(peer, SPAN("and data in the same event"));
	while (recv(peer, sink, sizeof sink, 0) > 0)
		continue;
	conn_resume(e.c);
}

START_TEST(freeing_inside_any_callback_is_the_last_thing_heard)
{
	free_at(by_data, "d");
	free_at(by_end, "e");
	free_at(by_timeout, "t");
	free_at(by_drained, "w");
}
END_TEST

START_TEST(a_deadline_fires_once_at_the_last_time_given)
{
	int64_t begun;

	start(drive_pair);
	begun = l.now_ms;
	conn_deadline(e.c, begun + 5);
	conn_deadline(e.c, begun + 40);
	DRIVE_UNTIL(&l, e.n > 0);
	ck_assert_int_ge(l.now_ms, begun + 40);
	conn_deadline(e.c, l.now_ms + 5);
	conn_deadline(e.c, TIMER_NEVER);
	for (int64_t end = l.now_ms + 20; l.now_ms < end;)
		loop_turn(&l, 5);
	ck_assert_str_eq(ear_heard(&e), "t");
	stop();
}
END_TEST

START_TEST(connecting_ends_in_ready_or_in_the_error)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct addr to = { .len = sizeof a };
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	drive_start(&l);
	ck_assert_int_eq(bind(door, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(getsockname(door, &to.u.sa, &to.len), 0);
	e.c = conn_connect(&l, &to, NULL, ear_event, &e);	/* nobody listens yet */
	if (e.c != NULL) {
		DRIVE_UNTIL(&l, e.n > 0);
		ck_assert_str_eq(ear_heard(&e), "x");
		ck_assert_int_eq(conn_errno(e.c), ECONNREFUSED);
		conn_free(&e.c);
	}
	ck_assert_int_eq(listen(door, 1), 0);
	e.c = conn_connect(&l, &to, NULL, ear_event, &e);
	ck_assert_ptr_nonnull(e.c);
	DRIVE_UNTIL(&l, conn_connected(e.c));
	ck_assert_int_eq(conn_writev(e.c, &(struct iovec){ big, 3 }, 1), 3);
	peer = accept(door, NULL, NULL);
	drive_put(peer, SPAN("hi"));
	conn_resume(e.c);
	DRIVE_UNTIL(&l, conn_peek(e.c).n == 2);
	close(door);
	stop();
}
END_TEST

START_TEST(an_aborted_conn_is_seen_as_a_reset)
{
	char c;
	struct pollfd p;

	start(drive_tcp_pair);
	conn_abort(&e.c);
	p = (struct pollfd){ .fd = peer, .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 1000), 1);
	ck_assert_int_eq(recv(peer, &c, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	stop();
}
END_TEST

/* Segments the peer's kernel got, once the stream has ended; *got: its bytes. */
static uint32_t
segments_to_the_end(char *got, size_t size)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	size_t n = 0;
	ssize_t more;

	while ((more = recv(peer, got + n, size - n, 0)) > 0)
		n += (size_t)more;
	ck_assert_int_eq(more, 0);
	got[n] = '\0';
	ck_assert_int_eq(getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_segs_in;
}

START_TEST(the_end_leaves_with_the_last_bytes)
{
	struct iovec piece[2] = { { "by", 2 }, { "e", 1 } };
	char got[8];
	uint32_t apart, together;

	start(drive_tcp_pair);
	ck_assert_int_eq(conn_writev(e.c, piece, 2), 3);
	conn_free(&e.c);
	apart = segments_to_the_end(got, sizeof got);
	ck_assert_str_eq(got, "bye");
	stop();
	start(drive_tcp_pair);
	ck_assert_int_eq(conn_writev_last(e.c, piece, 2), 3);
	conn_free(&e.c);
	together = segments_to_the_end(got, sizeof got);
	ck_assert_str_eq(got, "bye");
	ck_assert_uint_eq(together, apart - 1);
	stop();
}
END_TEST

START_TEST(few_and_many_bytes_in_pieces_arrive_in_order)
{
	static char got[sizeof big];
	static const size_t sizes[] = { 0, 7, 4000, 4096, 4097, 20000 };

	start(drive_tcp_pair);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct iovec piece[4] = { { big, 0 }, { big, sizes[i] / 3 },
			{ big + sizes[i] / 3, 0 },
			{ big + sizes[i] / 3, sizes[i] - sizes[i] / 3 } };
		size_t n = 0;

		ck_assert_int_eq(conn_writev(e.c, piece, 4), (ssize_t)sizes[i]);
		while (n < sizes[i])
			n += drive_get(peer, got + n, sizes[i] - n, NULL);
		ck_assert_mem_eq(got, big, sizes[i]);
	}
	stop();
}
END_TEST

START_TEST(taking_a_head_moves_neither_a_big_body_nor_a_big_buffer)
{
	struct span before;
	struct buf *head;

	start(drive_pair);
	ck_assert_int_eq(conn_buffer(e.c, BUF_LARGE), 0);
	conn_resume(e.c);
	drive_put(peer, span_make(big, 30000));
	DRIVE_UNTIL(&l, conn_peek(e.c).n == 30000);
	before = conn_peek(e.c);
	head = conn_take(e.c, 200);
	ck_assert_uint_eq(head->size, BUF_SMALL);
	ck_assert_uint_eq(buf_unread(head), 200);
	ck_assert_mem_eq(head->data + head->r, big, 200);
	ck_assert_ptr_eq(conn_peek(e.c).p, before.p + 200);
	ck_assert_mem_eq(conn_peek(e.c).p, big + 200, 29800);
	buf_put(&head);
	conn_consume(e.c, 29700);
	head = conn_take(e.c, 100);		/* nothing behind: the big buffer goes back all the same */
	ck_assert_uint_eq(head->size, BUF_SMALL);
	ck_assert_mem_eq(head->data + head->r, big + 29900, 100);
	ck_assert_uint_eq(conn_peek(e.c).n, 0);
	buf_put(&head);
	stop();
}
END_TEST

START_TEST(gathering_reads_once_more_without_telling_and_loses_neither_bytes_nor_the_end)
{
	start(drive_pair);
	ck_assert_int_eq(conn_gather(e.c, BUF_SMALL), 0);	/* nothing unread: nothing is read */
	ck_assert_uint_eq(conn_peek(e.c).n, 0);
	e.pause = true;
	conn_resume(e.c);
	drive_put(peer, span_make(big, 40000));
	DRIVE_UNTIL(&l, conn_peek(e.c).n > 0);
	ck_assert_uint_eq(conn_peek(e.c).n, BUF_SMALL);
	(void)ear_heard(&e);
	ck_assert_int_eq(conn_gather(e.c, BUF_LARGE), 0);
	ck_assert_str_eq(ear_heard(&e), "");
	ck_assert_uint_eq(conn_peek(e.c).n, 40000);
	ck_assert_mem_eq(conn_peek(e.c).p, big, 40000);
	close(peer);
	peer = -1;
	conn_consume(e.c, 40000);
	e.pause = false;
	conn_resume(e.c);
	DRIVE_UNTIL(&l, e.n > 0);
	ck_assert_str_eq(ear_heard(&e), "e");
	stop();
}
END_TEST

START_TEST(a_watched_conn_is_registered_late_and_then_tells_its_reset)
{
	int64_t begun;

	start(drive_tcp_pair);
	begun = l.now_ms;
	conn_watch(e.c);
	conn_watch(e.c);
	drive(&l, 2);
	ck_assert(l.now_ms - begun >= LOOP_LATE_MS || !e.c->registered);
	drive_reset(peer);
	peer = -1;
	DRIVE_UNTIL(&l, e.n > 0);
	ck_assert_str_eq(ear_heard(&e), "x");
	ck_assert_int_ge(l.now_ms - begun, LOOP_LATE_MS);
	stop();
	start(drive_tcp_pair);
	conn_watch(e.c);
	conn_free(&e.c);		/* leaves nothing in the loop that names it */
	ck_assert(list_empty(&l.late));
	stop();
}
END_TEST

UNIT_MAIN("worker/io/conn", nothing_is_read_or_told_before_the_first_resume,
    data_is_told_once_per_arrival_and_grows_behind_what_is_unread,
    a_paused_conn_is_silent_and_announces_unread_bytes_when_resumed,
    a_full_buffer_stops_reading_until_it_is_consumed_or_grown,
    the_end_is_told_once_and_after_the_data_before_it, the_end_waits_for_an_owner_who_paused,
    bytes_received_before_a_reset_are_read_before_it_is_told,
    a_failed_write_does_not_turn_a_reset_into_an_end,
    an_end_before_the_reset_stays_an_end_for_a_failed_write,
    a_reset_of_a_conn_nobody_reads_is_told_at_once, a_reset_behind_the_end_is_told,
    a_write_that_fails_behind_the_end_is_told, a_failed_write_lets_what_was_received_be_read_first,
    a_short_write_is_followed_by_drained_and_every_byte_arrives,
    a_taken_buffer_leaves_the_bytes_behind_with_the_conn,
    taking_a_head_from_a_grown_buffer_keeps_all_that_is_behind,
    freeing_inside_any_callback_is_the_last_thing_heard,
    a_deadline_fires_once_at_the_last_time_given, connecting_ends_in_ready_or_in_the_error,
    an_aborted_conn_is_seen_as_a_reset, the_end_leaves_with_the_last_bytes,
    few_and_many_bytes_in_pieces_arrive_in_order,
    taking_a_head_moves_neither_a_big_body_nor_a_big_buffer,
    gathering_reads_once_more_without_telling_and_loses_neither_bytes_nor_the_end,
    a_watched_conn_is_registered_late_and_then_tells_its_reset)

#include <fcntl.h>
#include <signal.h>
#include "tests/unit/lib/drive.h"
#include "worker/io/splice.c"

static struct loop l;
static struct ear in, out;
static int from, to;		/* the far ends */
static char bytes[1 << 20];

static void
start(void)
{
	int a[2], b[2];

	drive_start(&l);
	drive_pair(a);
	drive_small_pair(b);
	ear_open(&in, &l, a[0]);
	ear_open(&out, &l, b[0]);
	from = a[1];
	to = b[1];
	conn_raw(in.c, true);
	conn_resume(in.c);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 13 + (i >> 9));
}

static void
stop(void)
{
	conn_free(&in.c);
	conn_free(&out.c);
	close(from);
	close(to);
	drive_end(&l);
}

START_TEST(bytes_pass_unchanged_while_the_receiver_is_slow)
{
	static char got[sizeof bytes];
	struct splice s;
	size_t sent = 0, n = 0;
	bool blocked = false;

	start();
	ck_assert(splice_open(&s));
	while (n < sizeof bytes) {
		ssize_t w = send(from, bytes + sent, sizeof bytes - sent, MSG_DONTWAIT), i, o = 1;

		sent += w > 0 ? (size_t)w : 0;
		drive(&l, 2);
		i = conn_splice_in(in.c, &s, 64 << 10);
		ck_assert_int_ge(i, 0);
		while (s.held > 0 && o > 0)
			ck_assert_int_ge(o = conn_splice_out(out.c, &s), 0);
		blocked = blocked || o == 0;
		n += drive_get(to, got + n, sizeof got - n, NULL);
	}
	ck_assert(blocked);
	ck_assert_int_eq(memcmp(bytes, got, sizeof bytes), 0);
	ck_assert_uint_eq(conn_bytes_in(in.c), sizeof bytes);
	ck_assert_uint_eq(conn_bytes_out(out.c), sizeof bytes);
	splice_close(&s);
	stop();
}
END_TEST

START_TEST(data_is_told_without_being_read_and_drained_when_there_is_room)
{
	struct splice s;
	char sink[4096];

	start();
	ck_assert(splice_open(&s));
	drive(&l, 2);
	ear_heard(&in);
	ck_assert_int_eq(conn_splice_in(in.c, &s, 100), 0);		/* dry */
	ck_assert(!conn_readable(in.c));
	drive_put(from, span_make(bytes, 100000));
	drive(&l, 2);
	ck_assert_ptr_nonnull(strchr(ear_heard(&in), 'd'));
	ck_assert_uint_eq(conn_peek(in.c).n, 0);
	ck_assert_int_gt(conn_splice_in(in.c, &s, 100000), 0);
	while (conn_splice_out(out.c, &s) > 0)
		continue;
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&out), "");
	while (recv(to, sink, sizeof sink, 0) > 0)
		continue;
	drive(&l, 2);
	ck_assert_str_eq(ear_heard(&out), "w");
	splice_close(&s);
	stop();
}
END_TEST

START_TEST(the_end_comes_behind_the_bytes)
{
	struct splice s;

	start();
	ck_assert(splice_open(&s));
	drive_put(from, SPAN("abc"));
	ck_assert_int_eq(shutdown(from, SHUT_WR), 0);
	drive(&l, 2);
	ck_assert_int_eq(conn_splice_in(in.c, &s, 100), 3);
	ck_assert_int_eq(conn_splice_in(in.c, &s, 100), -2);
	ck_assert(conn_eof(in.c));
	ck_assert_int_eq(conn_splice_in(in.c, &s, 100), 0);
	ck_assert_int_eq(conn_splice_out(out.c, &s), 3);
	drive(&l, 3);
	ck_assert_ptr_null(strchr(ear_heard(&in), 'e'));	/* told by -2 already */
	splice_close(&s);
	stop();
}
END_TEST

START_TEST(a_failed_side_is_told_by_an_error_event)
{
	struct splice s;

	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);		/* as a worker does: splice has no MSG_NOSIGNAL */
	start();
	ck_assert(splice_open(&s));
	drive_put(from, SPAN("abc"));
	drive(&l, 2);
	ck_assert_int_eq(conn_splice_in(in.c, &s, 100), 3);
	close(to);
	to = dup(from);
	ck_assert_int_eq(conn_splice_out(out.c, &s), -1);
	drive(&l, 3);
	ck_assert_str_eq(ear_heard(&out), "x");
	ck_assert_int_eq(conn_splice_out(out.c, &s), -1);
	splice_close(&s);
	stop();
}
END_TEST

START_TEST(only_an_empty_pipe_is_used_again)
{
	struct splice s, t;
	int rd;

	ck_assert(splice_open(&s));
	rd = s.rd;
	splice_close(&s);
	ck_assert_int_eq(s.rd, -1);
	splice_close(&s);		/* twice is harmless */
	ck_assert(splice_open(&t));
	ck_assert_int_eq(t.rd, rd);
	t.held = 1;
	splice_close(&t);
	ck_assert_int_eq(fcntl(rd, F_GETFD), -1);
	ck_assert_uint_eq(nkept, 0);
}
END_TEST

UNIT_MAIN("worker/io/splice", bytes_pass_unchanged_while_the_receiver_is_slow,
    data_is_told_without_being_read_and_drained_when_there_is_room, the_end_comes_behind_the_bytes,
    a_failed_side_is_told_by_an_error_event, only_an_empty_pipe_is_used_again)

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conf/base/wire.h"
#include "tests/unit/unit.h"

static char out[WIRE_MAX], in[WIRE_MAX];
static int pair[2];

static void
open_pair(void)
{
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

/* A small message of the type. */
static struct wire
message(uint16_t type)
{
	struct wire w;

	wire_write_init(&w, out, sizeof out, type);
	wire_put_u32(&w, 5);
	ck_assert_int_eq(wire_done(&w), 0);
	return w;
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(fields_come_back_as_they_went_in)
{
	struct wire w, r;
	uint16_t type;

	wire_write_init(&w, out, sizeof out, 0xabcd);
	wire_put_u32(&w, 0xfedcba98);
	wire_put_u64(&w, UINT64_MAX);
	wire_put_span(&w, SPAN("hello"));
	wire_put_span(&w, SPAN_NONE);
	wire_put_u32(&w, 0);
	ck_assert_int_eq(wire_done(&w), 0);
	ck_assert_int_eq(memcmp(out, "\xcd\xab\x98\xba\xdc\xfe", 6), 0);

	ck_assert_int_eq(wire_read_init(&r, out, w.at, &type), 0);
	ck_assert_uint_eq(type, 0xabcd);
	ck_assert_uint_eq(wire_get_u32(&r), 0xfedcba98);
	ck_assert_uint_eq(wire_get_u64(&r), UINT64_MAX);
	ck_assert(span_eq_str(wire_get_span(&r), "hello"));
	ck_assert(span_eq_str(wire_get_span(&r), ""));
	ck_assert_int_eq(wire_done(&r), -E_PROTO);
	ck_assert_uint_eq(wire_get_u32(&r), 0);
	ck_assert_int_eq(wire_done(&r), 0);
}
END_TEST

START_TEST(message_cut_anywhere_is_truncated)
{
	struct wire w, r;
	uint16_t type;

	wire_write_init(&w, out, sizeof out, 1);
	wire_put_u32(&w, 1);
	wire_put_u64(&w, 2);
	wire_put_span(&w, SPAN("abc"));
	for (size_t n = 0; n < w.at; n++) {
		char *exact = malloc(n + 1);	/* what is read beyond n is found by the sanitizer */

		memcpy(exact, out, n);
		if (wire_read_init(&r, exact, n, &type) == 0) {
			(void)wire_get_u32(&r);
			(void)wire_get_u64(&r);
			ck_assert_ptr_null(wire_get_span(&r).p);
		}
		ck_assert_int_eq(wire_done(&r), -E_TRUNCATED);
		ck_assert_uint_eq(wire_get_u64(&r), 0);
		free(exact);
	}
}
END_TEST

START_TEST(writing_stops_at_the_room_and_the_error_sticks)
{
	struct wire w;
	char small[8];

	wire_write_init(&w, small, sizeof small, 1);
	wire_put_u32(&w, 1);
	ck_assert_int_eq(wire_done(&w), 0);
	wire_put_u64(&w, 1);
	ck_assert_int_eq(wire_done(&w), -E_LIMIT);
	wire_put_span(&w, SPAN(""));
	ck_assert_int_eq(wire_done(&w), -E_LIMIT);
	ck_assert_uint_eq(w.at, 6);
	wire_write_init(&w, small, 1, 1);
	ck_assert_int_eq(wire_done(&w), -E_LIMIT);
}
END_TEST

START_TEST(no_message_is_longer_than_the_maximum)
{
	static char big[70000];
	struct wire w;

	wire_write_init(&w, big, sizeof big, 1);
	wire_put_span(&w, span_make(in, WIRE_MAX - 4));
	ck_assert_int_eq(wire_done(&w), 0);
	wire_put_span(&w, SPAN(""));
	ck_assert_int_eq(wire_done(&w), -E_LIMIT);
	wire_write_init(&w, big, sizeof big, 1);
	wire_put_span(&w, span_make(big, 65536 + 2));	/* must not be sent as length 2 */
	ck_assert_int_eq(wire_done(&w), -E_LIMIT);
}
END_TEST

START_TEST(message_and_descriptor_travel)
{
	struct wire w = message(9), r;
	uint16_t type;
	size_t len;
	int fd;

	open_pair();
	ck_assert_int_eq(wire_send(pair[0], &w, pair[0]), 0);
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, &fd), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	ck_assert_int_eq(wire_read_init(&r, in, len, &type), 0);
	ck_assert_uint_eq(type, 9);
	ck_assert_uint_eq(wire_get_u32(&r), 5);
	ck_assert_int_eq(wire_done(&r), 0);
	ck_assert_int_eq(wire_send(pair[0], &w, -1), 0);
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, &fd), 0);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(empty_full_and_closed_sockets_are_told_apart)
{
	struct wire w = message(1);
	int rc, fd;
	size_t len;

	open_pair();
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, &fd), -E_AGAIN);
	do
		rc = wire_send(pair[0], &w, -1);
	while (rc == 0);
	ck_assert_int_eq(rc, -E_AGAIN);
	close(pair[1]);
	ck_assert_int_eq(wire_send(pair[0], &w, -1), -E_CLOSED);
	open_pair();
	close(pair[0]);
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, &fd), -E_CLOSED);
	ck_assert_int_eq(wire_recv(-1, in, sizeof in, &len, &fd), -E_SYS);
}
END_TEST

START_TEST(broken_message_is_not_sent)
{
	struct wire w = message(1);
	size_t len;

	open_pair();
	w.error = -E_LIMIT;
	ck_assert_int_eq(wire_send(pair[0], &w, -1), -E_LIMIT);
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, NULL), -E_AGAIN);
}
END_TEST

START_TEST(message_longer_than_the_buffer_is_an_error)
{
	struct wire w = message(1);
	int before, fd;
	size_t len;

	open_pair();
	before = open_fds();
	ck_assert_int_eq(wire_send(pair[0], &w, pair[0]), 0);
	ck_assert_int_eq(wire_recv(pair[1], in, 3, &len, &fd), -E_TRUNCATED);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(open_fds(), before);
}
END_TEST

/* Sends one byte and count descriptors, as no process of ours would. */
static void
send_fds(int count)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(4 * sizeof(int))]; } control = { 0 };
	struct iovec iov = { .iov_base = out, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.head) + (size_t)i * sizeof(int), &pair[0], sizeof(int));
	ck_assert_int_eq(sendmsg(pair[0], &msg, 0), 1);
}

START_TEST(unasked_descriptors_are_closed)
{
	int before, fd;
	size_t len;

	open_pair();
	before = open_fds();
	for (int n = 2; n <= 4; n++) {
		send_fds(n);
		ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, &fd), -E_PROTO);
		ck_assert_int_eq(fd, -1);
	}
	send_fds(1);
	ck_assert_int_eq(wire_recv(pair[1], in, sizeof in, &len, NULL), -E_PROTO);
	ck_assert_int_eq(open_fds(), before);
}
END_TEST

UNIT_MAIN("conf/base/wire", fields_come_back_as_they_went_in, message_cut_anywhere_is_truncated,
    writing_stops_at_the_room_and_the_error_sticks, no_message_is_longer_than_the_maximum,
    message_and_descriptor_travel, empty_full_and_closed_sockets_are_told_apart,
    broken_message_is_not_sent, message_longer_than_the_buffer_is_an_error,
    unasked_descriptors_are_closed)

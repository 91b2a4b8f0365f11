/*
 * Words between two masters: whole, cut, with a descriptor they do not need, and the end of the other one.
 */
#include "master/handover_word.c"

#include <fcntl.h>
#include <sys/socket.h>

#include "tests/unit/unit.h"

static int pair[2];

static void
setup(void)
{
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

START_TEST(a_word_is_heard_with_what_it_says)
{
	char buf[WIRE_MAX], said[64];
	struct wire w;
	uint16_t type;

	setup();
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), -E_AGAIN);
	wire_write_init(&w, said, sizeof said, HAND_SERVING);
	wire_put_u32(&w, 7);
	ck_assert_int_eq(wire_send(pair[1], &w, -1), 0);
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), 0);
	ck_assert_uint_eq(type, HAND_SERVING);
	ck_assert_uint_eq(wire_get_u32(&w), 7);
	ck_assert_int_eq(wire_done(&w), 0);
}
END_TEST

START_TEST(what_is_too_short_is_no_word)
{
	char buf[WIRE_MAX];
	struct wire w;
	uint16_t type = 77;

	setup();
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), 0);
	ck_assert_uint_eq(type, 0);
}
END_TEST

START_TEST(a_descriptor_that_comes_along_is_closed)
{
	char buf[WIRE_MAX], said[64];
	int least = fcntl(0, F_DUPFD_CLOEXEC, 0);
	struct wire w;
	uint16_t type;

	setup();
	close(least);		/* the lowest one that is free, before and after */
	wire_write_init(&w, said, sizeof said, HAND_GO);
	ck_assert_int_eq(wire_send(pair[1], &w, STDIN_FILENO), 0);
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), 0);
	ck_assert_uint_eq(type, HAND_GO);
	ck_assert_int_eq(fcntl(0, F_DUPFD_CLOEXEC, 0), least);
}
END_TEST

START_TEST(the_other_ones_end_is_told_however_it_comes)
{
	char buf[WIRE_MAX];
	struct wire w;
	uint16_t type;

	setup();
	close(pair[1]);
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), -E_CLOSED);
	close(pair[0]);
	ck_assert_int_eq(handover_hear(pair[0], buf, &w, &type), -E_CLOSED);
}
END_TEST

UNIT_MAIN("master/handover_word", a_word_is_heard_with_what_it_says, what_is_too_short_is_no_word,
    a_descriptor_that_comes_along_is_closed, the_other_ones_end_is_told_however_it_comes)

/*
 * drive.h - drives a loop in a test, with sockets whose far end the test holds itself.
 */
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "worker/io/conn.h"

/* Turns until cond holds; a property that needs more than two seconds does not hold. */
#define DRIVE_UNTIL(l, cond)								\
	do {										\
		int64_t end_ = (l)->now_ms + 2000;					\
		while (!(cond) && (l)->now_ms < end_)					\
			loop_turn((l), 1);						\
		ck_assert_msg(cond, "never became true: %s", #cond);			\
	} while (0)

static inline void
drive_start(struct loop *l)
{
	ck_assert_int_eq(loop_init(l, NULL), 0);
}

static inline void
drive_end(struct loop *l)
{
	loop_turn(l, 0);
	loop_fini(l);
	buf_drain_pool();
}

/* n turns that do not wait: enough for what the kernel has already. */
static inline void
drive(struct loop *l, int n)
{
	while (n-- > 0)
		loop_turn(l, 0);
}

static inline void
drive_pair(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

/* A pair whose buffers hold as little as the kernel allows: a few KiB. */
static inline void
drive_small_pair(int fd[2])
{
	int least = 1;

	drive_pair(fd);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

/* Two ends of a TCP connection over loopback: unlike UNIX sockets they can be reset. */
static inline void
drive_tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(l, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&a, &len), 0);
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd[1], (struct sockaddr *)&a, len), 0);
	fd[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(fd[0], 0);
	close(l);
}

/* Closes with a reset instead of a FIN. */
static inline void
drive_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	close(fd);
}

static inline void
drive_put(int fd, struct span s)
{
	ck_assert_int_eq(write(fd, s.p, s.n), (ssize_t)s.n);
}

/* What is there now, at most size bytes: their number; 0 also at the end (then *eof) or after a reset (errno). */
static inline size_t
drive_get(int fd, char *p, size_t size, bool *eof)
{
	size_t n = 0;
	ssize_t got;

	errno = 0;
	while (n < size && (got = recv(fd, p + n, size - n, MSG_DONTWAIT)) != 0) {
		if (got < 0)
			return n;
		n += (size_t)got;
	}
	if (eof != NULL && n < size)
		*eof = true;
	return n;
}

/* The conn's owner: notes every event as a letter. r ready, d data, w drained, e end, t timeout, x error. */
struct ear {
	char	told[256];
	size_t	n;
	bool	pause;			/* pauses the conn at CONN_DATA */
	bool	hangs_up;		/* frees the conn at the next event */
	struct conn *c;
};

static inline void
ear_event(struct conn *c, enum conn_event ev, void *owner)
{
	struct ear *e = owner;

	ck_assert_uint_lt(e->n, sizeof e->told - 1);
	e->told[e->n++] = "rdwetx"[ev];
	if (ev == CONN_DATA && e->pause)
		conn_pause(c);
	if (e->hangs_up)
		conn_free(&e->c);
}

static inline void
ear_open(struct ear *e, struct loop *l, int fd)
{
	*e = (struct ear){ .n = 0 };
	e->c = conn_new(l, fd, ear_event, e);
	ck_assert_ptr_nonnull(e->c);
}

/* Letters since the last question. */
static inline const char *
ear_heard(struct ear *e)
{
	static char last[256];

	memcpy(last, e->told, sizeof last);
	memset(e->told, 0, sizeof e->told);
	e->n = 0;
	return last;
}

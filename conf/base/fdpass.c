/*
 * fdpass.c - the control messages that carry a descriptor.
 */
#include "conf/base/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

ssize_t
fdpass_send(int sock, const void *buf, size_t n, int fd, int flags)
{
	union control control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		msg.msg_control = &control;
		msg.msg_controllen = sizeof control;
	}
	return sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
}

/* The padding of a control buffer for one descriptor has room for a second. */
static void
take_fds(struct msghdr *msg, struct fdpass *got)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (got->count++ == 0)
				got->fd = fd;
			else
				(void)close(fd);
		}
	}
}

ssize_t
fdpass_recv(int sock, void *buf, size_t size, struct fdpass *got)
{
	union control control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n;

	*got = (struct fdpass){ .fd = -1 };
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return n;
	take_fds(&msg, got);
	got->flags = msg.msg_flags;
	return n;
}

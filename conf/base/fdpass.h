/*
 * fdpass.h - bytes over a UNIX socket, with one descriptor or none.
 */
#pragma once
#include <sys/types.h>

/* As send(2), MSG_NOSIGNAL added to flags; fd -1: none. The descriptor stays the caller's. */
ssize_t	fdpass_send(int sock, const void *buf, size_t n, int fd, int flags);

struct fdpass {
	int	 fd;		/* the first that came, close-on-exec, the caller's; -1: none */
	unsigned count;		/* how many came; all but the first are closed */
	int	 flags;		/* MSG_TRUNC, MSG_CTRUNC */
};
/* As recv(2), tried again after a signal. */
ssize_t	fdpass_recv(int sock, void *buf, size_t size, struct fdpass *);

/*
 * Bytes from socket to pipe to socket without passing through this process. Pipes are kept in a small pool:
 * opening one costs as much as relaying 64 KiB (PERFORMANCE.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "worker/io/conn_priv.h"

#define PIPES_KEPT	64
#define PIPE_SIZE	(256 << 10)

static struct splice kept[PIPES_KEPT];
static unsigned nkept;

bool
splice_open(struct splice *s)
{
	int fd[2];

	if (nkept > 0) {
		*s = kept[--nkept];
		return true;
	}
	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) != 0)
		return false;
	(void)fcntl(fd[1], F_SETPIPE_SZ, PIPE_SIZE);
	*s = (struct splice){ .rd = fd[0], .wr = fd[1] };
	return true;
}

void
splice_close(struct splice *s)
{
	if (s->rd < 0)
		return;
	if (s->held == 0 && nkept < PIPES_KEPT) {
		kept[nkept++] = *s;
	} else {
		close(s->rd);
		close(s->wr);
	}
	*s = (struct splice){ .rd = -1, .wr = -1 };
}

void
splice_drain_pool(void)
{
	while (nkept > 0) {
		nkept--;
		close(kept[nkept].rd);
		close(kept[nkept].wr);
	}
}

ssize_t
conn_splice_in(struct conn *c, struct splice *s, size_t max)
{
	ssize_t n;

	ASSERT(c->in == NULL);
	if (c->failed)
		return -1;
	if (!c->readable)
		return 0;
	n = splice(c->source.fd, NULL, s->wr, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n == 0) {
		c->readable = false;
		if (!conn_dried(c, true))
			return -1;
		c->eof = c->eof_told = true;
		return -2;
	}
	if (n < 0 && errno == EAGAIN) {
		/* either the socket is dry or the pipe is full; only an empty pipe tells the two apart */
		if (s->held == 0) {
			c->readable = false;
			return conn_dried(c, false) ? 0 : -1;
		}
		return 0;
	}
	if (n < 0) {
		conn_fail(c, errno);
		return -1;
	}
	s->held += (uint32_t)n;
	c->bytes_in += (uint64_t)n;
	return n;
}

ssize_t
conn_splice_out(struct conn *c, struct splice *s)
{
	ssize_t n;

	if (c->failed || c->write_error != 0)
		return -1;
	n = splice(s->rd, NULL, c->source.fd, NULL, s->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno == EAGAIN) {
		c->want_drain = true;
		return conn_register(c) ? 0 : -1;
	}
	if (n < 0) {
		conn_write_failed(c, errno);
		return -1;
	}
	s->held -= (uint32_t)n;
	c->bytes_out += (uint64_t)n;
	return n;
}

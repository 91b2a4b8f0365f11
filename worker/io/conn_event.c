/*
 * conn_event.c - from readiness to events: reads, ends, failures and deadlines of a conn, told to its owner.
 *
 * Reading happens only in conn_on_ready (the kernel said so) and in the conn's task (more is likely, or a resume).
 * `readable` remembers the edge: it is set by an event and cleared by EAGAIN or by a read that did not fill its room,
 * which means the kernel is dry (unless FIN is queued behind, `hup`).
 */
#include "worker/io/conn_priv.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "conf/base/assert.h"

bool
conn_register(struct conn *c)
{
	if (c->registered)
		return true;
	if (loop_add(c->loop, &c->source, c->source.fd,
	    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) != 0) {
		conn_fail(c, errno);
		return false;
	}
	c->registered = true;
	return true;
}

void
conn_fail(struct conn *c, int error)
{
	if (c->failed)
		return;
	c->failed = true;
	c->error = error;
	c->readable = c->want_drain = false;
	loop_post(c->loop, &c->task);
}

/* Every event leaves here; false when the owner freed the conn. */
static bool
tell(struct conn *c, enum conn_event ev)
{
	c->event(c, ev, c->owner);
	return !c->closed;
}

static void
tell_error(struct conn *c)
{
	if (!c->failed || c->reported)
		return;
	c->reported = true;
	(void)tell(c, CONN_ERROR);
}

/* Its owner reads, or will when it has dealt with what is unread. */
static bool
reads_on(const struct conn *c)
{
	return !c->eof_told && (!c->paused || (c->in != NULL && buf_unread(c->in) > 0));
}

/*
 * What was received before is still to be read, often it is the answer that explains the failure; who does not read
 * is told at once.
 */
void
conn_write_failed(struct conn *c, int error)
{
	if (!reads_on(c)) {
		conn_fail(c, error);
		return;
	}
	c->write_error = error;
	c->want_drain = false;
	c->readable = c->hup = true;
	if (!c->paused)
		loop_post(c->loop, &c->task);
}

/*
 * The write that failed took the socket's error with it, and what a reset left behind then reads like the end of the
 * stream. Only EPIPE says that FIN came before the reset.
 */
bool
conn_dried(struct conn *c, bool end)
{
	if (c->write_error == 0 || (end && c->write_error == EPIPE))
		return true;
	conn_fail(c, c->write_error);
	return false;
}

/* One read. 1: the unread bytes grew, 0: they did not (dry, full, end or failure). */
static int
fill(struct conn *c)
{
	ssize_t n;
	size_t room;

	if (c->in == NULL && (c->in = buf_try_get(c->buffer)) == NULL) {
		conn_fail(c, ENOMEM);
		return 0;
	}
	if (buf_room(c->in) == 0)
		buf_compact(c->in);
	room = buf_room(c->in);
	if (room == 0)
		return 0;
	n = c->ops->read(c, c->in->data + c->in->w, room);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_fail(c, errno);
		return 0;
	}
	if (n <= 0) {
		c->readable = n < 0 && errno == EINTR;
		if (!c->readable && conn_dried(c, n == 0))
			c->eof = c->eof || n == 0;
		return 0;
	}
	c->in->w += (uint32_t)n;
	c->bytes_in += (uint64_t)n;
	if ((size_t)n < room && !c->hup)
		c->readable = false;
	return 1;
}

int
conn_gather(struct conn *c, uint32_t size)
{
	int rc = conn_buffer(c, size);

	if (rc == 0 && c->in != NULL && c->readable && !c->failed)
		(void)fill(c);
	return rc;
}

static void
drop_empty_buffer(struct conn *c)
{
	if (c->in != NULL && buf_unread(c->in) == 0)
		buf_put(&c->in);
}

/* The owner reads by itself, unless the end was found before it began to. */
static void
tell_raw(struct conn *c)
{
	if (c->readable) {
		(void)tell(c, CONN_DATA);
	} else if (c->eof && !c->eof_told) {
		c->eof_told = true;
		(void)tell(c, CONN_EOF);
	}
}

/* Reads once and tells; what is left is continued by the task, after everybody else had a turn. */
static void
read_and_tell(struct conn *c)
{
	bool grew = false;

	if (c->paused || c->failed)
		return;
	if (c->raw) {
		tell_raw(c);
		return;
	}
	if (c->readable)
		grew = fill(c) == 1;
	if (c->failed) {
		tell_error(c);
		return;
	}
	if (grew || (c->announce && c->in != NULL && buf_unread(c->in) > 0)) {
		c->announce = false;
		if (!tell(c, CONN_DATA))
			return;
	}
	if (c->eof && !c->eof_told && !c->paused) {
		c->eof_told = true;
		if (!tell(c, CONN_EOF))
			return;
	}
	drop_empty_buffer(c);
	if (c->paused || c->failed)
		return;
	if (c->readable && !c->eof && !conn_full(c))
		loop_post(c->loop, &c->task);
	else if (!c->registered)
		(void)conn_register(c);
}

void
conn_on_task(struct loop_task *t)
{
	struct conn *c = LIST_ENTRY(t, struct conn, task);

	if (c->failed)
		tell_error(c);
	else
		read_and_tell(c);
}

static int
socket_error(const struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(c->source.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error;
}

static void
on_connected(struct conn *c)
{
	int error = socket_error(c);

	c->connecting = false;
	if (error != 0) {
		conn_fail(c, error);
		tell_error(c);
		return;
	}
	c->connected = true;
	if (tell(c, CONN_READY) && c->readable)
		read_and_tell(c);
}

/*
 * A reset. Bytes received before it are still in the kernel, and often they are the answer that explains it, so
 * a reader reads on and finds the error behind them; a conn nobody reads, or whose end was read already, fails
 * at once. true: it failed.
 */
static bool
on_reset(struct conn *c)
{
	int error;

	if (reads_on(c)) {
		c->readable = c->hup = true;
		return false;
	}
	error = socket_error(c);
	conn_fail(c, error == 0 ? ECONNRESET : error);
	tell_error(c);
	return true;
}

void
conn_on_ready(struct loop_source *s, uint32_t events)
{
	struct conn *c = LIST_ENTRY(s, struct conn, source);

	ASSERT_OBJ(c, CONN_MAGIC);
	if (c->closed || c->failed)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		c->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		c->hup = true;
	if (c->connecting) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			on_connected(c);
		return;
	}
	if ((events & EPOLLERR) && on_reset(c))
		return;
	if ((events & EPOLLOUT) && c->want_drain) {
		c->want_drain = false;
		if (!tell(c, CONN_DRAINED))
			return;
	}
	if (c->readable)
		read_and_tell(c);
}

void
conn_on_watch(struct loop_late *x)
{
	(void)conn_register(LIST_ENTRY(x, struct conn, watch));
}

void
conn_on_deadline(struct timer *t)
{
	struct conn *c = LIST_ENTRY(t, struct conn, timer);

	(void)tell(c, CONN_TIMEOUT);
}

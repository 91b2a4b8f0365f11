/*
 * admin.c - connections of the admin socket. What the verbs do stands in admin_cmds.c.
 *
 *   accept, peer checked -> READING a line -> command -> (WAITING for a verdict) -> WRITING -> closed
 *
 * Reading and writing have a deadline each; waiting ends with the verdict, which has one of its own.
 */
#include "master/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/fdpass.h"
#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/admin_request.h"
#include "master/master.h"

#define CLIENTS_MAX	16
#define IO_MS		5000	/* to send a request; to take an answer */
#define REST_MS		100	/* without a descriptor for a client */
#define TOLD_MS		10000	/* between two lines about that */

enum client_state { CLIENT_READING, CLIENT_WAITING, CLIENT_WRITING, CLIENT_CLOSED };

struct admin_client {
	struct list_node node;
	struct master	*master;
	struct loop_source source;
	struct timer	timer;
	enum client_state state;
	bool		late;		/* WAITING with the answer ready */
	int64_t		patience_s;	/* for late */
	uid_t		uid;		/* of the peer */
	char		in[ADMIN_LINE_MAX + 1];
	size_t		nin;
	struct str	out;
	size_t		sent;
	int		pass_fd;	/* goes with the first byte; -1: none */
	struct loop_garbage garbage;
};

static void
client_free(struct loop_garbage *g)
{
	free(LIST_ENTRY(g, struct admin_client, garbage));
}

static void
client_close(struct admin_client *c)
{
	int fd = c->source.fd;

	if (c->state == CLIENT_CLOSED)
		return;
	c->state = CLIENT_CLOSED;
	cycle_forget(c->master, c);
	ask_forget(c->master, c);
	upgrade_forget(c->master, c);
	list_store_forget(c->master, c);
	purge_wait_forget(c->master, c);
	loop_remove(&c->master->loop, &c->source);
	close(fd);
	if (c->pass_fd >= 0)
		close(c->pass_fd);
	timer_fini(&c->master->loop.timers, &c->timer);
	str_fini(&c->out);
	list_remove(&c->master->admin.clients, &c->node);
	loop_defer_free(&c->master->loop, &c->garbage, client_free);
}

/* -------------------------------------------------------------- writing */

static void
client_write(struct admin_client *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = fdpass_send(c->source.fd, c->out.data + c->sent, c->out.len - c->sent,
		    c->pass_fd, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		c->sent += (size_t)n;
		if (c->pass_fd >= 0) {
			close(c->pass_fd);
			c->pass_fd = -1;
		}
	}
	client_close(c);
}

/* The answer stands in c->out. Sent from the loop, so that a command may still use its client. */
static void
client_begin_write(struct admin_client *c)
{
	struct loop *loop = &c->master->loop;

	c->state = CLIENT_WRITING;
	if (loop_mod(loop, &c->source, EPOLLOUT) != 0 ||
	    !timer_set(&loop->timers, &c->timer, loop->now_ms + IO_MS))
		client_close(c);
}

static void
client_answer(struct admin_client *c, struct json *answer)
{
	json_dump(answer, false, &c->out);
	str_addc(&c->out, '\n');
	json_free(&answer);
}

static void
answer_ok(struct admin_client *c, struct json *data)
{
	struct json *o = json_obj();

	json_set_bool(o, "ok", true);
	json_set(o, "data", data);
	client_answer(c, o);
}

void
admin_reply(struct admin_client *c, struct json *data)
{
	answer_ok(c, data);
	client_begin_write(c);
}

void
admin_reply_fd(struct admin_client *c, struct json *data, int fd)
{
	c->pass_fd = fd;
	admin_reply(c, data);
}

void
admin_refuse(struct admin_client *c, const char *why)
{
	struct json *o = json_obj();

	json_set_bool(o, "ok", false);
	json_set_str(o, "error", why);
	client_answer(c, o);
	client_begin_write(c);
}

static bool
older_left(const struct master *m)
{
	LIST_EACH(&m->generations, n)
		if (LIST_ENTRY(n, struct generation, node)->draining)
			return true;
	return false;
}

struct master *
admin_master(const struct admin_client *c)
{
	return c->master;
}

uid_t
admin_uid(const struct admin_client *c)
{
	return c->uid;
}

void
admin_patience(struct admin_client *c, int64_t seconds)
{
	c->patience_s = seconds;
}

void
admin_reply_late(struct admin_client *c, struct json *data)
{
	struct loop *loop = &c->master->loop;

	answer_ok(c, data);
	c->late = true;
	if (!older_left(c->master) ||
	    !timer_set(&loop->timers, &c->timer, loop->now_ms + c->patience_s * 1000))
		client_begin_write(c);
}

void
admin_freed(struct master *m)
{
	if (older_left(m))
		return;
	LIST_EACH_SAFE(&m->admin.clients, n) {
		struct admin_client *c = LIST_ENTRY(n, struct admin_client, node);

		if (c->late && c->state == CLIENT_WAITING)
			client_begin_write(c);
	}
}

/* -------------------------------------------------------------- reading */

static void
client_request(struct admin_client *c, size_t len)
{
	struct admin_request r;
	struct errdetail ed = { 0 };

	c->state = CLIENT_WAITING;
	timer_stop(&c->timer);
	if (loop_mod(&c->master->loop, &c->source, 0) != 0)
		client_close(c);
	else if (admin_parse(&r, span_make(c->in, len), &ed) != 0)
		admin_refuse(c, ed.text);
	else
		admin_run(c->master, c, &r);
}

static void
client_read(struct admin_client *c)
{
	ssize_t n = read(c->source.fd, c->in + c->nin, sizeof c->in - c->nin);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->nin += (size_t)n;
	end = memchr(c->in, '\n', c->nin);
	if (end != NULL)
		client_request(c, (size_t)(end - c->in));
	else if (c->nin == sizeof c->in) /* refused by the parser for its length */
		client_request(c, c->nin);
}

static void
on_client(struct loop_source *s, uint32_t events)
{
	struct admin_client *c = LIST_ENTRY(s, struct admin_client, source);

	if (c->state == CLIENT_READING && (events & EPOLLIN) != 0)
		client_read(c);
	else if (c->state == CLIENT_WRITING && (events & EPOLLOUT) != 0)
		client_write(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_close(c);
}

static void
on_client_timer(struct timer *t)
{
	struct admin_client *c = LIST_ENTRY(t, struct admin_client, timer);

	if (c->state == CLIENT_WAITING && c->late)
		client_begin_write(c);
	else
		client_close(c);
}

/* ------------------------------------------------------------ accepting */

static bool
peer_allowed(int fd, struct ucred *peer)
{
	socklen_t len = sizeof *peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) != 0)
		return false;
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	log_write(LOG_WARN, "admin: refused user %u, process %d", peer->uid, peer->pid);
	return false;
}

static void
client_open(struct master *m, int fd)
{
	struct admin_client *c;
	struct ucred peer;

	if (m->admin.clients.count >= CLIENTS_MAX || !peer_allowed(fd, &peer) ||
	    (c = calloc(1, sizeof *c)) == NULL) {
		close(fd);
		return;
	}
	c->master = m;
	c->uid = peer.uid;
	c->pass_fd = -1;
	c->source = (struct loop_source){ .fd = -1, .ready = on_client };
	timer_init(&c->timer, on_client_timer);
	list_push(&m->admin.clients, &c->node);
	if (loop_add(&m->loop, &c->source, fd, EPOLLIN) != 0)
		c->source.fd = fd; /* so that closing finds it */
	else if (timer_set(&m->loop.timers, &c->timer, m->loop.now_ms + IO_MS))
		return;
	client_close(c);
}

/* Who waits would wake the loop at once again, and could not be taken. */
static void
take_rest(struct admin *a)
{
	struct loop *l = &a->master->loop;

	if (a->told_ms == 0 || l->now_ms - a->told_ms >= TOLD_MS) {
		log_sys(LOG_WARN, "admin socket %s: no client can be taken", a->path);
		a->told_ms = l->now_ms;
	}
	if (timer_set(&l->timers, &a->rest, l->now_ms + REST_MS))
		loop_remove(l, &a->source);
}

static void
on_listener(struct loop_source *s, uint32_t events)
{
	struct admin *a = LIST_ENTRY(s, struct admin, source);
	int fd;

	(void)events;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		client_open(a->master, fd);
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		take_rest(a);
}

static void
on_rested(struct timer *t)
{
	struct admin *a = LIST_ENTRY(t, struct admin, rest);

	if (a->fd >= 0)
		admin_serve(a->master);
}

/* -------------------------------------------------------------- opening */

static int
path_clear(const struct sockaddr_un *un, struct errdetail *ed)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return err_sys(ed, "socket");
	rc = connect(fd, (const struct sockaddr *)un, sizeof *un);
	close(fd);
	if (rc == 0)
		return err_set(ed, -E_CONFLICT,
		    "admin socket %s: another proxyd answers there: stop it, or "
		    "give this one another \"name\"",
		    un->sun_path);
	if (errno == ENOENT)
		return 0;
	if (errno == ECONNREFUSED && unlink(un->sun_path) == 0)
		return 0;
	return err_sys(ed, "admin socket %s", un->sun_path);
}

static int
listen_at(const char *path, struct errdetail *ed)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, rc;
	mode_t mask;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	if (path_clear(&un, ed) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&un, sizeof un);
	umask(mask);
	if (rc == 0 && listen(fd, CLIENTS_MAX) == 0)
		return fd;
	(void)err_sys(ed, "admin socket %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The socket an old master hands over when it is at the same place; else a new one. */
static int
admin_socket(struct master *m, struct errdetail *ed)
{
	struct handover *given = &m->heir.given;
	struct admin *a = &m->admin;

	if (given->admin < 0 || strcmp(given->admin_path, a->path) != 0)
		return listen_at(a->path, ed);
	a->lent = true;
	m->heir.took |= HAND_TOOK_ADMIN;
	return given->admin;
}

void
admin_serve(struct master *m)
{
	struct admin *a = &m->admin;

	a->lent = false;
	if (a->source.fd < 0 && loop_add(&m->loop, &a->source, a->fd, EPOLLIN) != 0)
		log_sys(LOG_ERROR, "admin socket %s: cannot be watched", a->path);
}

int
admin_open(struct master *m, const struct conf *conf, struct errdetail *ed)
{
	struct admin *a = &m->admin;
	int rc = 0;

	list_init(&a->clients);
	timer_init(&a->rest, on_rested);
	a->master = m;
	a->fd = -1;
	a->source = (struct loop_source){ .fd = -1, .ready = on_listener };
	if (conf->process.admin_socket != NULL)
		snprintf(a->path, sizeof a->path, "%s", conf->process.admin_socket);
	else
		rc = socket_path(a->path, conf->name, true, ed);
	if (rc != 0)
		return rc;
	a->fd = admin_socket(m, ed);
	if (a->fd < 0) {
		a->path[0] = '\0';
		return -E_SYS;
	}
	if (m->heir.held || loop_add(&m->loop, &a->source, a->fd, EPOLLIN) == 0)
		return 0;
	return err_sys(ed, "admin socket %s: cannot be watched", a->path);
}

void
admin_leave(struct master *m, bool taken)
{
	struct admin *a = &m->admin;

	timer_stop(&a->rest);
	loop_remove(&m->loop, &a->source);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	if (!taken && !a->lent && a->path[0] != '\0')
		(void)unlink(a->path);
	a->path[0] = '\0';
}

bool
admin_busy(const struct master *m)
{
	return m->admin.clients.count > 0;
}

void
admin_close(struct master *m)
{
	struct admin *a = &m->admin;

	if (a->master == NULL)
		return;
	LIST_EACH_SAFE(&a->clients, n)
		client_close(LIST_ENTRY(n, struct admin_client, node));
	admin_leave(m, false);
}

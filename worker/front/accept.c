/*
 * Takes connections in batches, so that one busy listener cannot keep the loop from the others. Out of
 * descriptors: one is kept in reserve to accept and close the waiting client, then accepting rests for 100 ms
 * instead of spinning (SECURITY.md row 71).
 *
 * During an overload (shed.h) connections wait in the kernel until the porter asks for some.
 *
 * The master and every worker hold the same listening sockets: leaving epoll needs an explicit removal.
 */
#include "worker/front/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/front/session.h"

#define BATCH		32
#define REST_MS		100
#define TOLD_MS		10000	/* between two lines about that */

struct door {				/* one listening socket this worker may serve */
	struct loop_source source;
	struct acceptor	*owner;
	const struct listen_fd *l;
	bool		open;
	bool		waiting;	/* the kernel may have connections that nobody was told of again */
};

struct acceptor {
	struct ctx	*x;
	struct door	*doors;
	struct timer	rest;
	struct loop_task more;		/* connections may still wait behind a full batch */
	int		null;		/* what the reserve is a copy of: nothing is opened while serving */
	int		reserve;	/* descriptor given up when there is no other */
	bool		resting;
	int64_t		told_ms;	/* when that was last logged */
	unsigned	first;		/* door that acceptor_take begins with */
};

static void
take_rest(struct acceptor *a)
{
	int64_t now = a->x->loop.now_ms;

	if (a->resting)
		return;
	if (a->told_ms == 0 || now - a->told_ms >= TOLD_MS) {
		log_write(
		    LOG_WARN, "out of descriptors: accepting rests for %d ms at a time", REST_MS);
		a->told_ms = now;
	}
	a->resting = timer_set(&a->x->loop.timers, &a->rest, now + REST_MS);
}

static void
shed_one(struct acceptor *a, int listen_fd)
{
	int fd;

	if (a->reserve >= 0)
		close(a->reserve);
	fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	a->reserve = fcntl(a->null, F_DUPFD_CLOEXEC, 0);
	take_rest(a);
}

static bool
more_waits(const struct door *d)
{
	return d->waiting && d->open && !d->owner->resting;
}

/* How often it asked, at most that often: mostly a connection came of it. */
static unsigned
accept_batch(struct door *d, unsigned most)
{
	struct acceptor *a = d->owner;
	unsigned n;

	d->waiting = true;
	for (n = 0; n < most && more_waits(d); n++) {
		struct addr peer = { .len = sizeof peer.u };
		int fd = accept4(d->l->fd, &peer.u.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			if (peer.u.sa.sa_family == AF_UNIX)	/* a client may name its end what it likes */
				peer.len = sizeof peer.u.sa.sa_family;
			session_start(a->x, &a->x->conf->listeners[d->l->listener], fd, &peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			shed_one(a, d->l->fd);
			d->waiting = a->resting;
		} else if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) {
			d->waiting = false;
		}
	}
	return n;
}

static void
accept_some(struct door *d)
{
	struct acceptor *a = d->owner;

	d->waiting = true;
	if (a->x->shed.on)
		return;			/* the porter asks for them */
	(void)accept_batch(d, BATCH);
	if (!more_waits(d))
		return;
	a->x->loop.behind = true;
	loop_post(&a->x->loop, &a->more);
}

static void
on_ready(struct loop_source *s, uint32_t events)
{
	(void)events;
	accept_some(LIST_ENTRY(s, struct door, source));
}

static void
accept_all(struct acceptor *a)
{
	for (unsigned i = 0; i < a->x->env->nlistens; i++)
		if (a->doors[i].open)
			accept_some(&a->doors[i]);
}

static void
on_more(struct loop_task *t)
{
	accept_all(LIST_ENTRY(t, struct acceptor, more));
}

static void
on_rested(struct timer *t)
{
	struct acceptor *a = LIST_ENTRY(t, struct acceptor, rest);

	a->resting = false;
	accept_all(a);
}

struct acceptor *
acceptor_new(struct ctx *x, struct errdetail *ed)
{
	struct acceptor *a = mem_alloc(sizeof *a);

	a->x = x;
	a->doors = mem_array(x->env->nlistens == 0 ? 1 : x->env->nlistens, sizeof *a->doors);
	for (unsigned i = 0; i < x->env->nlistens; i++)
		a->doors[i] = (struct door){ .source = { .fd = -1, .ready = on_ready }, .owner = a,
		    .l = &x->env->listens[i] };
	timer_init(&a->rest, on_rested);
	a->more.run = on_more;
	a->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	a->reserve = a->null < 0 ? -1 : fcntl(a->null, F_DUPFD_CLOEXEC, 0);
	if (a->reserve < 0) {
		(void)err_sys(ed, "/dev/null");
		acceptor_free(&a);
	}
	return a;
}

static void
close_door(struct acceptor *a, struct door *d)
{
	if (d->open)
		loop_remove(&a->x->loop, &d->source);
	d->open = false;
}

static void
close_doors(struct acceptor *a)
{
	for (unsigned i = 0; i < a->x->env->nlistens; i++)
		close_door(a, &a->doors[i]);
}

void
acceptor_free(struct acceptor **ap)
{
	struct acceptor *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	close_doors(a);
	timer_fini(&a->x->loop.timers, &a->rest);
	loop_unpost(&a->x->loop, &a->more);
	if (a->reserve >= 0)
		close(a->reserve);
	if (a->null >= 0)
		close(a->null);
	mem_free(a->doors);
	mem_free(a);
}

int
acceptor_serve(struct acceptor *a, unsigned slot)
{
	for (unsigned i = 0; i < a->x->env->nlistens; i++) {
		struct door *d = &a->doors[i];

		if (d->l->slot != slot || d->open)
			continue;
		if (loop_add(&a->x->loop, &d->source, d->l->fd,
		    EPOLLIN | EPOLLET | (d->l->shared ? EPOLLEXCLUSIVE : 0)) != 0)
			return -E_SYS;
		d->open = true;
	}
	return 0;
}

bool
acceptor_take(struct acceptor *a, unsigned most)
{
	unsigned n = a->x->env->nlistens;
	bool more = false;

	a->first++;
	for (unsigned i = 0; i < n; i++) {
		struct door *d = &a->doors[(a->first + i) % n];

		if (more_waits(d))
			most -= accept_batch(d, most);
		more = more || more_waits(d);
	}
	return more;
}

void
acceptor_resume(struct acceptor *a)
{
	accept_all(a);
}

void
acceptor_leave(struct acceptor *a, unsigned slot)
{
	for (unsigned i = 0; i < a->x->env->nlistens; i++) {
		struct door *d = &a->doors[i];

		if (d->l->slot != slot || !d->open)
			continue;
		if (d->l->shared) {		/* nobody else was woken for these */
			do
				(void)accept_batch(d, BATCH);
			while (more_waits(d));
		}
		close_door(a, d);
	}
}

/*
 * What has arrived is taken. Then this process lets go of the sockets: when the master is gone too, nobody may
 * connect to a queue without a server, and its successor must be able to bind.
 */
void
acceptor_stop(struct acceptor *a)
{
	for (unsigned i = 0; i < a->x->env->nlistens; i++)
		(void)accept_batch(&a->doors[i], BATCH);
	close_doors(a);
	loop_unpost(&a->x->loop, &a->more);
	for (unsigned i = 0; i < a->x->env->nlistens; i++)
		close(a->doors[i].l->fd);
}

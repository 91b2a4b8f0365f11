/*
 * heir.c - reads the hand-over, takes the descriptors, and talks with the master that wrote it.
 *
 * Called by main.c's steps while it starts, by cycle_start.c when its processes are ready, by stop.c at the end.
 */
#include "master/heir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "conf/base/version.h"
#include "conf/base/wire.h"
#include "master/child.h"
#include "master/master.h"
#include "master/seat.h"

#define RETIRE_MS	1000	/* for listeners the new configuration does not name */
#define FAST_MS		5000	/* patience with an old master that was told to stop at once */

void
heir_init(struct heir *h)
{
	*h = (struct heir){ .link.fd = -1 };
	h->given.link = h->given.err = h->given.admin = -1;
	for (unsigned i = 0; i < HAND_SEGMENTS; i++)
		h->given.segment[i] = -1;
	for (unsigned i = 0; i < HAND_LOGS; i++)
		h->given.log[i].fd = -1;
}

bool
heir_started(const struct heir *h)
{
	return h->given.pid != 0;
}

/* ----------------------------------------------------------------- reading */

static int
read_document(int fd, struct str *text, struct errdetail *ed)
{
	char buf[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof buf, at)) > 0 && at <= HANDOVER_MAX) {
		str_add(text, span_make(buf, (size_t)n));
		at += n;
	}
	return n < 0 ? err_sys(ed, "hand-over") : 0;
}

/* The number in the environment; -1: there is none. No process started from here shall find it again. */
static int
document_fd(struct errdetail *ed)
{
	const char *text = getenv(HANDOVER_ENV);
	uint64_t fd = 0;
	struct stat st;

	if (text == NULL)
		return -1;
	if (span_to_u64(span_str(text), INT32_MAX, &fd) != 0 || fd <= STDERR_FILENO ||
	    fstat((int)fd, &st) != 0)
		fd = 0;
	(void)unsetenv(HANDOVER_ENV);
	if (fd == 0)
		(void)err_set(ed, -E_PROTO, HANDOVER_ENV " names no descriptor: unset it");
	return (int)fd;
}

/* What is named must be there; from now on no program started from here gets it. */
static int
take_fd(void *arg, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || (flags & FD_CLOEXEC) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_set(arg, -E_PROTO,
		    "hand-over: descriptor %d was not inherited, or is named twice", fd);
	return 0;
}

static int
take_bounds(struct bounds *bs, const struct handover *h, struct errdetail *ed)
{
	for (unsigned i = 0; i < h->nbounds; i++) {
		const struct handover_bound *b = &h->bounds[i];
		struct bound_plan plan = { .addr = &b->addr, .dual = b->dual, .given = b->given,
			.lent = true, .generation = h->generation };
		int rc = bounds_take(bs, &plan, b->fd, b->nfds, ed);

		if (rc != 0)
			return rc;
	}
	return 0;
}

int
heir_open(struct master *m, struct errdetail *ed)
{
	struct heir *h = &m->heir;
	struct str text = STR_INIT;
	int fd = document_fd(ed), rc;

	if (fd <= 0)
		return fd == 0 ? -E_PROTO : 0;
	rc = read_document(fd, &text, ed);
	if (rc == 0)
		rc = handover_parse(&h->given, str_span(&text), ed);
	str_fini(&text);
	(void)close(fd);
	if (rc == 0)
		rc = handover_each_fd(&h->given, take_fd, ed);
	if (rc != 0)
		return rc;
	h->held = true;
	m->boot_id = h->given.boot_id;
	m->started_ms = h->given.started_ms;
	return take_bounds(&m->bounds, &h->given, ed);
}

void
heir_stderr(struct heir *h)
{
	if (h->given.err < 0)
		return;
	(void)dup2(h->given.err, STDERR_FILENO);
	(void)close(h->given.err);
	h->given.err = -1;
}

void
heir_endpoints(struct master *m, struct endpoint_data *to)
{
	struct errdetail ed = { 0 };
	struct shm old;
	int fd = m->heir.given.segment[HAND_ENDPOINTS];

	m->heir.given.segment[HAND_ENDPOINTS] = -1;
	if (fd < 0)
		return;
	if (shm_attach(&old, fd, "endpoints", ENDPOINT_VERSION, false, &ed) != 0) {
		log_write(LOG_WARN, "upgrade: %s; health begins anew", ed.text);
		(void)close(fd);
		return;
	}
	if (endpoint_sound(old.data, old.size))
		endpoint_carry(to, old.data);
	shm_close(&old);
}

/* Lanes are those of the statistics: they must be the old master's as well. */
bool
heir_cache(struct master *m, const struct conf_cache *conf)
{
	struct handover *h = &m->heir.given;
	int fd = h->segment[HAND_CACHE];

	h->segment[HAND_CACHE] = -1;
	return segment_cache_take(
	    &m->segments.cache, fd, h->events, h->nevents, conf, m->segments.lanes);
}

void
heir_close(struct master *m)
{
	struct heir *h = &m->heir;
	int fd = h->link.fd;

	loop_remove(&m->loop, &h->link);
	if (fd >= 0)
		(void)close(fd);
	handover_fini(&h->given);
}

/* ----------------------------------------------------------------- talking */

static void
say(struct master *m, enum handover_word word, const uint32_t *u32, const char *text)
{
	char buf[WIRE_MAX];
	struct wire w;

	if (m->heir.link.fd < 0)
		return;
	wire_write_init(&w, buf, sizeof buf, (uint16_t)word);
	if (u32 != NULL)
		wire_put_u32(&w, *u32);
	if (text != NULL)
		wire_put_span(&w, span_str(text));
	if (wire_send(m->heir.link.fd, &w, -1) != 0)
		log_write(LOG_ERROR, "upgrade: the old master cannot be told anything");
}

bool
heir_waits(struct master *m)
{
	struct heir *h = &m->heir;
	uint32_t took = h->took;

	if (!h->held)
		return false;
	if (!h->told)
		say(m, HAND_READY, &took, PROXYD_VERSION);
	h->told = true;
	return true;
}

void
heir_failed(struct master *m, const char *why)
{
	if (heir_started(&m->heir) && !m->heir.yours)
		say(m, HAND_FAILED, NULL, why);
}

/* The logger was not started before: two would read one journal. */
static void
on_yours(struct master *m)
{
	struct errdetail ed = { 0 };

	if (!m->heir.served || m->heir.yours)
		return;
	m->heir.yours = true;
	bounds_own(&m->bounds);
	bounds_retire(&m->bounds, m->current->number, (int64_t)clock_mono_ms() + RETIRE_MS);
	m->notify.held = false;
	notify_serving(m);
	admin_serve(m);
	if (seat_fill(&m->logger, &ed) != 0)
		cycle_logger_left(m);
	keeper_follow(m);
	log_write(LOG_INFO, "upgrade: process %d serves instead of process %d", m->pid,
	    m->heir.given.pid);
}

/* Workers that were forked held do not serve their own slot before they are given it. */
void
heir_serves(struct master *m, struct generation *g)
{
	uint32_t number = g->number;

	if (!heir_started(&m->heir) || m->heir.served)
		return;
	for (uint32_t slot = 0; slot < g->nworkers; slot++)
		if (g->seats[slot].child != NULL &&
		    child_send(g->seats[slot].child, LINK_ADOPT, &slot, -1) != 0)
			log_write(LOG_ERROR, "worker %u: cannot be told to serve", slot);
	m->heir.served = true;
	if (m->heir.link.fd >= 0)
		say(m, HAND_SERVING, &number, NULL);
	else
		on_yours(m);
}

static void
on_go(struct master *m)
{
	if (!m->heir.told || !m->heir.held)
		return;
	m->heir.held = false;
	if (m->cycle.next != NULL)
		cycle_ready(m, m->cycle.next);
}

static void
on_word(struct master *m, const struct wire *w, uint16_t type)
{
	bool whole = wire_done(w) == 0;

	if (whole && type == HAND_GO)
		on_go(m);
	else if (whole && type == HAND_YOURS)
		on_yours(m);
	else
		handover_noise(type);
}

/* Before the word to serve this process is nobody: it leaves. After it there is no other that could serve. */
static void
on_lost(struct master *m)
{
	int fd = m->heir.link.fd;

	loop_remove(&m->loop, &m->heir.link);
	(void)close(fd);
	if (m->heir.yours) {
		log_write(LOG_INFO, "upgrade: process %d is gone", m->heir.given.pid);
		stop_step(m);
	} else if (m->heir.held) {
		log_write(LOG_ERROR, "upgrade: the old master left before it handed over");
		m->exit_status = EXIT_FAILURE;
		stop_begin(m, STOP_FAST);
	} else {
		log_write(
		    LOG_ERROR, "upgrade: the old master left in the middle of it: serving alone");
		on_yours(m);
	}
}

static void
on_link(struct loop_source *s, uint32_t events)
{
	struct master *m = LIST_ENTRY(s, struct master, heir.link);
	char buf[WIRE_MAX];
	uint16_t type;
	struct wire w;
	int rc = handover_hear(s->fd, buf, &w, &type);

	(void)events;
	if (rc == 0)
		on_word(m, &w, type);
	else if (rc == -E_CLOSED)
		on_lost(m);
}

int
heir_watch(struct master *m, struct errdetail *ed)
{
	struct heir *h = &m->heir;

	if (!heir_started(h))
		return 0;
	m->cycle.numbers = h->given.generation;
	h->link = (struct loop_source){ .fd = -1, .ready = on_link };
	if (loop_add(&m->loop, &h->link, h->given.link, EPOLLIN) == 0)
		return 0;
	return err_sys(ed, "hand-over: the link cannot be watched");
}

/* ----------------------------------------------------------------- the end */

void
heir_stop(struct master *m)
{
	uint32_t mode = m->stop.mode;

	if (!m->heir.yours || m->heir.link.fd < 0)
		return;
	say(m, HAND_STOP, &mode, NULL);
	if (m->stop.mode == STOP_FAST)
		m->heir.stop_ms = (int64_t)clock_mono_ms();
}

bool
heir_alone(const struct master *m)
{
	const struct heir *h = &m->heir;

	return !h->yours || h->link.fd < 0 ||
	    (h->stop_ms != 0 && (int64_t)clock_mono_ms() - h->stop_ms > FAST_MS);
}

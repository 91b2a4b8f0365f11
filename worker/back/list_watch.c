/*
 * list_watch.c - files of lists, looked at now and then.
 *
 *	timer -> stat: as it was? -> LIST_WANT -> (the master opens it) -> LIST_SOURCE -> helper -> LIST_DONE
 *
 * A file is left alone until it has been quiet for a moment, so that one that is being written is not taken half. The
 * helper is a fork of the agent: it parses what others wrote, needs memory for a short while, and may die of either,
 * which is an answer too. Its result goes to the master as it came.
 */
#include "worker/back/list_watch.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/shared/env.h"
#include "worker/shared/list_link.h"

#define QUIET_MS	500	/* a file written to since may not be complete */
#define HELPER_MS	300000	/* more than any list within the limits needs */
#define HELPER_CPU	120	/* seconds */
#define TURN_NS		100000	/* on a core */

struct file {
	struct list_watch *all;
	const struct conf_list *conf;
	struct timer	timer;
	struct list_stamp known;	/* of what was compiled last; zeroed: of nothing */
	struct list_stamp coming;	/* of the source that waits */
	int		source;		/* waits for the helper; -1: none */
};

struct helper {
	struct loop_source pipe;	/* its end of file is the helper's; fd -1: none at work */
	pid_t		pid;
	struct file	*file;
	bool		told;		/* a result came */
	struct timer	timer;
};

struct list_watch {
	struct loop	*loop;
	const struct conf *conf;
	int		link;
	struct file	*files; unsigned n;
	struct helper	helper;
};

static void helper_next(struct list_watch *);

static void
say(const struct list_watch *w, const struct wire *m, int fd)
{
	if (wire_send(w->link, m, fd) != 0)
		log_write(LOG_WARN, "link to the master: a message about a list could not be sent");
}

/* ----------------------------------------------------------------------------------------- the helper */

static void
put_done(struct wire *m, char *buf, size_t size, const struct list_done *d)
{
	wire_write_init(m, buf, size, LINK_LIST_DONE);
	list_put_done(m, d);
}

/*
 * Workers come first: the least weight, and turns so short that one which wakes has not to wait for the end of them.
 * Not SCHED_IDLE: where every core is busy a list would take minutes. Kernels before 6.12 ignore the length of a turn.
 */
static void
give_way(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof attr, .policy = SCHED_BATCH, .nice = 19, .runtime = TURN_NS };

	if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0)
		(void)setpriority(PRIO_PROCESS, 0, 19);
}

static _Noreturn void
helper_run(const struct list_watch *w, const struct file *f, int pipe)
{
	struct rlimit cpu = { HELPER_CPU, HELPER_CPU + 1 };
	struct list_done d = { .index = f->conf->index, .stamp = f->coming };
	struct errdetail ed = { 0 };
	char buf[1024];
	struct wire m;
	int image;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	give_way();
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)close(w->link);
	d.ok = list_compile(f->conf, f->source, &image, &d.report, &ed) == 0;
	d.why = span_str(ed.text);
	put_done(&m, buf, sizeof buf, &d);
	_exit(wire_send(pipe, &m, image) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void
tell_failure(const struct list_watch *w, const struct file *f, const char *why)
{
	struct list_done d = { .index = f->conf->index, .stamp = f->known, .why = span_str(why) };
	char buf[1024];
	struct wire m;

	put_done(&m, buf, sizeof buf, &d);
	say(w, &m, -1);
}

/* It has closed its end: it is dead, or will be in a moment. */
static void
helper_gone(struct list_watch *w)
{
	struct helper *h = &w->helper;
	char why[128];
	int fd = h->pipe.fd, status = 0;

	loop_remove(w->loop, &h->pipe);
	close(fd);
	timer_stop(&h->timer);
	(void)waitpid(h->pid, &status, 0);
	if (!h->told) {
		if (WIFSIGNALED(status))
			(void)snprintf(why, sizeof why,
			    "the helper that compiles it was killed by signal %d",
			    WTERMSIG(status));
		else
			(void)snprintf(why, sizeof why,
			    "the helper that compiles it ended with status %d",
			    WEXITSTATUS(status));
		tell_failure(w, h->file, why);
	}
	h->file = NULL;
	helper_next(w);
}

static void
on_helper(struct loop_source *s, uint32_t events UNUSED)
{
	struct list_watch *w = LIST_ENTRY(s, struct list_watch, helper.pipe);
	char buf[WIRE_MAX];
	size_t len;
	int fd = -1, rc = wire_recv(s->fd, buf, sizeof buf, &len, &fd);

	if (rc == -E_AGAIN)
		return;
	if (rc == 0 && !w->helper.told) {
		w->helper.told = true;
		say(w, &(struct wire){ .buf = buf, .size = len, .at = len }, fd);
	}
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		helper_gone(w);
}

static void
on_helper_late(struct timer *t)
{
	struct list_watch *w = LIST_ENTRY(t, struct list_watch, helper.timer);

	if (w->helper.file != NULL)
		(void)kill(w->helper.pid, SIGKILL);	/* the end of its pipe follows */
}

static int
helper_start(struct list_watch *w, struct file *f)
{
	struct helper *h = &w->helper;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -E_SYS;
	h->pid = fork();
	if (h->pid == 0) {
		(void)close(pair[0]);
		helper_run(w, f, pair[1]);
	}
	(void)close(pair[1]);
	if (h->pid < 0 || loop_add(w->loop, &h->pipe, pair[0], EPOLLIN) != 0) {
		(void)close(pair[0]);
		return -E_SYS;
	}
	h->file = f;
	h->told = false;
	(void)timer_set(&w->loop->timers, &h->timer, w->loop->now_ms + HELPER_MS);
	return 0;
}

/* The next of the sources that wait, unless one is at work. */
static void
helper_next(struct list_watch *w)
{
	for (unsigned i = 0; i < w->n && w->helper.file == NULL; i++) {
		struct file *f = &w->files[i];

		if (f->source < 0)
			continue;
		f->known = f->coming;		/* whatever comes of it: the same bytes are not tried again */
		if (helper_start(w, f) != 0) {
			log_sys(LOG_ERROR, "list %s: no helper", f->conf->name);
			tell_failure(w, f, "no helper process could be started");
			f->known = (struct list_stamp){ 0 };
		}
		(void)close(f->source);
		f->source = -1;
	}
}

/* ----------------------------------------------------------------------------------------- the files */

void
list_watch_source(struct list_watch *w, struct wire *m, int fd)
{
	struct list_stamp stamp;
	uint32_t index;
	struct file *f;

	if (list_get_source(m, &index, &stamp) != 0 || index >= w->n) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	f = &w->files[index];
	if (fd < 0) {
		f->known = stamp;
		return;
	}
	if (f->source >= 0)
		(void)close(f->source);
	f->source = fd;
	f->coming = stamp;
	helper_next(w);
}

enum look { LOOK_SAME, LOOK_FRESH, LOOK_CHANGED };

/* CHANGED: somebody should open the file: it is another one, or this process cannot even see it. */
static enum look
look_at(const struct file *f)
{
	struct list_stamp now;
	struct stat st;
	int64_t age_ms;

	if (stat(f->conf->path, &st) != 0)
		return LOOK_CHANGED;
	now = list_stamp_of(&st);
	if (list_stamp_eq(&now, &f->known))
		return LOOK_SAME;
	age_ms = (int64_t)(f->all->loop->wall_us / 1000) - (int64_t)(now.mtime_ns / 1000000);
	return age_ms < 0 || age_ms >= QUIET_MS ? LOOK_CHANGED : LOOK_FRESH;
}

static void
on_file(struct timer *t)
{
	struct file *f = LIST_ENTRY(t, struct file, timer);
	struct list_watch *w = f->all;
	enum look look = f->source >= 0 || w->helper.file == f ? LOOK_SAME : look_at(f);
	int64_t next = look == LOOK_FRESH ? QUIET_MS : f->conf->refresh_ms;
	char buf[16];
	struct wire m;

	if (look == LOOK_CHANGED) {
		wire_write_init(&m, buf, sizeof buf, LINK_LIST_WANT);
		wire_put_u32(&m, f->conf->index);
		say(w, &m, -1);
	}
	if (!timer_set(&w->loop->timers, t, w->loop->now_ms + next))
		w->loop->stop = true;
}

struct list_watch *
list_watch_new(struct loop *loop, const struct conf *conf, int link)
{
	struct list_watch *w = mem_alloc(sizeof *w);

	*w = (struct list_watch){ .loop = loop, .conf = conf, .link = link, .n = conf->nlists };
	w->helper.pipe = (struct loop_source){ .fd = -1, .ready = on_helper };
	timer_init(&w->helper.timer, on_helper_late);
	w->files = mem_array(w->n + 1, sizeof *w->files);
	for (unsigned i = 0; i < w->n; i++) {
		struct file *f = &w->files[i];

		*f = (struct file){ .all = w, .conf = &conf->lists[i], .source = -1 };
		timer_init(&f->timer, on_file);
		if (f->conf->used &&
		    !timer_set(&loop->timers, &f->timer, loop->now_ms + f->conf->refresh_ms))
			loop->stop = true;
	}
	return w;
}

void
list_watch_free(struct list_watch **wp)
{
	struct list_watch *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	if (w->helper.file != NULL) {
		int fd = w->helper.pipe.fd;

		(void)kill(w->helper.pid, SIGKILL);
		loop_remove(w->loop, &w->helper.pipe);
		(void)close(fd);
		(void)waitpid(w->helper.pid, NULL, 0);
	}
	timer_fini(&w->loop->timers, &w->helper.timer);
	for (unsigned i = 0; i < w->n; i++) {
		timer_fini(&w->loop->timers, &w->files[i].timer);
		if (w->files[i].source >= 0)
			(void)close(w->files[i].source);
	}
	mem_free(w->files);
	mem_free(w);
}

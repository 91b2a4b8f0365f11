/*
 * list_watch.c - files of lists, looked at now and then, and images that nobody needs any more.
 *
 *	timer -> stat: as it was? -> LIST_WANT -> (the master opens it) -> LIST_SOURCE -> helper -> LIST_DONE
 *	LIST_OLD -> helper: closes it last, which is what frees its pages
 *
 * A file is left alone until it has been quiet for a moment, so that one that is being written is not taken half. What
 * the helper tells goes to the master as it came. A list that is in force already is compiled where a core has nothing
 * else to do; where that takes too long it is begun anew with a small share of a core that has.
 */
#include "worker/back/list_watch.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "worker/back/list_helper.h"
#include "worker/shared/env.h"
#include "worker/shared/list_link.h"

#define QUIET_MS	500		/* a file written to since may not be complete */
#define GENTLE_MS	2000		/* some times what a million names take on a core of one's own */
#define GENTLE_SIZE	(256u << 10)	/* a smaller file is compiled within one turn on a core */
#define HELPER_MS	300000		/* more than any list within the limits needs */
#define OLDS_MAX	64		/* images to be freed; what is more is freed by whom closes it */

struct file {
	struct list_watch *all;
	const struct conf_list *conf;
	struct timer	timer;
	struct list_stamp known;	/* of what was compiled last; zeroed: of nothing */
	struct list_stamp coming;	/* of the source that waits */
	int		source;		/* waits for the helper; -1: none */
	bool		firm;		/* this try or the next: gentle took too long, or nobody is served without */
};

struct list_watch {
	struct loop	*loop;
	const struct conf *conf;
	int		link;
	struct file	*files; unsigned n;
	struct list_helper helper;
	struct file	*compiled;	/* what the helper is at; NULL: an old image, or none is at work */
	int		source;		/* of what is compiled: for another try */
	int		olds[OLDS_MAX]; unsigned nolds;
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

/* In the helper. */
static int
compile(void *owner, int pipe)
{
	const struct list_watch *w = owner;
	const struct file *f = w->compiled;
	struct list_done d = { .index = f->conf->index, .stamp = f->coming };
	struct errdetail ed = { 0 };
	char buf[1024];
	struct wire m;
	int image;

	(void)close(w->link);
	d.ok = list_compile(f->conf, w->source, &image, &d.report, &ed) == 0;
	d.why = span_str(ed.text);
	put_done(&m, buf, sizeof buf, &d);
	return wire_send(pipe, &m, image) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* In the helper. It waits for the agent to have closed its own: its copies are the last ones then. */
static int
free_olds(void *owner UNUSED, int pipe)
{
	char buf[16];
	size_t len;
	int fd;

	return wire_recv(pipe, buf, sizeof buf, &len, &fd) == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
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

static void
source_close(struct file *f)
{
	if (f->source >= 0)
		(void)close(f->source);
	f->source = -1;
}

static void
on_said(void *owner, const char *buf, size_t len, int fd)
{
	const struct list_watch *w = owner;

	if (w->compiled != NULL)
		say(w, &(struct wire){ .buf = (char *)(uintptr_t)buf, .size = len, .at = len }, fd);
}

static void
on_ended(void *owner, const char *why, bool late)
{
	struct list_watch *w = owner;
	struct file *f = w->compiled;
	bool again = f != NULL && why != NULL && late && !f->firm && f->source < 0;

	w->compiled = NULL;
	if (again)
		f->source = w->source;
	else if (f != NULL)
		(void)close(w->source);
	if (f != NULL) {
		f->firm = again;
		if (why != NULL && !again)
			tell_failure(w, f, why);
	}
	helper_next(w);
}

static void
start_compile(struct list_watch *w, struct file *f)
{
	bool gentle = !f->firm && f->known.ino != 0 && f->coming.size >= GENTLE_SIZE;

	f->known = f->coming;		/* whatever comes of it: the same bytes are not tried again */
	f->firm = !gentle;
	w->compiled = f;
	w->source = f->source;
	f->source = -1;
	if (list_helper_start(&w->helper, gentle ? LIST_GENTLE : LIST_FIRM,
		gentle ? GENTLE_MS : HELPER_MS, compile) == 0)
		return;
	w->compiled = NULL;
	log_sys(LOG_ERROR, "list %s: no helper", f->conf->name);
	tell_failure(w, f, "no helper process could be started");
	f->known = (struct list_stamp){ 0 };
	(void)close(w->source);
}

static void
start_free(struct list_watch *w)
{
	int rc = list_helper_start(&w->helper, LIST_GENTLE, HELPER_MS, free_olds);
	char buf[16];
	struct wire m;

	while (w->nolds > 0)
		(void)close(w->olds[--w->nolds]);
	wire_write_init(&m, buf, sizeof buf, LINK_LIST_OLD);
	if (rc == 0)
		(void)!wire_send(w->helper.pipe.fd, &m, -1);
}

/* The next of what waits, unless one is at work. */
static void
helper_next(struct list_watch *w)
{
	if (w->nolds > 0 && !list_helper_busy(&w->helper))
		start_free(w);
	for (unsigned i = 0; i < w->n && !list_helper_busy(&w->helper); i++)
		if (w->files[i].source >= 0)
			start_compile(w, &w->files[i]);
}

void
list_watch_old(struct list_watch *w, int fd)
{
	if (w->nolds == OLDS_MAX) {
		(void)close(fd);
		return;
	}
	w->olds[w->nolds++] = fd;
	helper_next(w);
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
	source_close(f);
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
	enum look look = f->source >= 0 || w->compiled == f ? LOOK_SAME : look_at(f);
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
	list_helper_init(&w->helper, loop, w, on_said, on_ended);
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
	list_helper_fini(&w->helper);
	if (w->compiled != NULL)
		(void)close(w->source);
	while (w->nolds > 0)
		(void)close(w->olds[--w->nolds]);
	for (unsigned i = 0; i < w->n; i++) {
		timer_fini(&w->loop->timers, &w->files[i].timer);
		source_close(&w->files[i]);
	}
	mem_free(w->files);
	mem_free(w);
}

/*
 * follow.c - observes every lane with a cursor of its own and prints the oldest of what they show.
 *
 * The mapping is read-only and the observer may be overrun: what it missed is told on standard error. A lane's
 * records are in the order in which requests ended; between lanes the time of the request decides.
 */
#include "tools/proxyctl/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "conf/base/mem.h"

#define POLL_MS 100

struct lane {
	uint64_t cursor;
	bool full; /* view holds a record that is not printed yet */
	struct journal_view view;
	char buf[JOURNAL_RECORD];
};

struct follower {
	const struct journal_data *journal;
	enum logline_format format;
	unsigned nlanes;
	struct lane *lanes;
	uint64_t lost;
	struct str *last; /* ring of the n newest lines */
	unsigned n, at;
};

/* The lane with the oldest record at hand, or NULL when no ring has more. */
static struct lane *
next_lane(struct follower *f)
{
	struct lane *oldest = NULL;

	for (unsigned i = 0; i < f->nlanes; i++) {
		struct lane *l = &f->lanes[i];

		if (!l->full)
			l->full = journal_observe(
			    &f->journal->ring[i], &l->cursor, l->buf, &l->view, &f->lost);
		if (l->full && (oldest == NULL || l->view.rec.wall_us < oldest->view.rec.wall_us))
			oldest = l;
	}
	return oldest;
}

static void
line_keep(struct follower *f, const struct journal_view *v)
{
	struct str *line = &f->last[f->at++ % f->n];

	str_clear(line);
	logline_write(line, f->format, v);
}

/* Everything still in the rings; the last n lines are printed. */
static void
print_last(struct follower *f)
{
	struct lane *l;

	while ((l = next_lane(f)) != NULL) {
		if (f->n > 0)
			line_keep(f, &l->view);
		l->full = false;
	}
	f->lost = 0;
	for (unsigned i = f->at > f->n ? f->at - f->n : 0; i < f->at; i++)
		(void)fwrite(f->last[i % f->n].data, 1, f->last[i % f->n].len, stdout);
	(void)fflush(stdout);
}

static bool
print_new(struct follower *f, struct str *out)
{
	struct lane *l;

	str_clear(out);
	while (out->len < 65536 && (l = next_lane(f)) != NULL) {
		logline_write(out, f->format, &l->view);
		l->full = false;
	}
	if (f->lost > 0)
		(void)fprintf(stderr, "proxyctl: too slow, %llu bytes of records lost\n",
		    (unsigned long long)f->lost);
	f->lost = 0;
	return fwrite(str_span(out).p, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
}

static bool
server_alive(pid_t pid)
{
	return pid <= 0 || kill(pid, 0) == 0 || errno == EPERM;
}

static int
print_live(struct follower *f, pid_t server, struct errdetail *ed)
{
	struct str out = STR_INIT;
	bool alive = true;
	int rc = 0;

	while (rc == 0 && alive) {
		alive = server_alive(server);
		do
			if (!print_new(f, &out))
				rc = err_sys(ed, "standard output");
		while (rc == 0 && out.len > 0);
		if (rc == 0 && alive)
			(void)poll(NULL, 0, POLL_MS);
	}
	str_fini(&out);
	return rc;
}

int
follow_journal(const struct shm *shm, enum logline_format format, unsigned n, bool follow,
    pid_t server, struct errdetail *ed)
{
	struct follower f = { .journal = shm->data, .format = format, .n = n };
	int rc = 0;

	if (shm->size < sizeof *f.journal ||
	    f.journal->lanes > (shm->size - sizeof *f.journal) / sizeof f.journal->ring[0])
		return err_set(ed, -E_TRUNCATED, "the journal is shorter than its lanes");
	f.nlanes = f.journal->lanes;
	f.lanes = mem_array(f.nlanes, sizeof *f.lanes);
	f.last = mem_array(n > 0 ? n : 1, sizeof *f.last);
	print_last(&f);
	if (follow)
		rc = print_live(&f, server, ed);
	for (unsigned i = 0; i < n; i++)
		str_fini(&f.last[i]);
	mem_free(f.last);
	mem_free(f.lanes);
	return rc;
}

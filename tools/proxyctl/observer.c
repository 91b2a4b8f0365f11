/*
 * observer.c - every lane with a cursor of its own; the oldest of what they show comes first.
 */
#include "tools/proxyctl/observer.h"

#include <errno.h>
#include <signal.h>

#include "conf/base/mem.h"

struct observer_lane {
	uint64_t cursor;
	bool full; /* view holds a record that was not given out yet */
	struct journal_view view;
	char buf[JOURNAL_RECORD];
};

/* The server's answer to `log` comes with the journal's descriptor. */
static int
attach(struct observer *o, struct call *ask)
{
	int rc = call_ask(ask, CALL_PATIENCE_MS);

	if (rc != EXIT_OK)
		return rc;
	o->server = ask->answer.pid;
	if (ask->answer.fd < 0)
		(void)err_set(&ask->ed, -E_PROTO, "proxyd handed over no journal");
	else if (shm_attach(&o->shm, ask->answer.fd, "journal", JOURNAL_VERSION, 0, &ask->ed) == 0)
		ask->answer.fd = -1; /* shm owns it now */
	return ask->ed.code == 0 ? EXIT_OK : call_failed(ask);
}

int
observer_open(struct observer *o, const struct call *c)
{
	struct call ask = { .o = c->o, .id = CMD_LOG, .answer.fd = -1 };
	int rc;

	*o = (struct observer){ .shm.fd = -1 };
	call_word(&ask, "log");
	rc = attach(o, &ask);
	client_fini(&ask.answer);
	if (rc != EXIT_OK)
		return rc;
	o->journal = o->shm.data;
	if (o->shm.size < sizeof *o->journal ||
	    o->journal->lanes > (o->shm.size - sizeof *o->journal) / sizeof o->journal->ring[0]) {
		(void)err_set(&ask.ed, -E_TRUNCATED, "the journal is shorter than its lanes");
		observer_close(o);
		return call_failed(&ask);
	}
	o->lanes = mem_array(o->journal->lanes, sizeof *o->lanes);
	return EXIT_OK;
}

void
observer_close(struct observer *o)
{
	mem_free(o->lanes);
	o->lanes = NULL;
	shm_close(&o->shm);
}

static void
lane_fill(struct observer *o, unsigned i)
{
	struct observer_lane *l = &o->lanes[i];

	if (!l->full)
		l->full = journal_observe(
		    &o->journal->ring[i], &l->cursor, l->buf, &l->view, &o->lost_bytes);
}

const struct journal_view *
observer_next(struct observer *o)
{
	struct observer_lane *oldest = NULL;

	for (unsigned i = 0; i < o->journal->lanes; i++) {
		struct observer_lane *l = &o->lanes[i];

		lane_fill(o, i);
		if (l->full && (oldest == NULL || l->view.rec.wall_us < oldest->view.rec.wall_us))
			oldest = l;
	}
	if (oldest == NULL)
		return NULL;
	oldest->full = false;
	o->records++;
	o->record_bytes += oldest->view.rec.size;
	return &oldest->view;
}

uint64_t
observer_lost(const struct observer *o)
{
	uint64_t each = o->records > 0 ? o->record_bytes / o->records : sizeof(struct journal_rec);

	return (o->lost_bytes + each - 1) / each;
}

uint64_t
observer_complete_since(struct observer *o)
{
	uint64_t since = 0;

	for (unsigned i = 0; i < o->journal->lanes; i++) {
		struct observer_lane *l = &o->lanes[i];
		bool overwritten = atomic_load(&o->journal->ring[i].head) > JOURNAL_RING;

		lane_fill(o, i);
		if (overwritten && l->full && l->view.rec.wall_us > since)
			since = l->view.rec.wall_us;
	}
	o->lost_bytes = 0;
	return since;
}

bool
observer_alive(const struct observer *o)
{
	return o->server <= 0 || kill(o->server, 0) == 0 || errno == EPERM;
}

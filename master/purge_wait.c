/*
 * purge_wait.c - the keeper says in the segment how many purges are on the disk.
 */
#include "master/purge_wait.h"

#include "cache/segment.h"
#include "conf/base/clock.h"
#include "master/admin.h"
#include "master/master.h"

#define PATIENCE_MS 3000	/* with a keeper that is about to come, or whose disk is slow */

static bool
kept(const struct master *m, uint32_t purges)
{
	struct cache_data *d = segment_cache_data(&m->segments.cache);

	return d != NULL && (int32_t)(atomic_load(&d->purges_kept) - purges) >= 0;
}

static void
answer(struct admin_client *c, struct json *o, bool is_kept)
{
	json_set_bool(o, "kept", is_kept);
	admin_reply(c, o);
}

void
purge_wait(struct master *m, struct admin_client *c, uint32_t purges, struct json *o)
{
	struct purge_waits *w = &m->purges;

	if (kept(m, purges) || w->n == PURGES_WAITING || !m->keeper.wanted) {
		answer(c, o, kept(m, purges));
		return;
	}
	w->v[w->n].client = c;
	w->v[w->n].answer = o;
	w->v[w->n].purges = purges;
	w->v[w->n++].until_ms = (int64_t)clock_mono_ms() + PATIENCE_MS;
}

void
purge_wait_look(struct master *m)
{
	struct purge_waits *w = &m->purges;
	int64_t now = (int64_t)clock_mono_ms();

	for (unsigned i = w->n; i-- > 0;) {
		struct admin_client *c = w->v[i].client;
		struct json *o = w->v[i].answer;
		bool is_kept = kept(m, w->v[i].purges);

		if (!is_kept && now < w->v[i].until_ms && m->keeper.wanted)
			continue;
		w->v[i] = w->v[--w->n];
		answer(c, o, is_kept);
	}
}

void
purge_wait_forget(struct master *m, const struct admin_client *c)
{
	struct purge_waits *w = &m->purges;

	for (unsigned i = w->n; i-- > 0;)
		if (w->v[i].client == c) {
			json_free(&w->v[i].answer);
			w->v[i] = w->v[--w->n];
		}
}

/*
 * segment_cache.c - the cache's segment and its events.
 *
 * A lane's ring is 8 MiB that its process leaves behind. The keeper reads what is in it; then the master takes the lane
 * for itself, so that no process gets it meanwhile, and gives the memory back.
 */
#include "master/segment_cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/segment.h"
#include "conf/base/log.h"
#include "master/master.h"

void
segment_cache_init(struct segment_cache *s)
{
	*s = (struct segment_cache){ .shm.fd = -1 };
}

static void
events_close(int *event, unsigned n)
{
	for (unsigned i = 0; event != NULL && i < n; i++)
		if (event[i] >= 0)
			(void)close(event[i]);
	free(event);
}

void
segment_cache_close(struct segment_cache *s)
{
	events_close(s->event, s->lanes);
	free(s->used);
	shm_close(&s->shm);
	segment_cache_init(s);
}

struct cache_data *
segment_cache_data(const struct segment_cache *s)
{
	return s->event == NULL ? NULL : s->shm.data;
}

/* ---------------------------------------------------------------- making it */

static int
events_open(struct segment_cache *s, struct errdetail *ed)
{
	s->event = calloc(s->lanes, sizeof *s->event);
	s->used = calloc(s->lanes, sizeof *s->used);
	if (s->event == NULL || s->used == NULL)
		return err_set(ed, -E_NOMEM, "cache: no memory");
	for (unsigned i = 0; i < s->lanes; i++)
		s->event[i] = -1;
	for (unsigned i = 0; i < s->lanes; i++) {
		s->event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (s->event[i] < 0)
			return err_sys(ed, "cache: event %u of %u", i, s->lanes);
	}
	return 0;
}

static bool
fits(const struct cache_data *c, const struct conf_cache *conf, unsigned lanes)
{
	struct cache_shape want = cache_shape(conf, lanes);

	return memcmp(&c->shape, &want, sizeof want) == 0 && c->place == cache_place(conf);
}

int
segment_cache_make(struct segment_cache *s, const struct conf_cache *conf, unsigned lanes,
    struct errdetail *ed)
{
	struct cache_shape shape = cache_shape(conf, lanes);
	struct cache_data *c = segment_cache_data(s);
	int rc;

	if (c != NULL)
		return fits(c, conf, lanes) ? 0 :
					      err_set(ed, -E_CONFLICT,
						  "cache.path, size, objects and ring are not those that "
						  "this instance had a cache with: restart to apply");
	if (lanes > CACHE_LANES_MAX)
		return err_set(ed, -E_LIMIT,
		    "cache: %u processes may have to share it, %d can: lower process.workers", lanes,
		    CACHE_LANES_MAX);
	s->lanes = lanes;
	rc = shm_create(&s->shm, "cache", CACHE_VERSION, cache_size(&shape), ed);
	if (rc == 0)
		rc = events_open(s, ed);
	if (rc != 0) {
		segment_cache_close(s);
		return rc;
	}
	c = s->shm.data;
	cache_init(c, &shape);
	c->place = cache_place(conf);
	return 0;
}

/* ---------------------------------------------------------------- taking it over */

/* Takes the descriptor if it is what it should be. */
static bool
attach(struct segment_cache *s, int fd, const struct conf_cache *conf, unsigned n, unsigned lanes)
{
	struct errdetail ed = { 0 };

	if (shm_attach(&s->shm, fd, "cache", CACHE_VERSION, true, &ed) != 0) {
		log_write(
		    LOG_WARN, "upgrade: %.*s; begins anew", (int)strcspn(ed.text, ";"), ed.text);
		(void)close(fd);
		return false;
	}
	if (n == lanes && cache_sound(s->shm.data, s->shm.size) && fits(s->shm.data, conf, lanes))
		return true;
	log_write(LOG_WARN,
	    "upgrade: segment cache: made for another cache or other processes; begins anew");
	shm_close(&s->shm);
	return false;
}

static bool
adopt_events(struct segment_cache *s, const int *event, unsigned n)
{
	s->lanes = n;
	s->event = calloc(n, sizeof *s->event);
	s->used = calloc(n, sizeof *s->used);
	if (s->event == NULL || s->used == NULL)
		return false;
	for (unsigned i = 0; i < n; i++) {
		s->event[i] = event[i];
		s->used[i] = true;	/* perhaps */
	}
	return true;
}

bool
segment_cache_take(struct segment_cache *s, int fd, const int *event, unsigned n,
    const struct conf_cache *conf, unsigned lanes)
{
	if (fd >= 0 && conf->path == NULL) {
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0 && attach(s, fd, conf, n, lanes)) {
		s->taken = adopt_events(s, event, n);
		if (s->taken)
			return true;
		free(s->event);
		s->event = NULL;
		segment_cache_close(s);
	}
	for (unsigned i = 0; i < n; i++)
		(void)close(event[i]);
	return false;
}

/* ---------------------------------------------------------------- its directory */

static bool
is_empty(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	bool empty = d != NULL;

	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d != NULL)
		(void)closedir(d);
	return empty;
}

/* One that somebody made for us, as a service manager does, is given away while nothing is in it. */
static bool
to_give(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == geteuid() && is_empty(path);
}

int
segment_cache_directory(
    const struct conf_cache *conf, const struct identity *who, struct errdetail *ed)
{
	if (mkdir(conf->path, S_IRWXU) != 0 && errno != EEXIST)
		return err_sys(ed, "cache.path: cannot make '%s'", conf->path);
	if (who->drop && to_give(conf->path) && chown(conf->path, who->uid, who->gid) != 0)
		return err_sys(
		    ed, "cache.path: cannot give '%s' to the user of the children", conf->path);
	return 0;
}

/* ---------------------------------------------------------------- its processes */

void
segment_cache_gone(struct segment_cache *s, unsigned lane)
{
	struct cache_data *c = segment_cache_data(s);
	struct lease_lanes wake = { 0 };
	const uint64_t one = 1;

	if (c == NULL || lane >= s->lanes)
		return;
	cache_unpin(c, lane);
	lease_forget_lane(cache_leases(c), lane, &wake);
	for (unsigned i = 0; i < s->lanes; i++)
		if (lease_lane_in(&wake, i))
			(void)!write(s->event[i], &one, sizeof one);
	s->used[lane] = true;
}

void
segment_cache_broke(struct segment_cache *s, const char *who)
{
	struct cache_data *c = segment_cache_data(s);

	if (c == NULL)
		return;
	log_write(
	    LOG_ERROR, "cache: %s may have died of a damaged store: nobody reads it any more", who);
	atomic_store(&c->state, CACHE_BROKEN);
}

void
segment_cache_end(struct segment_cache *s)
{
	struct cache_data *c = segment_cache_data(s);

	if (c != NULL)
		atomic_store(&c->state, CACHE_CLOSED);
}

void
segment_cache_tick(struct segment_cache *s, struct stats_data *stats)
{
	struct cache_data *c = segment_cache_data(s);

	if (c == NULL)
		return;
	for (unsigned i = 1; i < s->lanes; i++) {
		if (!s->used[i] || !stats_lane_claim(stats, i))
			continue;
		s->used[i] = !cache_lane_free(c, i);
		stats_lane_unclaim(stats, i);
	}
}

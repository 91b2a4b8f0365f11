/*
 * segments.c - makes the segments, hands out lanes, reads crash reports.
 *
 * Segments are sparse: a lane nobody used costs address space only, so the number of lanes is generous. What
 * is read back from a lane was written by a child that may have been broken: it is copied, cut and escaped.
 */
#include "master/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "master/handover.h"
#include "worker/shared/env.h"

#define LANES_PAST	1
#define LANES_OTHERS	8	/* agents of three generations, loggers */
#define WORKERS_LEAST	16	/* room for a reload that asks for more workers */

void
segments_init(struct segments *s)
{
	s->stats.fd = s->journal.fd = s->report.fd = -1;
	segment_cache_init(&s->cache);
}

int
segments_open(struct segments *s, unsigned workers, struct errdetail *ed)
{
	int rc;

	segments_init(s);
	s->journal_taken = false;
	if (workers < WORKERS_LEAST)
		workers = WORKERS_LEAST;
	s->lanes = LANES_PAST + 3 * workers + LANES_OTHERS;
	rc = shm_create(&s->stats, "stats", STATS_VERSION, stats_size(s->lanes), ed);
	if (rc == 0)
		rc = shm_create(
		    &s->journal, "journal", JOURNAL_VERSION, journal_size(s->lanes), ed);
	if (rc == 0)
		rc = shm_create(&s->report, "report", REPORT_VERSION, report_size(s->lanes), ed);
	if (rc != 0) {
		segments_close(s);
		return rc;
	}
	((struct stats_data *)s->stats.data)->lanes = s->lanes;
	((struct journal_data *)s->journal.data)->lanes = s->lanes;
	((struct report_data *)s->report.data)->lanes = s->lanes;
	return 0;
}

static bool
taken(struct shm *s, int fd, const char *name, uint32_t version)
{
	struct errdetail ed = { 0 };

	if (fd < 0)
		return false;
	if (shm_attach(s, fd, name, version, true, &ed) == 0)
		return true;
	log_write(LOG_WARN, "upgrade: %.*s; begins anew", (int)strcspn(ed.text, ";"), ed.text);
	(void)close(fd);
	return false;
}

/* Lanes are one numbering in all segments: without the statistics, which say who owns them, none is of use. */
static bool
take_stats(struct segments *s, int fd, unsigned workers)
{
	if (!taken(&s->stats, fd, "stats", STATS_VERSION))
		return false;
	s->lanes = ((struct stats_data *)s->stats.data)->lanes;
	if (s->lanes > 0 && stats_size(s->lanes) == s->stats.size &&
	    segments_fit(s, workers, NULL) == 0)
		return true;
	log_write(LOG_WARN,
	    "upgrade: segments stats, journal, report: laid out for other than %u workers; "
	    "they begin anew",
	    workers);
	shm_close(&s->stats);
	return false;
}

static int
take_or_make(struct shm *s, int fd, const char *name, uint32_t version, size_t size, bool *kept,
    struct errdetail *ed)
{
	*kept = taken(s, fd, name, version) && s->size == size;
	if (*kept)
		return 0;
	if (s->fd >= 0)
		log_write(LOG_WARN, "upgrade: segment %s: %zu bytes instead of %zu; begins anew",
		    name, s->size, size);
	shm_close(s);
	return shm_create(s, name, version, size, ed);
}

int
segments_take_over(struct segments *s, const int *fd, unsigned workers, struct errdetail *ed)
{
	bool report;
	int rc;

	segments_init(s);
	if (!take_stats(s, fd[HAND_STATS], workers)) {
		if (fd[HAND_JOURNAL] >= 0)
			(void)close(fd[HAND_JOURNAL]);
		if (fd[HAND_REPORT] >= 0)
			(void)close(fd[HAND_REPORT]);
		return segments_open(s, workers, ed);
	}
	rc = take_or_make(&s->journal, fd[HAND_JOURNAL], "journal", JOURNAL_VERSION,
	    journal_size(s->lanes), &s->journal_taken, ed);
	if (rc == 0)
		rc = take_or_make(&s->report, fd[HAND_REPORT], "report", REPORT_VERSION,
		    report_size(s->lanes), &report, ed);
	if (rc != 0) {
		segments_close(s);
		return rc;
	}
	((struct journal_data *)s->journal.data)->lanes = s->lanes;
	((struct report_data *)s->report.data)->lanes = s->lanes;
	return 0;
}

void
segments_close(struct segments *s)
{
	shm_close(&s->stats);
	shm_close(&s->journal);
	shm_close(&s->report);
	segment_cache_close(&s->cache);
}

int
segments_fit(const struct segments *s, unsigned workers, struct errdetail *ed)
{
	if (3 * workers + LANES_PAST + LANES_OTHERS <= s->lanes)
		return 0;
	return err_set(ed, -E_LIMIT,
	    "process.workers: %u workers need more shared memory than was laid out for %u: restart to "
	    "apply",
	    workers, (s->lanes - LANES_PAST - LANES_OTHERS) / 3);
}

struct stats_lane *
segments_take(
    struct segments *s, uint32_t role, uint32_t slot, uint32_t generation, unsigned *lane)
{
	struct stats_data *stats = s->stats.data;
	struct stats_lane *l = stats_lane_take(stats, role, slot, generation);

	if (l != NULL)
		*lane = (unsigned)(l - stats->lane);
	return l;
}

void
segments_give(struct segments *s, unsigned lane)
{
	struct stats_data *stats = s->stats.data;

	if (atomic_load(&stats->lane[lane].role) == ROLE_WORKER)
		segment_cache_gone(&s->cache, lane);
	stats_lane_fold(stats, &stats->lane[lane]);
}

/* Has it ended? One that nobody has waited for has. */
static bool
gone(uint32_t pid)
{
	char path[64], text[256];
	const char *end;
	ssize_t n;
	int fd;

	if (pid == 0 || pid > INT32_MAX || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
		return true;
	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')');
	return end != NULL && strncmp(end, ") Z", 3) == 0;
}

/* A master folds the lanes of its own children, also while another one serves. Only when it died that is left to do. */
void
segments_sweep(struct segments *s, pid_t me)
{
	struct stats_data *stats = s->stats.data;

	for (unsigned i = LANES_PAST; i < s->lanes; i++) {
		struct stats_lane *l = &stats->lane[i];
		uint32_t owner = atomic_load(&l->owner);
		char who[64];

		if (atomic_load(&l->state) == LANE_FREE || owner == 0 || owner == (uint32_t)me ||
		    !gone(owner) || !gone(atomic_load(&l->pid)))
			continue;
		snprintf(who, sizeof who, "process %u of master %u", atomic_load(&l->pid), owner);
		log_write(LOG_INFO, "%s: gone", who);
		segments_report(s, i, who);
		segments_give(s, i);
	}
}

unsigned
segments_free_lanes(const struct segments *s)
{
	const struct stats_data *stats = s->stats.data;
	unsigned n = 0;

	for (unsigned i = LANES_PAST; i < s->lanes; i++)
		if (atomic_load(&stats->lane[i].state) == LANE_FREE)
			n++;
	return n;
}

void
segments_report(struct segments *s, unsigned lane, const char *who)
{
	struct report_area *area = &((struct report_data *)s->report.data)->area[lane];
	char text[REPORT_TEXT + 1];
	struct span rest, line;
	uint32_t used;

	used = atomic_load(&area->used);
	if (used == 0)
		return;
	if (used > REPORT_TEXT)
		used = REPORT_TEXT;
	memcpy(text, area->text, used);
	text[used] = '\0';
	rest = span_str(text);
	while (span_split(&rest, '\n', &line))
		if (line.n > 0)
			log_write(LOG_ERROR, "%s: report: " SPAN_FMT, who, SPAN_ARG(line));
	atomic_store(&area->used, 0);
}

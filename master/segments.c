/*
 * segments.c - makes the segments, hands out lanes, reads crash reports.
 *
 * Segments are sparse: a lane nobody used costs address space only, so the number of lanes is generous. What
 * is read back from a lane was written by a child that may have been broken: it is copied, cut and escaped.
 */
#include "master/segments.h"

#include <string.h>

#include "conf/base/log.h"

#define LANES_PAST	1
#define LANES_OTHERS	8	/* agents of three generations, loggers */
#define WORKERS_LEAST	16	/* room for a reload that asks for more workers */

int
segments_open(struct segments *s, unsigned workers, struct errdetail *ed)
{
	int rc;

	s->stats.fd = s->journal.fd = s->report.fd = -1;
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

void
segments_close(struct segments *s)
{
	shm_close(&s->stats);
	shm_close(&s->journal);
	shm_close(&s->report);
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

	stats_lane_fold(stats, &stats->lane[lane]);
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

/* explain_time.c - the C library turns local time into seconds; what people write is taken apart here. */
#include "worker/explain_time.h"

#include <stdio.h>
#include <time.h>

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static bool
number(struct span *rest, char end, uint64_t max, int *out)
{
	struct span part;
	uint64_t n;

	if (!span_split(rest, end, &part) || part.n == 0 || span_to_u64(part, max, &n) != 0)
		return false;
	*out = (int)n;
	return true;
}

/* "09:00" or "09:00:30" */
static bool
clock_take(struct span text, struct tm *tm)
{
	tm->tm_sec = 0;
	return number(&text, ':', 23, &tm->tm_hour) && text.p != NULL &&
	    number(&text, ':', 59, &tm->tm_min) &&
	    (text.p == NULL || (number(&text, ':', 59, &tm->tm_sec) && text.p == NULL));
}

/* "Mon": that day of the week, today or later. */
static bool
weekday_take(struct span text, struct tm *tm)
{
	for (int i = 0; i < 7; i++) {
		if (!span_ieq_str(text, days[i]))
			continue;
		tm->tm_mday += (i - tm->tm_wday + 7) % 7;
		return true;
	}
	return false;
}

static bool
date_take(struct span text, struct tm *tm)
{
	int year, month;

	if (!number(&text, '-', 9999, &year) || text.p == NULL || year < 1970 ||
	    !number(&text, '-', 12, &month) || text.p == NULL || month == 0 ||
	    !number(&text, '-', 31, &tm->tm_mday) || text.p != NULL || tm->tm_mday == 0)
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return true;
}

int
explain_time(const char *text, int64_t now_s, int64_t *wall_s, struct errdetail *ed)
{
	struct span rest = span_trim(span_str(text)), day = SPAN_NONE;
	time_t now = (time_t)now_s, at;
	struct tm tm;
	int date;

	if (localtime_r(&now, &tm) == NULL)
		return err_set(ed, -E_SYS, "the local time is not known");
	if (span_find(rest, ' ') >= 0)
		(void)span_split(&rest, ' ', &day);
	if ((day.p != NULL && !weekday_take(day, &tm) && !date_take(day, &tm)) ||
	    !clock_take(span_trim(rest), &tm))
		return err_set(ed, -E_SYNTAX,
		    "'%.40s' is no time: write \"Mon 09:00\", \"09:00\" or \"2026-07-27 09:00\"",
		    text);
	tm.tm_isdst = -1;
	date = tm.tm_mday;
	at = mktime(&tm);
	if (at == (time_t)-1 || (day.n > 3 && tm.tm_mday != date))
		return err_set(ed, -E_RANGE, "'%.40s' is no day of the calendar", text);
	*wall_s = (int64_t)at;
	return 0;
}

void
explain_time_text(int64_t wall_s, char out[EXPLAIN_TIME_TEXT])
{
	time_t at = (time_t)wall_s;
	struct tm tm;
	char date[24];

	if (localtime_r(&at, &tm) == NULL ||
	    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm) == 0) {
		(void)snprintf(out, EXPLAIN_TIME_TEXT, "?");
		return;
	}
	(void)snprintf(out, EXPLAIN_TIME_TEXT, "%s %s", days[tm.tm_wday], date);
}

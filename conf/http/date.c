/*
 * date.c - HTTP dates: IMF-fixdate out; IMF-fixdate, RFC 850 and asctime in (RFC 9110 5.6.7).
 *
 * Parsing is strict in shape (every blank, digit and comma in its place, "GMT" and nothing behind it) because
 * a lax reader makes "expired" responses fresh. Two things are not held against the sender: the case of
 * letters, and a weekday that does not belong to the date.
 */
#include "conf/http/date.h"

#define DAY_SECS 86400

static const char day_names[7][10] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};
static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

struct civil { int64_t year; int month, day, hour, min, sec; };	/* month 1-12 */

/* A reader that consumes a span from the left; after the first mismatch `bad` stays set. */
struct reader { struct span s; bool bad; };

/* ---- the calendar: days since 1970-01-01, proleptic Gregorian, years counted from March ---- */

static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
civil_of(struct civil *c, int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c->year = yoe + era * 400 + (c->month <= 2);
}

static int
month_days(int64_t year, int month)
{
	static const int8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* ---- writing ---- */

static void
put2(char *out, int v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
}

/* Years outside 0-9999 do not fit the format: they become its first or last second. */
static int64_t
clamp(int64_t t)
{
	const int64_t min = -62167219200, max = 253402300799;

	return t < min ? min : t > max ? max : t;
}

void
date_format(char out[DATE_LEN], int64_t unix_sec)
{
	int64_t t = clamp(unix_sec), days = t / DAY_SECS, weekday;
	int secs = (int)(t % DAY_SECS);
	struct civil c;

	if (secs < 0) {
		secs += DAY_SECS;
		days--;
	}
	civil_of(&c, days);
	weekday = ((days + 4) % 7 + 7) % 7;
	memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", DATE_LEN);
	memcpy(out, day_names[weekday], 3);
	put2(out + 5, c.day);
	memcpy(out + 8, month_names[c.month - 1], 3);
	put2(out + 12, (int)(c.year / 100));
	put2(out + 14, (int)(c.year % 100));
	put2(out + 17, secs / 3600);
	put2(out + 20, secs / 60 % 60);
	put2(out + 23, secs % 60);
}

/* ---- reading ---- */

static void
take(struct reader *r, const char *text, size_t n)
{
	if (r->bad || r->s.n < n || !span_ieq(span_make(r->s.p, n), span_make(text, n))) {
		r->bad = true;
		return;
	}
	r->s.p += n;
	r->s.n -= n;
}

static int
take_digits(struct reader *r, size_t n)
{
	int v = 0;

	if (r->bad || r->s.n < n) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(unsigned char)r->s.p[i] - '0';

		r->bad = r->bad || d > 9;
		v = v * 10 + (int)(d % 10);
	}
	r->s.p += n;
	r->s.n -= n;
	return v;
}

static int
take_month(struct reader *r)
{
	for (int m = 0; m < 12 && r->s.n >= 3; m++)
		if (span_ieq(span_make(r->s.p, 3), span_make(month_names[m], 3))) {
			take(r, month_names[m], 3);
			return m + 1;
		}
	r->bad = true;
	return 1;
}

/* short_form: three letters. True when a day's name was there, whole. */
static bool
take_weekday(struct reader *r, bool short_form)
{
	for (int d = 0; d < 7; d++) {
		struct span name = short_form ? span_make(day_names[d], 3) : span_str(day_names[d]);

		if (span_istarts(r->s, name)) {
			take(r, name.p, name.n);
			return true;
		}
	}
	return false;
}

static void
take_time(struct reader *r, struct civil *c)
{
	c->hour = take_digits(r, 2);
	take(r, ":", 1);
	c->min = take_digits(r, 2);
	take(r, ":", 1);
	c->sec = take_digits(r, 2);
}

/* RFC 9110 5.6.7: more than 50 years in the future means the most recent past year with the same digits. */
static int64_t
year_of_two_digits(int yy, int64_t now)
{
	struct civil today;
	int64_t days = clamp(now) / DAY_SECS;
	int64_t year;

	civil_of(&today, days);
	year = today.year - today.year % 100 + yy;
	return year > today.year + 50 ? year - 100 : year;
}

static void
read_imf(struct reader *r, struct civil *c)		/* Sun, 06 Nov 1994 08:49:37 GMT */
{
	take(r, ", ", 2);
	c->day = take_digits(r, 2);
	take(r, " ", 1);
	c->month = take_month(r);
	take(r, " ", 1);
	c->year = take_digits(r, 4);
	take(r, " ", 1);
	take_time(r, c);
	take(r, " GMT", 4);
}

static void
read_rfc850(struct reader *r, struct civil *c, int64_t now)	/* Sunday, 06-Nov-94 08:49:37 GMT */
{
	take(r, ", ", 2);
	c->day = take_digits(r, 2);
	take(r, "-", 1);
	c->month = take_month(r);
	take(r, "-", 1);
	c->year = year_of_two_digits(take_digits(r, 2), now);
	take(r, " ", 1);
	take_time(r, c);
	take(r, " GMT", 4);
}

static void
read_asctime(struct reader *r, struct civil *c)		/* Sun Nov  6 08:49:37 1994 */
{
	take(r, " ", 1);
	c->month = take_month(r);
	take(r, " ", 1);
	if (r->s.n > 0 && r->s.p[0] == ' ') {
		take(r, " ", 1);
		c->day = take_digits(r, 1);
	} else {
		c->day = take_digits(r, 2);
	}
	take(r, " ", 1);
	take_time(r, c);
	take(r, " ", 1);
	c->year = take_digits(r, 4);
}

/* Second 60 is a leap second. */
static bool
civil_valid(const struct civil *c)
{
	return c->day >= 1 && c->day <= month_days(c->year, c->month) &&
	    c->hour <= 23 && c->min <= 59 && c->sec <= 60;
}

int
date_parse(struct span text, int64_t now, int64_t *unix_sec)
{
	struct reader r = { text, false };
	struct civil c = { 0, 1, 1, 0, 0, 0 };

	if (take_weekday(&r, false))
		read_rfc850(&r, &c, now);
	else if (!take_weekday(&r, true))
		return -E_SYNTAX;
	else if (r.s.n > 0 && r.s.p[0] == ',')
		read_imf(&r, &c);
	else
		read_asctime(&r, &c);
	if (r.bad || r.s.n != 0 || !civil_valid(&c))
		return -E_SYNTAX;
	*unix_sec = days_of(c.year, c.month, c.day) * DAY_SECS + c.hour * 3600 + c.min * 60 + c.sec;
	return 0;
}

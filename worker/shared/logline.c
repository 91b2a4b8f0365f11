/*
 * logline.c - one record as one line: the formats by name, and NCSA's common and combined.
 *
 * A line is built where it goes, out of the pieces of logline_text.c.
 */
#include "worker/shared/logline.h"

#include <stdio.h>
#include <time.h>

#include "worker/shared/logline_priv.h"

/* The spellings of a second, kept because a busy log has thousands of records in each. */
const struct line_stamp *
line_stamp(uint64_t wall_us)
{
	static struct line_stamp last = { .at = -1 };
	time_t at = (time_t)(wall_us / 1000000);
	struct tm tm;

	if (at == last.at)
		return &last;
	if (wall_us / 1000000 > 253402300799u || gmtime_r(&at, &tm) == NULL) { /* the year 9999 */
		at = 0;
		memset(&tm, 0, sizeof tm);
		tm.tm_mday = 1;
		tm.tm_year = 70;
	}
	last.at = (time_t)(wall_us / 1000000);
	last.nepoch = (size_t)snprintf(
	    last.epoch, sizeof last.epoch, "%llu.", (unsigned long long)(wall_us / 1000000));
	strftime(last.ncsa, sizeof last.ncsa, "%d/%b/%Y:%H:%M:%S +0000", &tm);
	strftime(last.iso, sizeof last.iso, "%Y-%m-%dT%H:%M:%S", &tm);
	return &last;
}

/* --------------------------------------------------------------------------------------------- NCSA */

static void
common(struct line *l, const struct journal_view *v)
{
	const struct journal_rec *rec = &v->rec;

	line_client(l, rec);
	line_puts(l, " - - [");
	line_put(l, line_stamp(rec->wall_us)->ncsa, LINE_NCSA);
	line_puts(l, "] \"");
	line_or_dash(l, v, JS_METHOD);
	if (v->s[JS_METHOD].n != 0) {
		line_puts(l, " ");
		line_or_dash(l, v, JS_TARGET);
		line_puts(l, " HTTP/1.");
		line_u64(l, rec->minor, 1);
	}
	line_puts(l, "\" ");
	line_3digits(l, rec->status);
	line_puts(l, " ");
	if (rec->bytes_out == 0)
		line_puts(l, "-");
	else
		line_u64(l, rec->bytes_out, 1);
}

static void
combined(struct line *l, const struct journal_view *v)
{
	common(l, v);
	line_puts(l, " \"");
	line_or_dash(l, v, JS_REFERER);
	line_puts(l, "\" \"");
	line_or_dash(l, v, JS_AGENT);
	line_puts(l, "\"");
}

/* ------------------------------------------------------------------------------------------ formats */

static const struct {
	const char *name;
	enum line_escape escape;
	void (*write)(struct line *, const struct journal_view *);
} formats[] = {
	[LOGLINE_COMBINED] = { "combined", ESCAPE_QUOTED, combined },
	[LOGLINE_COMMON] = { "common", ESCAPE_QUOTED, common },
	[LOGLINE_SQUID] = { "squid", ESCAPE_URL, line_squid },
	[LOGLINE_JSON] = { "json", ESCAPE_JSON, line_json },
};

int
logline_format_parse(enum logline_format *out, const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(name, formats[i].name) == 0) {
			*out = (enum logline_format)i;
			return 0;
		}
	return -E_UNKNOWN;
}

void
logline_write(struct str *out, enum logline_format format, const struct journal_view *v)
{
	struct line l = { .escape = formats[format].escape };
	char *begin = str_room(out, LINE_MAX_BYTES);

	if (begin == NULL)
		return;
	l.at = begin;
	l.end = begin + LINE_MAX_BYTES - 1;
	formats[format].write(&l, v);
	*l.at++ = '\n';
	str_written(out, (size_t)(l.at - begin));
}

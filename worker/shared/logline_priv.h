/*
 * logline_priv.h - a line under construction and its pieces, for the formats.
 */
#pragma once
#include "worker/shared/logline.h"

#define LINE_MAX_BYTES	4096

/* How bytes that a format cannot bear are written: \xHH, \u00HH, %HH. */
enum line_escape { ESCAPE_QUOTED, ESCAPE_JSON, ESCAPE_URL };

struct line {
	enum line_escape escape;
	char		*at, *end;	/* in the buffer that takes it; one byte behind is kept for the line's end */
};

void	line_put_cut(struct line *, const char *);	/* as much as fits */

/* Our own words; what does not fit is cut. Here, so that words are stores. */
static inline void
line_put(struct line *l, const char *p, size_t n)
{
	if (n > (size_t)(l->end - l->at)) {
		line_put_cut(l, p);
		return;
	}
	memcpy(l->at, p, n);
	l->at += n;
}
static inline void
line_puts(struct line *l, const char *s)
{
	line_put(l, s, strlen(s));	/* of a literal, known to the compiler */
}
void	line_u64(struct line *, uint64_t, unsigned width);	/* at least `width` digits */
/* Three digits, as a status and the part of a second have them; above 999 as many as it has. */
static inline void
line_3digits(struct line *l, unsigned v)
{
	char text[3] = { (char)('0' + v / 100), (char)('0' + v / 10 % 10), (char)('0' + v % 10) };

	if (v > 999)
		line_u64(l, v, 3);
	else
		line_put(l, text, sizeof text);
}
void	line_client(struct line *, const struct journal_rec *);	/* the address, or "-" */

/* A peer's: escaped within *budget bytes; what does not fit is cut and shown as "...". */
void	line_text(struct line *, struct span, size_t *budget);
/* One string of the record within its own budget, secrets in a URL hidden; dash: "-" when it is empty. */
void	line_string(struct line *, const struct journal_view *, enum journal_string);
void	line_or_dash(struct line *, const struct journal_view *, enum journal_string);

/* The media type without its parameters. */
size_t	line_type_length(struct span);

/* The spellings of a second. Kept until the next call: a busy log has thousands of records in each. */
#define LINE_NCSA 26	/* "10/Oct/2000:13:55:36 +0000": the years have four digits */
struct line_stamp { time_t at; size_t nepoch; char ncsa[32], iso[24], epoch[24]; };
const struct line_stamp *line_stamp(uint64_t wall_us);

/* The formats with a file of their own. */
void	line_json(struct line *, const struct journal_view *);
void	line_squid(struct line *, const struct journal_view *);

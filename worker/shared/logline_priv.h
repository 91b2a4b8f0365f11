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
	size_t		at;
	char		buf[LINE_MAX_BYTES];
};

/* Our own words; what does not fit is cut, one byte being kept for the line's end. Here, so that words are stores. */
static inline void
line_put(struct line *l, const char *p, size_t n)
{
	size_t room = sizeof l->buf - 1 - l->at;

	if (n > room)
		n = room;
	memcpy(l->buf + l->at, p, n);
	l->at += n;
}
static inline void
line_puts(struct line *l, const char *s)
{
	line_put(l, s, strlen(s));	/* of a literal, known to the compiler */
}
void	line_u64(struct line *, uint64_t, unsigned width);	/* at least `width` digits */
void	line_client(struct line *, const struct journal_rec *);	/* the address, or "-" */

/* A peer's: escaped within *budget bytes; what does not fit is cut and shown as "...". */
void	line_text(struct line *, struct span, size_t *budget);
/* One string of the record within its own budget, secrets in a URL hidden; dash: "-" when it is empty. */
void	line_string(struct line *, const struct journal_view *, enum journal_string);
void	line_or_dash(struct line *, const struct journal_view *, enum journal_string);

/* Both spellings of a second. Kept until the next call: a busy log has thousands of records in each. */
struct line_stamp { time_t at; char ncsa[32], iso[24]; };
const struct line_stamp *line_stamp(uint64_t wall_us);

/* The formats with a file of their own. */
void	line_json(struct line *, const struct journal_view *);
void	line_squid(struct line *, const struct journal_view *);

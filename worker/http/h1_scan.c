/*
 * h1_scan.c - finds the end of a head that arrives in pieces, and refuses what no later byte can mend.
 *
 * Bytes are looked at once: `at` remembers how far. Only control bytes interest the scanner, and a head has
 * none but its line ends, so it runs from line end to line end sixteen bytes at a time. Every verdict depends
 * on the position of its byte alone, never on how the bytes were cut into reads:
 *
 *	skip          line             at
 *	 v             v                v
 *	 GET / HTTP/1.1\r\nHost: examp|le.test\r\n\r\n
 *	               current line ->|<- not looked at yet
 */
#include "worker/http/h1_line.h"
#include "worker/http/h1_parse.h"

#define EMPTY_LINES	4		/* bytes of empty lines skipped before a request: two CRLF */

struct plan {
	size_t		 first_max;			/* bytes of the first line */
	enum reason	 first_long;
	bool		 skip_empty;
	bool		 (*plausible)(struct span line);	/* of the first line */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
version_at(const char *p)
{
	return memcmp(p, "HTTP/", 5) == 0 && p[6] == '.';
}

/* A request without a version would be HTTP/0.9, whose sender waits for an answer and never ends the head. */
static bool
request_plausible(struct span line)
{
	return line.n >= 12 && line.p[line.n - 9] == ' ' && version_at(line.p + line.n - 8);
}

static bool
response_plausible(struct span line)
{
	return line.n >= 12 && version_at(line.p);
}

/* A byte that may stand nowhere in a head. */
static enum reason
bad_byte(const struct h1_scan *s, struct span buf, size_t at)
{
	if (!s->started)
		return R_REQUEST_LINE;
	return memchr(buf.p + s->line, ':', at - s->line) != NULL ? R_FIELD_VALUE : R_FIELD_NAME;
}

/* The first line ends at `at`; the next one begins at `next`. */
static enum reason
first_line(struct h1_scan *s, struct span buf, const struct plan *plan, size_t at, size_t next)
{
	if (at == s->line) {
		if (!plan->skip_empty || next > EMPTY_LINES)
			return R_REQUEST_LINE;
		s->skip = (uint32_t)next;
		return R_NONE;
	}
	s->started = true;
	return plan->plausible(span_make(buf.p + s->line, at - s->line)) ? R_NONE : R_REQUEST_LINE;
}

static enum reason
too_long(const struct h1_scan *s, const struct plan *plan, const struct h1_limits *lim, size_t line)
{
	if (s->started)
		return line > lim->max_field ? R_FIELD_LARGE : R_NONE;
	return line > plan->first_max ? plan->first_long : R_NONE;
}

/* Where the head must have ended. */
static size_t
head_max(const struct h1_scan *s, const struct h1_limits *lim)
{
	return (size_t)s->skip + lim->max_head;
}

/* Bytes of buf that may be looked at: nothing behind the limit changes a verdict. */
static size_t
window(const struct h1_scan *s, struct span buf, const struct h1_limits *lim)
{
	size_t max = head_max(s, lim);

	return buf.n < max ? buf.n : max;
}

static enum reason
scan(struct h1_scan *s, struct span buf, const struct plan *plan, const struct h1_limits *lim,
    size_t *len)
{
	size_t i = s->at, end = window(s, buf, lim), next;
	enum reason why;

	*len = 0;
	for (;;) {
		if (i == s->line && s->started && i < end && is_blank(buf.p[i]))
			return R_OBS_FOLD;
		i = h1_find_ctl(buf.p, i, end);
		why = too_long(s, plan, lim, i - s->line);
		if (why != R_NONE)
			return why;
		if (i == end)
			break;
		why = h1_line_end(buf.p, i, end, lim->relaxed, &next);
		if (why != R_NONE)
			return why == R_FIELD_VALUE ? bad_byte(s, buf, i) : why;
		if (next == 0)
			break;
		if (i == s->line && s->started) {
			*len = next;
			return R_NONE;
		}
		if (!s->started) {
			why = first_line(s, buf, plan, i, next);
			if (why != R_NONE)
				return why;
			end = window(s, buf, lim);
		}
		i = s->line = (uint32_t)next;
	}
	s->at = (uint32_t)i;
	return buf.n >= head_max(s, lim) ? R_HEAD_LARGE : R_NONE;
}

enum reason
h1_scan_request(struct h1_scan *s, struct span buf, const struct h1_limits *lim, size_t *len)
{
	const struct plan plan = {
		.first_max = (size_t)lim->max_target + H1_LINE_EXTRA, .first_long = R_TARGET_LONG,
		.skip_empty = true, .plausible = request_plausible,
	};

	return scan(s, buf, &plan, lim, len);
}

enum reason
h1_scan_response(struct h1_scan *s, struct span buf, const struct h1_limits *lim, size_t *len)
{
	const struct plan plan = {
		.first_max = lim->max_field, .first_long = R_RESPONSE_LARGE, .plausible = response_plausible,
	};

	return h1_as_response(scan(s, buf, &plan, lim, len));
}

enum reason
h1_scan_trailer(struct h1_scan *s, struct span buf, const struct h1_limits *lim, size_t *len)
{
	const struct plan plan = { .first_max = 0 };

	s->started = true;
	return h1_as_trailer(scan(s, buf, &plan, lim, len));
}

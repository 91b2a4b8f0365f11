/*
 * scan.c - comments, strings, brackets and numbers of libconfig's language, one line at a time.
 *
 *	a = [ 1, 2 ];   # rest of the line      // rest of the line      / * until * /      "text, \" inside, lines too"
 *
 * The parser behind it recurses, wraps integers and reads includes itself; after this scan it meets none of that.
 */
#include "conf/scan.h"

#define AT_FMT "%.160s:%d: "
#define AT_ARG(at) (at).file, (at).line

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '-' || c == '*' || c == '.';
}

/* A word that starts with a digit: an integer must fit what the parser stores it in. */
static int
scan_number(struct span word, struct conf_pos at, struct errdetail *ed)
{
	struct span digits = word;
	uint64_t v, max = INT32_MAX;
	bool hex = word.n > 2 && word.p[0] == '0' && (word.p[1] == 'x' || word.p[1] == 'X');
	int rc;

	while (digits.n > 0 && digits.p[digits.n - 1] == 'L') {
		digits.n--;
		max = INT64_MAX;
	}
	if (hex)
		digits = span_make(digits.p + 2, digits.n - 2);
	rc = hex ? span_hex_to_u64(digits, max, &v) : span_to_u64(digits, max, &v);
	if (rc == -E_RANGE)
		return err_set(ed, rc, AT_FMT "the number %.*s is too large: write at most %s",
		    AT_ARG(at), word.n > 40 ? 40 : (int)word.n, word.p,
		    max == INT32_MAX ? "2147483647" : "9223372036854775807L");
	return 0;			/* not digits alone: the parser's business */
}

static int
open_bracket(struct scan *s, char c, struct conf_pos at, struct errdetail *ed)
{
	if (s->depth == NODE_DEPTH)
		return err_set(ed, -E_LIMIT,
		    AT_FMT "groups and lists are nested deeper than %d: no setting needs that",
		    AT_ARG(at), NODE_DEPTH);
	s->open[s->depth].c = c;
	s->open[s->depth].at = at;
	s->depth++;
	return 0;
}

static int
close_bracket(struct scan *s, char c, struct conf_pos at, struct errdetail *ed)
{
	char want, got;
	struct conf_pos from;

	if (s->depth == 0)
		return err_set(ed, -E_SYNTAX,
		    AT_FMT "'%c' closes nothing: remove it, or add what opens it", AT_ARG(at), c);
	got = s->open[s->depth - 1].c;
	from = s->open[s->depth - 1].at;
	want = got == '(' ? ')' : got == '[' ? ']' : '}';
	if (c != want)
		return err_set(ed, -E_SYNTAX,
		    AT_FMT "'%c' where '%c' of %.160s:%d must be closed: write '%c'", AT_ARG(at), c,
		    got, AT_ARG(from), want);
	s->depth--;
	return 0;
}

/* From inside a string or comment to behind its end; the line's end when it goes on. */
static size_t
skip_string(struct scan *s, struct span l, size_t i)
{
	for (; i < l.n; i++) {
		if (l.p[i] == '\\')
			i++;
		else if (l.p[i] == '"') {
			s->in = SCAN_CODE;
			return i + 1;
		}
	}
	return l.n;
}

static size_t
skip_comment(struct scan *s, struct span l, size_t i)
{
	for (; i + 1 < l.n; i++)
		if (l.p[i] == '*' && l.p[i + 1] == '/') {
			s->in = SCAN_CODE;
			return i + 2;
		}
	return l.n;
}

/* One token of code at i; *next is behind it. */
static int
scan_code(
    struct scan *s, struct span l, size_t i, size_t *next, struct conf_pos at, struct errdetail *ed)
{
	char c = l.p[i], d = i + 1 < l.n ? l.p[i + 1] : '\0';
	size_t end = i + 1;

	*next = end;
	if (c == '#' || (c == '/' && d == '/')) {
		*next = l.n;
		return 0;
	}
	if (c == '"' || (c == '/' && d == '*')) {
		s->in = c == '"' ? SCAN_STRING : SCAN_COMMENT;
		s->since = at;
		*next = i + (c == '"' ? 1 : 2);
		return 0;
	}
	if (c == '(' || c == '[' || c == '{')
		return open_bracket(s, c, at, ed);
	if (c == ')' || c == ']' || c == '}')
		return close_bracket(s, c, at, ed);
	if (c == '@')
		return err_set(ed, -E_SYNTAX,
		    AT_FMT "'@' means nothing here: write @include \"file\" alone on a line",
		    AT_ARG(at));
	if (c == '\'')
		return err_set(ed, -E_SYNTAX, AT_FMT "a text stands in double quotes: write \"…\"",
		    AT_ARG(at));
	if (!is_word(c))
		return 0;
	while (end < l.n && is_word(l.p[end]))
		end++;
	*next = end;
	while (i < end && c == '-')
		c = ++i < end ? l.p[i] : '\0';
	return is_digit(c) ? scan_number(span_make(l.p + i, end - i), at, ed) : 0;
}

int
scan_line(struct scan *s, struct span l, struct conf_pos at, struct errdetail *ed)
{
	size_t i = 0;
	int rc = 0;

	if (l.n > 0 && memchr(l.p, '\0', l.n) != NULL)
		return err_set(ed, -E_SYNTAX,
		    AT_FMT "the line holds a NUL byte: this is not a text file", AT_ARG(at));
	while (i < l.n && rc == 0) {
		switch (s->in) {
		case SCAN_CODE:
			rc = scan_code(s, l, i, &i, at, ed);
			break;
		case SCAN_STRING:
			i = skip_string(s, l, i);
			break;
		case SCAN_COMMENT:
			i = skip_comment(s, l, i);
			break;
		}
	}
	return rc;
}

int
scan_file_end(const struct scan *s, struct errdetail *ed)
{
	if (s->in == SCAN_CODE)
		return 0;
	return err_set(ed, -E_SYNTAX,
	    AT_FMT "the %s that begins here never ends: write its closing %s", AT_ARG(s->since),
	    s->in == SCAN_STRING ? "text" : "comment", s->in == SCAN_STRING ? "'\"'" : "\"*/\"");
}

int
scan_end(const struct scan *s, struct errdetail *ed)
{
	if (s->depth == 0)
		return scan_file_end(s, ed);
	return err_set(ed, -E_SYNTAX, AT_FMT "'%c' is never closed: write its counterpart",
	    AT_ARG(s->open[s->depth - 1].at), s->open[s->depth - 1].c);
}

int
scan_include(const struct scan *s, struct span line, struct span *name)
{
	static const struct span word = SPAN("@include");
	struct span l = span_trim(line), rest;
	ptrdiff_t end;

	if (s->in != SCAN_CODE)
		return 0;
	if (l.n > 0 && l.p[l.n - 1] == '\r')
		l = span_trim(span_make(l.p, l.n - 1));
	if (l.n < word.n || memcmp(l.p, word.p, word.n) != 0)
		return 0;
	l = span_trim(span_make(l.p + word.n, l.n - word.n));
	if (l.n < 2 || l.p[0] != '"')
		return 0;
	l = span_make(l.p + 1, l.n - 1);
	end = span_find(l, '"');
	if (end <= 0)
		return 0;
	*name = span_make(l.p, (size_t)end);
	rest = span_trim(span_make(l.p + end + 1, l.n - (size_t)end - 1));
	return rest.n == 0 || rest.p[0] == '#' ||
	    (rest.n > 1 && rest.p[0] == '/' && rest.p[1] == '/');
}

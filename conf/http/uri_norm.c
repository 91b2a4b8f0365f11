/*
 * uri_norm.c - the one path normaliser (SECURITY.md row 25, RFC 3986 6.2.2).
 *
 * A path is a row of segments, each led by its '/'. They are copied one by one, escapes judged and decoded on
 * the way; a segment that turned out to be "." or ".." is taken back together with what it cancels:
 *
 *	out:	/ a / b / . .		start: this segment's '/'
 *		    ^   ^ start  ^ o
 *		    back to here
 *
 * Invariants: out never runs ahead of what was read, normalising twice gives the same bytes, and the output
 * has no dot segment, no control byte and no backslash, raw or escaped.
 */
#include "conf/http/field.h"
#include "conf/http/uri.h"

static inline unsigned
hex_value(char c)
{
	return (c & 0x40) ? ((unsigned)c & 7) + 9 : (unsigned)c & 15;
}

static inline bool
is_hex(char c)
{
	return http_char[(uint8_t)c] & HC_HEX;
}

/* Length 1 or 2 of dots only. */
static inline size_t
dot_count(const char *segment, size_t n)
{
	if (n == 1 && segment[0] == '.')
		return 1;
	return n == 2 && segment[0] == '.' && segment[1] == '.' ? 2 : 0;
}

/* Bytes no path may carry in any spelling. */
static inline bool
forbidden(unsigned c)
{
	return c < 0x20 || c == 0x7f || c == '\\';
}

/* Decodes or tidies the escape at s[0..3); bytes written to out, 0 when it is broken or forbidden. */
static size_t
copy_escape(char *out, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned c;

	if (s.n < 3 || !is_hex(s.p[1]) || !is_hex(s.p[2]))
		return 0;
	c = hex_value(s.p[1]) << 4 | hex_value(s.p[2]);
	if (forbidden(c))
		return 0;
	if (http_char[c] & HC_UNRESERVED) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '%';
	out[1] = digits[c >> 4];
	out[2] = digits[c & 15];
	return 3;
}

size_t
uri_unescape(struct span s, char *out)
{
	size_t o = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%' || s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])) {
			out[o++] = s.p[i];
			continue;
		}
		out[o++] = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
		i += 2;
	}
	return o;
}

/* Copies one segment, '/' first, to out; moves *rest on. Bytes written, 0 on a bad byte. */
static size_t
copy_segment(char *out, struct span *rest)
{
	size_t i = 1, o = 1, n;

	out[0] = '/';
	while (i < rest->n && rest->p[i] != '/') {
		if (rest->p[i] == '%') {
			n = copy_escape(out + o, span_make(rest->p + i, rest->n - i));
			if (n == 0)
				return 0;
			o += n;
			i += 3;
		} else if (http_char[(uint8_t)rest->p[i]] & HC_PATH) {
			out[o++] = rest->p[i++];
		} else {
			return 0;
		}
	}
	rest->p += i;
	rest->n -= i;
	return o;
}

/* Where the segment in front of out[start] begins. */
static size_t
segment_before(const char *out, size_t start)
{
	do
		start--;
	while (out[start] != '/');
	return start;
}

enum uri_err
uri_normalise(struct span path, char *out, size_t *len, bool *dots)
{
	size_t o = 0, n, dot = 0;

	*dots = false;
	*len = 0;
	if (path.n > 0 && path.p[0] != '/')
		return URI_BAD_PATH;
	while (path.n > 0) {
		n = copy_segment(out + o, &path);
		if (n == 0)
			return URI_BAD_PATH;
		dot = dot_count(out + o + 1, n - 1);
		if (dot == 0) {
			o += n;
			continue;
		}
		*dots = true;
		if (dot == 2 && o == 0)
			return URI_BAD_PATH;
		if (dot == 2)
			o = segment_before(out, o);
	}
	if (dot != 0 || o == 0)
		out[o++] = '/';
	*len = o;
	return URI_OK;
}

/* ---- the stricter form ---- */

/* Length of the separator at s: '/', or an escaped one; 0 when there is none. */
static inline size_t
separator(struct span s)
{
	if (s.p[0] == '/')
		return 1;
	return s.n >= 3 && s.p[0] == '%' && s.p[1] == '2' && (s.p[2] | 0x20) == 'f' ? 3 : 0;
}

/* Copies up to the next separator without the parameters; moves *rest on. Bytes written. */
static size_t
copy_bare_segment(char *out, struct span *rest)
{
	bool params = false;
	size_t i, o = 0;

	for (i = 0; i < rest->n && separator(span_make(rest->p + i, rest->n - i)) == 0; i++) {
		params = params || rest->p[i] == ';';
		if (!params)
			out[o++] = rest->p[i];
	}
	rest->p += i;
	rest->n -= i;
	return o;
}

/* Here ".." above the root stays at the root, as the servers do whose reading this form guesses. */
size_t
uri_strict_form(struct span path, char *out)
{
	size_t o = 0, n, sep, dot;
	bool open = true;		/* a '/' is due at the end: "/a/" is not "/a" */

	while (path.n > 0) {
		sep = separator(path);
		path.p += sep;
		path.n -= sep;
		open = true;
		if (path.n == 0)
			break;
		n = copy_bare_segment(out + o + 1, &path);
		if (n == 0)
			continue;
		dot = dot_count(out + o + 1, n);
		open = dot != 0;
		if (dot == 2 && o > 0)
			o = segment_before(out, o);
		if (dot == 0) {
			out[o] = '/';
			o += n + 1;
		}
	}
	if (open)
		out[o++] = '/';
	return o;
}

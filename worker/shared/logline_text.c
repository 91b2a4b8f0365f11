/*
 * logline_text.c - the pieces of a line: our own words, numbers, and what a peer sent.
 *
 * Whatever a peer sent passes through line_text: bytes that could end a line, a quoted field or a word leave escaped
 * in the manner of the format, and each string has a budget of escaped bytes, so that the whole line stays below
 * 4 KiB. No library formatting: the logger's time counts as time of the request.
 */
#include <arpa/inet.h>

#include "worker/shared/logline_priv.h"

#define KEY_MAX 64 /* of a parameter's name, compared in lower case */

/* Escaped bytes a string may fill; the sum and the fixed parts stay below LINE_MAX_BYTES. */
static const uint16_t budgets[JS_MAX] = {
	[JS_METHOD] = 64,
	[JS_TARGET] = 1500,
	[JS_HOST] = 300,
	[JS_UPSTREAM] = 160,
	[JS_ROUTE] = 128,
	[JS_LISTENER] = 128,
	[JS_REFERER] = 400,
	[JS_AGENT] = 400,
	[JS_TYPE] = 128,
	[JS_REQUEST_ID] = 128,
	[JS_LIST] = 80,
};

/* ------------------------------------------------------------------------------------ our own text */

void
line_put_cut(struct line *l, const char *p)
{
	memcpy(l->at, p, (size_t)(l->end - l->at));
	l->at = l->end;
}

static unsigned
digits_of(uint64_t v)
{
	unsigned n = 1;

	for (; v >= 1000; v /= 1000)
		n += 3;
	return n + (v >= 10) + (v >= 100);
}

/* In place, from the end: a line has half a dozen of them. One that does not fit whole is left out. */
void
line_u64(struct line *l, uint64_t v, unsigned width)
{
	unsigned n = digits_of(v);
	char *p;

	if (n < width)
		n = width;
	if (n > (size_t)(l->end - l->at))
		return;
	p = l->at;
	l->at += n;
	for (; n > 1; n--, v /= 10)
		p[n - 1] = (char)('0' + v % 10);
	*p = (char)('0' + v);
}

/* The decimal text of a byte, of which the fourth says how many count. */
static void
octets_fill(char texts[256][4])
{
	for (unsigned i = 0; i < 256; i++) {
		unsigned n = digits_of(i);

		for (unsigned j = n, rest = i; j > 0; j--, rest /= 10)
			texts[i][j - 1] = (char)('0' + rest % 10);
		texts[i][3] = (char)n;
	}
}

static void
put_in4(struct line *l, const uint8_t ip[4])
{
	static char texts[256][4];
	char *p = l->at;

	if (texts[0][3] == 0)
		octets_fill(texts);
	if ((size_t)(l->end - l->at) < sizeof "255.255.255.255")
		return;
	for (unsigned i = 0; i < 4; i++) {
		const char *o = texts[ip[i]];

		memcpy(p, o, 4);
		p += o[3];
		*p++ = '.';
	}
	l->at = p - 1;
}

void
line_client(struct line *l, const struct journal_rec *rec)
{
	char text[INET6_ADDRSTRLEN];

	if (rec->client_family == AF_INET)
		put_in4(l, rec->client_ip);
	else if (rec->client_family == AF_INET6 &&
	    inet_ntop(rec->client_family, rec->client_ip, text, sizeof text) != NULL)
		line_puts(l, text);
	else
		line_puts(l, rec->client_family == AF_UNIX ? "unix:" : "-");
}

/* -------------------------------------------------------------------------------------- peers' text */

/*
 * What a byte is, looked up: plain (by format, it needs no escape), plain and no part of what may hold a secret in a
 * URL, and where parts of a URL stop. A busy log asks for every byte of every line.
 */
enum byte_class {
	STOP_SCHEME = 1 << 3,	/* :/?# */
	STOP_AUTHORITY = 1 << 4, /* /?# */
	STOP_PATH = 1 << 5,	/* ?# */
	STOP_PARAMETER = 1 << 6, /* &;# */
	STOP_NAME = 1 << 7,	/* = */
	OPEN_QUOTED = 1 << 8,	/* plain, and none of ?#@: in the order of line_escape */
	OPEN_JSON = 1 << 9,
	OPEN_URL = 1 << 10,
	STOP_TYPE = 1 << 11	/* what ends a media type before its parameters */
};
static uint16_t classes[256];

/* What begins an escape, and the printable bytes that need one besides controls, DEL and what is not ASCII. */
static const struct {
	const char *prefix, *unsafe;
} escapes[] = {
	[ESCAPE_QUOTED] = { "\\x", "\"\\" },
	[ESCAPE_JSON] = { "\\u00", "\"\\" },
	[ESCAPE_URL] = { "%", " \"<>\\" }, /* no more: who greps for a URL finds it */
};

static void
class_add(const char *bytes, uint16_t class)
{
	for (; *bytes != '\0'; bytes++)
		classes[(unsigned char)*bytes] |= class;
}

static const uint16_t *
byte_classes(void)
{
	if (classes['a'] != 0)
		return classes;
	for (unsigned e = 0; e < ARRAY_LEN(escapes); e++)
		for (unsigned c = 0x20; c < 0x7f; c++)
			if (strchr(escapes[e].unsafe, (int)c) == NULL)
				classes[c] |= (uint16_t)((strchr("?#@", (int)c) == NULL ?
								 OPEN_QUOTED | 1u :
								 1u)
				    << e);
	class_add(":/?#", STOP_SCHEME);
	class_add("/?#", STOP_AUTHORITY);
	class_add("?#", STOP_PATH);
	class_add("&;#", STOP_PARAMETER);
	class_add("=", STOP_NAME);
	class_add("; \t", STOP_TYPE);
	return classes;
}

static void
put_escape(struct line *l, unsigned char c)
{
	static const char hex[][17] = { "0123456789abcdef", "0123456789ABCDEF" };
	const char *digit = hex[l->escape == ESCAPE_URL];
	char pair[2] = { digit[c >> 4], digit[c & 15] };

	line_puts(l, escapes[l->escape].prefix);
	line_put(l, pair, 2);
}

/* How many of the first n bytes are plain; four are asked at once, since nearly all are. */
static size_t
length_plain(const char *p, size_t n, const uint16_t *class, unsigned plain)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t i = 0;

	while (i + 4 <= n &&
	    (class[s[i]] & class[s[i + 1]] & class[s[i + 2]] & class[s[i + 3]] & plain) != 0)
		i += 4;
	while (i < n && (class[s[i]] & plain) != 0)
		i++;
	return i;
}

/* Escapes within *budget what begins with a byte that needs it; what does not fit is cut and shown as "...". */
static void
put_escaped(struct line *l, struct span s, size_t *budget)
{
	size_t escape = strlen(escapes[l->escape].prefix) + 2, i = 0;
	const uint16_t *class = byte_classes();

	while (i<s.n && * budget> 0) {
		size_t most = s.n - i < *budget ? s.n - i : *budget;
		size_t run = length_plain(s.p + i, most, class, 1u << l->escape);

		line_put(l, s.p + i, run);
		i += run;
		*budget -= run;
		if (i == s.n || run > 0)
			continue;
		if (*budget < escape)
			break;
		put_escape(l, (unsigned char)s.p[i++]);
		*budget -= escape;
	}
	if (i < s.n) {
		line_puts(l, "...");
		*budget = 0;
	}
}

void
line_text(struct line *l, struct span s, size_t *budget)
{
	size_t most = s.n < *budget ? s.n : *budget;
	size_t run = length_plain(s.p, most, byte_classes(), 1u << l->escape);

	line_put(l, s.p, run);
	*budget -= run;
	if (run < s.n)
		put_escaped(l, span_make(s.p + run, s.n - run), budget);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A parameter's name in lower case with its percent escapes undone; other bytes than letters and digits become '_'. */
static size_t
key_normal(struct span name, char out[static KEY_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < KEY_MAX; i++) {
		int c = (unsigned char)name.p[i];

		if (c == '%' && i + 2 < name.n && hex_digit(name.p[i + 1]) >= 0 &&
		    hex_digit(name.p[i + 2]) >= 0) {
			c = hex_digit(name.p[i + 1]) * 16 + hex_digit(name.p[i + 2]);
			i += 2;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		out[n++] = (char)((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
	}
	out[n] = '\0';
	return n;
}

/* Names that hold one of the parts anywhere, or one of the words between underscores. */
static bool
key_secret(struct span name)
{
	static const char *const parts[] = { "token", "passw", "secret", "signature", "apikey",
		"accesskey", "privatekey", "credential", "session", "jwt" };
	static const char *const words[] = { "key", "sig", "auth", "authorization", "sid", "pwd",
		"pass", "pin", "otp", "code", "assertion" };
	char key[KEY_MAX + 1];
	struct span rest, word;

	rest = span_make(key, key_normal(name, key));
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(key, parts[i]) != NULL)
			return true;
	while (span_split(&rest, '_', &word))
		for (unsigned i = 0; i < ARRAY_LEN(words); i++)
			if (span_eq_str(word, words[i]))
				return true;
	return false;
}

static size_t
length_until(struct span s, enum byte_class stop)
{
	const uint16_t *class = byte_classes();
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = 0;

	while (n + 4 <= s.n &&
	    ((class[p[n]] | class[p[n + 1]] | class[p[n + 2]] | class[p[n + 3]]) & stop) == 0)
		n += 4;
	while (n < s.n && (class[p[n]] & stop) == 0)
		n++;
	return n;
}

size_t
line_type_length(struct span type)
{
	return length_until(type, STOP_TYPE);
}

static struct span
span_from(struct span s, size_t at)
{
	return span_make(s.p + at, s.n - at);
}

/* One "name=value" of a query, up to and with the separator behind it. */
static struct span
put_parameter(struct line *l, struct span query, size_t *budget)
{
	size_t whole = length_until(query, STOP_PARAMETER),
	       name = length_until(span_make(query.p, whole), STOP_NAME);

	if (name < whole && key_secret(span_make(query.p, name))) {
		line_text(l, span_make(query.p, name + 1), budget);
		line_text(l, SPAN("***"), budget);
	} else {
		line_text(l, span_make(query.p, whole), budget);
	}
	query = span_from(query, whole);
	if (query.n > 0) {
		line_text(l, span_make(query.p, 1), budget);
		query = span_from(query, 1);
	}
	return query;
}

/* The user information of an absolute URL: returns what follows it. */
static struct span
put_authority(struct line *l, struct span url, size_t *budget)
{
	size_t scheme = length_until(url, STOP_SCHEME), end, at;

	if (url.n < scheme + 3 || memcmp(url.p + scheme, "://", 3) != 0)
		return url;
	line_text(l, span_make(url.p, scheme + 3), budget);
	url = span_from(url, scheme + 3);
	end = length_until(url, STOP_AUTHORITY);
	for (at = end; at > 0 && url.p[at - 1] != '@'; at--)
		continue;
	if (at == 0)
		return url;
	line_text(l, SPAN("***@"), budget);
	return span_from(url, at);
}

/* Most URLs have nothing to hide, and nothing to escape. */
static void
put_url(struct line *l, struct span url, size_t budget)
{
	size_t path;

	if (url.n <= budget &&
	    length_plain(url.p, url.n, byte_classes(), OPEN_QUOTED << l->escape) == url.n) {
		line_put(l, url.p, url.n);
		return;
	}
	url = put_authority(l, url, &budget);
	path = length_until(url, STOP_PATH);
	if (path < url.n)
		path++;
	line_text(l, span_make(url.p, path), &budget);
	for (url = span_from(url, path); url.n > 0 && budget > 0;)
		url = put_parameter(l, url, &budget);
}

void
line_string(struct line *l, const struct journal_view *v, enum journal_string which)
{
	size_t budget = budgets[which];

	if (which == JS_TARGET || which == JS_REFERER)
		put_url(l, v->s[which], budget);
	else
		line_text(l, v->s[which], &budget);
}

void
line_or_dash(struct line *l, const struct journal_view *v, enum journal_string which)
{
	if (v->s[which].n == 0)
		line_puts(l, "-");
	else
		line_string(l, v, which);
}


/*
 * logline.c - one record as one line: NCSA combined or JSON, built in a buffer on the stack.
 *
 * Whatever a peer sent passes through put_text: bytes below 0x20, from 0x7f on, quote and backslash become \xHH
 * (combined) or \u00HH (JSON), and each string has a budget of escaped bytes, so that the whole line stays below
 * 4 KiB. No library formatting: the logger's time counts as time of the request.
 */
#include "worker/shared/logline.h"

#include <arpa/inet.h>
#include <time.h>

#define LINE_MAX_BYTES 4096
#define KEY_MAX 64 /* of a parameter's name, compared in lower case */

struct line {
	enum logline_format format;
	size_t at;
	char buf[LINE_MAX_BYTES];
};

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
};

int
logline_format_parse(enum logline_format *out, const char *name)
{
	static const char *const names[] = {
		[LOGLINE_COMBINED] = "combined", [LOGLINE_JSON] = "json"
	};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum logline_format)i;
			return 0;
		}
	return -E_UNKNOWN;
}

/* ------------------------------------------------------------------------------------ our own text */

/* One byte is kept for the line's end. */
static void
put(struct line *l, const char *p, size_t n)
{
	size_t room = sizeof l->buf - 1 - l->at;

	if (n > room)
		n = room;
	memcpy(l->buf + l->at, p, n);
	l->at += n;
}

static void
puts_line(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* At least `width` digits. */
static void
put_u64(struct line *l, uint64_t v, unsigned width)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while ((size_t)(digits + sizeof digits - p) < width)
		*--p = '0';
	put(l, p, (size_t)(digits + sizeof digits - p));
}

struct stamp {
	time_t at;
	char combined[32], iso[24];
};

/* Both spellings of a second, kept because a busy log has thousands of records in each. */
static const struct stamp *
stamp_of(uint64_t wall_us)
{
	static struct stamp last = { .at = -1 };
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
	strftime(last.combined, sizeof last.combined, "%d/%b/%Y:%H:%M:%S +0000", &tm);
	strftime(last.iso, sizeof last.iso, "%Y-%m-%dT%H:%M:%S", &tm);
	return &last;
}

static void
put_client(struct line *l, const struct journal_rec *rec)
{
	char text[INET6_ADDRSTRLEN];

	if ((rec->client_family == AF_INET || rec->client_family == AF_INET6) &&
	    inet_ntop(rec->client_family, rec->client_ip, text, sizeof text) != NULL)
		puts_line(l, text);
	else
		puts_line(l, rec->client_family == AF_UNIX ? "unix:" : "-");
}

/* -------------------------------------------------------------------------------------- peers' text */

static bool
plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
put_escape(struct line *l, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char pair[2] = { hex[c >> 4], hex[c & 15] };

	puts_line(l, l->format == LOGLINE_JSON ? "\\u00" : "\\x");
	put(l, pair, 2);
}

/* Escapes within *budget; what does not fit is cut and shown as "...". */
static void
put_text(struct line *l, struct span s, size_t *budget)
{
	size_t escape = l->format == LOGLINE_JSON ? 6 : 4, i = 0;

	while (i<s.n && * budget> 0) {
		size_t run = 0;

		while (i + run < s.n && run < *budget && plain((unsigned char)s.p[i + run]))
			run++;
		put(l, s.p + i, run);
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
		puts_line(l, "...");
		*budget = 0;
	}
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
length_until(struct span s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\0' || strchr(stops, s.p[n]) == NULL))
		n++;
	return n;
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
	size_t whole = length_until(query, "&;#"),
	       name = length_until(span_make(query.p, whole), "=");

	if (name < whole && key_secret(span_make(query.p, name))) {
		put_text(l, span_make(query.p, name + 1), budget);
		put_text(l, SPAN("***"), budget);
	} else {
		put_text(l, span_make(query.p, whole), budget);
	}
	query = span_from(query, whole);
	if (query.n > 0) {
		put_text(l, span_make(query.p, 1), budget);
		query = span_from(query, 1);
	}
	return query;
}

/* The user information of an absolute URL: returns what follows it. */
static struct span
put_authority(struct line *l, struct span url, size_t *budget)
{
	size_t scheme = length_until(url, ":/?#"), end, at;

	if (url.n < scheme + 3 || memcmp(url.p + scheme, "://", 3) != 0)
		return url;
	put_text(l, span_make(url.p, scheme + 3), budget);
	url = span_from(url, scheme + 3);
	end = length_until(url, "/?#");
	for (at = end; at > 0 && url.p[at - 1] != '@'; at--)
		continue;
	if (at == 0)
		return url;
	put_text(l, SPAN("***@"), budget);
	return span_from(url, at);
}

static void
put_url(struct line *l, struct span url, size_t budget)
{
	size_t path;

	url = put_authority(l, url, &budget);
	path = length_until(url, "?#");
	if (path < url.n)
		path++;
	put_text(l, span_make(url.p, path), &budget);
	for (url = span_from(url, path); url.n > 0 && budget > 0;)
		url = put_parameter(l, url, &budget);
}

static void
put_string(struct line *l, const struct journal_view *v, enum journal_string which)
{
	size_t budget = budgets[which];

	if (which == JS_TARGET || which == JS_REFERER)
		put_url(l, v->s[which], budget);
	else
		put_text(l, v->s[which], &budget);
}

static void
put_or_dash(struct line *l, const struct journal_view *v, enum journal_string which)
{
	if (v->s[which].n == 0)
		puts_line(l, "-");
	else
		put_string(l, v, which);
}

/* ----------------------------------------------------------------------------------------- combined */

static void
combined(struct line *l, const struct journal_view *v)
{
	const struct journal_rec *rec = &v->rec;

	put_client(l, rec);
	puts_line(l, " - - [");
	puts_line(l, stamp_of(rec->wall_us)->combined);
	puts_line(l, "] \"");
	put_or_dash(l, v, JS_METHOD);
	if (v->s[JS_METHOD].n != 0) {
		puts_line(l, " ");
		put_or_dash(l, v, JS_TARGET);
		puts_line(l, " HTTP/1.");
		put_u64(l, rec->minor, 1);
	}
	puts_line(l, "\" ");
	put_u64(l, rec->status, 3);
	puts_line(l, " ");
	if (rec->bytes_out == 0)
		puts_line(l, "-");
	else
		put_u64(l, rec->bytes_out, 1);
	puts_line(l, " \"");
	put_or_dash(l, v, JS_REFERER);
	puts_line(l, "\" \"");
	put_or_dash(l, v, JS_AGENT);
	puts_line(l, "\"");
}

/* --------------------------------------------------------------------------------------------- JSON */

static void
json_key(struct line *l, const char *key)
{
	puts_line(l, l->at > 1 ? ",\"" : "\"");
	puts_line(l, key);
	puts_line(l, "\":");
}

static void
json_number(struct line *l, const char *key, uint64_t v)
{
	json_key(l, key);
	put_u64(l, v, 1);
}

static void
json_text(struct line *l, const char *key, const struct journal_view *v, enum journal_string which)
{
	json_key(l, key);
	if (v->s[which].n == 0) {
		puts_line(l, "null");
		return;
	}
	puts_line(l, "\"");
	put_string(l, v, which);
	puts_line(l, "\"");
}

static void
json_ms(struct line *l, const char *key, uint32_t us)
{
	json_key(l, key);
	if (us == UINT32_MAX) {
		puts_line(l, "null");
		return;
	}
	put_u64(l, us / 1000, 1);
	puts_line(l, ".");
	put_u64(l, us % 1000, 3);
}

/* Every status but 2xx has a cause: a reason token, or the target that said so. */
static void
json_reason(struct line *l, const struct journal_rec *rec)
{
	bool relayed = rec->reason == R_NONE && rec->upstream_status != 0 &&
	    (rec->upstream_status < 200 || rec->upstream_status > 299);

	json_key(l, "reason");
	puts_line(l, "\"");
	puts_line(l, relayed ? "upstream" : reason_token((enum reason)rec->reason));
	puts_line(l, "\"");
}

static void
json_when(struct line *l, uint64_t wall_us)
{
	json_key(l, "time");
	puts_line(l, "\"");
	puts_line(l, stamp_of(wall_us)->iso);
	puts_line(l, ".");
	put_u64(l, wall_us / 1000 % 1000, 3);
	puts_line(l, "Z\"");
}

static void
json(struct line *l, const struct journal_view *v)
{
	const struct journal_rec *rec = &v->rec;

	puts_line(l, "{");
	json_when(l, rec->wall_us);
	json_key(l, "client");
	puts_line(l, "\"");
	put_client(l, rec);
	puts_line(l, "\"");
	json_text(l, "method", v, JS_METHOD);
	json_text(l, "host", v, JS_HOST);
	json_text(l, "target", v, JS_TARGET);
	json_number(l, "status", rec->status);
	json_number(l, "upstream_status", rec->upstream_status);
	json_number(l, "bytes_in", rec->bytes_in);
	json_number(l, "bytes_out", rec->bytes_out);
	json_ms(l, "dns_ms", rec->t.dns);
	json_ms(l, "connect_ms", rec->t.connect);
	json_ms(l, "first_byte_ms", rec->t.first_byte);
	json_ms(l, "total_ms", rec->t.total);
	json_text(l, rec->flags & JF_FORWARD ? "rule" : "route", v, JS_ROUTE);
	json_text(l, "listener", v, JS_LISTENER);
	json_text(l, "upstream", v, JS_UPSTREAM);
	json_reason(l, rec);
	json_number(l, "tries", rec->tries);
	json_key(l, "reused");
	puts_line(l, rec->flags & JF_REUSED ? "true" : "false");
	json_text(l, "request_id", v, JS_REQUEST_ID);
	json_text(l, "referer", v, JS_REFERER);
	json_text(l, "agent", v, JS_AGENT);
	json_number(l, "pid", rec->pid);
	json_number(l, "generation", rec->generation);
	puts_line(l, "}");
}

void
logline_write(struct str *out, enum logline_format format, const struct journal_view *v)
{
	struct line l;

	l.format = format;
	l.at = 0;
	switch (format) {
	case LOGLINE_COMBINED: combined(&l, v); break;
	case LOGLINE_JSON: json(&l, v); break;
	}
	l.buf[l.at++] = '\n';
	str_add(out, span_make(l.buf, l.at));
}

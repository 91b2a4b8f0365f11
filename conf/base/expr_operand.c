/*
 * expr_operand.c - the right side of a test: text to a value of the field's type, and the shortest text that
 * gives the same value again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "conf/base/expr_priv.h"
#include "conf/base/units.h"

#define WHOLE_MAX (INT64_MAX / 1000 - 1)
#define WORD_ROOM 128 /* of anything but text */

/* "12", "12.5", "12.345" */
static int
number_parse(int64_t *milli, const char *text)
{
	size_t whole = strspn(text, "0123456789"), part;
	uint64_t v, behind = 0;
	int rc = span_to_u64(span_make(text, whole), WHOLE_MAX, &v);

	if (rc != 0)
		return rc;
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		if (part == 0 || part > 3 || text[whole + 1 + part] != '\0')
			return -E_SYNTAX;
		for (size_t i = 0; i < 3; i++)
			behind = behind * 10 +
			    (i < part ? (uint64_t)(text[whole + 1 + i] - '0') : 0);
	} else if (text[whole] != '\0') {
		return -E_SYNTAX;
	}
	*milli = (int64_t)(v * 1000 + behind);
	return 0;
}

static void
number_print(int64_t milli, struct str *out)
{
	int64_t part = milli % 1000;

	str_printf(out, "%" PRId64, milli / 1000);
	if (part != 0)
		str_printf(out, ".%03" PRId64, part);
}

static int
thousandfold(int64_t *milli, int64_t whole)
{
	if (whole > WHOLE_MAX)
		return -E_RANGE;
	*milli = whole * 1000;
	return 0;
}

/* n digits, then the byte behind them (0: anything). */
static int
digits(const char **at, unsigned n, char behind)
{
	int v = 0;

	for (unsigned i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		v = v * 10 + (**at - '0');
	}
	if (behind == '\0')
		return v;
	return *(*at)++ == behind ? v : -1;
}

/* "2026-01-31", "2026-01-31T08:00", "2026-01-31T08:00:15", "2026-01-31T08:00:15.250", each with or without Z */
static int
time_parse(int64_t *milli, const char *text)
{
	struct tm tm = { .tm_year = digits(&text, 4, '-') - 1900 }, back;
	int ms = 0;
	time_t t;

	if (tm.tm_year < 70 - 1)
		return -E_SYNTAX;
	tm.tm_mon = digits(&text, 2, '-') - 1;
	tm.tm_mday = tm.tm_mon < 0 ? -1 : digits(&text, 2, '\0');
	if (tm.tm_mday > 0 && *text == 'T') {
		text++;
		tm.tm_hour = digits(&text, 2, ':');
		tm.tm_min = tm.tm_hour < 0 ? -1 : digits(&text, 2, '\0');
		if (tm.tm_min >= 0 && *text == ':') {
			text++;
			tm.tm_sec = digits(&text, 2, '\0');
			if (tm.tm_sec >= 0 && *text == '.') {
				text++;
				ms = digits(&text, 3, '\0');
			}
		}
	}
	text += *text == 'Z';
	if (tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0 || ms < 0 ||
	    *text != '\0')
		return -E_SYNTAX;
	back = tm;
	t = timegm(&back);
	if (t < 0 || back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return -E_SYNTAX;
	*milli = (int64_t)t * 1000 + ms;
	return 0;
}

static void
time_print(int64_t milli, struct str *out)
{
	time_t t = (time_t)(milli / 1000);
	struct tm tm = { 0 };
	char text[32];

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	str_printf(out, "%s.%03dZ", text, (int)(milli % 1000));
}

static int
word_parse(struct expr_operand *o, enum expr_type type, const char *word)
{
	int64_t whole = 0;
	int rc;

	switch (type) {
	case EXPR_NUMBER: return number_parse(&o->milli, word);
	case EXPR_MSEC:
		if (number_parse(&o->milli, word) == 0)
			return 0;
		rc = units_msec(&whole, word, NULL);
		return rc == 0 ? thousandfold(&o->milli, whole) : rc;
	case EXPR_SIZE:
		rc = units_size(&whole, word, NULL);
		return rc == 0 ? thousandfold(&o->milli, whole) : rc;
	case EXPR_TIME: return time_parse(&o->milli, word);
	case EXPR_BOOL:
		o->milli = strcmp(word, "true") == 0;
		return o->milli || strcmp(word, "false") == 0 ? 0 : -E_SYNTAX;
	case EXPR_ADDR: return cidr_parse(&o->cidr, word, NULL);
	case EXPR_TEXT:
	case EXPR_NAME: return 0;
	}
	return -E_SYNTAX;
}

int
expr_operand_parse(
    struct expr_operand *o, enum expr_type type, struct span text, const char **why)
{
	static const char *const wanted[] = {
		[EXPR_NUMBER] = "a number, as in 500 or 1.5",
		[EXPR_MSEC] = "a duration, as in 250ms or 1s",
		[EXPR_SIZE] = "a size, as in 512 or 64KiB",
		[EXPR_TIME] = "a time, as in 2026-01-31 or 2026-01-31T08:00",
		[EXPR_BOOL] = "true or false",
		[EXPR_ADDR] = "an address or a block, as in 10.0.0.0/8",
	};
	char word[WORD_ROOM];

	*o = (struct expr_operand){ .text = text };
	if (type == EXPR_TEXT || type == EXPR_NAME)
		return 0;
	*why = wanted[type];
	if (text.n >= sizeof word)
		return -E_SYNTAX;
	memcpy(word, text.p, text.n);
	word[text.n] = '\0';
	return word_parse(o, type, word);
}

int
expr_operand_regex(
    struct expr_operand *o, enum expr_type type, struct arena *arena, struct errdetail *ed)
{
	struct span text = arena_try_printf(arena, "%s" SPAN_FMT,
	    type == EXPR_NAME ? "(?i)" : "", SPAN_ARG(o->text));

	if (text.p == NULL)
		return err_set(ed, -E_NOMEM, "out of memory for a regex");
	o->regex = regex_compile(arena, text.p, ed);
	return o->regex == NULL ? -E_SYNTAX : 0;
}

/* Backslashes go in pairs with what they are in front of; second is '\0' for one that has the end behind it. */
static bool
has_pair(struct span text, char second)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\\' && (++i < text.n ? text.p[i] : '\0') == second)
			return true;
	return false;
}

/*
 * In quotes, a backslash in front of the same quote is the quote's and not the regex's; so a text with such a pair
 * stands in the other quotes, where it was written. In front of the end it can stand in a word only ("\c\").
 */
static void
regex_print(struct span text, struct str *out)
{
	char quote = has_pair(text, '"') ? '\'' : '"';

	if (has_pair(text, '\0')) {
		str_add(out, text);
		return;
	}
	str_addc(out, quote);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == quote)
			str_addc(out, '\\');
		str_addc(out, text.p[i]);
		if (text.p[i] == '\\')
			str_addc(out, text.p[++i]);
	}
	str_addc(out, quote);
}

static void
text_print(struct span text, struct str *out)
{
	str_addc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			str_addc(out, '\\');
		str_addc(out, text.p[i]);
	}
	str_addc(out, '"');
}

void
expr_operand_print(const struct expr_operand *o, enum expr_type type, struct str *out)
{
	char buf[ADDR_TEXT];

	switch (type) {
	case EXPR_TEXT:
	case EXPR_NAME:
		if (o->regex != NULL)
			regex_print(o->text, out);
		else
			text_print(o->text, out);
		return;
	case EXPR_NUMBER: number_print(o->milli, out); return;
	case EXPR_MSEC:
		if (o->milli % 1000 == 0)
			str_adds(out, units_msec_text(o->milli / 1000, buf));
		else
			number_print(o->milli, out);
		return;
	case EXPR_SIZE: str_adds(out, units_size_text(o->milli / 1000, buf)); return;
	case EXPR_TIME: time_print(o->milli, out); return;
	case EXPR_BOOL: str_adds(out, o->milli ? "true" : "false"); return;
	case EXPR_ADDR:
		cidr_text(&o->cidr, buf);
		str_adds(out, buf);
		return;
	}
}

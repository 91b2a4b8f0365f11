/*
 * units.c - numbers with units, read strictly and printed shortest.
 *
 * One table per quantity serves both directions: the first name of a factor is the one printed. A
 * number is whole; what does not fit in an int64_t is out of range, never wrapped.
 */
#include "conf/base/units.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	/* falling, so that printing finds the largest exact one */
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static const struct unit sizes[] = {
	{ "GiB", INT64_C(1) << 30 },
	{ "g", INT64_C(1) << 30 },
	{ "G", INT64_C(1) << 30 },
	{ "MiB", INT64_C(1) << 20 },
	{ "m", INT64_C(1) << 20 },
	{ "M", INT64_C(1) << 20 },
	{ "KiB", INT64_C(1) << 10 },
	{ "k", INT64_C(1) << 10 },
	{ "K", INT64_C(1) << 10 },
	{ "", 1 },
};

static const struct unit *
unit_find(const struct unit *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static const char *
unit_text(const struct unit *table, size_t n, int64_t v, char buf[32])
{
	for (size_t i = 0; v != 0 && i < n; i++) {
		if (v % table[i].factor == 0) {
			(void)snprintf(
			    buf, 32, "%" PRId64 "%s", v / table[i].factor, table[i].name);
			return buf;
		}
	}
	(void)snprintf(buf, 32, "%" PRId64, v);
	return buf;
}

/* Reads the digits in front; *unit is what follows. -E_SYNTAX without digits. */
static int
read_number(int64_t *out, const char *text, const char **unit)
{
	size_t n = strspn(text, "0123456789");
	uint64_t v;
	int rc = span_to_u64(span_make(text, n), INT64_MAX, &v);

	*unit = text + n;
	if (rc == 0)
		*out = (int64_t)v;
	return rc;
}

int
units_msec(int64_t *ms, const char *text, struct errdetail *ed)
{
	const struct unit *u;
	const char *unit;
	int64_t v = 0;
	int rc = read_number(&v, text, &unit);

	if (rc == 0 && v == 0 && *unit == '\0') {
		*ms = 0;
		return 0;
	}
	if (rc == 0 && *unit == '\0')
		return err_set(ed, -E_SYNTAX,
		    "'%s': the unit is missing; write \"%ss\" for seconds "
		    "or \"%sms\" for milliseconds",
		    text, text, text);
	u = unit_find(durations, ARRAY_LEN(durations), unit);
	if (rc == -E_SYNTAX || u == NULL)
		return err_set(ed, -E_SYNTAX,
		    "'%s': a duration is a whole number with ms, s, m, h or d, "
		    "as in \"250ms\" or \"10s\"",
		    text);
	if (rc != 0 || __builtin_mul_overflow(v, u->factor, &v))
		return err_set(ed, -E_RANGE, "'%s': duration too long", text);
	*ms = v;
	return 0;
}

int
units_size(int64_t *bytes, const char *text, struct errdetail *ed)
{
	const struct unit *u;
	const char *unit;
	int64_t v = 0;
	int rc = read_number(&v, text, &unit);

	u = unit_find(sizes, ARRAY_LEN(sizes), unit);
	if (rc == -E_SYNTAX || u == NULL)
		return err_set(ed, -E_SYNTAX,
		    "'%s': a size is a whole number of bytes, or with KiB, MiB or GiB, "
		    "as in \"512\" or \"2MiB\"",
		    text);
	if (rc != 0 || __builtin_mul_overflow(v, u->factor, &v))
		return err_set(ed, -E_RANGE, "'%s': size too large", text);
	*bytes = v;
	return 0;
}

int
units_percent(double *fraction, const char *text, struct errdetail *ed)
{
	size_t whole = strspn(text, "0123456789"), part = 0, end = whole;
	double v = 0, scale = 100;

	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		end = whole + 1 + part;
	}
	if (whole == 0 || (end != whole && part == 0) || strcmp(text + end, "%") != 0)
		return err_set(
		    ed, -E_SYNTAX, "'%s': a percentage is a number with %%, as in \"20%%\"", text);
	if (whole + part > 15)
		return err_set(ed, -E_RANGE, "'%s': a percentage has at most 15 digits", text);
	for (size_t i = 0; i < end; i++) {
		if (text[i] == '.')
			continue;
		v = v * 10 + (text[i] - '0');
		if (i > whole)
			scale *= 10;
	}
	if (v > scale)
		return err_set(ed, -E_RANGE, "'%s': a percentage is at most 100%%", text);
	*fraction = v / scale;
	return 0;
}

const char *
units_msec_text(int64_t ms, char buf[32])
{
	return unit_text(durations, ARRAY_LEN(durations), ms, buf);
}

const char *
units_size_text(int64_t bytes, char buf[32])
{
	return unit_text(sizes, ARRAY_LEN(sizes), bytes, buf);
}

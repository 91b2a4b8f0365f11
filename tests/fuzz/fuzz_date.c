/*
 * fuzz_date.c - any bytes as a date: what is accepted, written again, reads back as the same second. The first eight
 * bytes are a time to write, which must read back too, in each of the three formats (RFC 9110 5.6.7).
 */
#include <stdlib.h>
#include <time.h>

#include "conf/http/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* the C library reads its time zone once */

static void
check_round(int64_t t, bool exact)
{
	char out[DATE_LEN], again[DATE_LEN];
	int64_t back;

	date_format(out, t);
	if (date_parse(span_make(out, DATE_LEN), 0, &back) != 0 || (exact && back != t))
		abort();
	date_format(again, back);
	if (memcmp(out, again, DATE_LEN) != 0)
		abort();
}

static void
check_written(const char *format, int64_t t, int64_t now)
{
	char text[64];
	time_t seconds = (time_t)t;
	struct tm tm;
	int64_t back;
	size_t n;

	if (gmtime_r(&seconds, &tm) == NULL || (n = strftime(text, sizeof text, format, &tm)) == 0)
		abort();
	if (date_parse(span_make(text, n), now, &back) != 0 || back != t)
		abort();
}

/* By the C library, between 1970 and 2106; two digits of a year mean the one that is at most 50 years ahead. */
static void
check_formats(int64_t given)
{
	int64_t t = (uint32_t)given;

	check_written("%a, %d %b %Y %H:%M:%S GMT", t, 0);
	check_written("%a %b %e %H:%M:%S %Y", t, 0);
	check_written("%A, %d-%b-%y %H:%M:%S GMT", t, t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t now, t;

	if (size < sizeof now)
		return 0;
	memcpy(&now, data, sizeof now);
	check_round(now, false);
	check_formats(now);
	if (date_parse(span_make((const char *)data + sizeof now, size - sizeof now), now, &t) == 0)
		check_round(t, t >= -62167219200 && t < 253402300800);
	return 0;
}

/*
 * fuzz_date.c - any bytes as a date: what is accepted, written again, reads back as the same second. The first eight
 * bytes are a time to write, which must read back too.
 */
#include <stdlib.h>
#include "conf/http/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t now, t;

	if (size < sizeof now)
		return 0;
	memcpy(&now, data, sizeof now);
	check_round(now, false);
	if (date_parse(span_make((const char *)data + sizeof now, size - sizeof now), now, &t) == 0)
		check_round(t, t >= -62167219200 && t < 253402300800);
	return 0;
}

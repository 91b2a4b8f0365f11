/*
 * fuzz_hosts.c - a hosts file of any bytes: parsed without harm, and every name in it is found.
 */
#include "conf/base/assert.h"
#include "conf/http/uri.h"
#include "worker/back/hosts.c"	/* NOLINT(bugprone-suspicious-include): the table of names is private to it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 512 << 10;	/* the machine's own file: a word costs an entry, 70 times its size */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hosts *h = hosts_parse(span_make((const char *)data, size));
	struct span key;
	void *value;
	struct addr list[4];

	ASSERT(h != NULL);
	for (uint32_t pos = 0; map_next(&h->names, &pos, &key, &value);)
		ASSERT(hosts_find(h, key, list, ARRAY_LEN(list)) > 0);
	(void)hosts_find(h, SPAN("localhost"), list, ARRAY_LEN(list));
	hosts_free(&h);
	return 0;
}

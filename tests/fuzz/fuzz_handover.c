/*
 * The hand-over document of an upgrade: what is accepted can be written again and means the same.
 */
#include <stdlib.h>
#include "master/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* two messages */

static int
above_standard(void *arg, int fd)
{
	(void)arg;
	return fd > 2 ? 0 : -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct handover h, again;
	struct errdetail ed = { 0 };
	struct str text = STR_INIT;
	int rc = handover_parse(&h, span_make((const char *)data, size), &ed);

	if (rc > 0 || (rc != 0 && ed.text[0] == '\0'))
		abort();
	if (rc != 0)
		return 0;
	if (h.pid <= 0 || handover_each_fd(&h, above_standard, NULL) != 0)
		abort();
	handover_write(&h, &text);
	if (handover_parse(&again, str_span(&text), NULL) != 0 || again.boot_id != h.boot_id ||
	    again.pid != h.pid || again.nbounds != h.nbounds)
		abort();
	handover_fini(&again);
	handover_fini(&h);
	str_fini(&text);
	return 0;
}

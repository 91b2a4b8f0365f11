/*
 * The admin socket's request line: whatever is sent gets a command that exists or a reason.
 */
#include <stdlib.h>
#include "master/admin_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 8 << 10;	/* one answer */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct admin_request r;
	struct errdetail ed = { 0 };
	int rc = admin_parse(&r, span_make((const char *)data, size), &ed);

	if (rc == 0 && (r.cmd >= CMD_MAX || r.nargs > ADMIN_WORDS || r.noptions > ADMIN_WORDS))
		abort();
	for (unsigned i = 0; rc == 0 && i < r.noptions; i++)
		if (admin_option(&r, r.option[i].name) == NULL)
			abort();
	if (rc != 0 && (rc > 0 || ed.text[0] == '\0'))
		abort();
	return 0;
}

/*
 * fuzz_admin.c - the admin socket's request line: whatever is sent gets a command that exists or a reason, and the
 * words it was understood as are understood the same.
 */
#include <stdlib.h>
#include <string.h>
#include "master/admin_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 8 << 10;	/* one answer */

/* A value that was given lies in the request; that of "--name=value" is part of the option's word. */
static bool
has_own_word(const struct admin_request *r, const struct admin_option *o)
{
	return o->value >= r->room && o->value < r->room + sizeof r->room &&
	    strchr(o->name, '=') == NULL;
}

static void
check_again(const struct admin_request *r)
{
	static struct admin_request again;
	const char *words[2 * ADMIN_WORDS + 2];
	size_t n = 0;

	for (unsigned i = 0; i < r->noptions; i++) {
		words[n++] = r->option[i].name;
		if (has_own_word(r, &r->option[i]))
			words[n++] = r->option[i].value;
	}
	for (unsigned i = 0; i < r->nargs; i++)
		words[n++] = r->arg[i];
	if (admin_args(&again, r->cmd, words, n, NULL) != 0 || again.nargs != r->nargs ||
	    again.noptions != r->noptions)
		abort();
	for (unsigned i = 0; i < r->noptions; i++)
		if (strcmp(again.option[i].name, r->option[i].name) != 0 ||
		    strcmp(again.option[i].value, r->option[i].value) != 0)
			abort();
}

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
	if (rc == 0)
		check_again(&r);
	if (rc != 0 && (rc > 0 || ed.text[0] == '\0'))
		abort();
	return 0;
}

/*
 * fuzz_conf.c - any bytes as a configuration: verdict or tree, never a crash; a tree's print loads to an equal tree.
 */
#include <stdlib.h>
#include "conf/base/assert.h"
#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 256 << 10;	/* the defaults of every section */

/* libconfig loses the text token it stands at when it meets a syntax error. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static struct conf *
load(struct span text)
{
	struct conf_source src;
	struct conf_problems problems = { 0 };
	struct errdetail ed = { 0 };
	struct conf *c;

	if (conf_source_text(&src, "/nowhere/fuzz.conf", text, &ed) != 0) {
		ASSERT(ed.text[0] != '\0');
		return NULL;
	}
	c = conf_load(&src, &problems);
	ASSERT((c == NULL) == (problems.errors > 0));
	conf_source_fini(&src);
	conf_problems_fini(&problems);
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c = load(span_make((const char *)data, size)), *again;
	struct str text = STR_INIT, changes = STR_INIT;

	if (c == NULL)
		return 0;
	conf_print(c, size % 2 == 0, &text);
	again = load(str_span(&text));
	ASSERT(again != NULL);
	ASSERT(conf_diff(c, again, &changes) == 0);
	conf_free(&again);
	conf_free(&c);
	str_fini(&text);
	str_fini(&changes);
	return 0;
}

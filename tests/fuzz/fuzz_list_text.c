/*
 * fuzz_list_text.c - a list's file of any bytes: parsed, built and looked up in without harm, and what it holds is
 * found by the line it came from.
 *
 * The first byte chooses kind, syntax and match.
 */
#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/list_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 128 << 10;	/* the builder's tables */

static uint32_t told;

static void
on_bad(struct list_text *t, uint32_t line, const char *why)
{
	ASSERT(line >= 1 && line <= t->lines && why[0] != '\0');
	told++;
}

/* Words of the text as hosts and addresses: whatever is found stands in a line that there is. */
static void
look_up(const struct list_image *im, struct span text, uint32_t lines)
{
	struct list_hit hit;
	struct span word;
	struct addr a;

	while (span_split(&text, '\n', &word)) {
		if (word.n <= LIST_LINE_MAX && im->head->kind == LIST_DOMAINS &&
		    list_find_name(im, word, &hit))
			ASSERT(hit.line >= 1 && hit.line <= lines && hit.name.n > 0 &&
			    hit.name.n <= word.n);
		if (addr_parse_ip(&a, word, 0) == 0 && im->head->kind == LIST_ADDRESSES &&
		    list_find_addr(im, &a, &hit))
			ASSERT(hit.line >= 1 && hit.line <= lines && cidr_has(&hit.block, &a));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = { 7, 11 };
	uint8_t choice = size > 0 ? data[0] : 0;
	struct list_text t = { .kind = choice & 1 ? LIST_ADDRESSES : LIST_DOMAINS,
		.syntax = (enum list_syntax)(choice >> 1 & 3),
		.match = choice & 8 ? LIST_EXACT : LIST_SUFFIX,
		.bad = on_bad };
	struct span text = span_make((const char *)data + (size > 0), size - (size > 0));
	struct list_build *b = list_build_new(t.kind, 5000);
	struct list_image im;
	size_t n;
	void *p;

	told = 0;
	ASSERT(b != NULL);
	if (list_text_parse(&t, text, b) == 0 &&
	    list_build_finish(b, seed, list_digest(text), &n) == 0) {
		ASSERT(told == t.nbad);
		p = malloc(n);
		ASSERT(p != NULL);
		list_build_write(b, p);
		ASSERT(list_image_view(&im, p, n, t.kind, NULL) == 0);
		ASSERT(im.head->entries == list_build_entries(b));
		look_up(&im, text, t.lines);
		free(p);
	}
	list_build_free(&b);
	return 0;
}

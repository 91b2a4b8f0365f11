/*
 * fuzz_expr.c - any text as an expression over the log's fields: what is accepted, printed, is accepted again, prints
 * the same, and is true of the same records. The record asked about is made of the text's own bytes.
 */
#include <stdlib.h>
#include "conf/logfield.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
/* Two expressions of EXPR_BYTES, their regexes (REGEX_ROOM each), and what a match may take: regex.c's LIMIT_HEAP. */
unsigned fuzz_budget = (64 << 10) + (2 << 20) + (5 << 20);

static void
piece_get(const void *subject, unsigned field, struct expr_value *out)
{
	const struct span *text = subject;
	size_t at = text->n == 0 ? 0 : field % text->n;

	out->known = text->n % 7 != field % 7;
	out->milli = (int64_t)text->n * 1000 + (at < text->n ? text->p[at] : 0);
	out->text = span_make(text->p + at, text->n - at);
	if (logfields.v[field].type == EXPR_ADDR &&
	    addr_parse_ip(&out->addr, SPAN("10.1.2.3"), 0) != 0)
		abort();
}

static void
check_again(const struct expr *e, struct span text, const struct str *printed)
{
	struct expr *again = expr_parse(str_span(printed), &logfields, NULL);
	struct str twice = STR_INIT;

	if (again == NULL)
		abort();
	expr_print(again, &twice);
	if (!span_eq(str_span(&twice), str_span(printed)) ||
	    expr_true(e, piece_get, &text) != expr_true(again, piece_get, &text))
		abort();
	expr_free(&again);
	str_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct errdetail ed = { 0 };
	struct expr *e = expr_parse(text, &logfields, &ed);
	struct str printed = STR_INIT;

	if (e == NULL) {
		if (ed.text[0] == '\0')
			abort();
		return 0;
	}
	expr_print(e, &printed);
	if (printed.len <= EXPR_BYTES)
		check_again(e, text, &printed);
	str_fini(&printed);
	expr_free(&e);
	return 0;
}

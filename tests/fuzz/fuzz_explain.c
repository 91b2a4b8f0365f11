/*
 * fuzz_explain.c - any words as a request to explain. The head made of them ends, whatever it holds; the scanner and
 * parser of real requests take it or refuse it; a moment that is accepted can be shown.
 *
 *	lines: method, URL, time, headers
 */
#include <stdlib.h>
#include "worker/explain_head.h"
#include "worker/explain_time.h"
#include "worker/http/h1_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* the arena's block */

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* A copy without zero bytes, as JSON would have brought it. */
static char *
word_of(struct span line)
{
	char *text = malloc(line.n + 1);
	size_t n = 0;

	require(text != NULL);
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\0')
			text[n++] = line.p[i];
	text[n] = '\0';
	return text;
}

static char *
word_next(struct span *rest)
{
	struct span line = SPAN_NONE;

	(void)span_split(rest, '\n', &line);
	return word_of(line);
}

static void
judge_time(const char *text)
{
	char shown[EXPLAIN_TIME_TEXT];
	int64_t at;

	if (explain_time(text, 1785153600, &at, NULL) != 0)
		return;
	explain_time_text(at, shown);
	require(strlen(shown) >= 3);
}

static void
judge_head(const struct str *head)
{
	static const struct h1_limits limits = {
		.max_head = 4096, .max_field = 1024, .max_target = 1024, .max_fields = 20
	};
	struct field fields[20];
	struct h1_request r = { .fields = { .v = fields, .size = 20 } };
	struct h1_scan scan = { 0 };
	size_t len = 0;

	require(head->len >= 4 && memcmp(head->data + head->len - 4, "\r\n\r\n", 4) == 0);
	if (h1_scan_request(&scan, str_span(head), &limits, &len) != R_NONE || len == 0)
		return;
	require(len <= head->len);
	(void)h1_parse_request(&r, span_make(head->data + scan.skip, len - scan.skip), &limits);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	char *method = word_next(&rest), *url = word_next(&rest), *at = word_next(&rest);
	struct json *headers = json_arr();
	struct explain_wish w = { .method = method, .url = url, .headers = headers };

	for (unsigned i = 0; i < 32 && rest.p != NULL; i++) {
		char *header = word_next(&rest);

		json_push_str(headers, header);
		free(header);
	}
	judge_time(at);
	for (w.mode = MODE_FORWARD; w.mode <= MODE_REVERSE; w.mode++) {
		struct str head = STR_INIT, note = STR_INIT;

		explain_head(&w, &head, &note);
		judge_head(&head);
		str_fini(&head);
		str_fini(&note);
	}
	json_free(&headers);
	free(method);
	free(url);
	free(at);
	return 0;
}

/*
 * fuzz_condition.c - any bytes as validators and conditions: a tag is the same as itself, strongly the same is
 * weakly the same, both ways; If-None-Match silences If-Modified-Since, and is a list in however many lines it
 * came; a later If-Modified-Since never makes modified what was not; If-Range never takes a weak tag, or another
 * than the stored one.
 *
 *	lines: a letter that picks the name, upper case for the request, then the value
 */
#include <stdlib.h>

#include "cache/precondition.h"
#include "conf/http/date.h"
#include "tests/fuzz/message.h"

#define NOW	INT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const response_names[] = { "ETag", "Last-Modified", "Date" };
static const char *const request_names[] = { "If-None-Match", "If-Modified-Since", "If-Range" };

static const struct names of_request = { request_names, ARRAY_LEN(request_names) };
static const struct names of_response = { response_names, ARRAY_LEN(response_names) };

static void
check_tags(struct span a, struct span b)
{
	require(etag_same_weakly(a, a) == etag_valid(a));
	require(etag_same_weakly(a, b) == etag_same_weakly(b, a));
	require(etag_same_strongly(a, b) == etag_same_strongly(b, a));
	require(!etag_same_strongly(a, b) || (etag_same_weakly(a, b) && span_eq(a, b)));
	require(!etag_same_weakly(a, b) || (etag_valid(a) && etag_valid(b)));
}

/* The request with one of its names in one line for each member, and without another. False: too many. */
static bool
split(struct message *out, const struct fields *f, enum hname without)
{
	struct list_iter it = list_iter_init(f, H_IF_NONE_MATCH);
	struct span member;
	unsigned members = 0;

	out->f = (struct fields){ .n = 0 };
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i].id != H_IF_NONE_MATCH && f->v[i].id != without)
			add(out, SPLIT, f->v[i].name.p, f->v[i].value);
	while (list_iter_next(&it, &member) && members++ < SPLIT - LINES)
		add(out, SPLIT, "If-None-Match", member);
	return members > 0 && members <= SPLIT - LINES;
}

static void
check_none_match(const struct fields *request, const struct validators *v)
{
	static struct message m;
	bool fresh = precondition_not_modified(request, v, NOW);

	if (!fields_has(request, H_IF_NONE_MATCH))
		return;
	if (split(&m, request, H_IF_MODIFIED_SINCE))
		require(precondition_not_modified(&m.f, v, NOW) == fresh);
	else if (m.f.n < SPLIT - LINES)
		require(!fresh);		/* no member at all */
	m.f = (struct fields){ .n = 0 };
	if (v->etag.p == NULL)
		return;
	add(&m, SPLIT, "If-None-Match", v->etag);
	require(precondition_not_modified(&m.f, v, NOW));
}

static void
check_since(const struct validators *v)
{
	static struct message m;
	int64_t last = v->modified != DATE_NONE ? v->modified : v->date;
	char text[DATE_LEN];

	for (int by = -1; by <= 1; by++) {
		if (last + by < 0 || last + by > INT64_C(253402300799))
			continue;
		date_format(text, last + by);
		m.f = (struct fields){ .n = 0 };
		add(&m, SPLIT, "If-Modified-Since", span_make(text, DATE_LEN));
		require(precondition_not_modified(&m.f, v, NOW) == (by >= 0));
	}
}

static void
check_range(const struct fields *request, const struct validators *v)
{
	static struct message m;
	struct span value = fields_value(request, H_IF_RANGE);

	if (value.p == NULL) {
		require(precondition_range(request, v, NOW));
		return;
	}
	if (precondition_range(request, v, NOW)) {
		require(fields_count(request, H_IF_RANGE) == 1);
		require(value.p[0] == '"' ? v->etag.p != NULL && span_eq(value, v->etag) :
					    v->modified < v->date);
	}
	m.f = (struct fields){ .n = 0 };
	if (v->etag.p == NULL)
		return;
	add(&m, SPLIT, "If-Range", v->etag);
	require(precondition_range(&m.f, v, NOW) == (v->etag.p[0] == '"'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message request, response;
	struct validators v;

	request.f = response.f = (struct fields){ .n = 0 };
	read_lines(span_make((const char *)data, size), &request, &of_request, &response,
	    &of_response);
	v = validators_of(&response.f, NOW);
	require(v.etag.p == NULL || etag_valid(v.etag));
	for (unsigned i = 0; i + 1 < request.f.n; i++)
		check_tags(request.f.v[i].value, request.f.v[i + 1].value);
	check_none_match(&request.f, &v);
	check_since(&v);
	check_range(&request.f, &v);
	return 0;
}

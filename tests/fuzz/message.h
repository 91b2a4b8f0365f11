/* message.h - a request and a response out of fuzzed lines, for targets that judge both. */
#pragma once
#include <stdlib.h>

#include "conf/http/field.h"

enum {
	LINES = 16,			/* fields of a message as it is read */
	SPLIT = 512,			/* lines of which each has one member */
};

struct message { struct field v[SPLIT]; struct fields f; };
struct names { const char *const *v; size_t n; };

static inline void
require(bool holds)
{
	if (!holds)
		abort();
}

static inline void
add(struct message *m, unsigned room, const char *name, struct span value)
{
	m->f.v = m->v;
	m->f.size = (uint16_t)room;
	if (http_is_value(value))
		(void)fields_add(&m->f, span_str(name), value, SPAN_NONE);
}

/* A line's first letter picks the name: upper case of the request, lower case of the response. */
static inline void
read_lines(struct span rest, struct message *request, const struct names *of_request,
    struct message *response, const struct names *of_response)
{
	struct span line;

	while (span_split(&rest, '\n', &line)) {
		uint8_t c = line.n > 0 ? (uint8_t)line.p[0] : 0;
		struct span value = line.n > 0 ? span_trim(span_make(line.p + 1, line.n - 1)) :
						 line;

		if (c >= 'A' && c <= 'Z')
			add(request, LINES, of_request->v[(c - 'A') % of_request->n], value);
		else if (c >= 'a' && c <= 'z')
			add(response, LINES, of_response->v[(c - 'a') % of_response->n], value);
	}
}

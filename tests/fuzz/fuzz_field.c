/*
 * fuzz_field.c - any bytes as the lines of one list and as names. Members are never empty, lie within their line in
 * order, have no blank at their ends and no comma outside quotes; a found name spells like its row.
 */
#include <stdlib.h>
#include "conf/http/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
check_member(struct span m)
{
	bool quoted = false;

	require(m.n > 0 && !is_blank(m.p[0]) && !is_blank(m.p[m.n - 1]));
	for (size_t i = 0; i < m.n; i++) {
		require(quoted || m.p[i] != ',');
		if (m.p[i] == '"')
			quoted = !quoted;
		else if (m.p[i] == '\\' && quoted)
			i++;
	}
}

static void
check_lists(const struct fields *f)
{
	struct list_iter it = list_iter_init(f, H_CONNECTION);
	struct span m;
	size_t bytes = 0, total = 0;

	for (unsigned i = 0; i < f->n; i++)
		total += f->v[i].value.n;
	while (list_iter_next(&it, &m)) {
		check_member(m);
		bytes += m.n;
	}
	require(bytes <= total);
	(void)fields_list_has(f, H_CONNECTION, "close");
}

static void
check_name(struct span name)
{
	enum hname id = name_find(name);

	require(id < H_MAX && (id == H_OTHER || span_ieq_str(name, name_text(id))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct field v[8];
	struct fields f = { .v = v, .size = ARRAY_LEN(v) };
	struct span rest = span_make((const char *)data, size), line;
	unsigned lines = 0;

	if (size == 0)
		return 0;
	while (span_split(&rest, '\n', &line)) {
		check_name(line);
		(void)http_is_token(line);
		(void)http_is_value(line);
		lines += fields_add(&f, SPAN("Connection"), span_trim(line), SPAN_NONE) != NULL;
	}
	require(f.n == lines && fields_count(&f, H_CONNECTION) == lines);
	check_lists(&f);
	return 0;
}

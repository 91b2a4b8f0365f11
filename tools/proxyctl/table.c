/*
 * table.c - every column as wide as its widest cell, two spaces between, no blanks at the end of a line.
 *
 * Cells hold what a configuration or a peer named: control bytes are replaced, so that no name drives a
 * terminal. The heads are bold on one.
 */
#include "tools/proxyctl/table.h"

#include <stdio.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

void
table_init(struct table *t, const char *const *heads, unsigned n)
{
	ASSERT(n <= TABLE_COLUMNS);
	*t = (struct table){ .ncolumns = n };
	memcpy(t->heads, heads, n * sizeof *heads);
}

void
table_fini(struct table *t)
{
	for (unsigned i = 0; i < t->at; i++)
		mem_free(t->cells[i]);
	mem_free(t->cells);
	*t = (struct table){ 0 };
}

void
table_cell(struct table *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (t->at % t->ncolumns == 0)
		t->cells = mem_grow(t->cells, ++t->nrows * t->ncolumns * sizeof *t->cells);
	t->cells[t->at++] = mem_strdup(text);
}

/* Characters of UTF-8 text. */
static unsigned
width_of(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool
right(const struct table *t, unsigned column)
{
	return t->heads[column][0] == '>';
}

static const char *
head(const struct table *t, unsigned column)
{
	return t->heads[column] + right(t, column);
}

static void
spaces(struct str *out, unsigned n)
{
	while (n-- > 0)
		str_addc(out, ' ');
}

static void
cell_print(
    const struct table *t, unsigned column, const char *text, unsigned width, struct str *out)
{
	unsigned pad = width - width_of(text);

	if (column > 0)
		str_adds(out, "  ");
	if (right(t, column))
		spaces(out, pad);
	str_adds(out, text);
	if (!right(t, column) && column + 1 < t->ncolumns)
		spaces(out, pad);
}

static void
row_end(struct str *out)
{
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	str_addc(out, '\n');
}

void
table_print(struct table *t, bool colour, struct str *out)
{
	unsigned width[TABLE_COLUMNS];

	ASSERT(t->ncolumns > 0);
	for (unsigned c = 0; c < t->ncolumns; c++) {
		width[c] = width_of(head(t, c));
		for (unsigned i = c; i < t->at; i += t->ncolumns)
			if (width_of(t->cells[i]) > width[c])
				width[c] = width_of(t->cells[i]);
	}
	str_adds(out, colour ? "\033[1m" : "");
	for (unsigned c = 0; c < t->ncolumns; c++)
		cell_print(t, c, head(t, c), width[c], out);
	str_adds(out, colour ? "\033[0m\n" : "\n");
	for (unsigned i = 0; i < t->at; i++) {
		cell_print(t, i % t->ncolumns, t->cells[i], width[i % t->ncolumns], out);
		if (i % t->ncolumns == t->ncolumns - 1)
			row_end(out);
	}
}

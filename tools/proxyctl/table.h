/*
 * table.h - rows of cells, printed with aligned columns.
 */
#pragma once
#include "conf/base/str.h"

#define TABLE_COLUMNS	12

struct table {
	/* in the order of columns; a head that begins with ">" aligns right */
	const char	*heads[TABLE_COLUMNS];
	unsigned	 ncolumns, nrows, at;
	char		**cells;		/* owned; nrows * ncolumns */
};

void	table_init(struct table *, const char *const *heads, unsigned n);
void	table_cell(struct table *, const char *fmt, ...) PRINTF(2, 3);	/* the next cell, row by row */
void	table_print(struct table *, bool colour, struct str *out);
void	table_fini(struct table *);

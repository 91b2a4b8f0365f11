/*
 * storedir.c - finds "store-N.mdb" and what the store has beside it.
 */
#include "cache/storedir.h"

#include <dirent.h>
#include <stdbool.h>
#include <unistd.h>

#include "conf/base/span.h"

/* The number in the name of a store's file or of its lock; false: it is neither. */
static bool
number_of(const char *name, uint32_t *n)
{
	struct span rest = span_str(name), part;
	uint64_t number;

	if (!span_split(&rest, '-', &part) || !span_eq(part, SPAN("store")) ||
	    !span_split(&rest, '.', &part) || span_to_u64(part, UINT32_MAX, &number) != 0)
		return false;
	*n = (uint32_t)number;
	return span_eq(rest, SPAN("mdb")) || span_eq(rest, SPAN("mdb-lock"));
}

void
storedir_remove(const char *dir, uint32_t but)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	uint32_t n;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (number_of(e->d_name, &n) && (n != but || but == 0))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

uint32_t
storedir_highest(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	uint32_t n, most = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (number_of(e->d_name, &n) && n > most)
			most = n;
	if (d != NULL)
		(void)closedir(d);
	return most;
}

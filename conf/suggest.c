/*
 * suggest.c - "did you mean": the known name nearest to a misspelt one.
 *
 * Damerau's distance (insert, drop, change, swap of neighbours) with three rows on the stack; names longer than
 * 32 bytes are compared by their beginning. Used for keys, choices and names of services, routes and acls.
 */
#include <string.h>

#include "conf/item.h"

#define WIDTH 32

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned
suggest_distance(const char *a, const char *b)
{
	unsigned row[3][WIDTH + 1], na = (unsigned)strnlen(a, WIDTH),
				    nb = (unsigned)strnlen(b, WIDTH);
	unsigned *now, *above, *above2;

	for (unsigned j = 0; j <= nb; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= na; i++) {
		now = row[i % 3];
		above = row[(i + 2) % 3];
		above2 = row[(i + 1) % 3];
		now[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			now[j] = least(
			    above[j] + 1, now[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], above2[j - 2] + 1, now[j]);
		}
	}
	return row[na % 3][nb];
}

const char *
suggest(const char *written, const char *const *names)
{
	const char *best = NULL;
	unsigned d, limit = ((unsigned)strnlen(written, WIDTH) + 1) / 3, least_d = limit + 1;

	for (; *names != NULL; names++) {
		d = suggest_distance(written, *names);
		if (d < least_d) {
			least_d = d;
			best = *names;
		}
	}
	return best;
}

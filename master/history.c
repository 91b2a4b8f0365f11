/*
 * history.c - a short array; rows that share a configuration (after a return) share its memory.
 */
#include "master/history.h"

#include <string.h>

#include "conf/base/arena.h"
#include "conf/load.h"

static void
row_remove(struct history *h, unsigned i)
{
	conf_free(&h->row[i].conf);
	h->n--;
	memmove(&h->row[i], &h->row[i + 1], (h->n - i) * sizeof h->row[0]);
}

/* The oldest row that may go. */
static unsigned
oldest(const struct history *h, unsigned keep)
{
	return h->row[0].number == keep ? 1 : 0;
}

void
history_add(struct history *h, const struct past *row, unsigned keep)
{
	if (h->n == HISTORY_MAX)
		row_remove(h, oldest(h, keep));
	h->row[h->n] = *row;
	h->row[h->n].conf = conf_ref(row->conf);
	h->n++;
}

/* Is this row's memory counted with an earlier one? */
static bool
counted(const struct history *h, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (h->row[k].conf == h->row[i].conf)
			return true;
	return false;
}

static size_t
bytes(const struct history *h)
{
	size_t sum = 0;

	for (unsigned i = 0; i < h->n; i++)
		if (h->row[i].conf != NULL && !counted(h, i))
			sum += h->row[i].conf->arena->total;
	return sum;
}

void
history_fit(struct history *h, size_t max, unsigned keep)
{
	for (unsigned i = 0; i + 1 < h->n && bytes(h) > max; i++)
		if (h->row[i].number != keep)
			conf_free(&h->row[i].conf);
}

const struct past *
history_find(const struct history *h, unsigned number)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->row[i].number == number)
			return &h->row[i];
	return NULL;
}

void
history_fini(struct history *h)
{
	while (h->n > 0)
		row_remove(h, h->n - 1);
}

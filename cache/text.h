/* text.h - bytes gathered into a buffer of the caller's: what does not fit is left out whole, and `full` says so. */
#pragma once
#include "conf/base/span.h"

struct text { char *p; size_t n, size; bool full; };

/* Room for n bytes, already counted; NULL when there is none. */
static inline char *
text_room(struct text *t, size_t n)
{
	char *at = t->p + t->n;

	if (n > t->size - t->n) {
		t->full = true;
		return NULL;
	}
	t->n += n;
	return at;
}

static inline void
text_put(struct text *t, struct span s)
{
	char *at = text_room(t, s.n);

	if (at != NULL && s.n > 0)
		memcpy(at, s.p, s.n);
}

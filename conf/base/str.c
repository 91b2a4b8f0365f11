/*
 * str.c - the growing string.
 *
 * Invariant: data is NULL, or size > len and data[len] is NUL. Only reserve() grows; with a cap it
 * promises less than was asked for and sets `cut`, and the callers write what was promised.
 */
#include "conf/base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define SIZE_FIRST 64

void
str_fini(struct str *s)
{
	free(s->data);
	*s = (struct str){ .cap = s->cap };
}

void
str_clear(struct str *s)
{
	s->len = 0;
	s->cut = false;
	if (s->data != NULL)
		s->data[0] = '\0';
}

/* The next size that holds len + n bytes and the NUL, doubling. */
static size_t
next_size(const struct str *s, size_t n)
{
	size_t need, size = s->size == 0 ? SIZE_FIRST : s->size;

	if (__builtin_add_overflow(s->len, n, &need) || need >= SIZE_MAX / 2)
		NEVER("string longer than memory");
	while (size < need + 1)
		size *= 2;
	return size;
}

/* Makes room for n bytes and the NUL; returns how many may be written (fewer only under a cap). */
static size_t
reserve(struct str *s, size_t n)
{
	size_t size;
	char *p;

	if (s->cap != 0 && n > s->cap - s->len) {
		n = s->cap - s->len;
		s->cut = true;
	}
	size = next_size(s, n);
	if (s->data != NULL && size == s->size)
		return n;
	if (s->cap == 0) {
		p = mem_grow(s->data, size);
	} else if ((p = realloc(s->data, size)) == NULL) {
		s->cut = true;
		return 0;
	}
	s->data = p;
	s->size = size;
	s->data[s->len] = '\0';
	return n;
}

void
str_add(struct str *s, struct span add)
{
	size_t n = reserve(s, add.n);

	if (n == 0)
		return;
	memcpy(s->data + s->len, add.p, n);
	s->len += n;
	s->data[s->len] = '\0';
}

void
str_adds(struct str *s, const char *add)
{
	str_add(s, span_str(add));
}

void
str_addc(struct str *s, char c)
{
	str_add(s, span_make(&c, 1));
}

void
str_printf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(s, fmt, ap);
	va_end(ap);
}

void
str_vprintf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0)
		return;
	room = reserve(s, (size_t)n);
	if (room == 0)
		return;
	(void)vsnprintf(s->data + s->len, room + 1, fmt, ap);
	s->len += room;
}

char *
str_room(struct str *s, size_t n)
{
	return reserve(s, n) < n ? NULL : s->data + s->len;
}

void
str_written(struct str *s, size_t n)
{
	s->len += n;
	s->data[s->len] = '\0';
}

char *
str_take(struct str *s)
{
	char *p = s->data == NULL ? mem_strdup("") : s->data;

	*s = (struct str){ .cap = s->cap };
	return p;
}

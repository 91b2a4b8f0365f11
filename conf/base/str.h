/*
 * str.h - a growing byte string for cold paths (configuration, control, log lines).
 *
 * Grows by malloc and aborts when memory is out, unless a cap is set: then appending stops at the cap and
 * `cut` is set. data is NUL-terminated whenever it is not NULL.
 */
#pragma once
#include <stdbool.h>
#include <stdarg.h>
#include "conf/base/span.h"

struct str {
	char	*data;
	size_t	 len, size, cap;	/* cap 0 = none */
	bool	 cut;
};
#define STR_INIT { 0 }

void	str_fini(struct str *);
void	str_clear(struct str *);		/* len 0, memory kept */
void	str_add(struct str *, struct span);
void	str_adds(struct str *, const char *);
void	str_addc(struct str *, char);
void	str_printf(struct str *, const char *fmt, ...) PRINTF(2, 3);
void	str_vprintf(struct str *, const char *fmt, va_list) PRINTF(2, 0);
/* n bytes behind the last, to be written in place: lent until the next call; NULL when a cap leaves less. */
char	*str_room(struct str *, size_t n);
void	str_written(struct str *, size_t n);	/* of them */
char	*str_take(struct str *);		/* the caller frees; "" when empty */
static inline struct span str_span(const struct str *s) { return span_make(s->data == NULL ? "" : s->data, s->len); }

/*
 * h1_write.h - composes a head as a list of pieces for writev: received lines stay where they are, only what
 * this program changes is written, into the request's arena. No I/O.
 *
 * Pieces that touch in memory are merged, so an unchanged run of fields is one piece. After any failure
 * (`failed`: arena or list full) further calls do nothing; check once at the end.
 */
#pragma once
#include <sys/uio.h>
#include "conf/base/arena.h"
#include "conf/http/field.h"

struct h1_out {
	struct arena	*arena;
	struct iovec	*iov;		/* in the arena */
	unsigned	n, max;
	size_t		len;		/* bytes in all pieces */
	char		*text, *text_end;	/* room for bytes made here */
	bool		failed;
};

/* max: pieces expected at most (fields + a dozen); text_size: bytes made here expected (grows when needed). */
void	h1_out_init(struct h1_out *, struct arena *, unsigned max, size_t text_size);
void	h1_out_lent(struct h1_out *, struct span);	/* bytes that live at least as long as the arena's content */
void	h1_out_text(struct h1_out *, struct span);	/* copies */
void	h1_out_u64(struct h1_out *, uint64_t);		/* decimal digits */
/* "Name: value\r\n", copied. The caller vouches for grammar (http_is_token, http_is_value). */
void	h1_out_field(struct h1_out *, struct span name, struct span value);
void	h1_out_fields(struct h1_out *, const struct fields *);	/* those without FIELD_DROP; line if it has one */
void	h1_out_status(struct h1_out *, int status);		/* "HTTP/1.1 200 OK\r\n", own phrase */
void	h1_out_end(struct h1_out *);				/* the empty line */

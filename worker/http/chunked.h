/*
 * chunked.h - the chunked transfer coding (RFC 9112 7.1), strict as SECURITY.md rows 4-7. No I/O, no allocation.
 *
 * Decoding is in place: payload moves together over the framing bytes, so that a thousand tiny chunks leave as
 * one piece, while one big chunk is not moved at all.
 */
#pragma once
#include "conf/base/span.h"
#include "conf/http/reason.h"

struct chunked {
	uint8_t		state;		/* private; a zeroed struct is a new decoder */
	uint8_t		digits;
	uint16_t	ext;		/* bytes of the current extension */
	uint32_t	ext_total;
	uint64_t	left;		/* payload bytes still to come in this chunk; of a size half read: at least */
	uint64_t	payload, overhead;	/* so far */
	bool		lax;		/* framing may outweigh the payload: answers stream word by word */
	enum reason	why;		/* of CHUNKED_ERROR: R_CHUNK_* */
};

enum chunked_result {
	CHUNKED_MORE,		/* everything was used; more must come */
	CHUNKED_LAST,		/* the last chunk's line was used; the trailer section starts at buf[*used] */
	CHUNKED_ERROR		/* payload found before the error is reported all the same */
};

/*
 * Decodes buf[0..n). Afterwards the payload is buf[*start, *start + *len), and *used raw bytes are dealt with
 * (all of them unless CHUNKED_LAST or CHUNKED_ERROR).
 */
enum chunked_result chunked_decode(struct chunked *, char *buf, size_t n, size_t *start, size_t *len, size_t *used);

#define CHUNKED_HEAD 18			/* room for chunked_head */
size_t	chunked_head(char out[CHUNKED_HEAD], uint64_t n);	/* "1f4\r\n"; bytes written; n > 0 */
#define CHUNKED_END SPAN("0\r\n\r\n")

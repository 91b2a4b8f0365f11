/*
 * chunked.c - the chunked coding as a flat state machine, one byte of framing at a time, payload by the piece.
 *
 * Every limit is checked at the byte that crosses it, so the verdict does not depend on how the bytes were cut
 * into reads. Payload is gathered by moving the smaller of what was gathered and what comes next:
 *
 *	buf:	5\r\n h e l l o \r\n 3\r\n a b c \r\n	 ->	. . . h e l l o a b c . . . .
 *						      start ^     ^ start + len
 */
#include "worker/http/chunked.h"

#include "conf/http/field.h"

#define EXT_MAX		256		/* bytes of one chunk's extensions */
#define EXT_TOTAL_MAX	4096		/* and of all of a message */
#define OVERHEAD_FREE	16384		/* framing a message may carry beyond as much as its payload */
#define DIGITS_MAX	16

enum state {
	SIZE,		/* hex digits */
	EXT_NAME_FIRST,	/* behind ';' */
	EXT_NAME,
	EXT_VALUE_FIRST,	/* behind '=' */
	EXT_VALUE,
	EXT_QUOTED,
	EXT_ESCAPED,	/* behind a backslash within quotes */
	EXT_QUOTED_END,
	LINE_LF,	/* CR of the size line seen */
	DATA,
	DATA_CR,
	DATA_LF,
	LAST,
	FAILED
};

static bool
is_token(unsigned char c)
{
	return http_char[c] & HC_TOKEN;
}

static enum reason
fail(struct chunked *c, enum reason why)
{
	c->why = why;
	c->state = FAILED;
	return why;
}

static enum reason
add_digit(struct chunked *c, unsigned char b)
{
	unsigned v = b & 0x40 ? (b & 7u) + 9 : b & 15u;

	if (++c->digits > DIGITS_MAX || c->left > ((uint64_t)INT64_MAX - v) / 16)
		return fail(c, R_CHUNK_SIZE);
	c->left = c->left * 16 + v;
	return R_NONE;
}

static enum reason
on_size(struct chunked *c, unsigned char b)
{
	if (http_char[b] & HC_HEX)
		return add_digit(c, b);
	if (c->digits == 0)
		return fail(c, R_CHUNK_SIZE);
	if (c->payload > (uint64_t)INT64_MAX - c->left)
		return fail(c, R_CHUNK_SIZE);
	if (b == '\r') {
		c->state = LINE_LF;
	} else if (b == ';') {
		c->state = EXT_NAME_FIRST;
		c->ext = 1;
		c->ext_total++;
	} else {
		return fail(c, b == '\n' ? R_CHUNK_END : R_CHUNK_SIZE);
	}
	return R_NONE;
}

/* What may follow a name, a token value or a closing quote; '=' only where allowed. */
static enum reason
end_of_word(struct chunked *c, unsigned char b, bool equals)
{
	if (b == '\r')
		c->state = LINE_LF;
	else if (b == ';')
		c->state = EXT_NAME_FIRST;
	else if (b == '=' && equals)
		c->state = EXT_VALUE_FIRST;
	else
		return fail(c, R_CHUNK_EXT);
	return R_NONE;
}

static enum reason
on_quoted(struct chunked *c, unsigned char b)
{
	if (b == '"')
		c->state = EXT_QUOTED_END;
	else if (b == '\\')
		c->state = EXT_ESCAPED;
	else if (!(http_char[b] & HC_VALUE))
		return fail(c, R_CHUNK_EXT);
	return R_NONE;
}

/* RFC 9112 7.1.1 without the optional blanks; nobody needs them, and readers differ on them. */
static enum reason
on_ext(struct chunked *c, unsigned char b)
{
	if (b != '\r' && (++c->ext > EXT_MAX || ++c->ext_total > EXT_TOTAL_MAX))
		return fail(c, R_CHUNK_EXT);
	switch ((enum state)c->state) {
	case EXT_NAME_FIRST:
		c->state = EXT_NAME;
		return is_token(b) ? R_NONE : fail(c, R_CHUNK_EXT);
	case EXT_NAME:
		return is_token(b) ? R_NONE : end_of_word(c, b, true);
	case EXT_VALUE_FIRST:
		c->state = b == '"' ? EXT_QUOTED : EXT_VALUE;
		return b == '"' || is_token(b) ? R_NONE : fail(c, R_CHUNK_EXT);
	case EXT_VALUE:
		return is_token(b) ? R_NONE : end_of_word(c, b, false);
	case EXT_QUOTED:
		return on_quoted(c, b);
	case EXT_ESCAPED:
		c->state = EXT_QUOTED;
		return http_char[b] & HC_VALUE ? R_NONE : fail(c, R_CHUNK_EXT);
	case EXT_QUOTED_END:
		return end_of_word(c, b, false);
	case SIZE: case LINE_LF: case DATA: case DATA_CR: case DATA_LF: case LAST: case FAILED:
		break;
	}
	return fail(c, R_CHUNK_EXT);
}

/* The size line is complete: payload follows, or this was the last chunk. */
static void
begin_data(struct chunked *c)
{
	c->state = c->left == 0 ? LAST : DATA;
	c->digits = 0;
}

static enum reason
on_framing(struct chunked *c, unsigned char b)
{
	if (++c->overhead > OVERHEAD_FREE + c->payload && !c->lax)
		return fail(c, R_CHUNK_OVERHEAD);
	switch ((enum state)c->state) {
	case SIZE:
		return on_size(c, b);
	case LINE_LF:
		if (b != '\n')
			return fail(c, R_CHUNK_END);
		begin_data(c);
		return R_NONE;
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r' ? R_NONE : fail(c, R_CHUNK_END);
	case DATA_LF:
		c->state = SIZE;
		return b == '\n' ? R_NONE : fail(c, R_CHUNK_END);
	case EXT_NAME_FIRST: case EXT_NAME: case EXT_VALUE_FIRST: case EXT_VALUE:
	case EXT_QUOTED: case EXT_ESCAPED: case EXT_QUOTED_END:
		return on_ext(c, b);
	case DATA: case LAST: case FAILED:
		break;
	}
	return fail(c, R_CHUNK_SIZE);
}

/* Joins buf[at, at + n) to the payload gathered at *start. */
static void
gather(char *buf, size_t *start, size_t *len, size_t at, size_t n)
{
	if (*len == 0) {
		*start = at;
	} else if (n <= *len) {
		memmove(buf + *start + *len, buf + at, n);
	} else {
		memmove(buf + at - *len, buf + *start, *len);
		*start = at - *len;
	}
	*len += n;
}

static size_t
take_payload(struct chunked *c, size_t n)
{
	size_t part = c->left < n ? (size_t)c->left : n;

	c->left -= part;
	c->payload += part;
	if (c->left == 0)
		c->state = DATA_CR;
	return part;
}

enum chunked_result
chunked_decode(struct chunked *c, char *buf, size_t n, size_t *start, size_t *len, size_t *used)
{
	size_t i = 0, part;

	*start = *len = 0;
	while (i < n && c->state != LAST && c->state != FAILED) {
		if (c->state == DATA) {
			part = take_payload(c, n - i);
			gather(buf, start, len, i, part);
			i += part;
		} else if (on_framing(c, (unsigned char)buf[i]) == R_NONE) {
			i++;
		}
	}
	*used = i;
	return c->state == LAST ? CHUNKED_LAST : c->state == FAILED ? CHUNKED_ERROR : CHUNKED_MORE;
}

size_t
chunked_head(char out[CHUNKED_HEAD], uint64_t n)
{
	size_t digits = 1, i;

	while (digits < DIGITS_MAX && n >> (4 * digits) != 0)
		digits++;
	for (i = 0; i < digits; i++)
		out[i] = "0123456789abcdef"[n >> (4 * (digits - 1 - i)) & 15];
	out[i++] = '\r';
	out[i++] = '\n';
	return i;
}

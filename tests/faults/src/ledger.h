/*
 * ledger.h - what both ends of a fault run know without asking each other: the bytes of every body, from its id and its
 * place; a reader that compares them as they come, under either framing; and the clock of the lines both print.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PIECE	65536

/* Requests and responses of one id differ: a body that is sent back is not the answer. */
enum way { WAY_UP = 1, WAY_DOWN = 2 };

static inline double
clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline uint64_t
pattern_word(uint64_t id, enum way way, uint64_t i)
{
	uint64_t w = (id * 4 + (uint64_t)way) * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL;

	w ^= w >> 29;
	w *= 0x94d049bb133111ebULL;
	return w ^ (w >> 32);
}

/* n bytes of that body from `at` on. */
static inline void
pattern_fill(uint64_t id, enum way way, uint64_t at, char *out, size_t n)
{
	uint64_t w;

	for (; n > 0 && at % 8 != 0; at++, n--) {
		w = pattern_word(id, way, at / 8);
		*out++ = ((const char *)&w)[at % 8];
	}
	for (; n >= 8; at += 8, n -= 8, out += 8) {
		w = pattern_word(id, way, at / 8);
		memcpy(out, &w, 8);
	}
	w = pattern_word(id, way, at / 8);
	memcpy(out, &w, n);
}

static inline bool
pattern_is(uint64_t id, enum way way, uint64_t at, const char *data, size_t n)
{
	static char want[PIECE];
	size_t part;

	for (; n > 0; at += part, data += part, n -= part) {
		part = n < sizeof want ? n : sizeof want;
		pattern_fill(id, way, at, want, part);
		if (memcmp(want, data, part) != 0)
			return false;
	}
	return true;
}

/* One body as it comes in. */
enum framing { BODY_LENGTH, BODY_CHUNKED, BODY_CLOSE };
enum chunk { CHUNK_SIZE, CHUNK_SIZE_END, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE };

struct body {
	uint64_t	id;
	enum way	way;
	enum framing	framing;
	enum chunk	chunk;
	bool		line;		/* the trailer line has a byte */
	bool		wrong;		/* a byte was not that body's */
	bool		broken;		/* the framing is nonsense */
	uint64_t	at;		/* bytes seen */
	uint64_t	left;		/* of the length, or of this chunk */
};

static inline bool
body_done(const struct body *b)
{
	return b->framing == BODY_LENGTH ? b->left == 0 : b->framing == BODY_CHUNKED && b->chunk == CHUNK_DONE;
}

static inline size_t
body_data(struct body *b, const char *p, size_t n)
{
	if (b->framing != BODY_CLOSE && n > b->left)
		n = (size_t)b->left;
	if (!b->wrong && !pattern_is(b->id, b->way, b->at, p, n))
		b->wrong = true;
	b->at += n;
	if (b->framing != BODY_CLOSE)
		b->left -= n;
	return n;
}

static inline void
body_chunk_byte(struct body *b, char c)
{
	const char *hex = "0123456789abcdef", *digit;

	switch (b->chunk) {
	case CHUNK_SIZE:
		digit = memchr(hex, c | 0x20, 16);
		if (c == '\r')
			b->chunk = CHUNK_SIZE_END;
		else if (digit == NULL || b->left >> 40 != 0)
			b->broken = true;
		else
			b->left = b->left * 16 + (uint64_t)(digit - hex);
		break;
	case CHUNK_SIZE_END:
		b->broken |= c != '\n';
		b->chunk = b->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
		b->line = false;
		break;
	case CHUNK_DATA_END:
		b->broken |= c != '\r' && c != '\n';
		if (c == '\n')
			b->chunk = CHUNK_SIZE;
		break;
	case CHUNK_TRAILER:
		if (c == '\n' && !b->line)
			b->chunk = CHUNK_DONE;
		b->line = c == '\n' ? false : b->line || c != '\r';
		break;
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
}

/* How many of the n bytes belong to the body. */
static inline size_t
body_take(struct body *b, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n && !body_done(b) && !b->broken) {
		if (b->framing != BODY_CHUNKED)
			return body_data(b, p, n);
		if (b->chunk != CHUNK_DATA) {
			body_chunk_byte(b, p[at++]);
			continue;
		}
		at += body_data(b, p + at, n - at);
		if (b->left == 0)
			b->chunk = CHUNK_DATA_END;
	}
	return at;
}

/* The value of a field of a head that ends with a NUL, or NULL. */
static inline const char *
head_field(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(head, "\r\n"); p != NULL; p = strstr(p + 2, "\r\n"))
		if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':')
			return p + 3 + n + strspn(p + 3 + n, " \t");
	return NULL;
}

/* `whole`: what has no framing goes to the end of the connection, as responses do. */
static inline void
body_start(struct body *b, uint64_t id, enum way way, const char *head, bool whole)
{
	const char *length = head_field(head, "Content-Length"), *coding = head_field(head, "Transfer-Encoding");

	*b = (struct body){ .id = id, .way = way, .framing = whole ? BODY_CLOSE : BODY_LENGTH };
	if (coding != NULL)
		b->framing = BODY_CHUNKED;
	else if (length != NULL) {
		b->framing = BODY_LENGTH;
		b->left = strtoull(length, NULL, 10);
	}
}

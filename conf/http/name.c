/*
 * name.c - header names to small numbers and back.
 *
 * name_find runs for every field of every message. The table is sorted by length, so the candidates for a
 * name are the few rows of its length; the first letter rules out nearly all of them, and what is left is
 * compared eight bytes at a time. Nothing is computed at start: all tables are constants.
 */
#include "conf/http/name.h"

#define NAME_LEN_MAX 23

struct row {
	const char	*text;
	uint8_t		 len, flags;
	char		 first;
};

static const struct row rows[H_MAX] = {
	[H_OTHER] = { "", 0, 0, '\0' },
#define NAME(id, text, flags) [id] = { text, sizeof(text) - 1, flags, (text)[0] },
#include "conf/http/name_tbl.h"
#undef NAME
};

_Static_assert(H_MAX <= 128, "struct fields keeps a bitmap of 128 names");

/* Every row writes the slot of its length and the last one stays: rows of one length end there. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const uint8_t last_of_len[NAME_LEN_MAX + 1] = {
#define NAME(id, text, flags) [sizeof(text) - 1] = id,
#include "conf/http/name_tbl.h"
#undef NAME
};
#pragma GCC diagnostic pop

/* 0x40-0x5f to 0x60-0x7f: letters to lower case; digits and '-' stay, so no other byte becomes one of them. */
static inline uint64_t
fold8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w | ((w & 0x4040404040404040) >> 1);
}

static inline uint32_t
fold4(const char *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return w | ((w & 0x40404040) >> 1);
}

static inline bool
same_short(const char *name, const char *lower, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((name[i] | ((name[i] & 0x40) >> 1)) != lower[i])
			return false;
	return true;
}

/* The last words overlap those before them. */
static inline bool
same(const char *name, const char *lower, size_t n)
{
	if (n >= 8) {
		for (size_t i = 0; i + 8 < n; i += 8)
			if (fold8(name + i) != fold8(lower + i))
				return false;
		return fold8(name + n - 8) == fold8(lower + n - 8);
	}
	if (n >= 4)
		return fold4(name) == fold4(lower) && fold4(name + n - 4) == fold4(lower + n - 4);
	return same_short(name, lower, n);
}

enum hname
name_find(struct span name)
{
	unsigned id;
	int first;

	if (name.n == 0 || name.n > NAME_LEN_MAX)
		return H_OTHER;
	first = name.p[0] | 0x20;
	for (id = last_of_len[name.n]; rows[id].len == name.n; id--)
		if (rows[id].first == first && same(name.p, rows[id].text, name.n))
			return (enum hname)id;
	return H_OTHER;
}

const char *
name_text(enum hname id)
{
	return (unsigned)id < H_MAX ? rows[id].text : "";
}

unsigned
name_flags(enum hname id)
{
	return (unsigned)id < H_MAX ? rows[id].flags : 0;
}

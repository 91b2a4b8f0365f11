/*
 * sip.c - one compression round per word, three at the end; little-endian throughout.
 */
#include "conf/base/sip.h"

static inline uint64_t
load_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static void
store_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

struct sip_key
sip_key(const uint8_t bytes[16])
{
	return (struct sip_key){ { load_le64(bytes), load_le64(bytes + 8) } };
}

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13);
	v[1] ^= v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16);
	v[3] ^= v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21);
	v[3] ^= v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17);
	v[1] ^= v[2];
	v[2] = rotl(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
}

static inline void
sip_absorb(uint64_t v[4], const struct sip_key *key, struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint8_t tail[8] = { 0 };
	size_t whole = s.n & ~(size_t)7;

	v[0] = key->k[0] ^ 0x736f6d6570736575;
	v[1] ^= key->k[1] ^ 0x646f72616e646f6d;
	v[2] = key->k[0] ^ 0x6c7967656e657261;
	v[3] = key->k[1] ^ 0x7465646279746573;
	for (size_t i = 0; i < whole; i += 8)
		sip_word(v, load_le64(p + i));
	if (s.n > whole)
		memcpy(tail, p + whole, s.n - whole);
	tail[7] = (uint8_t)s.n;
	sip_word(v, load_le64(tail));
}

static inline uint64_t
sip_finish(uint64_t v[4])
{
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
sip64(const struct sip_key *key, struct span s)
{
	uint64_t v[4] = { 0 };

	sip_absorb(v, key, s);
	v[2] ^= 0xff;
	return sip_finish(v);
}

void
sip128(const struct sip_key *key, struct span s, uint8_t out[16])
{
	uint64_t v[4] = { 0, 0xee, 0, 0 };

	sip_absorb(v, key, s);
	v[2] ^= 0xee;
	store_le64(out, sip_finish(v));
	v[1] ^= 0xdd;
	store_le64(out + 8, sip_finish(v));
}

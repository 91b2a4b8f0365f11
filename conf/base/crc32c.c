/*
 * crc32c.c - a table of nibbles that the compiler computes, and SSE 4.2 where the processor has it.
 */
#include "conf/base/crc32c.h"

#define POLY 0x82f63b78u		/* 0x1edc6f41, bits reversed */
#define BIT(c)		((c) & 1 ? (c) >> 1 ^ POLY : (c) >> 1)
#define BIT2(c)		BIT(BIT(c))
#define NIBBLE(c)	BIT2(BIT2((uint32_t)(c)))
#define ROW4(c)		NIBBLE(c), NIBBLE((c) + 1), NIBBLE((c) + 2), NIBBLE((c) + 3)

/* One nibble at a time: 64 bytes of table stay in the cache, and nobody without the instruction is in a hurry. */
static const uint32_t nibble[16] = { ROW4(0), ROW4(4), ROW4(8), ROW4(12) };

uint32_t
crc32c_table(uint32_t crc, struct span s)
{
	crc = ~crc;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint8_t)s.p[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, struct span s)
{
	uint64_t c = ~crc, word;
	const char *p = s.p, *end = s.p + s.n;

	for (; end - p >= 8; p += 8) {
		memcpy(&word, p, sizeof word);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; p < end; p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, (uint8_t)*p);
	return ~(uint32_t)c;
}

uint32_t
crc32c(uint32_t crc, struct span s)
{
	return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, s) : crc32c_table(crc, s);
}

#else

uint32_t
crc32c(uint32_t crc, struct span s)
{
	return crc32c_table(crc, s);
}

#endif

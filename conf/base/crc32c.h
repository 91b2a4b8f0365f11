/*
 * crc32c.h - CRC-32C (Castagnoli; RFC 3720 12.1): finds damage, not malice. By the processor's instruction where it has
 * one (8 bytes in 3 cycles), else by table.
 */
#pragma once
#include "conf/base/span.h"

/* Start with 0; the result goes in again to continue: crc32c(crc32c(0, a), b) is that of a and b joined. */
uint32_t crc32c(uint32_t crc, struct span);
uint32_t crc32c_table(uint32_t crc, struct span);	/* the same without the instruction; for tests */

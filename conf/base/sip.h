/*
 * sip.h - SipHash-1-3 (Aumasson, Bernstein 2012; the 128-bit form of its reference code): a hash that nobody without
 * the key can aim at.
 */
#pragma once
#include "conf/base/span.h"

struct sip_key { uint64_t k[2]; };

struct sip_key sip_key(const uint8_t bytes[16]);
uint64_t sip64(const struct sip_key *, struct span);
void	sip128(const struct sip_key *, struct span, uint8_t out[16]);

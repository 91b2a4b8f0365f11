/*
 * guard.h - the address ranges that no client may reach through us unless a rule opens them (SECURITY.md row 53).
 */
#pragma once
#include "conf/base/addr.h"

/*
 * NULL when the address is public; else what its range is, for logs ("loopback", "private", ...). Addresses that carry
 * an IPv4 address inside (mapped, NAT64, 6to4, Teredo) are protected whatever they carry: the inner address would be
 * reached by a way nobody judged. Anything but IPv4 and IPv6 is protected. Not folded before it is judged.
 */
const char *guard_range(const struct addr *);

/*
 * guard.c - the table of protected ranges: the IANA special-purpose registries (RFC 6890), what translates to IPv4,
 * and the one public address that is a cloud's metadata service. Pure; two dozen compares at most.
 */
#include "worker/mode/guard.h"

#include "conf/base/err.h"

struct range { uint8_t ip[16]; uint8_t bits; const char *name; };

/* clang-format off */
static const struct range ip4[] = {
	{ { 0 }, 8, "this network" },
	{ { 10 }, 8, "private" },
	{ { 100, 64 }, 10, "carrier-grade NAT" },
	{ { 127 }, 8, "loopback" },
	{ { 168, 63, 129, 16 }, 32, "cloud metadata" },
	{ { 169, 254 }, 16, "link-local" },
	{ { 172, 16 }, 12, "private" },
	{ { 192, 0, 0 }, 24, "protocol assignments" },
	{ { 192, 0, 2 }, 24, "documentation" },
	{ { 192, 88, 99 }, 24, "6to4 relay" },
	{ { 192, 168 }, 16, "private" },
	{ { 198, 18 }, 15, "benchmarking" },
	{ { 198, 51, 100 }, 24, "documentation" },
	{ { 203, 0, 113 }, 24, "documentation" },
	{ { 224 }, 4, "multicast" },
	{ { 240 }, 4, "reserved" },
};

static const struct range ip6[] = {
	{ { [10] = 0xff, 0xff }, 96, "IPv4-mapped" },
	{ { [15] = 1 }, 128, "loopback" },
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, "NAT64" },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, "NAT64" },
	{ { 0 }, 8, "unspecified, IPv4-compatible or reserved" },	/* behind what lies inside it */
	{ { 0x01, 0x00 }, 64, "discard" },
	{ { 0x20, 0x01, 0x00, 0x00 }, 32, "Teredo" },
	{ { 0x20, 0x01 }, 23, "protocol assignments" },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "documentation" },
	{ { 0x20, 0x02 }, 16, "6to4" },
	{ { 0x3f, 0xff }, 20, "documentation" },
	{ { 0x5f, 0x00 }, 16, "segment routing" },
	{ { 0xfc }, 7, "unique local" },
	{ { 0xfe, 0x80 }, 10, "link-local" },
	{ { 0xfe, 0xc0 }, 10, "site-local" },
	{ { 0xff }, 8, "multicast" },
};
/* clang-format on */

static bool
in_range(const struct range *r, const uint8_t *ip)
{
	unsigned whole = r->bits / 8, part = r->bits % 8;

	if (memcmp(r->ip, ip, whole) != 0)
		return false;
	return part == 0 || ((r->ip[whole] ^ ip[whole]) >> (8 - part)) == 0;
}

static const char *
find(const struct range *table, size_t n, const uint8_t *ip)
{
	for (size_t i = 0; i < n; i++)
		if (in_range(&table[i], ip))
			return table[i].name;
	return NULL;
}

const char *
guard_range(const struct addr *a)
{
	if (a->len == 0)
		return "no address";
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return find(ip4, ARRAY_LEN(ip4), (const uint8_t *)&a->u.in4.sin_addr);
	case AF_INET6:
		return find(ip6, ARRAY_LEN(ip6), a->u.in6.sin6_addr.s6_addr);
	default:
		return "not an internet address";
	}
}

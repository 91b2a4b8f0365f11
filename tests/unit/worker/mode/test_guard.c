#include "tests/unit/unit.h"
#include "worker/mode/guard.c"

#define RESERVED "unspecified, IPv4-compatible or reserved"

START_TEST(the_protected_ranges_and_their_neighbours)
{
	static const struct { const char *ip, *range; } rows[] = {
		{ "0.0.0.0", "this network" },
		{ "0.255.255.255", "this network" },
		{ "1.0.0.0", NULL },
		{ "9.255.255.255", NULL },
		{ "10.0.0.0", "private" },
		{ "10.255.255.255", "private" },
		{ "11.0.0.0", NULL },
		{ "100.63.255.255", NULL },
		{ "100.64.0.0", "carrier-grade NAT" },
		{ "100.100.100.200", "carrier-grade NAT" },
		{ "100.127.255.255", "carrier-grade NAT" },
		{ "100.128.0.0", NULL },
		{ "126.255.255.255", NULL },
		{ "127.0.0.1", "loopback" },
		{ "127.255.255.254", "loopback" },
		{ "128.0.0.1", NULL },
		{ "168.63.129.16", "cloud metadata" },
		{ "168.63.129.17", NULL },
		{ "169.253.255.255", NULL },
		{ "169.254.169.254", "link-local" },
		{ "172.15.255.255", NULL },
		{ "172.16.0.1", "private" },
		{ "172.31.255.255", "private" },
		{ "172.32.0.0", NULL },
		{ "192.0.0.192", "protocol assignments" },
		{ "192.0.1.0", NULL },
		{ "192.0.2.1", "documentation" },
		{ "192.88.99.1", "6to4 relay" },
		{ "192.167.255.255", NULL },
		{ "192.168.1.1", "private" },
		{ "198.17.255.255", NULL },
		{ "198.18.0.1", "benchmarking" },
		{ "198.19.255.255", "benchmarking" },
		{ "198.51.100.7", "documentation" },
		{ "203.0.113.9", "documentation" },
		{ "223.255.255.255", NULL },
		{ "224.0.0.1", "multicast" },
		{ "240.0.0.1", "reserved" },
		{ "255.255.255.255", "reserved" },
		{ "::", RESERVED },
		{ "::1", "loopback" },
		{ "::7f00:1", RESERVED },
		{ "::ffff:127.0.0.1", "IPv4-mapped" },
		{ "::ffff:8.8.8.8", "IPv4-mapped" },
		{ "64:ff9b::7f00:1", "NAT64" },
		{ "64:ff9b::808:808", "NAT64" },
		{ "64:ff9b:1::a00:1", "NAT64" },
		{ "64:ff9b:2::1", RESERVED },
		{ "100::1", "discard" },
		{ "2001::1", "Teredo" },
		{ "2001:2::1", "protocol assignments" },
		{ "2001:200::1", NULL },
		{ "2001:db8::1", "documentation" },
		{ "2002:7f00:1::1", "6to4" },
		{ "2003::1", NULL },
		{ "2606:4700:4700::1111", NULL },
		{ "3fff:fff::1", "documentation" },
		{ "5f00::1", "segment routing" },
		{ "fbff::1", NULL },
		{ "fd00:ec2::254", "unique local" },
		{ "fe7f::1", NULL },
		{ "fe80::1", "link-local" },
		{ "febf::1", "link-local" },
		{ "fec0::1", "site-local" },
		{ "ff02::1", "multicast" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		const char *range;

		ck_assert_msg(addr_parse_ip(&a, span_str(rows[i].ip), 80) == 0, "%s", rows[i].ip);
		range = guard_range(&a);
		if (rows[i].range == NULL)
			ck_assert_msg(range == NULL, "%s: %s", rows[i].ip, range);
		else
			ck_assert_msg(range != NULL && strcmp(range, rows[i].range) == 0, "%s: %s",
			    rows[i].ip, range == NULL ? "public" : range);
	}
}
END_TEST

START_TEST(what_is_no_internet_address_is_protected)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, "unix:/run/docker.sock", NULL), 0);
	ck_assert_ptr_nonnull(guard_range(&a));
	a.len = 0;
	ck_assert_ptr_nonnull(guard_range(&a));
}
END_TEST

UNIT_MAIN("worker/mode/guard", the_protected_ranges_and_their_neighbours,
    what_is_no_internet_address_is_protected)

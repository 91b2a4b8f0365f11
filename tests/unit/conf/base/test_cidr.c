#include <stdio.h>
#include <sys/socket.h>
#include "conf/base/addr.h"
#include "tests/unit/unit.h"

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse_ip(&a, span_str(text), 80) == 0, "'%s'", text);
	return a;
}

static struct cidr
block(const char *text)
{
	struct cidr c;

	ck_assert_msg(cidr_parse(&c, text, NULL) == 0, "'%s'", text);
	return c;
}

START_TEST(blocks_print_in_their_plain_form)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" }, { "1.2.3.4", "1.2.3.4/32" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "::1", "::1/128" }, { "::/0", "::/0" }, { "fe80::/10", "fe80::/10" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" }, { "::ffff:1.2.3.4", "1.2.3.4/32" },
		{ "::ffff:0:0/96", "0.0.0.0/0" }, { "::/95", "::/95" },
	};
	char buf[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c = block(rows[i].in);

		cidr_text(&c, buf);
		ck_assert_str_eq(buf, rows[i].out);
	}
}
END_TEST

START_TEST(refusals_say_what_to_write_instead)
{
	static const struct { const char *in; int rc; const char *why; } rows[] = {
		{ "all", -E_SYNTAX, "0.0.0.0/0" }, { "", -E_SYNTAX, "as in 10.0.0.0/8" },
		{ "10.0.0.0/33", -E_RANGE, "at most 32" }, { "::/129", -E_RANGE, "at most 128" },
		{ "10.0.0.0/", -E_SYNTAX, "not a prefix length" },
		{ "10.0.0.0/-1", -E_SYNTAX, "not a prefix length" },
		{ "10.0.0.0/8/8", -E_SYNTAX, "not a prefix length" },
		{ "10.0.0.0/255.0.0.0", -E_SYNTAX, "not a prefix length" },
		{ "10/8", -E_SYNTAX, "as in 10.0.0.0/8" }, { "[::1]/128", -E_SYNTAX, "as in" },
		{ "10.1.2.3/8", -E_SYNTAX, "write 10.0.0.0/8" },
		{ "fe80::1/10", -E_SYNTAX, "write fe80::/10" }, { "1.0.0.0/0", -E_SYNTAX, "write 0.0.0.0/0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };
		struct cidr c;

		ck_assert_msg(cidr_parse(&c, rows[i].in, &ed) == rows[i].rc, "'%s'", rows[i].in);
		ck_assert_msg(strstr(ed.text, rows[i].why) != NULL, "%s", ed.text);
	}
}
END_TEST

START_TEST(membership_ends_at_the_prefix)
{
	static const struct { const char *cidr, *ip; bool has; } rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true }, { "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false }, { "10.0.0.0/8", "::ffff:10.1.1.1", true },
		{ "::ffff:10.0.0.0/104", "10.1.1.1", true }, { "10.0.0.0/8", "::10.1.1.1", false },
		{ "1.2.3.4", "1.2.3.4", true }, { "1.2.3.4", "1.2.3.5", false },
		{ "172.16.0.0/12", "172.31.255.255", true }, { "172.16.0.0/12", "172.32.0.0", false },
		{ "128.0.0.0/1", "128.0.0.0", true }, { "128.0.0.0/1", "127.255.255.255", false },
		{ "0.0.0.0/0", "255.1.2.3", true }, { "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true }, { "::/0", "1.2.3.4", false },
		{ "fe80::/10", "febf::1", true }, { "fe80::/10", "fec0::1", false },
		{ "::1", "::1", true }, { "::1", "::2", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c = block(rows[i].cidr);
		struct addr a = ip(rows[i].ip);

		ck_assert_msg(
		    cidr_has(&c, &a) == rows[i].has, "%s in %s", rows[i].ip, rows[i].cidr);
	}
}
END_TEST

START_TEST(address_without_ip_is_in_no_block)
{
	struct cidr_tree *t = cidr_tree_new();
	struct cidr c = block("0.0.0.0/0");
	struct addr none = { 0 }, u;
	uint32_t v;

	ck_assert_int_eq(addr_parse(&u, "unix:/a", NULL), 0);
	cidr_tree_add(t, &c, 1);
	ck_assert(!cidr_has(&c, &none) && !cidr_has(&c, &u));
	ck_assert(!cidr_tree_find(t, &none, &v) && !cidr_tree_find(t, &u, &v));
	cidr_tree_free(&t);
	ck_assert_ptr_null(t);
	cidr_tree_free(&t);
}
END_TEST

/* A name that a client gave its end decides nothing, and no network of IP addresses has it. */
START_TEST(a_unix_block_has_every_unix_peer_and_nobody_else)
{
	struct cidr_tree *t = cidr_tree_new();
	struct cidr c = { .family = AF_UNIX }, everything = block("::/0");
	struct addr named, nameless = { .len = 2, .u.un.sun_family = AF_UNIX }, none = { 0 };
	struct addr in4 = ip("127.0.0.1");
	char text[ADDR_TEXT];
	uint32_t v = 7;

	ck_assert_int_eq(addr_parse(&named, "unix:/a", NULL), 0);
	ck_assert(cidr_has(&c, &named) && cidr_has(&c, &nameless));
	ck_assert(!cidr_has(&c, &in4) && !cidr_has(&c, &none));
	cidr_tree_add(t, &everything, 1);
	ck_assert(!cidr_tree_find(t, &nameless, &v));
	cidr_tree_add(t, &c, 2);
	ck_assert(cidr_tree_find(t, &named, &v) && v == 2);
	ck_assert(cidr_tree_find(t, &nameless, &v));
	ck_assert(!cidr_tree_find(t, &in4, &v) && !cidr_tree_find(t, &none, &v));
	cidr_text(&c, text);
	ck_assert_str_eq(text, "unix");
	ck_assert_int_eq(cidr_parse(&c, "unix", NULL), -E_SYNTAX);
	cidr_tree_free(&t);
}
END_TEST

START_TEST(tree_finds_the_most_specific_block)
{
	static const char *const blocks[] = {
		"10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.128.0.0/9", "::/0",
		"2001:db8::/32", "2001:db8:1::/48", "::1", "192.168.0.0/16", "192.169.0.0/16",
	};
	static const struct { const char *ip; int value; } rows[] = {
		{ "10.1.2.3", 3 }, { "10.1.2.4", 0 }, { "10.1.3.4", 2 }, { "10.2.0.0", 1 },
		{ "10.200.0.0", 4 }, { "11.0.0.0", -1 }, { "::ffff:10.1.2.3", 3 }, { "::2", 5 },
		{ "::1", 8 }, { "2001:db8::1", 6 }, { "2001:db8:1::1", 7 }, { "2001:db9::", 5 },
		{ "192.168.1.1", 9 }, { "192.169.1.1", 10 }, { "192.170.1.1", -1 }, { "0.0.0.0", -1 },
	};
	struct cidr_tree *t = cidr_tree_new();

	for (uint32_t i = 0; i < ARRAY_LEN(blocks); i++) {
		struct cidr c = block(blocks[i]);

		cidr_tree_add(t, &c, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].ip);
		uint32_t v = 0;
		int got = cidr_tree_find(t, &a, &v) ? (int)v : -1;

		ck_assert_msg(got == rows[i].value, "%s: %d", rows[i].ip, got);
	}
	cidr_tree_free(&t);
}
END_TEST

START_TEST(same_prefix_is_replaced)
{
	struct cidr_tree *t = cidr_tree_new();
	struct cidr c = block("10.0.0.0/8");
	struct addr a = ip("10.0.0.1");
	uint32_t v = 0;

	cidr_tree_add(t, &c, 1);
	cidr_tree_add(t, &c, 2);
	ck_assert(cidr_tree_find(t, &a, &v));
	ck_assert_uint_eq(v, 2);
	cidr_tree_free(&t);
}
END_TEST

/* The tree against the definition: the longest of all blocks that have the address. */
START_TEST(tree_agrees_with_a_linear_search)
{
	enum { BLOCKS = 400, PROBES = 2000 };
	static struct cidr blocks[BLOCKS];
	struct cidr_tree *t = cidr_tree_new();
	uint32_t seed = 1;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint32_t bits = (seed = seed * 1664525 + 1013904223) >> 16 & 31,
			 at = seed * 2654435761u;
		char text[64];

		at = bits == 0 ? 0 : (at & 0x3fffffff) >> (32 - bits) << (32 - bits);
		(void)snprintf(text, sizeof text, "%u.%u.%u.%u/%u", at >> 24, at >> 16 & 255,
		    at >> 8 & 255, at & 255, bits);
		blocks[i] = block(text);
		cidr_tree_add(t, &blocks[i], i);
	}
	for (int n = 0; n < PROBES; n++) {
		struct addr a = ip("0.0.0.0");
		uint32_t v = BLOCKS;
		int best = -1;

		a.u.in4.sin_addr.s_addr = (seed = seed * 1664525 + 1013904223) & 0xffffff3f;
		for (int i = 0; i < BLOCKS; i++)
			if (cidr_has(&blocks[i], &a) &&
			    (best < 0 || blocks[i].bits >= blocks[best].bits))
				best = i;
		ck_assert_int_eq(cidr_tree_find(t, &a, &v), best >= 0);
		ck_assert_uint_eq(v, best < 0 ? BLOCKS : (uint32_t)best);
	}
	cidr_tree_free(&t);
}
END_TEST

UNIT_MAIN("conf/base/cidr", blocks_print_in_their_plain_form, refusals_say_what_to_write_instead,
    membership_ends_at_the_prefix, address_without_ip_is_in_no_block,
    a_unix_block_has_every_unix_peer_and_nobody_else, tree_finds_the_most_specific_block,
    same_prefix_is_replaced, tree_agrees_with_a_linear_search)

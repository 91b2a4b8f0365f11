#include <stdlib.h>
#include "tests/unit/unit.h"
#include "worker/front/proxy.c"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define IP4 "\xc0\x00\x02\x01\xc0\x00\x02\x02\x30\x39\x00\x50"	/* 192.0.2.1:12345 -> 192.0.2.2:80 */
#define IP6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x08\x30\x39\x00\x50"
#define B(lit) { (lit), sizeof(lit) - 1 }

static struct addr dst;

/* A copy of its own, so that a byte read behind the end is seen. */
static enum proxy_result
parse(struct span s, size_t *len, struct addr *src)
{
	char *copy = malloc(s.n == 0 ? 1 : s.n);
	enum proxy_result rc;

	memcpy(copy, s.p == NULL ? "" : s.p, s.n);
	rc = proxy_parse(span_make(s.n == 0 ? NULL : copy, s.n), len, src, &dst);
	free(copy);
	return rc;
}

/* src NULL: the connection's own address */
struct row { struct span bytes; enum proxy_result rc; const char *src; size_t behind; };

static void
check(const struct row *row)
{
	struct addr src = { .len = 99 };
	char text[ADDR_TEXT];
	size_t len = 0;
	enum proxy_result rc = parse(row->bytes, &len, &src);

	ck_assert_msg(rc == row->rc, "%.*s: %d", SPAN_ARG(row->bytes), rc);
	if (rc != PROXY_OK)
		return;
	ck_assert_uint_eq(len, row->bytes.n - row->behind);
	if (row->src == NULL)
		ck_assert_uint_eq(src.len, 0);
	else
		ck_assert_str_eq(addr_text(&src, text), row->src);
	if (src.len != 0)
		ck_assert_int_eq(dst.u.sa.sa_family, src.u.sa.sa_family);
	if (src.len != 0 && addr_port(&src) == 12345 && src.u.sa.sa_family == AF_INET)
		ck_assert_str_eq(addr_text(&dst, text), "192.0.2.2:80");
	for (size_t n = 0; n < len; n++)
		ck_assert_msg(parse(span_make(row->bytes.p, n), &(size_t){ 0 }, &src) == PROXY_MORE,
		    "%.*s cut at %zu", SPAN_ARG(row->bytes), n);
}

START_TEST(version_1_is_one_strict_line)
{
	static const struct row rows[] = {
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\n"), PROXY_OK, "192.0.2.1:12345", 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\nGET /"), PROXY_OK, "192.0.2.1:12345", 5 },
		{ B("PROXY TCP6 2001:db8::7 2001:db8::8 1 65535\r\n"), PROXY_OK, "[2001:db8::7]:1", 0 },
		{ B("PROXY UNKNOWN\r\n"), PROXY_OK, NULL, 0 },
		{ B("PROXY UNKNOWN whatever it says\r\n"), PROXY_OK, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 0 80\r\n"), PROXY_OK, "192.0.2.1:0", 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 012 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 12345\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 192.0.2.2 12345 80 \r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4  192.0.2.1 192.0.2.2 12345 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 2001:db8::7 192.0.2.2 12345 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP6 192.0.2.1 192.0.2.2 12345 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY TCP4 192.0.2.1 localhost 12345 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY tcp4 192.0.2.1 192.0.2.2 12345 80\r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY \r\n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY \n"), PROXY_BAD, NULL, 0 },
		{ B("PROXY UNIX a b 1 2\r\n"), PROXY_BAD, NULL, 0 },
		{ B("proxy TCP4"), PROXY_BAD, NULL, 0 },
		{ B("GET / HTTP/1.1\r\n"), PROXY_BAD, NULL, 0 },
		{ B("\x16\x03\x01"), PROXY_BAD, NULL, 0 },
		{ B("\r\n\r\nGET / "), PROXY_BAD, NULL, 0 },
		{ B(""), PROXY_MORE, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}
END_TEST

START_TEST(a_line_is_107_bytes_at_most)
{
	char line[120];

	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + 105, "\r\n", 2);
	check(&(struct row){ span_make(line, 107), PROXY_OK, NULL, 0 });
	memcpy(line + 105, "xx\r\n", 4);
	check(&(struct row){ span_make(line, 109), PROXY_BAD, NULL, 0 });
	check(&(struct row){ span_make(line, 107), PROXY_BAD, NULL, 0 });
	check(&(struct row){ span_make(line, 106), PROXY_MORE, NULL, 0 });
}
END_TEST

START_TEST(version_2_is_checked_to_its_last_tlv)
{
	static const struct row rows[] = {
		{ B(SIG "\x21\x11\x00\x0c" IP4), PROXY_OK, "192.0.2.1:12345", 0 },
		{ B(SIG "\x21\x11\x00\x0c" IP4 "GET"), PROXY_OK, "192.0.2.1:12345", 3 },
		{ B(SIG "\x21\x21\x00\x24" IP6), PROXY_OK, "[2001:db8::7]:12345", 0 },
		{ B(SIG "\x20\x00\x00\x00"), PROXY_OK, NULL, 0 },
		{ B(SIG "\x20\x11\x00\x0c" IP4), PROXY_OK, NULL, 0 },
		{ B(SIG "\x20\x12\x00\x0c" IP4), PROXY_OK, NULL, 0 },	/* LOCAL: whatever family */
		{ B(SIG "\x21\x00\x00\x00"), PROXY_OK, NULL, 0 },
		{ B(SIG "\x21\x11\x00\x13" IP4 "\x02\x00\x04host"), PROXY_OK, "192.0.2.1:12345", 0 },
		{ B(SIG "\x21\x11\x00\x0f" IP4 "\x04\x00\x00"), PROXY_OK, "192.0.2.1:12345", 0 },
		{ B(SIG "\x21\x11\x00\x0e" IP4 "\x04\x00"), PROXY_BAD, NULL, 0 },	/* half a TLV */
		{ B(SIG "\x21\x11\x00\x10" IP4 "\x04\x00\x02x"), PROXY_BAD, NULL, 0 },	/* longer than the header */
		{ B(SIG "\x21\x11\x00\x0b" IP4), PROXY_BAD, NULL, 0 },		/* shorter than its addresses */
		{ B(SIG "\x21\x21\x00\x0c" IP4), PROXY_BAD, NULL, 0 },
		{ B(SIG "\x21\x12\x00\x0c" IP4), PROXY_BAD, NULL, 0 },		/* UDP */
		{ B(SIG "\x21\x31\x00\x0c" IP4), PROXY_BAD, NULL, 0 },		/* UNIX */
		{ B(SIG "\x11\x11\x00\x0c" IP4), PROXY_BAD, NULL, 0 },		/* version 1 in binary */
		{ B(SIG "\x22\x11\x00\x0c" IP4), PROXY_BAD, NULL, 0 },		/* unknown command */
		{ B(SIG "\x21\x11\xff\xff"), PROXY_BAD, NULL, 0 },			/* 64 KiB announced */
		{ B(SIG "\x21\x11\x02\x09"), PROXY_BAD, NULL, 0 },			/* one byte above 536 */
		{ B(SIG "\x21\x11\x02\x08"), PROXY_MORE, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}
END_TEST

static uint32_t
slow_crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;

	while (n-- > 0) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

START_TEST(a_checksum_is_verified_wherever_it_stands)
{
	static const char tail[2][14] = { "\x03\x00\x04\0\0\0\0\x04\x00\x02zz",
		"\x04\x00\x02zz\x03\x00\x04\0\0\0\0" };
	static const size_t at[2] = { 31, 36 };

	for (int i = 0; i < 2; i++) {
		uint8_t h[40];
		uint32_t crc;

		memcpy(h, SIG "\x21\x11\x00\x18" IP4, 28);
		memcpy(h + 28, tail[i], 12);
		crc = slow_crc32c(h, sizeof h);
		for (int b = 0; b < 4; b++)
			h[at[i] + (size_t)b] = (uint8_t)(crc >> (24 - 8 * b));
		check(&(struct row){
		    span_make((char *)h, sizeof h), PROXY_OK, "192.0.2.1:12345", 0 });
		for (size_t bit = 16 * 8; bit < 28 * 8; bit++) {	/* of the addresses */
			h[bit / 8] ^= (uint8_t)(1u << bit % 8);
			check(&(struct row){ span_make((char *)h, sizeof h), PROXY_BAD, NULL, 0 });
			h[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		h[at[i]] ^= 1;
		check(&(struct row){ span_make((char *)h, sizeof h), PROXY_BAD, NULL, 0 });
	}
}
END_TEST

UNIT_MAIN("worker/front/proxy", version_1_is_one_strict_line, a_line_is_107_bytes_at_most,
    version_2_is_checked_to_its_last_tlv, a_checksum_is_verified_wherever_it_stands)

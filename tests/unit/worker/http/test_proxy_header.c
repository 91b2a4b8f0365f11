/*
 * The bytes of proxy-protocol.txt, and what the reader of our own listeners makes of them.
 */
#include "worker/http/proxy_header.h"

#include "tests/unit/unit.h"
#include "worker/front/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define TEXT(lit) { (lit), sizeof(lit) - 1 }

static struct addr
address(const char *text)
{
	struct addr a = { .len = 0 };

	if (text != NULL)
		ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	return a;
}

static const struct row {
	const char *from, *to;
	struct span v1, v2;
} rows[] = {
	{ "192.0.2.7:4711", "192.0.2.1:80", TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"),
	    TEXT(SIG "\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x50") },
	{ "255.255.255.255:65535", "255.255.255.255:65535",
	    TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    TEXT(SIG "\x21\x11\0\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
	{ "[2001:db8::7]:4711", "[2001:db8::1]:80",
	    TEXT("PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n"),
	    TEXT(SIG "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
		     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x67\0\x50") },
	{ "[::ffff:192.0.2.7]:4711", "[::ffff:192.0.2.1]:80",
	    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"),
	    TEXT(SIG "\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x50") },
	{ "[2001:db8::7]:4711", "192.0.2.1:80",
	    TEXT("PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 4711 80\r\n"),
	    TEXT(SIG "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
		     "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\x12\x67\0\x50") },
	{ "unix:/client", "unix:/run/web.sock", TEXT("PROXY UNKNOWN\r\n"), TEXT(SIG "\x21\0\0\0") },
	{ "192.0.2.7:4711", "unix:/run/web.sock", TEXT("PROXY UNKNOWN\r\n"), TEXT(SIG "\x21\0\0\0") },
	{ NULL, "192.0.2.1:80", TEXT("PROXY UNKNOWN\r\n"), TEXT(SIG "\x20\0\0\0") },
};

static struct span
header(char out[PROXY_HEADER_MAX], enum conf_send_proxy version, const struct row *row)
{
	struct addr from = address(row->from), to = address(row->to);

	return span_make(out, proxy_header(out, version, row->from == NULL ? NULL : &from, &to));
}

START_TEST(headers_are_those_of_the_specification)
{
	char out[PROXY_HEADER_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(
		    span_eq(header(out, SEND_PROXY_V1, &rows[i]), rows[i].v1), "v1 %zu", i);
		ck_assert_msg(
		    span_eq(header(out, SEND_PROXY_V2, &rows[i]), rows[i].v2), "v2 %zu", i);
		ck_assert_uint_eq(header(out, SEND_PROXY_OFF, &rows[i]).n, 0);
	}
}
END_TEST

START_TEST(our_own_reader_understands_them)
{
	static const enum conf_send_proxy versions[] = { SEND_PROXY_V1, SEND_PROXY_V2 };
	char out[PROXY_HEADER_MAX];

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i / 2];
		struct span bytes = header(out, versions[i % 2], row);
		struct addr src, dst, from = address(row->from), to = address(row->to);
		size_t len;

		ck_assert_int_eq(proxy_parse(bytes, &len, &src, &dst), PROXY_OK);
		ck_assert_uint_eq(len, bytes.n);
		if (bytes.n <= 16)
			ck_assert_uint_eq(src.len, 0);
		if (src.len == 0)
			continue;
		src = addr_fold(&src);
		dst = addr_fold(&dst);
		from = addr_fold(&from);
		to = addr_fold(&to);
		ck_assert(addr_eq(&src, &from) && addr_eq(&dst, &to));
	}
}
END_TEST

UNIT_MAIN("worker/http/proxy_header", headers_are_those_of_the_specification,
    our_own_reader_understands_them)

/*
 * Version 1 is one line of text, version 2 a binary header with a fixed signature, an address block and TLVs.
 * TLV lengths are checked and a CRC32c TLV, when present, is verified; their contents are not used.
 */
#include "worker/front/proxy.h"

#include <arpa/inet.h>

#include "conf/base/crc32c.h"

#define V1_MAX	107
#define V2_HEAD	16
#define V2_MAX	536
#define TLV_CRC32C 0x03

static const uint8_t v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
v1_address(struct addr *a, struct span ip, struct span port, int family)
{
	uint64_t n;

	if (port.n > 1 && port.p[0] == '0')
		return false;
	return span_to_u64(port, 65535, &n) == 0 && addr_parse_ip(a, ip, (uint16_t)n) == 0 &&
	    a->u.sa.sa_family == family;
}

static enum proxy_result
parse_v1(struct span buf, size_t *len, struct addr *src, struct addr *dst)
{
	struct span line, proto, from, to, from_port, to_port;
	ptrdiff_t lf = span_find(span_make(buf.p, buf.n < V1_MAX ? buf.n : V1_MAX), '\n');
	int family;

	if (lf < 0)
		return buf.n >= V1_MAX ? PROXY_BAD : PROXY_MORE;
	if (lf < 1 || buf.p[lf - 1] != '\r')
		return PROXY_BAD;
	*len = (size_t)lf + 1;
	line = span_make(buf.p + 6, (size_t)lf - 1 - 6);
	if (!span_split(&line, ' ', &proto))
		return PROXY_BAD;
	if (span_eq_str(proto, "UNKNOWN")) {
		src->len = 0;
		return PROXY_OK;
	}
	family = span_eq_str(proto, "TCP4") ? AF_INET :
	    span_eq_str(proto, "TCP6") ? AF_INET6 : AF_UNSPEC;
	if (family == AF_UNSPEC || !span_split(&line, ' ', &from) || !span_split(&line, ' ', &to) ||
	    !span_split(&line, ' ', &from_port) || !span_split(&line, ' ', &to_port) ||
	    line.p != NULL)
		return PROXY_BAD;
	if (!v1_address(src, from, from_port, family) || !v1_address(dst, to, to_port, family))
		return PROXY_BAD;
	return PROXY_OK;
}

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Of the whole header, with four zero bytes in place of the checksum at `at`. */
static uint32_t
checksum(const uint8_t *p, size_t n, size_t at)
{
	const char *c = (const char *)p;
	uint32_t crc = crc32c(crc32c(0, span_make(c, at)), SPAN("\0\0\0\0"));

	return crc32c(crc, span_make(c + at + 4, n - at - 4));
}

static bool
tlvs_ok(const uint8_t *p, size_t at, size_t len)
{
	while (at < len) {
		size_t n;

		if (len - at < 3)
			return false;
		n = be16(p + at + 1);
		if (len - at - 3 < n)
			return false;
		if (p[at] == TLV_CRC32C) {
			const uint8_t *v = p + at + 3;

			if (n != 4 ||
			    ((uint32_t)be16(v) << 16 | be16(v + 2)) != checksum(p, len, at + 3))
				return false;
		}
		at += 3 + n;
	}
	return true;
}

static void
v2_address(struct addr *a, int family, const uint8_t *ip, const uint8_t *port)
{
	*a = (struct addr){ 0 };
	if (family == AF_INET) {
		a->len = sizeof a->u.in4;
		a->u.in4.sin_family = AF_INET;
		memcpy(&a->u.in4.sin_addr, ip, 4);
		memcpy(&a->u.in4.sin_port, port, 2);
	} else {
		a->len = sizeof a->u.in6;
		a->u.in6.sin6_family = AF_INET6;
		memcpy(&a->u.in6.sin6_addr, ip, 16);
		memcpy(&a->u.in6.sin6_port, port, 2);
	}
}

static enum proxy_result
parse_v2(struct span buf, size_t *len, struct addr *src, struct addr *dst)
{
	const uint8_t *p = (const uint8_t *)buf.p;
	size_t body, block;

	if (buf.n < V2_HEAD)
		return PROXY_MORE;
	body = be16(p + 14);
	*len = V2_HEAD + body;
	if (p[12] >> 4 != 2 || (p[12] & 15) > 1 || *len > V2_MAX)
		return PROXY_BAD;
	if (buf.n < *len)
		return PROXY_MORE;
	src->len = 0;
	block = p[13] == 0x11 ? 12 : p[13] == 0x21 ? 36 : 0;
	if ((p[12] & 15) == 0)
		return PROXY_OK;	/* LOCAL, a health check of the balancer itself: the rest says nothing */
	if (p[13] != 0x11 && p[13] != 0x21 && p[13] != 0x00)
		return PROXY_BAD;	/* UDP and UNIX make no sense on a TCP listener */
	if (body < block || !tlvs_ok(p, V2_HEAD + block, *len))
		return PROXY_BAD;
	if (block == 0)
		return PROXY_OK;
	if (block == 12) {
		v2_address(src, AF_INET, p + 16, p + 24);
		v2_address(dst, AF_INET, p + 20, p + 26);
	} else {
		v2_address(src, AF_INET6, p + 16, p + 48);
		v2_address(dst, AF_INET6, p + 32, p + 50);
	}
	return PROXY_OK;
}

enum proxy_result
proxy_parse(struct span buf, size_t *len, struct addr *src, struct addr *dst)
{
	size_t n = buf.n < sizeof v2_signature ? buf.n : sizeof v2_signature;

	if (n > 0 && memcmp(buf.p, v2_signature, n) == 0)
		return n < sizeof v2_signature ? PROXY_MORE : parse_v2(buf, len, src, dst);
	n = buf.n < 6 ? buf.n : 6;
	if (memcmp(buf.p == NULL ? "" : buf.p, "PROXY ", n) != 0)
		return PROXY_BAD;
	return n < 6 ? PROXY_MORE : parse_v1(buf, len, src, dst);
}

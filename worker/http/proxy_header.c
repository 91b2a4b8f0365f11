/*
 * Both addresses of a header have one family: a mapped address counts as IPv4, and one IPv4 address beside an IPv6
 * one is mapped.
 *
 *	v1:	PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n
 *	v2:	signature (12) | 0x2_ command | family | length (2) | from ip, to ip, from port, to port
 */
#include "worker/http/proxy_header.h"

#include <stdio.h>

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

struct pair { int family; struct addr from, to; };

static int
ip_family(const struct addr *a)
{
	int family = a->len == 0 ? AF_UNSPEC : a->u.sa.sa_family;

	return family == AF_INET || family == AF_INET6 ? family : AF_UNSPEC;
}

static void
map_ip4(struct addr *a)
{
	struct addr six = { .len = sizeof six.u.in6, .u.in6.sin6_family = AF_INET6 };

	if (a->u.sa.sa_family != AF_INET)
		return;
	six.u.in6.sin6_port = a->u.in4.sin_port;
	six.u.in6.sin6_addr.s6_addr[10] = six.u.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(six.u.in6.sin6_addr.s6_addr + 12, &a->u.in4.sin_addr, 4);
	*a = six;
}

static struct pair
pair_make(const struct addr *from, const struct addr *to)
{
	struct pair p = { .family = AF_UNSPEC };

	if (from == NULL || ip_family(from) == AF_UNSPEC || ip_family(to) == AF_UNSPEC)
		return p;
	p.from = addr_fold(from);
	p.to = addr_fold(to);
	if (p.from.u.sa.sa_family != p.to.u.sa.sa_family) {
		map_ip4(&p.from);
		map_ip4(&p.to);
	}
	p.family = p.from.u.sa.sa_family;
	return p;
}

static size_t
write_v1(char out[PROXY_HEADER_MAX], const struct pair *p)
{
	char from[ADDR_TEXT], to[ADDR_TEXT], line[PROXY_HEADER_MAX + 1];
	int n;

	if (p->family == AF_UNSPEC)
		n = snprintf(line, sizeof line, "PROXY UNKNOWN\r\n");
	else
		n = snprintf(line, sizeof line, "PROXY TCP%c %.45s %.45s %u %u\r\n",
		    p->family == AF_INET ? '4' : '6', addr_ip_text(&p->from, from),
		    addr_ip_text(&p->to, to), addr_port(&p->from), addr_port(&p->to));
	memcpy(out, line, (size_t)n);
	return (size_t)n;
}

static char *
put(char *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static char *
put_pair(char *at, const struct pair *p)
{
	if (p->family == AF_INET) {
		at = put(at, &p->from.u.in4.sin_addr, 4);
		at = put(at, &p->to.u.in4.sin_addr, 4);
		at = put(at, &p->from.u.in4.sin_port, 2);
		at = put(at, &p->to.u.in4.sin_port, 2);
	} else if (p->family == AF_INET6) {
		at = put(at, &p->from.u.in6.sin6_addr, 16);
		at = put(at, &p->to.u.in6.sin6_addr, 16);
		at = put(at, &p->from.u.in6.sin6_port, 2);
		at = put(at, &p->to.u.in6.sin6_port, 2);
	}
	return at;
}

static size_t
write_v2(char out[PROXY_HEADER_MAX], const struct pair *p, bool own)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
	char *at = put(out, signature, sizeof signature), *body = at + 4;

	at[0] = own ? V2_LOCAL : V2_PROXY;
	at[1] = p->family == AF_INET ? V2_TCP4 : p->family == AF_INET6 ? V2_TCP6 : V2_UNSPEC;
	at[2] = 0;
	at[3] = (char)(put_pair(body, p) - body);
	return (size_t)(body - out) + (size_t)at[3];
}

size_t
proxy_header(char out[PROXY_HEADER_MAX], enum conf_send_proxy version, const struct addr *from,
    const struct addr *to)
{
	struct pair p = pair_make(from, to);

	switch (version) {
	case SEND_PROXY_OFF:	return 0;
	case SEND_PROXY_V1:	return write_v1(out, &p);
	case SEND_PROXY_V2:	return write_v2(out, &p, from == NULL);
	}
	return 0;
}

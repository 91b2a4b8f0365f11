/*
 * addr.c - reading, comparing and printing socket addresses.
 *
 * Only literals are understood: a name is the resolver's business. What is accepted is what
 * inet_pton accepts, so that "127.1", "0x7f.1", "010.0.0.1" and scope ids are errors and not
 * addresses.
 */
#include "conf/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "conf/base/assert.h"

static struct addr
addr_in4(struct in_addr ip, uint16_t port)
{
	return (struct addr){ .len = sizeof(struct sockaddr_in),
		.u.in4 = { .sin_family = AF_INET, .sin_addr = ip, .sin_port = htons(port) } };
}

static struct addr
addr_in6(struct in6_addr ip, uint16_t port)
{
	return (struct addr){ .len = sizeof(struct sockaddr_in6),
		.u.in6 = { .sin6_family = AF_INET6, .sin6_addr = ip, .sin6_port = htons(port) } };
}

static int
family(const struct addr *a)
{
	return a->len == 0 ? AF_UNSPEC : a->u.sa.sa_family;
}

int
addr_parse_ip(struct addr *out, struct span ip, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in4;

	if (ip.n == 0 || ip.n >= sizeof text || memchr(ip.p, '\0', ip.n) != NULL)
		return -E_SYNTAX;
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	if (inet_pton(AF_INET, text, &in4) == 1)
		*out = addr_in4(in4, port);
	else if (inet_pton(AF_INET6, text, &in6) == 1)
		*out = addr_in6(in6, port);
	else
		return -E_SYNTAX;
	return 0;
}

static int
parse_unix(struct addr *out, const char *text, const char *path, struct errdetail *ed)
{
	struct addr a = { .u.un = { .sun_family = AF_UNIX } };
	size_t n = strlen(path);

	if (path[0] != '/' && (path[0] != '@' || n == 1))
		return err_set(ed, -E_SYNTAX,
		    "'%s': a socket path is absolute, as in unix:/run/app.sock, or a name, as in unix:@app", text);
	if (n >= sizeof a.u.un.sun_path)
		return err_set(ed, -E_RANGE, "'%s': socket path longer than %zu bytes", text,
		    sizeof a.u.un.sun_path - 1);
	memcpy(a.u.un.sun_path, path, n + 1);
	a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
	if (path[0] == '@')
		a.u.un.sun_path[0] = '\0';	/* unix(7): abstract, and as long as the address says */
	*out = a;
	return 0;
}

static int
parse_port(uint16_t *out, const char *text, const char *digits, struct errdetail *ed)
{
	uint64_t v;
	int rc = span_to_u64(span_str(digits), UINT16_MAX, &v);

	if (rc == -E_RANGE)
		return err_set(ed, rc, "'%s': a port is at most 65535", text);
	if (rc != 0)
		return err_set(ed, rc, "'%s': '%s' is not a port number", text, digits);
	*out = (uint16_t)v;
	return 0;
}

/* Says what is wrong with a host that is no literal, or a literal in the wrong dress. */
static int
refuse_host(const char *text, struct span host, struct errdetail *ed)
{
	struct addr a;

	if (host.n == 0)
		return err_set(ed, -E_SYNTAX,
		    "'%s': the host is missing; write *%s for every address", text, text);
	if (host.p[0] == '[' || host.p[host.n - 1] == ']')
		return err_set(
		    ed, -E_SYNTAX, "'%s': brackets hold an IPv6 address, as in [::1]:80", text);
	if (addr_parse_ip(&a, host, 0) == 0)
		return err_set(
		    ed, -E_SYNTAX, "'%s': an IPv6 address goes in brackets, as in [::1]:80", text);
	return err_set(
	    ed, -E_SYNTAX, "'%s': an address is IP:port, [IPv6]:port, *:port or unix:/path", text);
}

static int
parse_host(
    struct addr *out, const char *text, struct span host, uint16_t port, struct errdetail *ed)
{
	bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	struct span ip = bracketed ? span_make(host.p + 1, host.n - 2) : host;
	struct addr a;

	if (span_eq_str(host, "*"))
		a = addr_in6(in6addr_any, port);
	else if (addr_parse_ip(&a, ip, port) != 0 || (family(&a) == AF_INET6) != bracketed)
		return refuse_host(text, host, ed);
	*out = a;
	return 0;
}

/* The colon before the port: the last one, unless it belongs to an IPv6 address. */
static const char *
port_colon(const char *text)
{
	const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
	struct addr a;

	if (colon == NULL || (bracket != NULL && bracket > colon))
		return NULL;
	if (bracket == NULL && addr_parse_ip(&a, span_str(text), 0) == 0)
		return NULL;
	return colon;
}

int
addr_parse(struct addr *out, const char *text, struct errdetail *ed)
{
	const char *colon;
	uint16_t port = 0;
	int rc;

	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(out, text, text + 5, ed);
	colon = port_colon(text);
	if (colon == NULL && text[0] != '[' && strchr(text, ':') != NULL)
		return err_set(
		    ed, -E_SYNTAX, "'%s': the port is missing; write [%s]:80", text, text);
	if (colon == NULL)
		return err_set(ed, -E_SYNTAX, "'%s': the port is missing; write %s:80", text,
		    text[0] == '\0' ? "*" : text);
	rc = parse_port(&port, text, colon + 1, ed);
	if (rc != 0)
		return rc;
	return parse_host(out, text, span_make(text, (size_t)(colon - text)), port, ed);
}

uint16_t
addr_port(const struct addr *a)
{
	switch (family(a)) {
	case AF_INET: return ntohs(a->u.in4.sin_port);
	case AF_INET6: return ntohs(a->u.in6.sin6_port);
	default: return 0;
	}
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (family(a) == AF_INET)
		a->u.in4.sin_port = htons(port);
	else if (family(a) == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

/* A path without its NUL, an abstract name with its leading NUL, or nothing. */
static struct span
unix_path(const struct addr *a)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), n = a->len > head ? a->len - head : 0;

	if (n > 0 && a->u.un.sun_path[0] != '\0')
		n = strnlen(a->u.un.sun_path, n);
	return span_make(a->u.un.sun_path, n);
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	if (family(a) != family(b))
		return false;
	switch (family(a)) {
	case AF_INET:
		return a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr &&
		    a->u.in4.sin_port == b->u.in4.sin_port;
	case AF_INET6:
		return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) == 0 &&
		    a->u.in6.sin6_port == b->u.in6.sin6_port;
	case AF_UNIX: return span_eq(unix_path(a), unix_path(b));
	default: return true;
	}
}

struct addr_peer
addr_pack(const struct addr *a)
{
	struct addr_peer p = { .len = a->len };

	if (a->len == 0)
		return p;
	if (p.len > sizeof p.u)		/* AF_UNIX */
		p.len = sizeof p.u.family;
	memcpy(&p.u, &a->u, p.len);
	return p;
}

struct addr
addr_unpack(const struct addr_peer *p)
{
	struct addr a = { .len = p->len };

	memcpy(&a.u, &p->u, sizeof p->u);
	return a;
}

struct addr
addr_fold(const struct addr *a)
{
	struct in_addr ip;

	if (family(a) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return *a;
	memcpy(&ip, a->u.in6.sin6_addr.s6_addr + 12, sizeof ip);
	return addr_in4(ip, addr_port(a));
}

static void
print_unix(const struct addr *a, char buf[ADDR_TEXT])
{
	struct span path = unix_path(a);

	if (path.n > 0 && path.p[0] == '\0')
		(void)snprintf(buf, ADDR_TEXT, "unix:@%.*s", (int)path.n - 1, path.p + 1);
	else
		(void)snprintf(buf, ADDR_TEXT, "unix:" SPAN_FMT, SPAN_ARG(path));
}

/* Without printf: an address is written for every record of the journal. */
static char *
print_u16(char *p, unsigned v)
{
	char digits[5];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *
print_in4(const struct in_addr *ip, char *p)
{
	uint8_t b[4];

	memcpy(b, ip, sizeof b);
	for (unsigned i = 0; i < 4; i++) {
		p = print_u16(p, b[i]);
		*p++ = '.';
	}
	return p - 1;
}

const char *
addr_ip_text(const struct addr *a, char buf[ADDR_TEXT])
{
	switch (family(a)) {
	case AF_INET: *print_in4(&a->u.in4.sin_addr, buf) = '\0'; break;
	case AF_INET6: inet_ntop(AF_INET6, &a->u.in6.sin6_addr, buf, ADDR_TEXT); break;
	case AF_UNIX: print_unix(a, buf); break;
	default: (void)snprintf(buf, ADDR_TEXT, "-");
	}
	return buf;
}

const char *
addr_text(const struct addr *a, char buf[ADDR_TEXT])
{
	char ip[ADDR_TEXT] UNFILLED, *p;

	if (family(a) == AF_INET) {
		p = print_in4(&a->u.in4.sin_addr, buf);
		*p++ = ':';
		*print_u16(p, addr_port(a)) = '\0';
	} else if (family(a) == AF_INET6) {
		(void)snprintf(buf, ADDR_TEXT, "[%.45s]:%u", addr_ip_text(a, ip), addr_port(a));
	} else {
		addr_ip_text(a, buf);
	}
	return buf;
}

/*
 * addr.h - socket addresses, CIDR blocks and a prefix tree over both families.
 *
 * IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are folded to IPv4 by addr_fold, so that a rule written for
 * one spelling judges the other too.
 */
#pragma once
#include <netinet/in.h>
#include <sys/un.h>
#include "conf/base/span.h"

struct addr {
	socklen_t len;			/* 0 = none */
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in4;
		struct sockaddr_in6	in6;
		struct sockaddr_un	un;
	} u;
};
/* A peer's, in a quarter of the room: of a UNIX socket it has the family, a client may name its end what it likes. */
struct addr_peer {
	socklen_t len;			/* 0 = none */
	union { sa_family_t family; struct sockaddr_in in4; struct sockaddr_in6 in6; } u;
};
#define ADDR_TEXT 128			/* room for any printed address */

/* family AF_INET or AF_INET6, host bits zero; AF_UNIX: every peer of a UNIX socket, whatever its name. */
struct cidr { uint8_t family; uint8_t bits; uint8_t ip[16]; };

/*
 * "1.2.3.4:80", "[::1]:80", "*:80" (every IPv4 and IPv6 address: ::, v6only off), "unix:/path", "unix:@name"
 * (abstract: of the network namespace, without a file). Port 0 passes.
 */
int	addr_parse(struct addr *, const char *text, struct errdetail *) MUST_CHECK;
/* A strict literal, IPv6 without brackets, no scope id; -E_SYNTAX. */
int	addr_parse_ip(struct addr *, struct span ip, uint16_t port) MUST_CHECK;
uint16_t addr_port(const struct addr *);		/* host order; 0 for unix */
void	addr_set_port(struct addr *, uint16_t);
bool	addr_eq(const struct addr *, const struct addr *);	/* family, ip, port */
struct addr_peer addr_pack(const struct addr *);
struct addr addr_unpack(const struct addr_peer *);
struct addr addr_fold(const struct addr *);		/* mapped IPv6 becomes IPv4, others unchanged */
/* The same without a copy: the bytes in network order, 4 for AF_INET and 16 for AF_INET6; NULL: it has none. */
static inline const uint8_t *
addr_fold_ip(const struct addr *a, int *family)
{
	*family = a->len == 0 ? AF_UNSPEC : a->u.sa.sa_family;
	if (*family == AF_INET)
		return (const uint8_t *)&a->u.in4.sin_addr;
	if (*family != AF_INET6)
		return NULL;
	if (!IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return a->u.in6.sin6_addr.s6_addr;
	*family = AF_INET;
	return a->u.in6.sin6_addr.s6_addr + 12;
}
const char *addr_ip_text(const struct addr *, char buf[ADDR_TEXT]);	/* "1.2.3.4", "::1", "unix:/p" */
const char *addr_text(const struct addr *, char buf[ADDR_TEXT]);	/* "1.2.3.4:80", "[::1]:80" */

/* "10.0.0.0/8", "::1"; "all" and bits behind the prefix are errors. A mapped block becomes IPv4. Never AF_UNIX. */
int	cidr_parse(struct cidr *, const char *text, struct errdetail *) MUST_CHECK;
#define CIDR_UNIX "unix"				/* how a block of AF_UNIX is written */
int	cidr_parse_peers(struct cidr *, const char *text, struct errdetail *) MUST_CHECK;	/* or CIDR_UNIX */
bool	cidr_has(const struct cidr *, const struct addr *);	/* the address is folded first */
void	cidr_text(const struct cidr *, char buf[ADDR_TEXT]);

/* Longest-prefix match: path-compressed binary trie, one per IP family; built at load, read-only afterwards. */
struct cidr_tree;
struct cidr_tree *cidr_tree_new(void);
void	cidr_tree_free(struct cidr_tree **);
void	cidr_tree_add(struct cidr_tree *, const struct cidr *, uint32_t value);	/* replaces the same prefix */
bool	cidr_tree_find(const struct cidr_tree *, const struct addr *, uint32_t *value);	/* folded; most specific */

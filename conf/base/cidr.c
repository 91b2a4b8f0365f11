/*
 * cidr.c - address blocks, and the tree that finds the most specific one.
 *
 * Addresses are folded before they are judged, and so are blocks inside ::ffff:0:0/96: both become
 * IPv4. The tree is a binary trie with compressed paths: a node holds a whole prefix, its children
 * continue it by the first bit behind it. Nodes without a value are branching points. Depth is
 * bounded by the address length, so recursion is.
 *
 *	10/8 ---0---> 10.0/16            lookup walks down while the node's prefix matches and
 *	     \--1---> 10.128/9           remembers the last value passed
 */
#include "conf/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define MAPPED_BITS 96

struct node {
	struct node *child[2];
	uint32_t value;
	uint8_t ip[16]; /* bits behind `bits` are zero */
	uint8_t bits;
	bool has_value;
};

struct cidr_tree {
	struct node *root4, *root6;
	uint64_t first4[4]; /* a bit for each first byte that an IPv4 block holds: most addresses are in none */
	uint32_t unix_value;
	bool has_unix;
};

static unsigned
family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

static bool
is_unix(const struct addr *a)
{
	return a->len != 0 && a->u.sa.sa_family == AF_UNIX;
}

static unsigned
bit_at(const uint8_t *ip, unsigned i)
{
	return ip[i / 8] >> (7 - i % 8) & 1;
}

/* How many leading bits a and b share, at most max. */
static unsigned
common_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
	for (unsigned i = 0; i < max; i += 8) {
		unsigned diff = a[i / 8] ^ b[i / 8];

		if (diff != 0) {
			unsigned n = i + (unsigned)__builtin_clz(diff) - 24;

			return n < max ? n : max;
		}
	}
	return max;
}

static void
mask_ip(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static int
refuse_ip(const char *text, struct errdetail *ed)
{
	if (strcmp(text, "all") == 0)
		return err_set(ed, -E_SYNTAX, "'all': write \"0.0.0.0/0\" and \"::/0\"");
	return err_set(ed, -E_SYNTAX,
	    "'%s': a block is an IP address with an optional prefix length, "
	    "as in 10.0.0.0/8 or fd00::/8",
	    text);
}

static int
parse_bits(unsigned *out, const char *text, struct span digits, unsigned max, struct errdetail *ed)
{
	uint64_t v;
	int rc = span_to_u64(digits, max, &v);

	if (rc == -E_RANGE)
		return err_set(ed, rc, "'%s': the prefix length is at most %u", text, max);
	if (rc != 0)
		return err_set(ed, rc,
		    "'%s': '" SPAN_FMT "' is not a prefix length; write a number up to %u", text,
		    SPAN_ARG(digits), max);
	*out = (unsigned)v;
	return 0;
}

/* A block of mapped addresses becomes the IPv4 block it stands for. */
static void
fold(struct cidr *c)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	if (c->family != AF_INET6 || c->bits < MAPPED_BITS ||
	    common_bits(c->ip, mapped, MAPPED_BITS) != MAPPED_BITS)
		return;
	c->family = AF_INET;
	c->bits = (uint8_t)(c->bits - MAPPED_BITS);
	memmove(c->ip, c->ip + 12, 4);
	memset(c->ip + 4, 0, 12);
}

static int
check_host_bits(struct cidr *c, const char *text, struct errdetail *ed)
{
	struct cidr clean = *c;
	char want[ADDR_TEXT];

	mask_ip(clean.ip, clean.bits);
	if (memcmp(clean.ip, c->ip, sizeof c->ip) == 0)
		return 0;
	cidr_text(&clean, want);
	return err_set(ed, -E_SYNTAX, "'%s': bits are set behind the prefix; write %s", text, want);
}

int
cidr_parse(struct cidr *out, const char *text, struct errdetail *ed)
{
	struct span rest = span_str(text), ip = SPAN_NONE;
	struct cidr c = { .bits = 0 };
	struct addr a;
	unsigned bits;
	int rc;

	if (!span_split(&rest, '/', &ip) || addr_parse_ip(&a, ip, 0) != 0)
		return refuse_ip(text, ed);
	c.family = (uint8_t)a.u.sa.sa_family;
	bits = family_bits(c.family);
	memcpy(c.ip,
	    c.family == AF_INET ? (const void *)&a.u.in4.sin_addr : &a.u.in6.sin6_addr, bits / 8);
	if (rest.p != NULL && (rc = parse_bits(&bits, text, rest, bits, ed)) != 0)
		return rc;
	c.bits = (uint8_t)bits;
	rc = check_host_bits(&c, text, ed);
	if (rc != 0)
		return rc;
	fold(&c);
	*out = c;
	return 0;
}

int
cidr_parse_peers(struct cidr *out, const char *text, struct errdetail *ed)
{
	if (strcmp(text, CIDR_UNIX) != 0)
		return cidr_parse(out, text, ed);
	*out = (struct cidr){ .family = AF_UNIX };
	return 0;
}

bool
cidr_has(const struct cidr *c, const struct addr *a)
{
	int family;
	const uint8_t *ip = addr_fold_ip(a, &family);

	if (c->family == AF_UNIX)
		return is_unix(a);
	return ip != NULL && family == c->family &&
	    common_bits(ip, c->ip, c->bits) == c->bits;
}

void
cidr_text(const struct cidr *c, char buf[ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (c->family == AF_UNIX) {
		(void)snprintf(buf, ADDR_TEXT, CIDR_UNIX);
		return;
	}
	inet_ntop(c->family, c->ip, ip, sizeof ip);
	(void)snprintf(buf, ADDR_TEXT, "%s/%u", ip, c->bits);
}

struct cidr_tree *
cidr_tree_new(void)
{
	return mem_alloc(sizeof(struct cidr_tree));
}

static void
node_free(struct node *n)
{
	if (n == NULL)
		return;
	node_free(n->child[0]);
	node_free(n->child[1]);
	mem_free(n);
}

void
cidr_tree_free(struct cidr_tree **tp)
{
	struct cidr_tree *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	node_free(t->root4);
	node_free(t->root6);
	mem_free(t);
}

static struct node *
node_new(const uint8_t ip[16], unsigned bits)
{
	struct node *n = mem_alloc(sizeof *n);

	memcpy(n->ip, ip, sizeof n->ip);
	mask_ip(n->ip, bits);
	n->bits = (uint8_t)bits;
	return n;
}

/* Puts a node for the shared prefix above *at and returns it; the old node becomes its child. */
static struct node *
node_split(struct node **at, unsigned bits)
{
	struct node *old = *at, *up = node_new(old->ip, bits);

	up->child[bit_at(old->ip, bits)] = old;
	*at = up;
	return up;
}

static void
first_add(struct cidr_tree *t, const struct cidr *c)
{
	unsigned n = c->bits < 8 ? 1u << (8 - c->bits) : 1, from = c->ip[0] & ~(n - 1);

	for (unsigned i = from; i < from + n; i++)
		t->first4[i / 64] |= (uint64_t)1 << i % 64;
}

void
cidr_tree_add(struct cidr_tree *t, const struct cidr *c, uint32_t value)
{
	struct node **at = c->family == AF_INET ? &t->root4 : &t->root6, *n;

	if (c->family == AF_UNIX) {
		t->has_unix = true;
		t->unix_value = value;
		return;
	}
	ASSERT(c->bits <= family_bits(c->family));
	if (c->family == AF_INET)
		first_add(t, c);
	for (;;) {
		unsigned same;

		n = *at;
		if (n == NULL) {
			n = *at = node_new(c->ip, c->bits);
			break;
		}
		same = common_bits(n->ip, c->ip, n->bits < c->bits ? n->bits : c->bits);
		if (same < n->bits)
			n = node_split(at, same);
		if (n->bits == c->bits)
			break;
		at = &n->child[bit_at(c->ip, n->bits)];
	}
	n->value = value;
	n->has_value = true;
}

bool
cidr_tree_find(const struct cidr_tree *t, const struct addr *a, uint32_t *value)
{
	int family;
	const uint8_t *ip = addr_fold_ip(a, &family);
	const struct node *n, *best = NULL;
	unsigned bits;

	if (ip == NULL) {
		if (!t->has_unix || !is_unix(a))
			return false;
		*value = t->unix_value;
		return true;
	}
	if (family == AF_INET && (t->first4[ip[0] / 64] >> ip[0] % 64 & 1) == 0)
		return false;
	bits = family_bits(family);
	n = family == AF_INET ? t->root4 : t->root6;
	while (n != NULL && common_bits(n->ip, ip, n->bits) == n->bits) {
		if (n->has_value)
			best = n;
		n = n->bits == bits ? NULL : n->child[bit_at(ip, n->bits)];
	}
	if (best == NULL)
		return false;
	*value = best->value;
	return true;
}

#include <stdio.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>
#include "conf/base/list_build.h"
#include "conf/base/list_image_priv.h"
#include "tests/unit/unit.h"

static const uint64_t seed[2] = { 0x1234567890abcdefu, 0xfedcba0987654321u };
static uint64_t dice = 88172645463325252u;

static uint32_t
roll(uint32_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 32) % below;
}

static void *
finish(struct list_build *b, size_t *size)
{
	void *p;

	ck_assert_int_eq(list_build_finish(b, seed, 42, size), 0);
	p = malloc(*size);
	list_build_write(b, p);
	list_build_free(&b);
	return p;
}

struct name { const char *text; bool below; };

static void *
names_image(const struct name *v, size_t n, struct list_image *im)
{
	struct list_build *b = list_build_new(LIST_DOMAINS, 1000);
	size_t size;
	void *p;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(
		    list_build_name(b, span_str(v[i].text), v[i].below, (uint32_t)i + 1), 0);
	p = finish(b, &size);
	ck_assert_int_eq(list_image_view(im, p, size, LIST_DOMAINS, NULL), 0);
	return p;
}

START_TEST(a_name_is_found_by_itself_and_below_only_where_it_says_so)
{
	static const struct name names[] = {
		{ "example.com", true }, { "only.example.org", false }, { "xn--e1afmkfd.test", true },
		{ "zip", true }, { "a-label-of-more-than-sixteen-bytes.example.net", true },
	};
	static const struct { const char *host; uint32_t line; } rows[] = {
		{ "example.com", 1 }, { "www.example.com", 1 }, { "a.b.c.d.e.f.example.com", 1 },
		{ "badexample.com", 0 }, { "com", 0 }, { "example.co", 0 }, { "xample.com", 0 },
		{ "example.com.evil.test", 0 }, { "only.example.org", 2 }, { "www.only.example.org", 0 },
		{ "example.org", 0 }, { "xn--e1afmkfd.test", 3 }, { "zip", 4 }, { "x.zip", 4 },
		{ "a-label-of-more-than-sixteen-bytes.example.net", 5 },
		{ "b-label-of-more-than-sixteen-bytes.example.net", 0 }, { "", 0 }, { ".", 0 },
		{ ".example.com", 1 }, { "..example.com", 1 }, { "example..com", 0 }, { "1.2.3.4", 0 },
	};
	struct list_image im;
	struct list_hit hit;
	void *p = names_image(names, ARRAY_LEN(names), &im);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool found = list_find_name(&im, span_str(rows[i].host), &hit);

		ck_assert_msg(found == (rows[i].line != 0), "'%s'", rows[i].host);
		if (found)
			ck_assert_msg(hit.line == rows[i].line &&
				span_eq_str(hit.name, names[hit.line - 1].text),
			    "'%s' by line %u", rows[i].host, hit.line);
	}
	free(p);
}
END_TEST

START_TEST(the_first_line_of_a_name_stays_and_the_wider_cover)
{
	static const struct name names[] = { { "a.test", false }, { "b.test", true },
		{ "a.test", true }, { "b.test", false }, { "b.test", true } };
	struct list_image im;
	struct list_hit hit;
	void *p = names_image(names, ARRAY_LEN(names), &im);

	ck_assert_uint_eq(im.head->entries, 2);
	ck_assert(list_find_name(&im, SPAN("x.a.test"), &hit));
	ck_assert_uint_eq(hit.line, 1);
	ck_assert(list_find_name(&im, SPAN("x.b.test"), &hit));
	ck_assert_uint_eq(hit.line, 2);
	free(p);
}
END_TEST

START_TEST(a_large_list_finds_all_of_its_names_and_no_other)
{
	enum { N = 30000 };
	struct list_build *b = list_build_new(LIST_DOMAINS, N);
	struct list_image im;
	struct list_hit hit;
	size_t size, text = 0;
	char name[64];
	void *p;

	for (unsigned i = 0; i < N; i++) {
		int n = snprintf(name, sizeof name, "host-%u.ads.example%u.com", i, i % 7);

		text += (size_t)n;
		ck_assert_int_eq(
		    list_build_name(b, span_make(name, (size_t)n), i % 2 == 0, i + 1), 0);
	}
	p = finish(b, &size);
	ck_assert_uint_le(size, text + 12 * N + 4096);	/* what an entry costs beside its name */
	ck_assert_int_eq(list_image_view(&im, p, size, LIST_DOMAINS, NULL), 0);
	ck_assert_uint_eq(im.head->entries, N);
	for (unsigned i = 0; i < 2 * N; i++) {
		int n = snprintf(name, sizeof name, "www.host-%u.ads.example%u.com", i, i % 7);

		ck_assert(list_find_name(&im, span_make(name + 4, (size_t)n - 4), &hit) == (i < N));
		ck_assert(i >= N || hit.line == i + 1);
		ck_assert(
		    list_find_name(&im, span_make(name, (size_t)n), &hit) == (i < N && i % 2 == 0));
	}
	free(p);
}
END_TEST

START_TEST(more_entries_than_allowed_are_refused)
{
	struct list_build *b = list_build_new(LIST_DOMAINS, 2);
	struct list_build *c = list_build_new(LIST_ADDRESSES, 0);
	struct cidr block = { .family = AF_INET };

	ck_assert_int_eq(list_build_name(b, SPAN("a"), true, 1), 0);
	ck_assert_int_eq(list_build_name(b, SPAN("b"), true, 2), 0);
	ck_assert_int_eq(list_build_name(b, SPAN("c"), true, 3), -E_LIMIT);
	ck_assert_int_eq(list_build_block(c, &block, 1), -E_LIMIT);
	list_build_free(&b);
	list_build_free(&c);
}
END_TEST

/* ------------------------------------------------------------------------------------------- addresses */

static void *
blocks_image(const struct cidr *v, size_t n, struct list_image *im)
{
	struct list_build *b = list_build_new(LIST_ADDRESSES, (uint32_t)n);
	size_t size;
	void *p;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(list_build_block(b, &v[i], (uint32_t)i + 1), 0);
	p = finish(b, &size);
	ck_assert_int_eq(list_image_view(im, p, size, LIST_ADDRESSES, NULL), 0);
	return p;
}

START_TEST(the_most_specific_block_is_found)
{
	static const char *const blocks[] = { "10.0.0.0/8", "10.64.0.0/10", "10.64.1.0/24",
		"10.64.1.7", "255.0.0.0/8", "255.255.255.255", "0.0.0.0/32", "2001:db8::/32",
		"2001:db8:1::/48", "ffff:ffff::/32", "10.64.1.0/24", "::ffff:9.9.9.0/120" };
	static const struct {
		const char *ip;
		uint32_t line;
		const char *block;
	} rows[] = {
		{ "10.0.0.0", 1, "10.0.0.0/8" },
		{ "10.63.255.255", 1, "10.0.0.0/8" },
		{ "10.64.0.0", 2, "10.64.0.0/10" },
		{ "10.64.1.6", 3, "10.64.1.0/24" },
		{ "10.64.1.7", 4, "10.64.1.7/32" },
		{ "10.64.1.8", 3, "10.64.1.0/24" },
		{ "10.64.2.0", 2, "10.64.0.0/10" },
		{ "10.128.0.0", 1, "10.0.0.0/8" },
		{ "11.0.0.0", 0, NULL },
		{ "9.255.255.255", 0, NULL },
		{ "255.1.2.3", 5, "255.0.0.0/8" },
		{ "255.255.255.255", 6, "255.255.255.255/32" },
		{ "0.0.0.0", 7, "0.0.0.0/32" },
		{ "0.0.0.1", 0, NULL },
		{ "::ffff:10.64.1.7", 4, "10.64.1.7/32" },
		{ "2001:db8::1", 8, "2001:db8::/32" },
		{ "2001:db8:1:2::3", 9, "2001:db8:1::/48" },
		{ "2001:db9::", 0, NULL },
		{ "::", 0, NULL },
		{ "9.9.9.9", 12, "9.9.9.0/24" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 10, "ffff:ffff::/32" },
	};
	struct cidr v[ARRAY_LEN(blocks)];
	struct list_image im;
	struct list_hit hit;
	char text[ADDR_TEXT];
	struct addr a;
	void *p;

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		ck_assert_int_eq(cidr_parse(&v[i], blocks[i], NULL), 0);
	p = blocks_image(v, ARRAY_LEN(blocks), &im);
	ck_assert_uint_eq(im.head->entries, ARRAY_LEN(blocks) - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool found;

		ck_assert_int_eq(addr_parse_ip(&a, span_str(rows[i].ip), 80), 0);
		found = list_find_addr(&im, &a, &hit);
		ck_assert_msg(found == (rows[i].line != 0), "%s", rows[i].ip);
		if (!found)
			continue;
		cidr_text(&hit.block, text);
		ck_assert_msg(hit.line == rows[i].line && strcmp(text, rows[i].block) == 0,
		    "%s: line %u, %s", rows[i].ip, hit.line, text);
	}
	free(p);
}
END_TEST

START_TEST(everything_may_be_one_block)
{
	struct cidr v[2] = { { .family = AF_INET }, { .family = AF_INET6 } };
	struct list_image im;
	struct list_hit hit;
	struct addr a;
	void *p = blocks_image(v, 2, &im);

	ck_assert_int_eq(addr_parse_ip(&a, SPAN("255.255.255.255"), 0), 0);
	ck_assert(list_find_addr(&im, &a, &hit) && hit.line == 1 && hit.block.bits == 0);
	ck_assert_int_eq(addr_parse_ip(&a, SPAN("ffff::1"), 0), 0);
	ck_assert(list_find_addr(&im, &a, &hit) && hit.line == 2);
	free(p);
}
END_TEST

static struct cidr
random_block(int family)
{
	struct cidr c = { .family = (uint8_t)family };
	unsigned width = family == AF_INET ? 32 : 128;

	c.bits = (uint8_t)(roll(4) == 0 ? roll(width + 1) : width - roll(12));
	for (unsigned i = 0; i < width / 8; i++)
		c.ip[i] = (uint8_t)(i < width / 8 - 2 ? roll(2) : roll(256));	/* close together: they nest */
	for (unsigned i = c.bits; i < width; i++)
		c.ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return c;
}

/* The tree of cidr.c knows the truth. */
START_TEST(random_blocks_are_found_as_the_prefix_tree_finds_them)
{
	enum { N = 400 };
	static struct cidr v[N];
	struct list_image im;
	struct list_hit hit;

	for (int family = 0; family < 2; family++) {
		struct cidr_tree *t = cidr_tree_new();
		void *p;

		for (unsigned i = 0; i < N; i++)
			v[i] = random_block(family == 0 ? AF_INET : AF_INET6);
		for (unsigned i = N; i-- > 0;)
			cidr_tree_add(t, &v[i], i + 1);
		p = blocks_image(v, N, &im);
		for (unsigned i = 0; i < 20000; i++) {
			struct cidr c = random_block(family == 0 ? AF_INET : AF_INET6);
			struct addr a = { .len = sizeof a.u.in6 };
			uint32_t line = 0;
			bool found;

			a.u.sa.sa_family = c.family;
			memcpy(c.family == AF_INET ? (void *)&a.u.in4.sin_addr :
						     (void *)&a.u.in6.sin6_addr,
			    c.ip, c.family == AF_INET ? 4 : 16);
			found = list_find_addr(&im, &a, &hit);
			ck_assert(found == cidr_tree_find(t, &a, &line));
			ck_assert(!found || hit.line == line);
		}
		free(p);
		cidr_tree_free(&t);
	}
}
END_TEST

/* -------------------------------------------------------------------------------------------- distrust */

START_TEST(an_image_of_other_bytes_is_refused)
{
	static const struct name names[] = { { "example.com", true } };
	struct list_image im;
	struct list_head *h = names_image(names, 1, &im);
	size_t size = (size_t)h->size;

	ck_assert_int_eq(list_image_view(&im, h, sizeof *h - 1, LIST_DOMAINS, NULL), -E_TRUNCATED);
	ck_assert_int_eq(list_image_view(&im, h, size - 1, LIST_DOMAINS, NULL), -E_TRUNCATED);
	ck_assert_int_eq(list_image_view(&im, h, size, LIST_ADDRESSES, NULL), -E_PROTO);
	h->version++;
	ck_assert_int_eq(list_image_view(&im, h, size, LIST_DOMAINS, NULL), -E_VERSION);
	h->version--;
	h->n[LIST_N_BUCKETS]++;
	ck_assert_int_eq(list_image_view(&im, h, size, LIST_DOMAINS, NULL), -E_TRUNCATED);
	h->n[LIST_N_BUCKETS] = UINT32_MAX;
	h->n[LIST_N_NAMES] = UINT32_MAX;
	ck_assert_int_eq(list_image_view(&im, h, size, LIST_DOMAINS, NULL), -E_TRUNCATED);
	h->magic = 0;
	ck_assert_int_eq(list_image_view(&im, h, size, LIST_DOMAINS, NULL), -E_PROTO);
	ck_assert(!list_find_name(&im, SPAN("example.com"), &(struct list_hit){ 0 }));
	free(h);
}
END_TEST

START_TEST(no_image_and_an_empty_one_hold_nothing)
{
	struct list_image none = { 0 }, im;
	struct addr a;
	void *p = names_image(NULL, 0, &im), *q;
	struct list_hit hit;

	ck_assert_int_eq(addr_parse_ip(&a, SPAN("1.2.3.4"), 0), 0);
	ck_assert(!list_find_name(&none, SPAN("a.test"), &hit) && !list_find_addr(&none, &a, &hit));
	ck_assert(!list_find_name(&im, SPAN("a.test"), &hit));
	q = blocks_image(NULL, 0, &im);
	ck_assert(!list_find_addr(&im, &a, &hit));
	free(p);
	free(q);
}
END_TEST

START_TEST(only_a_sealed_file_is_mapped)
{
	static const struct name names[] = { { "example.com", true } };
	struct list_image im;
	struct list_head *h = names_image(names, 1, &im);
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	ck_assert_int_eq(write(fd, h, (size_t)h->size), (ssize_t)h->size);
	ck_assert_int_eq(list_image_open(&im, fd, LIST_DOMAINS, NULL), -E_PROTO);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	ck_assert_int_eq(list_image_open(&im, fd, LIST_DOMAINS, NULL), -E_PROTO);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_int_eq(list_image_open(&im, fd, LIST_DOMAINS, NULL), 0);
	close(fd);
	ck_assert(list_find_name(&im, SPAN("www.example.com"), &(struct list_hit){ 0 }));
	list_image_close(&im);
	list_image_close(&im);
	free(h);
}
END_TEST

UNIT_MAIN("conf/base/list_image", a_name_is_found_by_itself_and_below_only_where_it_says_so,
    the_first_line_of_a_name_stays_and_the_wider_cover,
    a_large_list_finds_all_of_its_names_and_no_other, more_entries_than_allowed_are_refused,
    the_most_specific_block_is_found, everything_may_be_one_block,
    random_blocks_are_found_as_the_prefix_tree_finds_them, an_image_of_other_bytes_is_refused,
    no_image_and_an_empty_one_hold_nothing, only_a_sealed_file_is_mapped)

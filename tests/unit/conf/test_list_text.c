#include <stdio.h>
#include "conf/base/list_image_priv.h"
#include "conf/list_text.h"
#include "tests/unit/unit.h"

static const uint64_t seed[2] = { 1, 2 };
static char told[4096];

static void
on_bad(struct list_text *t, uint32_t line, const char *why)
{
	size_t n = strlen(told);

	(void)t;
	(void)snprintf(told + n, sizeof told - n, "%u: %s\n", line, why);
}

/* Parses; the image is the caller's to free. */
static void *
parse(struct list_text *t, struct span text, struct list_image *im)
{
	struct list_build *b = list_build_new(t->kind, 100);
	size_t size;
	void *p;

	told[0] = '\0';
	t->bad = on_bad;
	ck_assert_int_eq(list_text_parse(t, text, b), 0);
	ck_assert_int_eq(list_build_finish(b, seed, 0, &size), 0);
	p = malloc(size);
	list_build_write(b, p);
	list_build_free(&b);
	ck_assert_int_eq(list_image_view(im, p, size, t->kind, NULL), 0);
	return p;
}

/* The line that covers host; 0: none. */
static uint32_t
line_of(const struct list_image *im, const char *host)
{
	struct list_hit hit = { 0 };

	return list_find_name(im, span_str(host), &hit) ? hit.line : 0;
}

struct row { const char *line; enum list_syntax syntax; const char *in, *out, *bad; };

/* Each row is a file of its own: a name it covers, one it does not, and what is told. */
static void
rows_hold(const struct row *rows, size_t n, enum list_match match)
{
	for (size_t i = 0; i < n; i++) {
		struct list_text t = {
			.kind = LIST_DOMAINS, .syntax = rows[i].syntax, .match = match
		};
		struct list_image im;
		void *p = parse(&t, span_str(rows[i].line), &im);

		ck_assert_msg(rows[i].in == NULL || line_of(&im, rows[i].in) == 1,
		    "'%s' does not cover %s", rows[i].line, rows[i].in);
		ck_assert_msg(rows[i].out == NULL || line_of(&im, rows[i].out) == 0,
		    "'%s' covers %s", rows[i].line, rows[i].out);
		ck_assert_msg(
		    (rows[i].bad != NULL) == (t.nbad == 1), "'%s': %s", rows[i].line, told);
		ck_assert_msg(rows[i].bad == NULL || strstr(told, rows[i].bad) != NULL, "'%s': %s",
		    rows[i].line, told);
		free(p);
	}
}

START_TEST(lines_are_taken_as_their_syntax_says)
{
	static const struct row rows[] = {
		{ "example.com", LIST_PLAIN, "www.example.com", "badexample.com", NULL },
		{ "EXAMPLE.com.", LIST_PLAIN, "example.com", NULL, NULL },
		{ "\t example.com \t# why\r", LIST_PLAIN, "example.com", NULL, NULL },
		{ "*.example.com", LIST_PLAIN, "example.com", NULL, NULL },
		{ "\xef\xbb\xbf" "example.com", LIST_PLAIN, "example.com", NULL, NULL },
		{ "my_host.example", LIST_AUTO, "my_host.example", NULL, NULL },
		{ "# example.com", LIST_PLAIN, NULL, "example.com", NULL },
		{ "! example.com", LIST_AUTO, NULL, "example.com", NULL },
		{ "; example.com", LIST_AUTO, NULL, "example.com", NULL },
		{ "\r", LIST_PLAIN, NULL, "example.com", NULL },
		{ "0.0.0.0 example.com", LIST_PLAIN, NULL, "example.com", "more than one word" },
		{ "0.0.0.0 example.com", LIST_HOSTS, "a.example.com", NULL, NULL },
		{ "0.0.0.0\ta.test b.test#c.test", LIST_AUTO, "b.test", "c.test", NULL },
		{ "::1 ip6-localhost ip6-loopback", LIST_AUTO, NULL, "ip6-localhost", NULL },
		{ "fe80::1%lo0 localhost", LIST_HOSTS, NULL, "localhost", NULL },
		{ "127.0.0.1 localhost.localdomain", LIST_AUTO, NULL, "localhost.localdomain", NULL },
		{ "0.0.0.0 0.0.0.0", LIST_AUTO, NULL, "0.0.0.0", NULL },
		{ "0.0.0.0", LIST_HOSTS, NULL, NULL, "an address without a name" },
		{ "example.com a.test", LIST_AUTO, NULL, "a.test", "begins with an address" },
		{ "address=/example.com/0.0.0.0", LIST_DNSMASQ, "a.example.com", NULL, NULL },
		{ "address=/a.test/b.test/#", LIST_AUTO, "b.test", NULL, NULL },
		{ "server=/example.com/", LIST_AUTO, "example.com", NULL, NULL },
		{ "local=/.example.com/", LIST_AUTO, "example.com", NULL, NULL },
		{ "address=/example.com", LIST_AUTO, NULL, "example.com", "a slash ends the name" },
		{ "address=/#/0.0.0.0", LIST_AUTO, NULL, "example.com", "not a host name" },
		{ "example.com", LIST_DNSMASQ, NULL, "example.com", "address=/ads.example.com/" },
		{ "cache-size=0", LIST_DNSMASQ, NULL, NULL, "address=/ads.example.com/" },
		{ "http://example.com/", LIST_AUTO, NULL, "example.com", "without scheme" },
		{ "192.0.2.1", LIST_AUTO, NULL, "192.0.2.1", "kind \"addresses\"" },
		{ "p\xc3\xa4" "ckchen.example", LIST_AUTO, NULL, NULL, "punycode" },
		{ "a..example", LIST_AUTO, NULL, "a..example", "not a host name" },
		{ "ads*.example", LIST_AUTO, NULL, NULL, "not a host name" },
		{ ".", LIST_AUTO, NULL, NULL, "not a host name" },
		{ "||example.com^", LIST_AUTO, NULL, "example.com", "not a host name" },
		{ "a234567890123456789012345678901234567890123456789012345678901234.example",
		    LIST_AUTO, NULL, NULL, "not a host name" },
	};

	rows_hold(rows, ARRAY_LEN(rows), LIST_SUFFIX);
}
END_TEST

START_TEST(exact_narrows_bare_names_only)
{
	static const struct row rows[] = {
		{ "example.com", LIST_PLAIN, "example.com", "www.example.com", NULL },
		{ "0.0.0.0 example.com", LIST_HOSTS, "example.com", "www.example.com", NULL },
		{ ".example.com", LIST_PLAIN, "www.example.com", NULL, NULL },
		{ "*.example.com", LIST_AUTO, "www.example.com", NULL, NULL },
		{ "address=/example.com/", LIST_DNSMASQ, "www.example.com", NULL, NULL },
	};

	rows_hold(rows, ARRAY_LEN(rows), LIST_EXACT);
}
END_TEST

START_TEST(bad_lines_are_counted_told_and_passed_over)
{
	static const char text[] = "a.test\nb\0.test\r\nc.test\r\n<html>\n\nd.test";
	static char big[LIST_LINE_MAX + 20];
	struct list_text t = { .kind = LIST_DOMAINS };
	struct list_image im;
	void *p = parse(&t, span_make(text, sizeof text - 1), &im);

	ck_assert_uint_eq(t.nbad, 2);
	ck_assert_uint_eq(t.lines, 6);
	ck_assert_ptr_nonnull(strstr(told, "2: 'b"));
	ck_assert_ptr_nonnull(strstr(told, "4: '<html>'"));
	ck_assert_uint_eq(line_of(&im, "a.test"), 1);
	ck_assert_uint_eq(line_of(&im, "c.test"), 3);
	ck_assert_uint_eq(line_of(&im, "d.test"), 6);
	free(p);
	memset(big, 'a', sizeof big);
	memcpy(big + sizeof big - 8, "\nb.test\n", 8);
	p = parse(&t, span_make(big, sizeof big), &im);
	ck_assert_uint_eq(t.nbad, 1);
	ck_assert_ptr_nonnull(strstr(told, "longer than"));
	ck_assert_uint_eq(line_of(&im, "b.test"), 2);
	free(p);
}
END_TEST

START_TEST(addresses_are_blocks_a_line)
{
	static const char text[] =
	    "# drop\n192.0.2.0/24 ; SBL1\r\n2001:db8::/32\n198.51.100.7 # one\n10.0.0.1/8\n"
	    "example.com\n1.2.3.4 5.6.7.8\n;x\n";
	static const struct {
		const char *ip;
		uint32_t line;
	} rows[] = {
		{ "192.0.2.9", 2 },
		{ "2001:db8::1", 3 },
		{ "198.51.100.7", 4 },
		{ "10.0.0.1", 0 },
		{ "5.6.7.8", 0 },
	};
	struct list_text t = { .kind = LIST_ADDRESSES };
	struct list_image im;
	struct list_hit hit;
	void *p = parse(&t, SPAN(text), &im);

	ck_assert_uint_eq(t.nbad, 3);
	ck_assert_ptr_nonnull(
	    strstr(told, "5: '10.0.0.1/8': bits are set behind the prefix; write 10.0.0.0/8"));
	ck_assert_ptr_nonnull(strstr(told, "6: 'example.com'"));
	ck_assert_ptr_nonnull(strstr(told, "7: '1.2.3.4'"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;

		ck_assert_int_eq(addr_parse_ip(&a, span_str(rows[i].ip), 0), 0);
		hit.line = 0;
		(void)list_find_addr(&im, &a, &hit);
		ck_assert_msg(hit.line == rows[i].line, "%s: line %u", rows[i].ip, hit.line);
	}
	free(p);
}
END_TEST

UNIT_MAIN("conf/list_text", lines_are_taken_as_their_syntax_says, exact_narrows_bare_names_only,
    bad_lines_are_counted_told_and_passed_over, addresses_are_blocks_a_line)

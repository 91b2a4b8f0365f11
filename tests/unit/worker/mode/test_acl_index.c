/* The index against trying every rule: the same decisions, and few rules tried among many. */
#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/mode/acl_index.c"

#define RULES	1000
#define ACLS	200

static struct conf_acl acls[RULES];
static struct cidr blocks[RULES][2];
static const char *names[RULES][2];
static char text[RULES][2][40];
static struct conf_rule rules[RULES];
static struct conf_rule_term terms[RULES][3];
static struct conf_portrange web[] = { { 80, 80 } };
static uint32_t seed = 1;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % below;
}

/* Few different ones, nested, so that several acls hold the same address. */
static void
draw_block(struct cidr *c)
{
	static const char *const some[] = { "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24",
		"10.1.2.3/32", "10.2.0.0/16", "192.0.2.0/24", "::/0", "2001:db8::/32", "2001:db8:1::/48",
		"unix" };

	ck_assert_int_eq(cidr_parse_peers(c, some[draw(ARRAY_LEN(some))], NULL), 0);
}

static void
draw_name(char out[40])
{
	static const char *const some[] = { "a.test", ".a.test", "x.a.test", ".x.a.test", ".test",
		"b.test", ".b.test", "y.x.a.test" };

	(void)snprintf(out, 40, "%s", some[draw(ARRAY_LEN(some))]);
}

static void
draw_acl(unsigned i)
{
	struct conf_acl *a = &acls[i];

	*a = (struct conf_acl){ .name = "some", .index = i };
	for (unsigned j = 0; j < 2; j++) {
		draw_block(&blocks[i][j]);
		draw_name(text[i][j]);
		names[i][j] = text[i][j];
	}
	if (draw(3) == 0)
		a->src = (struct conf_cidrs){ .v = blocks[i], .n = 2 };
	else if (draw(3) == 0 && blocks[i][0].family != AF_UNIX)
		a->dst = (struct conf_cidrs){ .v = blocks[i], .n = 1 };
	if (draw(2) == 0)
		a->domain = (struct conf_strs){ names[i], 2 };
	if (draw(3) == 0 || (a->src.n == 0 && a->dst.n == 0 && a->domain.n == 0)) {
		a->ports = web;
		a->nports = 1;
	}
}

static void
draw_rules(struct conf *c, unsigned n)
{
	*c = (struct conf){ .acls = acls, .nacls = ACLS, .rules = rules, .nrules = n };
	for (unsigned i = 0; i < ACLS; i++)
		draw_acl(i);
	for (unsigned i = 0; i < n; i++) {
		rules[i] = (struct conf_rule){ .id = "r", .allow = draw(2) == 0, .terms = terms[i],
			.nterms = 1 + draw(3), .index = i };
		for (unsigned j = 0; j < rules[i].nterms; j++)
			terms[i][j] = (struct conf_rule_term){ .acl = &acls[draw(ACLS)],
				.negate = draw(4) == 0 };
	}
}

static struct addr
ip(const char *of)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(&a, span_str(of), 0), 0);
	return a;
}

static void
compare(const struct acl_table *t, const struct acl_query *q)
{
	struct acl_table plain = *t;
	const struct conf_rule *by, *by_plain;
	enum acl_result r, r_plain;

	plain.index = NULL;
	r = acl_decide(t, q, &by);
	r_plain = acl_decide(&plain, q, &by_plain);
	ck_assert_int_eq(r, r_plain);
	ck_assert_ptr_eq(by, by_plain);
}

/* Once an address is known: from the rule that was named without it, as from the first; and so for the next address. */
static void
goes_on(const struct acl_table *t, const struct acl_query *q, const struct addr *dst,
    const struct addr *next)
{
	const struct conf_rule *by, *by_all;
	struct acl_query all = *q, on = *q;
	uint8_t without = 0;

	on.without = &without;
	(void)acl_decide(t, &on, &on.from);
	for (unsigned i = 0; i < 2; i++) {
		all.dst = on.dst = i == 0 ? dst : next;
		ck_assert_int_eq(acl_decide(t, &on, &by), acl_decide(t, &all, &by_all));
		ck_assert_ptr_eq(by, by_all);
	}
	compare(t, &on);
}

START_TEST(decides_as_trying_every_rule_does)
{
	static const char *const hosts[] = { "a.test", "x.a.test", "z.x.a.test", "y.x.a.test",
		"b.test", "test", "other.example", "10.1.2.3", "" };
	static const char *const ips[] = { "10.1.2.3", "10.1.9.9", "10.2.0.1", "192.0.2.1",
		"8.8.8.8", "2001:db8:1::1", "2001:db8:2::1", "::1", "::ffff:10.1.2.3" };
	struct conf c;

	for (unsigned round = 0; round < 60; round++) {
		struct acl_table *t;

		draw_rules(&c, ACL_INDEX_RULES + draw(120));
		t = acl_table_new(&c, NULL);
		ck_assert_ptr_nonnull(t->index);
		for (unsigned h = 0; h < ARRAY_LEN(hosts); h++)
			for (unsigned i = 0; i < ARRAY_LEN(ips); i++) {
				struct addr src = ip(ips[i]), dst = ip(ips[draw(ARRAY_LEN(ips))]);
				struct addr next = ip(ips[draw(ARRAY_LEN(ips))]);
				struct acl_query q = { .src = &src, .host = span_str(hosts[h]),
					.port = draw(2) == 0 ? 80 : 443, .method = M_GET };

				if (draw(8) == 0) {
					src = (struct addr){ .len = sizeof(sa_family_t) };
					src.u.sa.sa_family = AF_UNIX;
				}
				compare(t, &q);
				goes_on(t, &q, &dst, &next);
				q.dst = &dst;
				compare(t, &q);
			}
		acl_table_free(&t);
	}
}
END_TEST

/* A rule for each of a thousand names and clients, and one behind them for all. */
static void
many(struct conf *c)
{
	*c = (struct conf){ .acls = acls, .nacls = RULES - 1, .rules = rules, .nrules = RULES };
	for (unsigned i = 0; i < RULES - 1; i++) {
		acls[i] = (struct conf_acl){ .name = "one", .index = i };
		if (i % 2 == 0) {
			(void)snprintf(text[i][0], sizeof text[i][0], "%ssite%u.test",
			    i % 4 == 0 ? "." : "", i);
			names[i][0] = text[i][0];
			acls[i].domain = (struct conf_strs){ names[i], 1 };
		} else {
			(void)snprintf(
			    text[i][0], sizeof text[i][0], "10.%u.%u.0/24", i / 256, i % 256);
			ck_assert_int_eq(cidr_parse(&blocks[i][0], text[i][0], NULL), 0);
			acls[i].src = (struct conf_cidrs){ .v = blocks[i], .n = 1 };
		}
		terms[i][0] = (struct conf_rule_term){ .acl = &acls[i] };
		rules[i] = (struct conf_rule){
			.id = "one", .deny = true, .terms = terms[i], .nterms = 1, .index = i
		};
	}
	rules[RULES - 1] = (struct conf_rule){ .id = "all", .allow = true, .index = RULES - 1 };
}

static unsigned
tried(const struct acl_table *t, const struct acl_query *q)
{
	unsigned n = 0;

	(void)acl_index_find(t->index, q, 0);
	for (unsigned i = acl_index_next(t->index, 0); i < RULES;
	     i = acl_index_next(t->index, i + 1))
		n++;
	return n;
}

START_TEST(of_a_thousand_rules_those_that_may_match_are_tried)
{
	struct addr src = ip("10.1.3.9"), other = ip("192.0.2.1");
	struct acl_query q = { .src = &other, .host = SPAN("elsewhere.test"), .port = 80 };
	const struct conf_rule *by;
	struct acl_table *t;
	struct conf c;

	many(&c);
	t = acl_table_new(&c, NULL);
	ck_assert_uint_eq(tried(t, &q), 1);
	ck_assert_int_eq(acl_decide(t, &q, &by), ACL_ALLOW);
	ck_assert_ptr_eq(by, &rules[RULES - 1]);
	q.host = SPAN("www.site500.test");
	ck_assert_uint_eq(tried(t, &q), 2);
	ck_assert_int_eq(acl_decide(t, &q, &by), ACL_DENY);
	ck_assert_ptr_eq(by, &rules[500]);
	q.host = SPAN("www.site502.test");
	ck_assert_uint_eq(tried(t, &q), 1);		/* the rule is about site502.test alone */
	q.host = SPAN("www.site500.test");
	q.src = &src;
	ck_assert_uint_eq(tried(t, &q), 3);
	ck_assert_int_eq(acl_decide(t, &q, &by), ACL_DENY);
	ck_assert_ptr_eq(by, &rules[259]);
	acl_table_free(&t);
}
END_TEST

/* What the shipped rules decide costs no look-up, and a second decision none of what the first found absent. */
START_TEST(only_what_may_say_something_is_looked_up)
{
	struct addr src = ip("192.0.2.1");
	struct acl_query q = { .src = &src, .host = SPAN("elsewhere.test"), .port = 80 };
	const struct conf_rule *by;
	struct acl_table *t;
	uint8_t without = 0;
	struct conf c;

	many(&c);
	terms[0][0].acl = &acls[RULES - 2];
	acls[RULES - 2] = (struct conf_acl){
		.name = "web", .ports = web, .nports = 1, .index = RULES - 2
	};
	t = acl_table_new(&c, NULL);
	ck_assert_uint_eq(acl_index_closed(t->index, 0), 1);
	q.without = &without;
	ck_assert_int_eq(acl_decide(t, &q, &by), ACL_DENY);
	ck_assert_ptr_eq(by, &rules[0]);
	ck_assert_ptr_null(t->index->asked);
	q.port = 443;
	ck_assert_int_eq(acl_decide(t, &q, &by), ACL_ALLOW);
	ck_assert_uint_eq(without, 1u << KIND_NAME | 1u << KIND_SRC);
	q.host = SPAN("www.site500.test");		/* not looked up, being absent */
	ck_assert_uint_eq(acl_index_find(t->index, &q, without), without);
	ck_assert_uint_eq(t->index->nmatched, 0);
	ck_assert_uint_eq(acl_index_find(t->index, &q, 0), 1u << KIND_SRC);
	ck_assert_uint_eq(t->index->nmatched, 1);
	acl_table_free(&t);
}
END_TEST

START_TEST(a_few_rules_have_no_index)
{
	struct acl_table *t;
	struct conf c;

	draw_rules(&c, ACL_INDEX_RULES - 1);
	t = acl_table_new(&c, NULL);
	ck_assert_ptr_null(t->index);
	acl_table_free(&t);
}
END_TEST

UNIT_MAIN("worker/mode/acl_index", decides_as_trying_every_rule_does,
    of_a_thousand_rules_those_that_may_match_are_tried,
    only_what_may_say_something_is_looked_up, a_few_rules_have_no_index)

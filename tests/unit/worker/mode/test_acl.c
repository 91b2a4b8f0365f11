#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/mode/acl.c"

/* 1 Nov 2023 was a Wednesday; the tests run in UTC. */
#define WED_10	1698832800
#define WED_23	(WED_10 + 13 * 3600)
#define THU_05	(WED_10 + 19 * 3600)
#define THU_07	(WED_10 + 21 * 3600)

#define PC	"192.168.1.1"
#define PUBLIC	"1.1.1.1"

enum { LAN, METADATA, SOCIAL, WEB, WRITES, NIGHT, ODD, MIXED, ACLS };

static struct cidr lan[1], metadata[2];
static const char *social[] = { ".Social.example", "video.example", ".cdn.video.example" };
static const char *writes[] = { "POST", "PUT", "PURGE" };
static struct conf_portrange web[] = { { 80, 80 }, { 1024, 2048 } };
static struct conf_timespan night[] = { { .days = 1 << 2, .from_min = 22 * 60, .to_min = 6 * 60 } };
static struct conf_timespan work[] = { { .days = 0x1f, .from_min = 8 * 60, .to_min = 18 * 60 } };
static struct conf_acl acls[ACLS] = {
	[LAN] = { .name = "lan", .src = { .v = lan, .n = 1 } },
	[METADATA] = { .name = "metadata", .dst = { .v = metadata, .n = 2 } },
	[SOCIAL] = { .name = "social", .domain = { social, 3 } },
	[WEB] = { .name = "web", .ports = web, .nports = 2 },
	[WRITES] = { .name = "writes", .method = { writes, 3 } },
	[NIGHT] = { .name = "night", .times = night, .ntimes = 1 },
	[ODD] = { .name = "work", .times = work, .ntimes = 1 },
	[MIXED] = { .name = "mixed", .dst = { .v = metadata, .n = 2 }, .ports = web, .nports = 2 },
};

static struct conf_rule_term terms[8][3];
static struct conf_rule rules[8];
static struct conf conf = { .acls = acls, .nacls = ACLS, .rules = rules };

static void
rule(const char *id, bool allow, int a, int b)
{
	unsigned n = conf.nrules++;
	struct conf_rule *r = &rules[n];
	int given[2] = { a, b };

	*r = (struct conf_rule){
		.id = id, .allow = allow, .deny = !allow, .terms = terms[n], .index = n
	};
	for (unsigned i = 0; i < 2; i++)
		if (given[i] != 0)
			terms[n][r->nterms++] = (struct conf_rule_term){
				.acl = &acls[abs(given[i]) - 1], .negate = given[i] < 0
			};
}

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(&a, span_str(text), 0), 0);
	return a;
}

static struct acl_table *
table(void)
{
	struct acl_table *t;

	setenv("TZ", "UTC", 1);
	tzset();
	for (unsigned i = 0; i < ACLS; i++)
		acls[i].index = i;
	ck_assert_int_eq(cidr_parse(&lan[0], "192.168.0.0/16", NULL), 0);
	ck_assert_int_eq(cidr_parse(&metadata[0], "169.254.0.0/16", NULL), 0);
	ck_assert_int_eq(cidr_parse(&metadata[1], "fd00:ec2::/32", NULL), 0);
	t = acl_table_new(&conf, NULL);
	ck_assert_ptr_nonnull(t);
	return t;
}

struct row {
	const char *src, *host;
	uint16_t port;
	const char *method, *dst;	/* dst NULL: not known */
	int64_t at;
	enum acl_result result;
	const char *id;
};

static void
check_rows(const struct row *rows, size_t n)
{
	struct acl_table *t = table();

	for (size_t i = 0; i < n; i++) {
		struct addr src = ip(rows[i].src), dst;
		const struct conf_rule *r;
		struct acl_query q = { .src = &src,
			.host = span_str(rows[i].host),
			.port = rows[i].port,
			.method = method_find(span_str(rows[i].method)),
			.method_text = span_str(rows[i].method), .wall_s = rows[i].at };

		if (rows[i].dst != NULL) {
			dst = ip(rows[i].dst);
			q.dst = &dst;
		}
		ck_assert_msg(acl_decide(t, &q, &r) == rows[i].result, "row %zu", i);
		ck_assert_msg(r != NULL && strcmp(r->id, rows[i].id) == 0, "row %zu: %s", i,
		    r == NULL ? "none" : r->id);
	}
	acl_table_free(&t);
}

START_TEST(the_first_rule_that_matches_decides)
{
	static const struct row rows[] = {
		{ PC, "a.example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ "::ffff:192.168.1.1", "a.example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 81, "GET", PUBLIC, WED_10, ACL_DENY, "implicit-deny" },
		{ PC, "a.example", 1024, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 2048, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 2049, "GET", PUBLIC, WED_10, ACL_DENY, "implicit-deny" },
		{ "10.0.0.1", "a.example", 80, "GET", PUBLIC, WED_10, ACL_DENY, "implicit-deny" },
		{ PC, "social.example", 80, "GET", PUBLIC, WED_10, ACL_DENY, "no-social" },
		{ PC, "x.y.social.example", 80, "GET", PUBLIC, WED_10, ACL_DENY, "no-social" },
		{ PC, "antisocial.example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "video.example", 80, "GET", PUBLIC, WED_10, ACL_DENY, "no-social" },
		{ PC, "www.video.example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "b.cdn.video.example", 80, "GET", PUBLIC, WED_10, ACL_DENY, "no-social" },
		{ PC, "example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 80, "POST", PUBLIC, WED_10, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 80, "POST", PUBLIC, WED_23, ACL_DENY, "read-only-nights" },
		{ PC, "a.example", 80, "POST", PUBLIC, THU_05, ACL_DENY, "read-only-nights" },
		{ PC, "a.example", 80, "POST", PUBLIC, THU_07, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 80, "PURGE", PUBLIC, WED_23, ACL_DENY, "read-only-nights" },
		{ PC, "a.example", 80, "LOCK", PUBLIC, WED_23, ACL_ALLOW, "lan-web" },
		{ PC, "a.example", 80, "GET", "169.254.169.254", WED_10, ACL_DENY, "no-metadata" },
		{ PC, "a.example", 80, "GET", "::ffff:169.254.169.254", WED_10, ACL_DENY, "no-metadata" },
		{ PC, "a.example", 80, "GET", "fd00:ec2::254", WED_10, ACL_DENY, "no-metadata" },
		/* a name is not let past the rule that its address could fall under */
		{ PC, "a.example", 80, "GET", NULL, WED_10, ACL_NEED_ADDRESS, "no-metadata" },
		{ PC, "video.example", 80, "GET", NULL, WED_10, ACL_DENY, "no-social" },
	};

	conf.nrules = 0;
	rule("no-social", false, SOCIAL + 1, 0);
	rule("no-metadata", false, METADATA + 1, 0);
	rule("read-only-nights", false, WRITES + 1, NIGHT + 1);
	rule("lan-web", true, LAN + 1, WEB + 1);
	rule("implicit-deny", false, 0, 0);
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(negated_terms_and_lazy_addresses)
{
	static const struct row rows[] = {
		{ "10.1.1.1", "a.example", 80, "GET", NULL, WED_10, ACL_DENY, "strangers" },
		/* another term of the rule already says no: no look-up is needed to pass it by */
		{ PC, "a.example", 22, "GET", NULL, WED_10, ACL_NEED_ADDRESS, "not-metadata" },
		{ PC, "a.example", 80, "GET", NULL, WED_10, ACL_NEED_ADDRESS, "mixed" },
		{ PC, "a.example", 80, "GET", "169.254.1.1", WED_10, ACL_DENY, "mixed" },
		{ PC, "a.example", 80, "GET", PUBLIC, WED_10, ACL_ALLOW, "not-metadata" },
		{ PC, "a.example", 22, "GET", "169.254.1.1", WED_10, ACL_DENY, "implicit-deny" },
		{ PC, "a.example", 22, "GET", NULL, WED_23, ACL_DENY, "implicit-deny" },
	};

	conf.nrules = 0;
	rule("strangers", false, -(LAN + 1), 0);
	rule("mixed", false, MIXED + 1, 0);
	rule("not-metadata", true, -(METADATA + 1), ODD + 1);
	rule("implicit-deny", false, 0, 0);
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

/* The rules before the one named are not asked again: a client that the first of them is about by now shows it. */
START_TEST(a_known_address_goes_on_at_the_rule_named_without_it)
{
	struct addr src = ip(PC), stranger = ip("10.1.1.1"), dst = ip("169.254.1.1");
	struct acl_query q = { .src = &src, .host = SPAN("a.example"), .port = 80,
		.method = M_GET, .method_text = SPAN("GET"), .wall_s = WED_10 };
	const struct conf_rule *r;
	struct acl_table *t;

	conf.nrules = 0;
	rule("strangers", false, -(LAN + 1), 0);
	rule("metadata", false, METADATA + 1, 0);
	rule("web", true, WEB + 1, 0);
	rule("implicit-deny", false, 0, 0);
	t = table();
	ck_assert_int_eq(acl_decide(t, &q, &q.from), ACL_NEED_ADDRESS);
	ck_assert_str_eq(q.from->id, "metadata");
	q.src = &stranger;
	q.dst = &dst;
	ck_assert_int_eq(acl_decide(t, &q, &r), ACL_DENY);
	ck_assert_str_eq(r->id, "metadata");
	dst = ip(PUBLIC);
	ck_assert_int_eq(acl_decide(t, &q, &r), ACL_ALLOW);
	ck_assert_str_eq(r->id, "web");
	acl_table_free(&t);
}
END_TEST

/* What a decision told: "id answer by; …". */
struct told { struct acl_trace trace; char text[200]; };

static void
on_rule(struct acl_trace *trace, const struct conf_rule *r, enum acl_answer a,
    const struct conf_rule_term *by)
{
	static const char *const answers[] = { "no", "yes", "unknown", "failed" };
	struct told *told = (struct told *)trace;
	size_t n = strlen(told->text);

	(void)snprintf(told->text + n, sizeof told->text - n, "%s%s %s %s%s", n == 0 ? "" : "; ",
	    r->id, answers[a], by != NULL && by->negate ? "!" : "",
	    by == NULL ? "-" : by->acl->name);
}

START_TEST(a_trace_hears_every_rule_tried_and_what_decided_it)
{
	struct told told = { .trace.rule = on_rule };
	struct addr src = ip(PC), dst = ip(PUBLIC);
	struct acl_query q = { .src = &src, .host = SPAN("a.example"), .port = 80,
		.method = M_GET, .method_text = SPAN("GET"), .wall_s = WED_10,
		.trace = &told.trace };
	const struct conf_rule *r;
	struct acl_table *t;

	conf.nrules = 0;
	rule("strangers", false, -(LAN + 1), 0);
	rule("nights", false, WRITES + 1, NIGHT + 1);
	rule("mixed", false, WEB + 1, MIXED + 1);
	rule("lan-web", true, LAN + 1, WEB + 1);
	rule("implicit-deny", false, 0, 0);
	t = table();
	ck_assert_int_eq(acl_decide(t, &q, &r), ACL_NEED_ADDRESS);
	ck_assert_str_eq(told.text, "strangers no !lan; nights no writes; mixed unknown mixed");
	told.text[0] = '\0';
	q.dst = &dst;
	ck_assert_int_eq(acl_decide(t, &q, &r), ACL_ALLOW);
	ck_assert_str_eq(
	    told.text, "strangers no !lan; nights no writes; mixed no mixed; lan-web yes -");
	acl_table_free(&t);
}
END_TEST

/* One acl by url, one by header, one by both; what the request is like decides, and what comes to its limits denies. */
START_TEST(urls_and_headers_are_matched_and_a_failed_match_denies)
{
	static const char slow[] = "http://a.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	static const struct {
		const char *url, *strict, *agent;
		bool allow, negate;
		enum acl_result url_says, header_says;
	} rows[] = {
		{ "http://a.example/ad/x", NULL, "bot", false, false, ACL_DENY, ACL_DENY },
		{ "http://a.example/x", NULL, "browser", false, false, ACL_ALLOW, ACL_ALLOW },
		{ "http://a.example/ad/x", NULL, "bot", true, false, ACL_ALLOW, ACL_ALLOW },
		{ "http://a.example/x", NULL, "browser", true, true, ACL_ALLOW, ACL_ALLOW },
		{ "http://a.example/x", NULL, NULL, false, true, ACL_DENY, ACL_DENY },
		/* denied by the form that a lax server might read, but not allowed by it */
		{ "http://a.example/%2fad/x", "http://a.example/ad/x", "browser", false, false, ACL_DENY, ACL_ALLOW },
		{ "http://a.example/x/..%2fad/", "http://a.example/ad/", "bot", false, true, ACL_DENY, ACL_ALLOW },
		{ "http://a.example/ad/..%2f", "http://a.example/", "bot", false, true, ACL_DENY, ACL_ALLOW },
		/* whatever the rule says, with or without "!" */
		{ slow, NULL, slow, false, false, ACL_UNDECIDED, ACL_UNDECIDED },
		{ slow, NULL, slow, true, false, ACL_UNDECIDED, ACL_UNDECIDED },
		{ slow, NULL, slow, false, true, ACL_UNDECIDED, ACL_UNDECIDED },
		{ slow, NULL, slow, true, true, ACL_UNDECIDED, ACL_UNDECIDED },
		{ NULL, NULL, "x", true, false, ACL_UNDECIDED, ACL_ALLOW },
	};
	struct arena arena;
	struct conf_acl named[2] = { { .name = "url" }, { .name = "header", .index = 1 } };
	struct conf_rule_term term = { 0 };
	struct conf_rule pair[2] = { { .id = "r", .terms = &term, .nterms = 1 },
		{ .id = "rest", .allow = true } };
	struct conf small = { .acls = named, .nacls = 2, .rules = pair, .nrules = 2 };
	struct conf_regex url[2];
	struct conf_condition agent[2] = { { .name = "User-Agent", .id = H_USER_AGENT },
		{ .name = "User-Agent", .id = H_USER_AGENT } };
	struct field field;
	struct fields fields = { .v = &field, .size = 1 };
	struct acl_table *t;

	arena_init(&arena, NULL, 0, 0);
	url[0].re = regex_compile(&arena, "^http://[^/]*/ad/", NULL);
	url[1].re = regex_compile(&arena, "/(a+)+$", NULL);
	agent[0].re = regex_compile(&arena, "^bot|/(a+)+$", NULL);
	named[0].url = (struct conf_regexes){ url, 2 };
	named[1].header = (struct conf_conditions){ agent, 2 };
	t = acl_table_new(&small, NULL);
	ck_assert(acl_wants_url(t));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned kind = 0; kind < 2; kind++) {
			enum acl_result want = kind == 0 ? rows[i].url_says : rows[i].header_says;
			struct acl_query q = { .url = span_str(rows[i].url),
				.url_strict = span_str(rows[i].strict), .head.fields = &fields };
			const struct conf_rule *r;

			fields = (struct fields){ .v = &field, .size = 1 };
			if (rows[i].agent != NULL) {
				fields_add(&fields, SPAN("User-Agent"), span_str(rows[i].agent),
				    SPAN_NONE);
				field.id = H_USER_AGENT;
				fields.have[H_USER_AGENT >> 6] |= 1ull << (H_USER_AGENT & 63);
			}
			q.head.nfields = fields.n;
			pair[0].allow = rows[i].allow;
			pair[0].deny = !rows[i].allow;
			term = (struct conf_rule_term){ &named[kind], rows[i].negate };
			ck_assert_msg(acl_decide(t, &q, &r) == want, "row %zu, %s: not %d", i,
			    named[kind].name, (int)want);
		}
	acl_table_free(&t);
	arena_fini(&arena);
}
END_TEST

START_TEST(without_rules_everything_is_denied)
{
	struct acl_table *t;
	struct acl_query q = { .host = SPAN("a.example") };
	const struct conf_rule *r;

	conf.nrules = 0;
	t = table();
	ck_assert_int_eq(acl_decide(t, &q, &r), ACL_DENY);
	ck_assert_ptr_null(r);
	acl_table_free(&t);
}
END_TEST

START_TEST(protected_addresses_need_a_rule_that_opens_them)
{
	static const struct { const char *to; enum reason closed, open; } rows[] = {
		{ "8.8.8.8", R_NONE, R_NONE },
		{ "2606:4700::1", R_NONE, R_NONE },
		{ "10.1.2.3", R_ADDRESS_DENIED, R_NONE },
		{ "10.2.0.1", R_ADDRESS_DENIED, R_ADDRESS_DENIED },
		{ "::ffff:10.1.2.3", R_ADDRESS_DENIED, R_NONE },
		{ "::ffff:8.8.8.8", R_ADDRESS_DENIED, R_ADDRESS_DENIED },
		{ "64:ff9b::a01:203", R_ADDRESS_DENIED, R_ADDRESS_DENIED },
		{ "2002:a01:203::1", R_ADDRESS_DENIED, R_ADDRESS_DENIED },
		{ "fd12::5", R_ADDRESS_DENIED, R_NONE },
		{ "127.0.0.1", R_ADDRESS_DENIED, R_ADDRESS_DENIED },
	};
	struct cidr open[2];
	struct conf_rule opening = { .id = "o", .allow = true, .open.v = open, .open.n = 2 },
			 plain = { .allow = true };
	struct acl_table *t = table();

	ck_assert_int_eq(cidr_parse(&open[0], "10.1.0.0/16", NULL), 0);
	ck_assert_int_eq(cidr_parse(&open[1], "fd12::/16", NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].to);

		addr_set_port(&a, 80);
		ck_assert_msg(acl_allows_address(t, NULL, &a) == rows[i].closed, "%s", rows[i].to);
		ck_assert_msg(
		    acl_allows_address(t, &plain, &a) == rows[i].closed, "%s", rows[i].to);
		ck_assert_msg(
		    acl_allows_address(t, &opening, &a) == rows[i].open, "%s", rows[i].to);
	}
	acl_table_free(&t);
}
END_TEST

START_TEST(own_listeners_are_refused_whatever_is_open)
{
	static const struct { const char *to; enum reason why; } rows[] = {
		{ "127.0.0.1:3128", R_ADDRESS_OWN },
		{ "127.9.9.9:3128", R_ADDRESS_OWN },
		{ "[::1]:3128", R_ADDRESS_OWN },
		{ "0.0.0.0:3128", R_ADDRESS_OWN },
		{ "[::ffff:127.0.0.1]:3128", R_ADDRESS_OWN },
		{ "127.0.0.1:3129", R_NONE },
		{ "127.0.0.2:8080", R_ADDRESS_OWN },
		{ "127.0.0.1:8080", R_NONE },
		{ "0.0.0.0:8080", R_ADDRESS_OWN },
		{ "8.8.8.8:3128", R_NONE },
	};
	struct addr any, one, a;
	struct conf_listener listeners[2] = { { .addrs = &any, .naddrs = 1 },
		{ .addrs = &one, .naddrs = 1 } };
	struct cidr open[2];
	struct conf_rule opening = { .allow = true, .open.v = open, .open.n = 2 };
	struct acl_table *t;

	ck_assert_int_eq(addr_parse(&any, "*:3128", NULL), 0);
	ck_assert_int_eq(addr_parse(&one, "127.0.0.2:8080", NULL), 0);
	ck_assert_int_eq(cidr_parse(&open[0], "0.0.0.0/0", NULL), 0);
	ck_assert_int_eq(cidr_parse(&open[1], "::/0", NULL), 0);
	conf.listeners = listeners;
	conf.nlisteners = 2;
	t = table();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(addr_parse(&a, rows[i].to, NULL), 0);
		ck_assert_msg(acl_allows_address(t, &opening, &a) == rows[i].why, "%s", rows[i].to);
	}
	acl_table_free(&t);
	conf.nlisteners = 0;
}
END_TEST

START_TEST(a_look_up_among_many_domains_costs_its_labels)
{
	enum { N = 100000 };
	char(*text)[24] = malloc(sizeof *text * N);
	const char **v = malloc(sizeof *v * N);
	struct conf_acl many = { .name = "many", .domain = { v, N } };
	struct conf big = { .acls = &many, .nacls = 1 };
	struct acl_table *t;

	for (unsigned i = 0; i < N; i++) {
		snprintf(text[i], sizeof text[i], "%sd%u.example", i % 2 ? "." : "", i);
		v[i] = text[i];
	}
	t = acl_table_new(&big, NULL);
	ck_assert(acl_domain_match(&t->acls[0].domains, SPAN("d4.example")));
	ck_assert(!acl_domain_match(&t->acls[0].domains, SPAN("a.d4.example")));
	ck_assert(acl_domain_match(&t->acls[0].domains, SPAN("a.b.d99999.example")));
	ck_assert(!acl_domain_match(&t->acls[0].domains, SPAN("example")));
	ck_assert(!acl_domain_match(&t->acls[0].domains, SPAN("d100000.example")));
	acl_table_free(&t);
	free(v);
	free(text);
}
END_TEST

UNIT_MAIN("worker/mode/acl", the_first_rule_that_matches_decides, negated_terms_and_lazy_addresses,
    a_known_address_goes_on_at_the_rule_named_without_it,
    a_trace_hears_every_rule_tried_and_what_decided_it,
    urls_and_headers_are_matched_and_a_failed_match_denies, without_rules_everything_is_denied,
    protected_addresses_need_a_rule_that_opens_them, own_listeners_are_refused_whatever_is_open,
    a_look_up_among_many_domains_costs_its_labels)

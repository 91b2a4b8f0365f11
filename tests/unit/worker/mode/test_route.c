#include <stdio.h>
#include "tests/unit/unit.h"

#include "conf/base/str.h"
#include "conf/pattern.h"

/* Every judgement of a template by the table is counted. */
static unsigned matches;

static bool
counted_match(const struct pattern *p, struct span path, struct pattern_capture *v, unsigned *n)
{
	matches++;
	return pattern_match(p, path, v, n);
}

#define pattern_match counted_match
#include "worker/mode/route.c"
#undef pattern_match

#define ROUTES 10000

static struct arena arena;
static struct conf_route *routes;
static struct conf conf;

static void
start(void)
{
	arena_init(&arena, NULL, 0, 0);
	routes = arena_alloc(&arena, ROUTES * sizeof *routes);
	conf = (struct conf){ .routes = routes };
}

/* host and methods: one word each or NULL; methods separated by '|'. */
static struct conf_route *
add(const char *name, const char *host, const char *path, const char *methods)
{
	struct conf_route *r = &routes[conf.nroutes];
	char *list = methods == NULL ? NULL : arena_strdup(&arena, methods);

	r->name = arena_strdup(&arena, name);
	r->index = conf.nroutes++;
	r->match.hosts.v = arena_alloc(&arena, sizeof(char *));
	r->match.methods.v = arena_alloc(&arena, 4 * sizeof(char *));
	if (host != NULL)
		r->match.hosts.v[r->match.hosts.n++] = arena_strdup(&arena, host);
	for (char *m; (m = strsep(&list, "|")) != NULL;)
		r->match.methods.v[r->match.methods.n++] = m;
	ck_assert_int_eq(pattern_compile(&r->path, &arena, path, NULL), 0);
	return r;
}

/* text: "h:NAME=regex", "q:NAME=regex" or "c:NAME=regex"; without "=" the name only has to be there. */
static struct conf_route *
when(struct conf_route *r, const char *text)
{
	struct conf_conditions *all = text[0] == 'h' ? &r->match.header :
	    text[0] == 'q'                           ? &r->match.query :
						       &r->match.cookie;
	char *name = arena_strdup(&arena, text + 2), *sign = strchr(name, '=');
	struct conf_condition *grown = arena_alloc(&arena, (all->n + 1) * sizeof *grown);
	struct conf_condition x = { .where = text[0] == 'h' ? IN_HEADER :
		    text[0] == 'q' ? IN_QUERY :
							      IN_COOKIE };

	if (sign != NULL) {
		*sign = '\0';
		x.re = regex_compile(&arena, sign + 1, NULL);
		ck_assert_ptr_nonnull(x.re);
	}
	x.name = name;
	x.id = name_find(span_str(name));
	if (all->n > 0)
		memcpy(grown, all->v, all->n * sizeof *grown);
	grown[all->n++] = x;
	all->v = grown;
	r->nconditions++;
	return r;
}

/* What the requests of find_in_table carry. */
static struct field field_room[4];
static struct fields fields = { .v = field_room, .size = 4 };
static struct condition_query head = { .fields = &fields };

static void
carry(const char *name, const char *value)
{
	struct field *f = fields_add(&fields, span_str(name), span_str(value), SPAN_NONE);

	f->id = (uint16_t)name_find(span_str(name));
	fields.have[f->id >> 6] |= 1ull << (f->id & 63);
	head.nfields = fields.n;
}

static void
carry_nothing(void)
{
	fields = (struct fields){ .v = field_room, .size = 4 };
	head = (struct condition_query){ .fields = &fields };
}

static enum route_result
find_in_table(const struct route_table *t, const char *method, const char *host, const char *path,
    struct route_match *m)
{
	struct route_query q = { .host = span_str(host), .path = span_str(path),
		.method = method_find(span_str(method)), .method_text = span_str(method),
		.head = head };

	return route_find(t, &q, m);
}

struct row { const char *method, *host, *path; enum route_result result; const char *name; };

static void
check_rows(const struct row *rows, size_t n)
{
	struct route_table *t = route_table_new(&conf, NULL);

	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < n; i++) {
		struct route_match m;

		ck_assert_msg(find_in_table(t, rows[i].method, rows[i].host, rows[i].path, &m) ==
		    rows[i].result, "row %zu", i);
		if (rows[i].name != NULL)
			ck_assert_msg(strcmp(m.route->name, rows[i].name) == 0, "row %zu: %s", i,
			    m.route->name);
		else
			ck_assert_msg(m.route == NULL, "row %zu: %s", i, m.route->name);
	}
	route_table_free(&t);
	arena_fini(&arena);
}

START_TEST(the_most_specific_route_wins)
{
	static const struct row rows[] = {
		{ "GET", "www.example.com", "/", ROUTE_FOUND, "www-rest" },
		{ "GET", "www.example.com", "/v1/items", ROUTE_FOUND, "literal" },
		{ "GET", "www.example.com", "/v1/7", ROUTE_FOUND, "one-get" },
		{ "PUT", "www.example.com", "/v1/7", ROUTE_FOUND, "one" },
		{ "PURGE", "www.example.com", "/v1/7", ROUTE_FOUND, "one-purge" },
		{ "GET", "www.example.com", "/v1/7:go", ROUTE_FOUND, "one-get" },
		{ "POST", "www.example.com", "/v1/7:go", ROUTE_FOUND, "verb" },
		{ "POST", "www.example.com", "/v1/7/x:go", ROUTE_FOUND, "v1-rest" },
		{ "GET", "www.example.com", "/v1/7/", ROUTE_FOUND, "v1-rest" },
		{ "GET", "www.example.com", "/v1", ROUTE_FOUND, "v1-end" },
		{ "GET", "www.example.com", "/v1/", ROUTE_FOUND, "v1-rest" },
		{ "GET", "a.example.com", "/", ROUTE_FOUND, "wild" },
		{ "GET", "a.b.example.com", "/", ROUTE_FOUND, "longer-wild" },
		{ "GET", "b.example.com", "/", ROUTE_FOUND, "wild" },
		{ "GET", "example.com", "/", ROUTE_FOUND, "any" },
		{ "GET", "a.b.example.com", "/x", ROUTE_NO_PATH, NULL },
		{ "GET", ".example.com", "/", ROUTE_FOUND, "any" },
		{ "GET", "", "/", ROUTE_FOUND, "any" },
		{ "GET", "other.org", "/x", ROUTE_NO_HOST, NULL },
		{ "POST", "other.org", "/health", ROUTE_NO_METHOD, NULL },
		{ "LOCK", "other.org", "/health", ROUTE_NO_METHOD, NULL },
		{ "HEAD", "other.org", "/health", ROUTE_FOUND, "health" },
		{ "OPTIONS", "other.org", "*", ROUTE_NO_HOST, NULL },
		{ "GET", "other.org", "", ROUTE_NO_HOST, NULL },
	};

	start();
	add("www-rest", "www.example.com", "/{all=**}", NULL);
	add("one", "www.example.com", "/v1/{id}", NULL);
	add("one-purge", "www.example.com", "/v1/{id}", "PURGE");
	add("one-get", "WWW.example.com", "/v1/{id}", "GET|HEAD");
	add("literal", "www.example.com", "/v1/items", NULL);
	add("verb", "www.example.com", "/v1/{id}:go", "POST");
	add("v1-rest", "www.example.com", "/v1/**", NULL);
	add("v1-end", "www.example.com", "/v1", NULL);
	add("wild", "*.example.com", "/", NULL);
	add("longer-wild", "*.b.example.com", "/", NULL);
	add("any", NULL, "/", NULL);
	add("health", NULL, "/health", "GET|HEAD");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(unknown_hosts_go_to_the_default_route_or_nowhere)
{
	static const struct row none[] = { { "GET", "b.example", "/", ROUTE_NO_HOST, NULL } };
	static const struct row with_ping[] = {
		{ "GET", "b.example", "/ping", ROUTE_FOUND, "ping" },
		{ "GET", "b.example", "/y", ROUTE_FOUND, "fallback" },
		{ "GET", "b.example", "/x", ROUTE_NO_PATH, NULL },
		{ "GET", "a.example", "/y", ROUTE_NO_PATH, NULL },
	};
	static const struct row lone[] = { { "GET", "b.example", "/", ROUTE_NO_PATH, NULL } };
	static const struct row some[] = {
		{ "GET", "a.example", "/x", ROUTE_FOUND, "a" },
		{ "GET", "a.example", "/y", ROUTE_NO_PATH, NULL },
		{ "GET", "b.example", "/x", ROUTE_NO_PATH, NULL },
		{ "GET", "b.example", "/y", ROUTE_FOUND, "fallback" },
		{ "PUT", "b.example", "/y", ROUTE_NO_METHOD, NULL },
	};

	start();
	add("a", "a.example", "/x", NULL);
	check_rows(none, ARRAY_LEN(none));
	start();
	add("a", "a.example", "/x", NULL);
	add("fallback", "f.example", "/y", "GET");
	conf.defaults.server = "fallback";
	check_rows(some, ARRAY_LEN(some));
	start();
	add("a", "a.example", "/x", NULL);
	add("fallback", "f.example", "/y", "GET");
	add("ping", NULL, "/ping", NULL);	/* for every host, which makes none of them known */
	conf.defaults.server = "fallback";
	check_rows(with_ping, ARRAY_LEN(with_ping));
	start();
	add("ping", NULL, "/ping", NULL);
	check_rows(lone, ARRAY_LEN(lone));
}
END_TEST

START_TEST(allow_lists_what_the_path_accepts)
{
	struct route_table *t;
	struct route_match m;

	start();
	add("a", "a.example", "/x", "GET|PUT");
	add("b", "a.example", "/{id}", "DELETE|LOCK");
	add("c", NULL, "/{all=**}", "HEAD");
	t = route_table_new(&conf, NULL);
	ck_assert_int_eq(find_in_table(t, "POST", "a.example", "/x", &m), ROUTE_NO_METHOD);
	ck_assert_uint_eq(m.allow, 1u << M_GET | 1u << M_PUT | 1u << M_DELETE | 1u << M_HEAD);
	ck_assert(m.allow_other);
	ck_assert_int_eq(find_in_table(t, "POST", "b.example", "/x", &m), ROUTE_NO_METHOD);
	ck_assert_uint_eq(m.allow, 1u << M_HEAD);
	ck_assert(!m.allow_other);
	route_table_free(&t);
	arena_fini(&arena);
}
END_TEST

/* What a search told: "name verdict; …". */
struct told { struct route_trace trace; char text[200]; };

static void
on_candidate(struct route_trace *trace, const struct conf_route *r, enum route_try what,
    const struct conf_condition *by)
{
	static const char *const words_of[] = { "method", "condition", "undecided", "taken" };
	struct told *told = (struct told *)trace;
	size_t n = strlen(told->text);

	(void)snprintf(told->text + n, sizeof told->text - n, "%s%s %s%s%s", n == 0 ? "" : "; ",
	    r->name, words_of[what], by == NULL ? "" : " ", by == NULL ? "" : by->name);
}

START_TEST(a_trace_hears_every_route_whose_host_and_path_match)
{
	struct told told = { .trace = { on_candidate } };
	struct route_query q = { .host = SPAN("a.example"), .path = SPAN("/x"),
		.method = M_POST, .method_text = SPAN("POST"), .trace = &told.trace };
	struct route_table *t;
	struct route_match m;

	start();
	add("elsewhere", "b.example", "/x", NULL);
	add("literal", "a.example", "/x", "GET|PUT");
	add("one", "a.example", "/{id}", "DELETE");
	add("deeper", "a.example", "/x/y", NULL);
	when(when(add("canary", "a.example", "/x", NULL), "h:X-A"), "c:s=1");
	carry("X-A", "1");
	q.head = head;
	add("wild", "*.example", "/{all=**}", NULL);
	add("any", NULL, "/{all=**}", NULL);
	t = route_table_new(&conf, NULL);
	ck_assert_int_eq(route_find(t, &q, &m), ROUTE_FOUND);
	carry_nothing();
	ck_assert_str_eq(told.text, "canary condition s; literal method; one method; wild taken");
	route_table_free(&t);
	arena_fini(&arena);
}
END_TEST

START_TEST(captures_are_those_of_the_winner)
{
	struct route_table *t;
	struct route_match m;

	start();
	add("a", NULL, "/{kind}/{id}", "PUT");
	add("b", NULL, "/{what}/{rest=**}", NULL);
	add("c", NULL, "/{verbed}/x:go", "PUT");
	t = route_table_new(&conf, NULL);
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/shoes/7", &m), ROUTE_FOUND);
	ck_assert_str_eq(m.route->name, "b");
	ck_assert_uint_eq(m.ncaptures, 2);
	ck_assert(
	    span_eq_str(m.captures[0].name, "what") && span_eq_str(m.captures[0].value, "shoes"));
	ck_assert(span_eq_str(m.captures[1].name, "rest") && span_eq_str(m.captures[1].value, "7"));
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/shoes/x:go", &m), ROUTE_FOUND);
	ck_assert_uint_eq(m.ncaptures, 2);
	ck_assert(span_eq_str(m.captures[1].value, "x:go"));
	route_table_free(&t);
	arena_fini(&arena);
}
END_TEST

/* ------------------------------------------------------------------------ against a brute-force matcher */

static const char *const hosts[] = { NULL, "a.example", "b.a.example", "*.example", "*.a.example",
	"*.b.a.example" };
static const char *const asked[] = { "a.example", "b.a.example", "c.b.a.example", "example",
	"x.org", "z.a.example" };
static const char *const words[] = { "a", "b", "{x}", "*", "a" };
static const char *const parts[] = { "a", "b", "c", "", "a:go", "b:go" };
static const char *const methods[] = { NULL, "GET", "PUT|LOCK", "GET|HEAD" };
static const char *const sent[] = { "GET", "HEAD", "PUT", "LOCK", "POST" };

static unsigned
roll(unsigned n)
{
	return (unsigned)(random() % n);
}

/* How specific a host is for the one asked; -1: it does not match, 0: any. */
static int
host_rank(const struct conf_route *r, const char *host)
{
	const char *h = r->match.hosts.n == 0 ? NULL : r->match.hosts.v[0];
	size_t n = strlen(host), s;

	if (h == NULL)
		return 0;
	if (h[0] != '*')
		return strcmp(h, host) == 0 ? 1000 : -1;
	s = strlen(h + 1);
	return n > s && strcmp(host + n - s, h + 1) == 0 ? (int)s : -1;
}

static bool
takes(const struct conf_route *r, const char *method)
{
	for (unsigned i = 0; i < r->match.methods.n; i++)
		if (strcmp(r->match.methods.v[i], method) == 0)
			return true;
	return r->match.methods.n == 0;
}

/* <0: a is more specific. */
static int
compare(const struct conf_route *a, const struct conf_route *b, const char *host)
{
	int by_host = host_rank(b, host) - host_rank(a, host),
	    by_path = pattern_compare(&a->path, &b->path);

	if (by_host != 0 || by_path != 0)
		return by_host != 0 ? by_host : by_path;
	if (a->nconditions != b->nconditions)
		return (int)b->nconditions - (int)a->nconditions;
	return (a->match.methods.n == 0) - (b->match.methods.n == 0);
}

static bool
all_hold(const struct conf_conditions *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (condition_ask(&all->v[i], &head) != REGEX_YES)
			return false;
	return true;
}

static enum route_result
brute_force(const char *method, const char *host, const char *path, const struct conf_route **best)
{
	enum route_result result = ROUTE_NO_PATH;
	bool known = false;

	*best = NULL;
	for (unsigned i = 0; i < conf.nroutes; i++) {
		known = known || host_rank(&routes[i], host) > 0;
		if (routes[i].match.hosts.n > 0)
			result = ROUTE_NO_HOST;
	}
	result = known ? ROUTE_NO_PATH : result;
	for (unsigned i = 0; i < conf.nroutes; i++) {
		const struct conf_route *r = &routes[i];
		struct pattern_capture v[PATTERN_CAPTURES];
		unsigned n;

		if (host_rank(r, host) < 0)
			continue;
		if (!pattern_match(&r->path, span_str(path), v, &n) ||
		    !all_hold(&r->match.header) || !all_hold(&r->match.query) ||
		    !all_hold(&r->match.cookie))
			continue;
		result = ROUTE_NO_METHOD;
		if (takes(r, method) && (*best == NULL || compare(r, *best, host) < 0))
			*best = r;
	}
	return *best != NULL ? ROUTE_FOUND : result;
}

static void
random_route(void)
{
	static const char *const tests[] = { "h:X-A", "h:X-A=1", "h:User-Agent=^b", "q:v=2", "q:v",
		"c:s=^x$" };
	struct str path = STR_INIT;
	struct conf_route *r;
	char name[16];
	unsigned segs = roll(4);

	for (unsigned i = 0; i < segs; i++) {
		unsigned w = roll(ARRAY_LEN(words));

		if (w == 2)
			str_printf(&path, "/{x%u}", i);
		else
			str_printf(&path, "/%s", words[w]);
	}
	if (segs == 0 || roll(3) == 0)
		str_adds(&path, roll(3) == 0 ? "/" : "/{rest=**}");
	else if (roll(4) == 0)
		str_adds(&path, ":go");
	snprintf(name, sizeof name, "r%u", conf.nroutes);
	r = add(name, hosts[roll(ARRAY_LEN(hosts))], path.data, methods[roll(ARRAY_LEN(methods))]);
	for (unsigned n = roll(3); n > 0; n--)
		when(r, tests[roll(ARRAY_LEN(tests))]);
	str_fini(&path);
}

START_TEST(it_agrees_with_a_brute_force_matcher)
{
	srandom(4);
	for (unsigned round = 0; round < 200; round++) {
		struct route_table *t;

		start();
		for (unsigned n = 1 + roll(30); n > 0; n--)
			random_route();
		t = route_table_new(&conf, NULL);
		for (unsigned i = 0; i < 200; i++) {
			const char *host = asked[roll(ARRAY_LEN(asked))],
				   *method = sent[roll(ARRAY_LEN(sent))];
			struct str text = STR_INIT;
			const char *path;
			const struct conf_route *best;
			struct route_match m;
			enum route_result want, got;

			for (unsigned s = 1 + roll(4); s > 0; s--)
				str_printf(&text, "/%s", parts[roll(ARRAY_LEN(parts))]);
			path = text.data;
			carry_nothing();
			if (roll(2))
				carry("X-A", roll(2) ? "1" : "2");
			if (roll(2))
				carry("User-Agent", roll(2) ? "bot" : "browser");
			if (roll(2))
				carry("Cookie", roll(2) ? "a=b; s=x" : "s=y");
			head.query = roll(2) ? SPAN("v=1&v=2") : roll(2) ? SPAN("w=2") : SPAN_NONE;
			want = brute_force(method, host, path, &best);
			got = find_in_table(t, method, host, path, &m);
			ck_assert_msg(
			    got == want, "%s %s %s: %d, not %d", method, host, path, got, want);
			if (best != NULL)
				ck_assert_msg(m.route == best, "%s %s %s: %s, not %s", method, host,
				    path, m.route->path.text.p, best->path.text.p);
			str_fini(&text);
		}
		route_table_free(&t);
		arena_fini(&arena);
	}
	carry_nothing();
}
END_TEST

START_TEST(more_conditions_then_methods_then_the_order_of_the_file)
{
	static const struct { const char *agent, *query, *method, *name; } rows[] = {
		{ NULL, NULL, "GET", "plain-get" },
		{ NULL, NULL, "PUT", "plain" },
		{ "bot", NULL, "GET", "bot" },
		{ "bot/1", NULL, "GET", "bot" },	/* two fit: the first in the file */
		{ "one/1", NULL, "PUT", "versioned" },
		{ "bot", "v=2", "PUT", "bot-v2" },
		{ "other", "v=2", "GET", "v2-get" },
		{ "other", "v=2", "PUT", "v2" },
		{ "other", "v=3", "PUT", "plain" },
	};
	struct route_table *t;
	struct route_match m;

	start();
	add("plain", NULL, "/x", NULL);
	add("plain-get", NULL, "/x", "GET");
	when(add("bot", NULL, "/x", NULL), "h:User-Agent=^bot");
	when(add("versioned", NULL, "/x", NULL), "h:User-Agent=/[0-9]");
	when(add("v2", NULL, "/x", NULL), "q:v=^2$");
	when(add("v2-get", NULL, "/x", "GET"), "q:v=^2$");
	when(when(add("bot-v2", NULL, "/x", NULL), "q:v=^2$"), "h:User-Agent=^bot");
	t = route_table_new(&conf, NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		carry_nothing();
		if (rows[i].agent != NULL)
			carry("User-Agent", rows[i].agent);
		head.query = span_str(rows[i].query);
		ck_assert_int_eq(find_in_table(t, rows[i].method, "h", "/x", &m), ROUTE_FOUND);
		ck_assert_msg(
		    strcmp(m.route->name, rows[i].name) == 0, "row %zu: %s", i, m.route->name);
	}
	carry_nothing();
	route_table_free(&t);
	arena_fini(&arena);
}
END_TEST

/* Taken for a "no", a route that refuses could be passed by. */
START_TEST(a_condition_at_its_limits_lets_no_other_route_be_taken)
{
	static const char slow[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	struct route_table *t;
	struct route_match m;

	start();
	add("plain", NULL, "/{all=**}", NULL);
	when(add("put", NULL, "/y", "PUT"), "h:X-Slow=^(a+)+$");
	when(add("refuse", "h", "/x", NULL), "h:X-Slow=^(a+)+$");
	t = route_table_new(&conf, NULL);
	carry("X-Slow", slow);
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/x", &m), ROUTE_UNDECIDED);
	ck_assert_str_eq(m.route->name, "refuse");
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/z", &m), ROUTE_FOUND);
	ck_assert_int_eq(find_in_table(t, "PUT", "h", "/y", &m), ROUTE_UNDECIDED);
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/y", &m), ROUTE_FOUND);	/* PUT alone is not for it */
	carry_nothing();
	carry("X-Slow", "aaa");
	ck_assert_int_eq(find_in_table(t, "GET", "h", "/x", &m), ROUTE_FOUND);
	ck_assert_str_eq(m.route->name, "refuse");
	carry_nothing();
	route_table_free(&t);
	arena_fini(&arena);
}
END_TEST

START_TEST(ten_thousand_routes_cost_no_more_than_ten)
{
	unsigned worst[2] = { 0 };

	for (unsigned big = 0; big < 2; big++) {
		struct route_table *t;
		unsigned n = big ? ROUTES - 1 : 10;

		start();
		for (unsigned i = 0; i < n; i++) {
			char name[32], host[32], path[64];

			snprintf(name, sizeof name, "r%u", i);
			snprintf(host, sizeof host, "h%u.example", i % 100);
			snprintf(path, sizeof path, "/api/v%u/{id}/items/%u", i / 100, i);
			add(name, i % 3 == 0 ? NULL : host, path, i % 2 ? "GET" : NULL);
		}
		add("rest", NULL, "/{all=**}", NULL);
		t = route_table_new(&conf, NULL);
		for (unsigned i = 0; i < n; i++) {
			char host[32], path[64];
			struct route_match m;

			snprintf(host, sizeof host, "h%u.example", i % 100);
			snprintf(path, sizeof path, "/api/v%u/x/items/%u", i / 100, i);
			matches = 0;
			ck_assert_int_eq(find_in_table(t, "GET", host, path, &m), ROUTE_FOUND);
			ck_assert_ptr_eq(m.route, &routes[i]);
			worst[big] = matches > worst[big] ? matches : worst[big];
		}
		route_table_free(&t);
		arena_fini(&arena);
	}
	ck_assert_uint_eq(worst[0], worst[1]);
	ck_assert_uint_le(worst[1], 2);
}
END_TEST

UNIT_MAIN("worker/mode/route", the_most_specific_route_wins,
    unknown_hosts_go_to_the_default_route_or_nowhere, allow_lists_what_the_path_accepts,
    a_trace_hears_every_route_whose_host_and_path_match, captures_are_those_of_the_winner,
    more_conditions_then_methods_then_the_order_of_the_file,
    a_condition_at_its_limits_lets_no_other_route_be_taken, it_agrees_with_a_brute_force_matcher,
    ten_thousand_routes_cost_no_more_than_ten)

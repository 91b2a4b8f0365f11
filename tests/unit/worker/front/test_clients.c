#include "tests/unit/unit.h"
#include "worker/front/clients.c"

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(&a, span_str(text), 1), 0);
	return a;
}

START_TEST(a_client_is_an_ipv4_address_or_an_ipv6_64)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "192.0.2.1", "192.0.2.1", true }, { "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true }, { "2001:db8::1", "2001:db8::ffff", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].a), b = ip(rows[i].b);
		struct client_slot *s = NULL, *t = NULL;

		ck_assert(clients_enter(&a, 1, &s));
		ck_assert_msg(clients_enter(&b, 1, &t) == !rows[i].same, "row %zu", i);
		clients_leave(s);
		clients_leave(t);
	}
	ck_assert_uint_eq(slots.used, 0);
	map_fini(&clients);
}
END_TEST

START_TEST(the_limit_holds_until_a_connection_leaves_and_the_entry_goes_with_the_last)
{
	struct addr a = ip("192.0.2.1");
	struct client_slot *s[3], *more;

	for (int i = 0; i < 3; i++)
		ck_assert(clients_enter(&a, 3, &s[i]));
	ck_assert(!clients_enter(&a, 3, &more));
	ck_assert_ptr_null(more);
	clients_leave(more);
	clients_leave(s[0]);
	ck_assert(clients_enter(&a, 3, &s[0]));
	for (int i = 0; i < 3; i++)
		clients_leave(s[i]);
	ck_assert_uint_eq(slots.used, 0);
	ck_assert_uint_eq(clients.used, 0);
	map_fini(&clients);
}
END_TEST

START_TEST(nothing_is_counted_without_a_limit_or_an_ip)
{
	struct addr a = ip("192.0.2.1"), un = { .len = sizeof un.u.un, .u.un.sun_family = AF_UNIX };
	struct client_slot *s;

	ck_assert(clients_enter(&a, 0, &s));
	ck_assert_ptr_null(s);
	ck_assert(clients_enter(&un, 1, &s));
	ck_assert_ptr_null(s);
	ck_assert_uint_eq(slots.used, 0);
}
END_TEST

UNIT_MAIN("worker/front/clients", a_client_is_an_ipv4_address_or_an_ipv6_64,
    the_limit_holds_until_a_connection_leaves_and_the_entry_goes_with_the_last,
    nothing_is_counted_without_a_limit_or_an_ip)

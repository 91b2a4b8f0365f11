#include <sys/socket.h>
#include "conf/base/addr.h"
#include "tests/unit/unit.h"

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse_ip(&a, span_str(text), 80) == 0, "'%s'", text);
	return a;
}

START_TEST(addresses_print_as_they_were_written)
{
	static const struct { const char *in, *out, *ip; uint16_t port; int family; } rows[] = {
		{ "1.2.3.4:80", "1.2.3.4:80", "1.2.3.4", 80, AF_INET },
		{ "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0, AF_INET },
		{ "[::1]:65535", "[::1]:65535", "::1", 65535, AF_INET6 },
		{ "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443", "2001:db8::1", 443, AF_INET6 },
		{ "[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, AF_INET6 },
		{ "*:8080", "[::]:8080", "::", 8080, AF_INET6 },
		{ "unix:/run/a.sock", "unix:/run/a.sock", "unix:/run/a.sock", 0, AF_UNIX },
	};
	char buf[ADDR_TEXT];
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(addr_parse(&a, rows[i].in, NULL) == 0, "'%s'", rows[i].in);
		ck_assert_int_eq(a.u.sa.sa_family, rows[i].family);
		ck_assert_str_eq(addr_text(&a, buf), rows[i].out);
		ck_assert_str_eq(addr_ip_text(&a, buf), rows[i].ip);
		ck_assert_uint_eq(addr_port(&a), rows[i].port);
	}
}
END_TEST

START_TEST(refusals_say_what_to_write_instead)
{
	static const struct { const char *in; int rc; const char *why; } rows[] = {
		{ "", -E_SYNTAX, "write *:80" },
		{ "1.2.3.4", -E_SYNTAX, "write 1.2.3.4:80" },
		{ "localhost:80", -E_SYNTAX, "IP:port" },
		{ "::1", -E_SYNTAX, "write [::1]:80" },
		{ "[::1]", -E_SYNTAX, "write [::1]:80" },
		{ "fe80::1%eth0:80", -E_SYNTAX, "IP:port" },
		{ "[fe80::1%eth0]:80", -E_SYNTAX, "brackets hold an IPv6 address" },
		{ ":80", -E_SYNTAX, "write *:80" },
		{ "[]:80", -E_SYNTAX, "brackets" },
		{ "[1.2.3.4]:80", -E_SYNTAX, "brackets" },
		{ "[::1:80", -E_SYNTAX, "brackets" },
		{ "1.2.3.4:", -E_SYNTAX, "'' is not a port" },
		{ "1.2.3.4:http", -E_SYNTAX, "'http' is not a port" },
		{ "1.2.3.4:-1", -E_SYNTAX, "'-1' is not a port" },
		{ "1.2.3.4:80 ", -E_SYNTAX, "not a port" },
		{ "1.2.3.4:65536", -E_RANGE, "at most 65535" },
		{ "1.2.3:80", -E_SYNTAX, "IP:port" },
		{ "unix:", -E_SYNTAX, "absolute" },
		{ "unix:run/a", -E_SYNTAX, "absolute" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };
		struct addr a;

		ck_assert_msg(addr_parse(&a, rows[i].in, &ed) == rows[i].rc, "'%s'", rows[i].in);
		ck_assert_msg(strstr(ed.text, rows[i].why) != NULL, "%s", ed.text);
	}
}
END_TEST

START_TEST(socket_paths_fit_or_are_refused)
{
	char text[5 + 109 + 1] = "unix:/", buf[ADDR_TEXT];
	struct addr a;

	memset(text + 6, 'x', sizeof text - 7);
	ck_assert_int_eq(addr_parse(&a, text, NULL), -E_RANGE);		/* 109 bytes */
	text[5 + 108] = '\0';
	ck_assert_int_eq(addr_parse(&a, text, NULL), -E_RANGE);
	text[5 + 107] = '\0';
	ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	ck_assert_str_eq(addr_text(&a, buf), text);
}
END_TEST

START_TEST(only_strict_literals_are_addresses)
{
	static const char *const bad[] = {
		"", "1", "127.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "010.0.0.1",
		"0x7f.0.0.1", "2130706433", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "[::1]", "::1%lo",
		"fe80::1%1", ":::", "1::2::3", "::g", "12345::", "1:2:3:4:5:6:7", "::1/128",
		"1:2:3:4:5:6:7:8:9", "localhost", "::ffff:1.2.3.256",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	static const char *const good[] = {
		"0.0.0.0", "255.255.255.255", "::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4",
	};
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(addr_parse_ip(&a, span_str(bad[i]), 1) == -E_SYNTAX, "'%s'", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(addr_parse_ip(&a, span_str(good[i]), 1) == 0, "'%s'", good[i]);
	ck_assert_int_eq(addr_parse_ip(&a, span_make("1.2.3.4\0x", 9), 1), -E_SYNTAX);
	ck_assert_int_eq(addr_parse_ip(&a, span_make("1.2.3.45", 7), 1), 0);
	ck_assert_int_eq(addr_parse_ip(&a, SPAN_NONE, 1), -E_SYNTAX);
}
END_TEST

START_TEST(mapped_addresses_fold_and_others_do_not)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "::ffff:127.0.0.1", "127.0.0.1" }, { "::ffff:7f00:1", "127.0.0.1" },
		{ "::ffff:0:0", "0.0.0.0" }, { "::127.0.0.1", "::127.0.0.1" },
		{ "::fffe:127.0.0.1", "::fffe:7f00:1" }, { "64:ff9b::7f00:1", "64:ff9b::7f00:1" },
		{ "::ffff:0:127.0.0.1", "::ffff:0:7f00:1" }, { "1.2.3.4", "1.2.3.4" }, { "::1", "::1" },
	};
	char buf[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].in), f = addr_fold(&a);

		ck_assert_str_eq(addr_ip_text(&f, buf), rows[i].out);
		ck_assert_uint_eq(addr_port(&f), 80);
	}
}
END_TEST

START_TEST(equality_is_family_ip_and_port)
{
	struct addr a = ip("1.2.3.4"), b = ip("1.2.3.4"), c = ip("::ffff:1.2.3.4"), d = ip("::1"),
		    e = d;
	struct addr none = { 0 }, u, v;

	ck_assert(addr_eq(&a, &b));
	ck_assert(!addr_eq(&a, &c));
	addr_set_port(&b, 81);
	ck_assert(!addr_eq(&a, &b));
	ck_assert(addr_eq(&d, &e));
	addr_set_port(&e, 81);
	ck_assert(!addr_eq(&d, &e));
	ck_assert(addr_eq(&none, &none));
	ck_assert(!addr_eq(&none, &a));
	ck_assert_int_eq(addr_parse(&u, "unix:/a", NULL), 0);
	ck_assert_int_eq(addr_parse(&v, "unix:/b", NULL), 0);
	ck_assert(addr_eq(&u, &u));
	ck_assert(!addr_eq(&u, &v));
	addr_set_port(&u, 80);
	ck_assert_uint_eq(addr_port(&u), 0);
}
END_TEST

START_TEST(odd_addresses_print)
{
	struct addr none = { 0 }, unnamed = { .len = sizeof(sa_family_t) }, abstract = unnamed;
	char buf[ADDR_TEXT];

	ck_assert_str_eq(addr_text(&none, buf), "-");
	unnamed.u.sa.sa_family = AF_UNIX;
	ck_assert_str_eq(addr_text(&unnamed, buf), "unix:");
	abstract.u.sa.sa_family = AF_UNIX;
	memcpy(abstract.u.un.sun_path, "\0name", 5);
	abstract.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 5);
	ck_assert_str_eq(addr_text(&abstract, buf), "unix:@name");
	ck_assert_int_eq(addr_parse(&none, "unix:@name", NULL), 0);
	ck_assert(addr_eq(&none, &abstract) && none.len == abstract.len);
	ck_assert_int_eq(addr_parse(&none, "unix:@", NULL), -E_SYNTAX);
}
END_TEST

UNIT_MAIN("conf/base/addr", addresses_print_as_they_were_written,
    refusals_say_what_to_write_instead, socket_paths_fit_or_are_refused,
    only_strict_literals_are_addresses, mapped_addresses_fold_and_others_do_not,
    equality_is_family_ip_and_port, odd_addresses_print)

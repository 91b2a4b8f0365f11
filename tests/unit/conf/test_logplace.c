#include "tests/unit/unit.h"
#include "conf/logplace.h"

START_TEST(words_are_places_and_everything_else_is_a_file)
{
	static const struct {
		const char *text;
		enum logplace_kind kind;
		const char *address;
	} rows[] = {
		{ "off", LOGPLACE_OFF, NULL },
		{ "stdout", LOGPLACE_STDOUT, NULL },
		{ "stderr", LOGPLACE_STDERR, NULL },
		{ "/var/log/syslog", LOGPLACE_FILE, NULL },
		{ "syslog.txt", LOGPLACE_FILE, NULL },
		{ "syslog", LOGPLACE_SYSLOG, "unix:/dev/log" },
		{ "syslog:/run/x", LOGPLACE_SYSLOG, "unix:/run/x" },
		{ "syslog://192.0.2.1", LOGPLACE_SYSLOG, "192.0.2.1:514" },
		{ "syslog://192.0.2.1:1514", LOGPLACE_SYSLOG, "192.0.2.1:1514" },
		{ "syslog://[2001:db8::1]", LOGPLACE_SYSLOG, "[2001:db8::1]:514" },
		{ "syslog://[2001:db8::1]:1514", LOGPLACE_SYSLOG, "[2001:db8::1]:1514" },
	};
	char text[ADDR_TEXT];
	struct logplace p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(logplace_parse(&p, rows[i].text, NULL) == 0, "%s", rows[i].text);
		ck_assert_int_eq(p.kind, rows[i].kind);
		if (rows[i].address != NULL)
			ck_assert_str_eq(addr_text(&p.syslog, text), rows[i].address);
	}
}
END_TEST

START_TEST(what_is_no_address_is_refused_with_what_to_write)
{
	static const char *const rows[] = { "syslog:", "syslog:run/x", "syslog://",
		"syslog://loghost", "syslog://loghost:514", "syslog://1.2.3.4:0",
		"syslog://1.2.3.4:x", "syslog://*:514", "syslog://2001:db8::1",
		"syslog://unix:/run/x" };
	char path[300] = "syslog:/";
	struct logplace p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_msg(logplace_parse(&p, rows[i], &ed) != 0, "%s", rows[i]);
		ck_assert_ptr_nonnull(strstr(ed.text, "syslog://IP:PORT"));
	}
	memset(path + 8, 'x', 200);
	ck_assert_int_ne(logplace_parse(&p, path, NULL), 0);
}
END_TEST

START_TEST(facilities_have_their_numbers)
{
	ck_assert_uint_eq(logplace_facility("user"), 1);
	ck_assert_uint_eq(logplace_facility("daemon"), 3);
	ck_assert_uint_eq(logplace_facility("local0"), 16);
	ck_assert_uint_eq(logplace_facility("local7"), 23);
	for (unsigned i = 0; logplace_facilities[i] != NULL; i++)
		ck_assert_uint_le(logplace_facility(logplace_facilities[i]), 23);
}
END_TEST

UNIT_MAIN("conf/logplace", words_are_places_and_everything_else_is_a_file,
    what_is_no_address_is_refused_with_what_to_write, facilities_have_their_numbers)

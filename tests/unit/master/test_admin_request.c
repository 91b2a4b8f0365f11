/*
 * The admin socket's request line.
 */
#include "master/admin_request.c"
#include "tests/unit/unit.h"

static int
parse(const char *line, struct admin_request *r)
{
	return admin_parse(r, span_str(line), NULL);
}

START_TEST(every_verb_for_a_running_proxyd_is_understood)
{
	static const struct {
		const char *line;
		enum admin_cmd cmd;
	} rows[] = {
		{ "[\"status\"]", CMD_STATUS },
		{ "[\"config\", \"show\"]", CMD_CONFIG_SHOW },
		{ "[\"config\",\"diff\"]", CMD_CONFIG_DIFF },
		{ " [ \"workers\" ] ", CMD_WORKERS },
		{ "[\"log\"]", CMD_LOG },
		{ "[\"version\"]", CMD_VERSION },
		{ "[\"reload\"]", CMD_RELOAD },
		{ "[\"stop\"]", CMD_STOP },
	};
	struct admin_request r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(parse(rows[i].line, &r), 0);
		ck_assert_int_eq(r.cmd, rows[i].cmd);
		ck_assert(!r.fast && r.wait_s == 0);
	}
}
END_TEST

START_TEST(arguments_are_taken)
{
	struct admin_request r;

	ck_assert_int_eq(parse("[\"stop\",\"--fast\"]", &r), 0);
	ck_assert(r.fast);
	ck_assert_int_eq(parse("[\"reload\",\"--wait\",\"30\"]", &r), 0);
	ck_assert_int_eq(r.wait_s, 30);
}
END_TEST

START_TEST(what_is_no_request_is_refused_with_a_reason)
{
	static const char *const rows[] = {
		"",
		"x",
		"{}",
		"[]",
		"\"status\"",
		"[1]",
		"[\"status\", 1]",
		"[[\"status\"]]",
		"[\"nothing\"]",
		"[\"config\"]",
		"[\"config\",\"sho\"]",
		"[\"config show\"]",
		"[\"status\",\"now\"]",
		"[\"stop\",\"--wait\"]",
		"[\"reload\",\"--wait\"]",
		"[\"reload\",\"--wait\",\"-1\"]",
		"[\"reload\",\"--wait\",\"99999999999999999999\"]",
		"[\"\"]",
		"[\"status\"",
		"[null]",
		"[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]",
	};
	struct admin_request r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_msg(admin_parse(&r, span_str(rows[i]), &ed) < 0, "%s", rows[i]);
		ck_assert_msg(ed.text[0] != '\0', "%s", rows[i]);
	}
}
END_TEST

START_TEST(verbs_of_the_client_alone_never_reach_the_server)
{
	struct admin_request r;

	ck_assert_int_lt(parse("[\"check\"]", &r), 0);
	ck_assert_int_lt(parse("[\"help\"]", &r), 0);
}
END_TEST

START_TEST(a_line_longer_than_8_kib_is_refused)
{
	static char line[ADMIN_LINE_MAX + 2];
	struct admin_request r;

	memset(line, ' ', sizeof line);
	memcpy(line, "[\"status\"]", 10);
	ck_assert_int_eq(admin_parse(&r, span_make(line, ADMIN_LINE_MAX), NULL), 0);
	ck_assert_int_lt(admin_parse(&r, span_make(line, ADMIN_LINE_MAX + 1), NULL), 0);
}
END_TEST

UNIT_MAIN("master/admin_request", every_verb_for_a_running_proxyd_is_understood,
    arguments_are_taken, what_is_no_request_is_refused_with_a_reason,
    verbs_of_the_client_alone_never_reach_the_server, a_line_longer_than_8_kib_is_refused)

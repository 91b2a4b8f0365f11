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
		ck_assert(r.nargs == 0 && r.noptions == 0);
	}
}
END_TEST

START_TEST(arguments_are_taken)
{
	struct admin_request r;
	uint64_t wait = 7;

	ck_assert_int_eq(parse("[\"stop\",\"--fast\"]", &r), 0);
	ck_assert_str_eq(admin_option(&r, "--fast"), "");
	ck_assert_ptr_null(admin_option(&r, "--wait"));
	ck_assert_int_eq(admin_option_number(&r, "--wait", 60, &wait, NULL), 0);
	ck_assert_uint_eq(wait, 7);
	ck_assert_int_eq(parse("[\"reload\",\"--wait\",\"30\"]", &r), 0);
	ck_assert_int_eq(admin_option_number(&r, "--wait", 60, &wait, NULL), 0);
	ck_assert_uint_eq(wait, 30);
	ck_assert_int_eq(parse("[\"reload\",\"--wait=31\"]", &r), 0);
	ck_assert_str_eq(admin_option(&r, "--wait"), "31");
	ck_assert_int_lt(admin_option_number(&r, "--wait", 30, &wait, NULL), 0);
}
END_TEST

START_TEST(a_row_of_the_table_tells_what_its_verb_takes)
{
	static const struct {
		const char *args, *option;
		enum kind kind;
		size_t args_most;
	} rows[] = {
		{ "", "--x", KIND_UNKNOWN, 0 },
		{ "[--fast]", "--fast", KIND_FLAG, 0 },
		{ "[--fast]", "--fas", KIND_UNKNOWN, 0 },
		{ "[--wait [SECONDS]]", "--wait", KIND_VALUE, 0 },
		{ "[--follow] [--format combined|json] [-n N]", "--follow", KIND_FLAG, 0 },
		{ "[--follow] [--format combined|json] [-n N]", "--format", KIND_VALUE, 0 },
		{ "[--follow] [--format combined|json] [-n N]", "-n", KIND_VALUE, 0 },
		{ "ID | --client CIDR", "--client", KIND_VALUE, 1 },
		{ "TARGET|SERVICE/TARGET [--undo]", "--undo", KIND_FLAG, 1 },
		{ "METHOD URL [--client IP] [-H FIELD]", "-H", KIND_VALUE, 2 },
		{ "--all | --one NAME", "--all", KIND_FLAG, 0 },
		{ "--all [NAME]", "--all", KIND_FLAG, 1 },
		{ "[NAME...]", "NAME...", KIND_FLAG, ADMIN_WORDS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(
		    option_kind(rows[i].args, span_str(rows[i].option)) == rows[i].kind, "%zu", i);
		ck_assert_msg(args_most(rows[i].args) == rows[i].args_most, "%zu", i);
	}
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
		"[\"stop\",\"--fast=1\"]",
		"[\"stop\",\"-\"]",
		"[\"\"]",
		"[\"status\"",
		"[null]",
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

START_TEST(a_request_of_too_many_words_is_refused)
{
	struct str line = STR_INIT;
	struct admin_request r;

	str_adds(&line, "[\"status\"");
	for (unsigned i = 0; i < ADMIN_WORDS; i++)
		str_adds(&line, ",\"\"");
	str_addc(&line, ']');
	ck_assert_int_lt(parse(str_span(&line).p, &r), 0);
	str_fini(&line);
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
    arguments_are_taken, a_row_of_the_table_tells_what_its_verb_takes,
    what_is_no_request_is_refused_with_a_reason, verbs_of_the_client_alone_never_reach_the_server,
    a_request_of_too_many_words_is_refused, a_line_longer_than_8_kib_is_refused)

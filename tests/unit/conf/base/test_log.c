#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "conf/base/log.h"
#include "tests/unit/unit.h"

static int ends[2];
static char line[16384];

static void
open_pipe(void)
{
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	log_open(ends[1], "worker 3");
	log_set_level(LOG_INFO);
}

/* What was written since the last call, or "". */
static const char *
written(void)
{
	ssize_t n = read(ends[0], line, sizeof line - 1);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

/* The text behind "role[pid]: ". */
static const char *
text_of(const char *l)
{
	const char *p = strstr(l, "]: ");

	ck_assert_ptr_nonnull(p);
	return p + 3;
}

START_TEST(line_names_time_level_role_and_pid)
{
	char want[64];

	open_pipe();
	log_write(LOG_WARN, "disk %s", "full");
	written();
	ck_assert(line[4] == '-' && line[10] == 'T' && line[19] == '.' && line[23] == 'Z');
	(void)snprintf(want, sizeof want, "Z warn worker 3[%d]: disk full\n", (int)getpid());
	ck_assert_str_eq(line + 23, want);
}
END_TEST

START_TEST(control_bytes_cannot_forge_a_line)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "a\r\nb", "a\\x0d\\x0ab\n" },
		{ "\x1b[31m", "\\x1b[31m\n" },
		{ "\x7f\x80\xff", "\\x7f\\x80\\xff\n" },
		{ "back\\slash", "back\\x5cslash\n" },
		{ "tab\there", "tab\\x09here\n" },
		{ "", "\n" },
		{ "~ !", "~ !\n" },
	};

	open_pipe();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		log_write(LOG_INFO, "%s", rows[i].in);
		ck_assert_str_eq(text_of(written()), rows[i].out);
	}
}
END_TEST

START_TEST(long_line_is_cut_at_4_kib_with_its_newline)
{
	static char big[9000];

	open_pipe();
	memset(big, 'x', sizeof big - 1);
	log_write(LOG_INFO, "%s", big);
	ck_assert_uint_eq(strlen(written()), 4096);
	ck_assert_int_eq(line[4095], '\n');
	memset(big, '\n', sizeof big - 1);
	log_write(LOG_INFO, "%s", big);
	ck_assert_uint_le(strlen(written()), 4096);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert_int_eq(memcmp(line + strlen(line) - 5, "\\x0a\n", 5), 0);
}
END_TEST

START_TEST(errno_survives_and_log_sys_prints_it)
{
	open_pipe();
	errno = ENOENT;
	log_sys(LOG_ERROR, "open %s", "/x");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(text_of(written()), "open /x: No such file or directory\n");
	log_reopen(-1);
	errno = EPERM;
	log_write(LOG_ERROR, "nobody reads this");
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

/* A blocking pipe: without care the process would stop with its reader, and Check would end it. */
START_TEST(a_reader_who_stops_stops_nobody_and_is_told_what_he_missed)
{
	static char big[3000];
	unsigned long lost;
	size_t got = 0;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, 0), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	log_open(ends[1], "worker 3");
	memset(big, 'x', sizeof big - 1);
	for (int i = 0; i < 100; i++)
		log_write(LOG_INFO, "%s", big);
	while ((n = read(ends[0], line, sizeof line)) > 0)
		got += (size_t)n;
	ck_assert_uint_lt(got, 100 * sizeof big);
	log_write(LOG_INFO, "on");
	written();
	ck_assert_int_eq(sscanf(text_of(line), "%lu lines of this log were lost", &lost), 1);
	ck_assert_uint_eq(got / sizeof big + lost, 100);
	ck_assert_str_eq(text_of(strchr(line, '\n')), "on\n");
	log_write(LOG_INFO, "and on");
	ck_assert_str_eq(text_of(written()), "and on\n");
}
END_TEST

START_TEST(level_hides_what_is_less_urgent)
{
	open_pipe();
	log_write(LOG_DEBUG, "hidden");
	ck_assert_str_eq(written(), "");
	log_set_level(LOG_ERROR);
	log_write(LOG_WARN, "hidden");
	ck_assert_str_eq(written(), "");
	log_set_level(LOG_DEBUG);
	ck_assert_int_eq(log_get_level(), LOG_DEBUG);
	log_write(LOG_DEBUG, "seen");
	ck_assert_str_eq(text_of(written()), "seen\n");
}
END_TEST

START_TEST(level_names_are_read_exactly)
{
	static const struct { const char *name; int rc; enum log_level level; } rows[] = {
		{ "error", 0, LOG_ERROR }, { "warn", 0, LOG_WARN }, { "info", 0, LOG_INFO },
		{ "debug", 0, LOG_DEBUG }, { "Debug", -E_UNKNOWN, LOG_INFO },
		{ "", -E_UNKNOWN, LOG_INFO }, { "warning", -E_UNKNOWN, LOG_INFO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum log_level l = LOG_INFO;

		ck_assert_int_eq(log_level_parse(&l, rows[i].name), rows[i].rc);
		ck_assert_int_eq(l, rows[i].level);
	}
}
END_TEST

UNIT_MAIN("conf/base/log", line_names_time_level_role_and_pid, control_bytes_cannot_forge_a_line,
    long_line_is_cut_at_4_kib_with_its_newline, errno_survives_and_log_sys_prints_it,
    a_reader_who_stops_stops_nobody_and_is_told_what_he_missed, level_hides_what_is_less_urgent,
    level_names_are_read_exactly)

#include "tests/unit/unit.h"
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "master/syslog.h"

#define LINE "GET /\n"

static const struct conf_access_log conf_local = {
	.path = "syslog:/tmp/nobody", .facility = "local0", .tag = "edge"
};
static struct syslog s;

/* A UDP receiver of the test's own; s is set to send there. */
static int
receiver(int *sender)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct conf_access_log conf = conf_local;
	socklen_t n = sizeof in;
	static char path[64];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	snprintf(path, sizeof path, "syslog://127.0.0.1:%u", ntohs(in.sin_port));
	conf.path = path;
	syslog_init(&s, &conf);
	ck_assert(s.on);
	ck_assert_int_eq(syslog_open(&s.place, sender, NULL), 0);
	ck_assert(syslog_is_socket(*sender));
	return fd;
}

static void
expect(int fd, const char *text)
{
	char buf[256] = "";

	ck_assert_int_eq(recv(fd, buf, sizeof buf - 1, 0), (ssize_t)strlen(text));
	ck_assert_str_eq(buf, text);
}

START_TEST(this_machine_gets_the_form_of_3164_in_local_time)
{
	struct str out = STR_INIT;

	setenv("TZ", "UTC-2", 1);
	tzset();
	syslog_init(&s, &conf_local);
	syslog_head(&s, &out, 1767258005000000, 42);
	ck_assert_str_eq(out.data, "<134>Jan  1 11:00:05 edge[42]: ");
	str_fini(&out);
}
END_TEST

START_TEST(a_host_gets_the_form_of_5424_in_utc)
{
	struct conf_access_log conf = {
		.path = "syslog://192.0.2.1", .facility = "daemon", .tag = "edge"
	};
	struct str out = STR_INIT;
	char want[200];

	syslog_init(&s, &conf);
	syslog_head(&s, &out, 1767258005000250, 42);
	snprintf(
	    want, sizeof want, "<30>1 2026-01-01T09:00:05.000250Z %s edge 42 access - ", s.host);
	ck_assert_str_eq(out.data, want);
	str_clear(&out);
	syslog_head(&s, &out, UINT64_MAX, UINT32_MAX);
	ck_assert_ptr_nonnull(strstr(out.data, " 9999-12-31T23:59:59."));
	str_fini(&out);
}
END_TEST

START_TEST(files_are_no_syslog)
{
	struct conf_access_log conf = { .path = "/var/log/x", .facility = "daemon", .tag = "edge" };

	syslog_init(&s, &conf);
	ck_assert(!s.on);
	conf.path = NULL;
	syslog_init(&s, &conf);
	ck_assert(!s.on);
	ck_assert(!syslog_is_socket(STDIN_FILENO));
}
END_TEST

START_TEST(each_whole_line_is_a_message)
{
	uint64_t refused = 0;
	int sender, fd = receiver(&sender);

	ck_assert_uint_eq(syslog_send(&s, sender, "one\ntwo\nhalf", 12, &refused), 8);
	ck_assert_uint_eq(refused, 0);
	expect(fd, "one");
	expect(fd, "two");
	ck_assert_int_eq(recv(fd, (char[1]){ 0 }, 1, 0), -1);
	close(fd);
	close(sender);
}
END_TEST

START_TEST(a_host_that_refuses_costs_messages_and_nothing_else)
{
	uint64_t refused = 0;
	int sender;

	close(receiver(&sender));
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(
		    syslog_send(&s, sender, LINE, sizeof LINE - 1, &refused), sizeof LINE - 1);
	close(sender);
}
END_TEST

START_TEST(a_socket_that_is_not_there_refuses_each_line)
{
	uint64_t refused = 0;
	int sender;

	syslog_init(&s, &conf_local);
	ck_assert_int_eq(syslog_open(&s.place, &sender, NULL), 0);
	ck_assert_uint_eq(
	    syslog_send(&s, sender, LINE LINE, 2 * (sizeof LINE - 1), &refused), sizeof LINE - 1);
	ck_assert_uint_eq(refused, 1);
	close(sender);
}
END_TEST

UNIT_MAIN("master/syslog", this_machine_gets_the_form_of_3164_in_local_time,
    a_host_gets_the_form_of_5424_in_utc, files_are_no_syslog, each_whole_line_is_a_message,
    a_host_that_refuses_costs_messages_and_nothing_else,
    a_socket_that_is_not_there_refuses_each_line)

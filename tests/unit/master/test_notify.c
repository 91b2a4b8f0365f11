/*
 * The notification protocol against a socket of the test's own.
 */
#include "tests/unit/unit.h"
#include "master/notify.c"

static char name[64];

static int
receiver(bool abstract)
{
	struct notify n;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(name, sizeof name, "%s-notify-%d", abstract ? "@unit" : "/tmp/unit", getpid());
	ck_assert(address(&n, name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&n.to, n.len), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *
heard(int fd)
{
	static char text[TEXT_MAX + 1];
	ssize_t n = recv(fd, text, TEXT_MAX, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

START_TEST(both_kinds_of_addresses_are_reached)
{
	for (int abstract = 0; abstract < 2; abstract++) {
		int fd = receiver(abstract);
		struct notify n;

		notify_open(&n);
		notify_stopping(&n);
		ck_assert_str_eq(heard(fd), "STOPPING=1\nSTATUS=stopping");
		notify_close(&n);
		close(fd);
		if (!abstract)
			(void)unlink(name);
	}
}
END_TEST

START_TEST(what_is_no_address_is_nobody)
{
	static const char *const bad[] = { "", "/", "@", "relative", "vsock:2:1234" };
	char longer[200];
	struct notify n;

	memset(longer, 'a', sizeof longer - 1);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	for (size_t i = 0; i < sizeof bad / sizeof bad[0] + 1; i++) {
		(void)setenv("NOTIFY_SOCKET", i < 5 ? bad[i] : longer, 1);
		notify_open(&n);
		ck_assert_int_eq(n.fd, -1);
		notify_stopping(&n);
		notify_tick(&n, 1000);
	}
}
END_TEST

START_TEST(a_sign_of_life_comes_twice_as_often_as_asked)
{
	int fd = receiver(true);
	struct notify n;

	(void)setenv("WATCHDOG_USEC", "10000000", 1);
	notify_open(&n);
	ck_assert_int_eq(n.every_ms, 5000);
	notify_tick(&n, 100000);
	ck_assert_str_eq(heard(fd), "WATCHDOG=1");
	notify_tick(&n, 104999);
	ck_assert_str_eq(heard(fd), "");
	notify_tick(&n, 105000);
	ck_assert_str_eq(heard(fd), "WATCHDOG=1");
	notify_close(&n);
	close(fd);
}
END_TEST

START_TEST(no_sign_of_life_for_another_process_or_a_number_that_is_none)
{
	static const struct { const char *usec, *pid; } rows[] = {
		{ "1000000", "1" }, { "1000000", "x" }, { "0", NULL }, { "x", NULL }, { "-5", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)setenv("WATCHDOG_USEC", rows[i].usec, 1);
		(void)unsetenv("WATCHDOG_PID");
		if (rows[i].pid != NULL)
			(void)setenv("WATCHDOG_PID", rows[i].pid, 1);
		ck_assert_int_eq(watchdog_ms(), 0);
	}
}
END_TEST

START_TEST(a_master_that_named_its_heir_is_silent)
{
	int fd = receiver(true);
	struct notify n;

	notify_open(&n);
	notify_upgraded(&n, 4711);
	ck_assert_str_eq(heard(fd), "MAINPID=4711");
	notify_stopping(&n);
	ck_assert_str_eq(heard(fd), "");
	notify_close(&n);
	close(fd);
}
END_TEST

START_TEST(one_reload_is_told_once_with_its_time)
{
	int fd = receiver(true);
	struct notify n;
	uint64_t us = 0;

	notify_open(&n);
	notify_reloading(&n);
	ck_assert_int_eq(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &us), 1);
	ck_assert(clock_mono_us() - us < 10000000);
	notify_reloading(&n);
	ck_assert_str_eq(heard(fd), "");
	notify_close(&n);
	close(fd);
}
END_TEST

UNIT_MAIN("master/notify", both_kinds_of_addresses_are_reached, what_is_no_address_is_nobody,
    a_sign_of_life_comes_twice_as_often_as_asked,
    no_sign_of_life_for_another_process_or_a_number_that_is_none,
    a_master_that_named_its_heir_is_silent, one_reload_is_told_once_with_its_time)

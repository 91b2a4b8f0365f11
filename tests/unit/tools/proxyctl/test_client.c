/*
 * One question and its answer: a server that is silent, and descriptors that come along.
 */
#include "tools/proxyctl/client.c"

#include <fcntl.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static char folder[] = "/tmp/proxyd-client-XXXXXX", path[64];
static int listener;

static void
setup(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/s", folder);
	memcpy(un.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void
teardown(void)
{
	close(listener);
	unlink(path);
	rmdir(folder);
}

static const char *const words[] = { "status" };

START_TEST(a_server_that_is_silent_is_given_up)
{
	struct errdetail ed = { 0 };
	struct answer a;

	setup();
	ck_assert_int_eq(client_ask(path, words, 1, 20, &a, &ed), -E_TIMEOUT);
	ck_assert_str_eq(ed.text, "proxyd does not answer");
	ck_assert_ptr_null(a.root);
	teardown();
}
END_TEST

/* The process that answers: its words in pieces, each with a descriptor of /dev/zero. */
static pid_t
answer_with(unsigned descriptors)
{
	static const char *const pieces[] = { "{\"ok\":true,", "\"data\":", "{\"x\":7}}\n" };
	pid_t pid = fork();
	char buf[256];
	int fd, zero;

	if (pid != 0)
		return pid;
	fd = accept(listener, NULL, NULL);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (read(fd, buf, sizeof buf) <= 0)
		exit(1);
	for (unsigned i = 0; i < 3; i++)
		if (fdpass_send(fd, pieces[i], strlen(pieces[i]), i < descriptors ? zero : -1, 0) <
		    0)
			exit(1);
	exit(0);
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(of_the_descriptors_that_come_one_is_kept)
{
	for (unsigned n = 0; n <= 3; n++) {
		struct errdetail ed = { 0 };
		struct answer a;
		unsigned before;

		memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
		setup();
		before = open_descriptors();
		(void)answer_with(n);
		ck_assert_int_eq(client_ask(path, words, 1, 10000, &a, &ed), 0);
		ck_assert_int_eq(json_int(json_get(a.data, "x"), 0), 7);
		ck_assert_ptr_null(a.error);
		ck_assert_uint_eq(open_descriptors(), before + (n > 0));
		ck_assert_int_eq(a.fd >= 0, n > 0);
		client_fini(&a);
		ck_assert_uint_eq(open_descriptors(), before);
		teardown();
	}
}
END_TEST

UNIT_MAIN("tools/proxyctl/client", a_server_that_is_silent_is_given_up,
    of_the_descriptors_that_come_one_is_kept)

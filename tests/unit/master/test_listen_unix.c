/*
 * Socket files in a folder of the test's own.
 */
#include "master/listen_unix.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[64];

static struct unix_path
path_new(unsigned bits, const char *owner)
{
	struct conf_listener l = { .unix_bits = bits, .unix_owner = owner };
	struct unix_path u = { .ino = 0 };
	struct addr a;
	char text[ADDR_TEXT];

	if (folder[0] == '\0') {
		snprintf(folder, sizeof folder, "/tmp/test_listen_unix.XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(folder));
	}
	snprintf(text, sizeof text, "unix:%s/s", folder);
	ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	ck_assert_int_eq(unix_path_set(&u, &a, &l, NULL), 0);
	return u;
}

static void
folder_gone(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

static mode_t
mode_of(const struct unix_path *u)
{
	struct stat st;

	ck_assert_int_eq(lstat(u->addr.u.un.sun_path, &st), 0);
	return st.st_mode & 07777;
}

static bool
exists(const struct unix_path *u)
{
	return access(u->addr.u.un.sun_path, F_OK) == 0;
}

START_TEST(the_mode_is_there_before_anybody_may_connect)
{
	struct unix_path u = path_new(0640, NULL);
	int fd = unix_path_bind(&u, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(mode_of(&u), 0640);
	u.mode = 0666;
	ck_assert_int_eq(unix_path_dress(&u, NULL), 0);
	ck_assert_uint_eq(mode_of(&u), 0666);
	unix_path_remove(&u);
	ck_assert(!exists(&u));
	close(fd);
	folder_gone();
}
END_TEST

START_TEST(what_a_dead_predecessor_left_is_taken_over)
{
	struct unix_path u = path_new(0600, NULL), next;
	int fd = unix_path_bind(&u, NULL);

	ck_assert_int_ge(fd, 0);
	close(fd);			/* it died: the name stays */
	next = path_new(0600, NULL);
	fd = unix_path_bind(&next, NULL);
	ck_assert_int_ge(fd, 0);
	unix_path_remove(&next);
	close(fd);
	folder_gone();
}
END_TEST

START_TEST(a_socket_that_answers_is_refused_even_with_a_full_queue)
{
	struct unix_path u = path_new(0600, NULL), other = u;
	struct errdetail ed = { 0 };
	int clients[4], fd = unix_path_bind(&u, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (unsigned i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], &u.addr.u.sa, u.addr.len);
	}
	ck_assert_int_eq(unix_path_bind(&other, &ed), -1);
	ck_assert_ptr_nonnull(strstr(ed.text, "another program does"));
	ck_assert(exists(&u));
	for (unsigned i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	unix_path_remove(&u);
	close(fd);
	folder_gone();
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_never_removed)
{
	struct unix_path u = path_new(0600, NULL);
	struct errdetail ed = { 0 };

	close(open(u.addr.u.un.sun_path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(unix_path_bind(&u, &ed), -1);
	ck_assert_ptr_nonnull(strstr(ed.text, "something else than a socket"));
	ck_assert(exists(&u));
	ck_assert_int_eq(unlink(u.addr.u.un.sun_path), 0);
	folder_gone();
}
END_TEST

START_TEST(a_name_that_another_took_meanwhile_is_left_alone)
{
	struct unix_path u = path_new(0600, NULL), other = u;
	int fd = unix_path_bind(&u, NULL), theirs;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink(u.addr.u.un.sun_path), 0);
	theirs = unix_path_bind(&other, NULL);
	ck_assert_int_ge(theirs, 0);
	u.mode = 0666;
	ck_assert_int_eq(unix_path_dress(&u, NULL), 0);
	ck_assert_uint_eq(mode_of(&other), 0600);
	unix_path_remove(&u);
	ck_assert(exists(&other));
	unix_path_remove(&other);
	close(fd);
	close(theirs);
	folder_gone();
}
END_TEST

START_TEST(an_owner_is_a_user_a_group_or_both)
{
	static const struct { const char *owner, *error; } rows[] = {
		{ "root", NULL },
		{ "root:root", NULL },
		{ ":root", NULL },
		{ "nobody-has-this-name", "user nobody-has-this-name, who does not exist" },
		{ "root:nobody-has-this", "group nobody-has-this, which does not exist" },
		{ "root:root:root", "write \"user:group\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_listener l = { .unix_owner = rows[i].owner };
		struct errdetail ed = { 0 };
		struct unix_path u = { .ino = 0 };
		struct addr a = { .len = 0 };
		int rc = unix_path_set(&u, &a, &l, &ed);

		ck_assert_msg((rc == 0) == (rows[i].error == NULL), "%s", rows[i].owner);
		if (rows[i].error != NULL)
			ck_assert_msg(strstr(ed.text, rows[i].error) != NULL, "%s", ed.text);
		else if (rows[i].owner[0] == ':')
			ck_assert(u.uid == (uid_t)-1 && u.gid == 0);
	}
}
END_TEST

UNIT_MAIN("master/listen_unix", the_mode_is_there_before_anybody_may_connect,
    what_a_dead_predecessor_left_is_taken_over,
    a_socket_that_answers_is_refused_even_with_a_full_queue,
    a_file_that_is_no_socket_is_never_removed, a_name_that_another_took_meanwhile_is_left_alone,
    an_owner_is_a_user_a_group_or_both)

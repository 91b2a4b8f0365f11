#include "tests/unit/unit.h"
#include "conf/socket_path.c"

START_TEST(root_has_the_system_folder_and_others_their_runtime_folder)
{
	char path[SOCKET_PATH_MAX];

	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/x/y", 1), 0);
	ck_assert_int_eq(socket_path(path, "edge", false, NULL), 0);
	ck_assert_str_eq(path, geteuid() == 0 ? "/run/proxyd/edge.sock" : "/x/y/proxyd-edge.sock");
}
END_TEST

START_TEST(name_that_leaves_the_folder_is_refused)
{
	char path[SOCKET_PATH_MAX], longer[200];

	memset(longer, 'n', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	ck_assert_int_eq(socket_path(path, "", false, NULL), -E_SYNTAX);
	ck_assert_int_eq(socket_path(path, "../x", false, NULL), -E_SYNTAX);
	ck_assert_int_eq(socket_path(path, "a/b", false, NULL), -E_SYNTAX);
	ck_assert_int_eq(socket_path(path, longer, false, NULL), -E_RANGE);
}
END_TEST

START_TEST(folder_others_may_enter_is_refused)
{
	char folder[] = "/tmp/proxyd-unit-XXXXXX";
	struct errdetail ed = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(folder_check(folder, &ed), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(folder_check(folder, &ed), -E_DENIED);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(symlink("/tmp", folder), 0);
	ck_assert_int_eq(folder_check(folder, NULL), -E_DENIED);
	ck_assert_int_eq(unlink(folder), 0);
}
END_TEST

UNIT_MAIN("conf/socket_path", root_has_the_system_folder_and_others_their_runtime_folder,
    name_that_leaves_the_folder_is_refused, folder_others_may_enter_is_refused)

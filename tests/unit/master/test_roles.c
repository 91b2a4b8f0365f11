/*
 * The table of roles, and what each may ask of the kernel.
 */
#include "master/roles.c"

#include "tests/unit/unit.h"

static const enum role all[] = { ROLE_WORKER, ROLE_AGENT, ROLE_LOGGER, ROLE_KEEPER };

START_TEST(a_role_is_one_row_with_its_rights)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		ck_assert_ptr_nonnull(role_row(all[i])->main);
	ck_assert(role_row(ROLE_WORKER)->listens && !role_row(ROLE_WORKER)->forks);
	ck_assert(!role_row(ROLE_AGENT)->listens && !role_row(ROLE_LOGGER)->listens);
	ck_assert(role_row(ROLE_WORKER)->cache && !role_row(ROLE_AGENT)->cache);
	ck_assert(role_row(ROLE_KEEPER)->cache && !role_row(ROLE_KEEPER)->listens);
	ck_assert(role_row(ROLE_LOGGER)->access_log && !role_row(ROLE_WORKER)->access_log);
}
END_TEST

/* A worker may never block, fork, or open a path after start; it polls, but without patience. */
START_TEST(a_worker_neither_forks_nor_opens_nor_sleeps)
{
	static const char *const never[] = { "fork", "vfork", "clone", "clone3", "execve",
		"execveat", "open", "openat", "openat2", "creat", "unlink", "rename", "fsync",
		"nanosleep", "clock_nanosleep", "select", "wait4", "ptrace", "setuid",
		"chroot", "mount" };

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		ck_assert_msg(!role_calls(ROLE_WORKER, never[i]), "%s", never[i]);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		ck_assert(!role_calls(all[i], "execve") && !role_calls(all[i], "ptrace"));
	ck_assert(!role_calls(ROLE_LOGGER, "accept4") && !role_calls(ROLE_AGENT, "accept4"));
	ck_assert(!role_calls(ROLE_KEEPER, "accept4") && !role_calls(ROLE_KEEPER, "socket"));
}
END_TEST

START_TEST(no_call_is_listed_twice_or_for_nobody)
{
	unsigned n[ROLE_MAX] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		ck_assert_msg(calls[i].roles != 0, "%s", calls[i].name);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(calls[i].name, calls[k].name);
		for (size_t k = 0; k < ARRAY_LEN(all); k++)
			n[all[k]] += role_calls(all[k], calls[i].name);
	}
	for (size_t k = 0; k < ARRAY_LEN(all); k++)
		ck_assert_uint_eq(role_call_count(all[k]), n[all[k]]);
	ck_assert(!role_calls(ROLE_WORKER, "no_such_call"));
}
END_TEST

UNIT_MAIN("master/roles", a_role_is_one_row_with_its_rights,
    a_worker_neither_forks_nor_opens_nor_sleeps, no_call_is_listed_twice_or_for_nobody)

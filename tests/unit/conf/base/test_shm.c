#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conf/base/shm.h"
#include "tests/unit/unit.h"

START_TEST(segment_is_zeroed_aligned_and_sealed)
{
	struct shm s;
	char *p;

	ck_assert_int_eq(shm_create(&s, "stats", 3, 10000, NULL), 0);
	ck_assert_uint_eq((uintptr_t)s.data % 64, 0);
	ck_assert_uint_eq(s.size, 10000);
	p = s.data;
	for (size_t i = 0; i < s.size; i++)
		ck_assert_int_eq(p[i], 0);
	ck_assert_int_ne(ftruncate(s.fd, 64), 0);
	ck_assert_int_ne(ftruncate(s.fd, 1 << 20), 0);
	ck_assert_int_eq(fcntl(s.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	shm_close(&s);
	ck_assert_int_eq(s.fd, -1);
	shm_close(&s);
}
END_TEST

START_TEST(child_and_parent_share_the_memory)
{
	struct shm s;
	pid_t pid;

	ck_assert_int_eq(shm_create(&s, "stats", 1, 64, NULL), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		*(int *)s.data = 42;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(*(int *)s.data, 42);
	shm_close(&s);
}
END_TEST

START_TEST(attached_segment_shows_the_same_bytes)
{
	struct shm s, ro, rw;

	ck_assert_int_eq(shm_create(&s, "stats", 1, 64, NULL), 0);
	ck_assert_int_eq(shm_attach(&ro, dup(s.fd), "stats", 1, 0, NULL), 0);
	ck_assert_int_eq(shm_attach(&rw, dup(s.fd), "stats", 1, 1, NULL), 0);
	*(int *)rw.data = 7;
	ck_assert_int_eq(*(int *)ro.data, 7);
	ck_assert_uint_eq(ro.size, 64);
	shm_close(&rw);
	shm_close(&ro);
	shm_close(&s);
}
END_TEST

START_TEST(another_layout_is_refused)
{
	static const struct { const char *name; uint32_t version; int rc; } rows[] = {
		{ "stats", 2, -E_VERSION }, { "stat", 1, -E_PROTO }, { "stats2", 1, -E_PROTO },
	};
	struct errdetail ed = { 0 };
	struct shm s, t;

	ck_assert_int_eq(shm_create(&s, "stats", 1, 64, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(
		    shm_attach(&t, s.fd, rows[i].name, rows[i].version, 0, &ed), rows[i].rc);
		ck_assert_int_eq(t.fd, -1);
	}
	ck_assert_ptr_nonnull(strstr(ed.text, "layout version 1, this program knows 2"));
	s.head->size = 65;
	ck_assert_int_eq(shm_attach(&t, s.fd, "stats", 1, 0, NULL), -E_TRUNCATED);
	s.head->size = UINT64_MAX - 63;
	ck_assert_int_eq(shm_attach(&t, s.fd, "stats", 1, 0, NULL), -E_TRUNCATED);
	s.head->magic = 0;
	ck_assert_int_eq(shm_attach(&t, s.fd, "stats", 1, 0, NULL), -E_PROTO);
	shm_close(&s);
}
END_TEST

START_TEST(foreign_descriptor_is_refused)
{
	int null = open("/dev/null", O_RDWR), loose = memfd_create("x", MFD_ALLOW_SEALING);
	struct shm t;

	ck_assert_int_eq(shm_attach(&t, null, "stats", 1, 0, NULL), -E_PROTO);
	ck_assert_int_eq(shm_attach(&t, loose, "stats", 1, 0, NULL), -E_PROTO);
	ck_assert_int_eq(fcntl(loose, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(shm_attach(&t, loose, "stats", 1, 0, NULL), -E_TRUNCATED);
	ck_assert_int_eq(shm_attach(&t, -1, "stats", 1, 0, NULL), -E_PROTO);
	close(null);
	close(loose);
}
END_TEST

START_TEST(absurd_size_is_refused)
{
	struct shm s;

	ck_assert_int_eq(shm_create(&s, "x", 1, SIZE_MAX, NULL), -E_RANGE);
	ck_assert_int_eq(s.fd, -1);
	shm_close(&s);
}
END_TEST

UNIT_MAIN("conf/base/shm", segment_is_zeroed_aligned_and_sealed, child_and_parent_share_the_memory,
    attached_segment_shows_the_same_bytes, another_layout_is_refused, foreign_descriptor_is_refused,
    absurd_size_is_refused)

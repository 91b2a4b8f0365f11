/* test_statefile.c - what is written is read again; a file that is cut, or of another version, is not believed. */
#include "tests/unit/unit.h"

#include <sys/stat.h>

#include "cache/statefile.c"

static char dir[] = "/tmp/proxyd-state-XXXXXX";

static struct statefile
sample(void)
{
	struct statefile s = {
		.file = 7, .boot = "boot-1", .purged_all = 1700000000, .clean = true
	};

	for (unsigned i = 0; i < SECRET_SIZE; i++)
		s.secret[i] = (uint8_t)(i * 17);
	return s;
}

static void
write_raw(const char *text, size_t n)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "%s/state", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void
clean_up(void)
{
	char path[64];

	snprintf(path, sizeof path, "%s/state", dir);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(what_is_written_is_read_again)
{
	struct statefile s = sample(), r;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(statefile_read(&r, dir, NULL), -E_MISSING);
	ck_assert_int_eq(statefile_write(&s, dir, NULL), 0);
	ck_assert_int_eq(statefile_read(&r, dir, NULL), 0);
	ck_assert_uint_eq(r.file, 7);
	ck_assert_str_eq(r.boot, "boot-1");
	ck_assert_mem_eq(r.secret, s.secret, SECRET_SIZE);
	ck_assert_int_eq(r.purged_all, 1700000000);
	ck_assert(r.clean);
	s.clean = false;
	ck_assert_int_eq(statefile_write(&s, dir, NULL), 0);
	ck_assert_int_eq(statefile_read(&r, dir, NULL), 0);
	ck_assert(!r.clean);
	clean_up();
}
END_TEST

START_TEST(a_file_that_is_not_whole_says_nothing)
{
	struct statefile s = sample(), r;
	char path[64], text[512];
	size_t n;
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(statefile_write(&s, dir, NULL), 0);
	snprintf(path, sizeof path, "%s/state", dir);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t cut = 0; cut < n; cut++) {
		write_raw(text, cut);
		ck_assert_int_lt(statefile_read(&r, dir, NULL), 0);
		ck_assert(!r.clean && r.file == 0);
	}
	text[13] = '2';
	write_raw(text, n);
	ck_assert_int_eq(statefile_read(&r, dir, NULL), -E_VERSION);
	clean_up();
}
END_TEST

START_TEST(a_directory_that_cannot_be_written_is_told)
{
	struct statefile s = sample();
	struct errdetail ed = { 0 };

	ck_assert_int_eq(statefile_write(&s, "/nonexistent", &ed), -E_SYS);
	ck_assert_ptr_nonnull(strstr(ed.text, "/nonexistent/state.new: cannot be written"));
}
END_TEST

START_TEST(the_machine_has_a_boot)
{
	char boot[BOOT_ID_SIZE], again[BOOT_ID_SIZE];

	ck_assert_int_eq(statefile_boot(boot, NULL), 0);
	ck_assert_int_eq(statefile_boot(again, NULL), 0);
	ck_assert_uint_eq(strlen(boot), 36);
	ck_assert_str_eq(boot, again);
}
END_TEST

UNIT_MAIN("cache/statefile", what_is_written_is_read_again, a_file_that_is_not_whole_says_nothing,
    a_directory_that_cannot_be_written_is_told, the_machine_has_a_boot)

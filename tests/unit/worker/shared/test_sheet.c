/*
 * A sheet is read as it was written, and only when nobody can change it any more.
 */
#include "worker/shared/sheet.c"

#include <sys/socket.h>

#include "tests/unit/unit.h"

START_TEST(what_was_written_is_read)
{
	struct json *o = json_obj(), *got;
	int fd;

	json_set_str(o, "error", "why \"so\"");
	ck_assert_int_eq(sheet_write(o, &fd, NULL), 0);
	got = sheet_read(fd, NULL);
	ck_assert_str_eq(json_str(json_get(got, "error"), ""), "why \"so\"");
	json_free(&got);
	json_free(&o);
	close(fd);
}
END_TEST

START_TEST(a_sheet_cannot_be_changed)
{
	struct json *o = json_obj();
	int fd;

	ck_assert_int_eq(sheet_write(o, &fd, NULL), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	json_free(&o);
	close(fd);
}
END_TEST

START_TEST(what_is_not_sealed_is_not_read)
{
	int files[4], pair[2];
	struct errdetail ed = { 0 };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	files[0] = -1;
	files[1] = pair[0];
	files[2] = memfd_create("open", MFD_ALLOW_SEALING);
	files[3] = memfd_create("half", MFD_ALLOW_SEALING);
	ck_assert_int_eq(fcntl(files[3], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		ed = (struct errdetail){ 0 };
		ck_assert_ptr_null(sheet_read(files[i], &ed));
		ck_assert_msg(strstr(ed.text, "sealed") != NULL, "%zu: %s", i, ed.text);
		if (files[i] >= 0)
			close(files[i]);
	}
	close(pair[1]);
}
END_TEST

static int
sealed(size_t size)
{
	int fd = memfd_create("raw", MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	return fd;
}

START_TEST(what_is_no_document_or_too_long_is_not_read)
{
	static const size_t sizes[] = { 0, 100, SHEET_MAX + 1 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct errdetail ed = { 0 };
		int fd = sealed(sizes[i]);

		ck_assert_ptr_null(sheet_read(fd, &ed));
		ck_assert(ed.text[0] != '\0');
		close(fd);
	}
}
END_TEST

START_TEST(a_document_too_long_is_not_written)
{
	char *text = calloc(1, SHEET_MAX + 1);
	struct json *o = json_obj();
	int fd;

	memset(text, 'x', SHEET_MAX);
	json_set_str(o, "x", text);
	ck_assert_int_eq(sheet_write(o, &fd, NULL), -E_LIMIT);
	ck_assert_int_eq(fd, -1);
	json_free(&o);
	free(text);
}
END_TEST

UNIT_MAIN("worker/shared/sheet", what_was_written_is_read, a_sheet_cannot_be_changed,
    what_is_not_sealed_is_not_read, what_is_no_document_or_too_long_is_not_read,
    a_document_too_long_is_not_written)

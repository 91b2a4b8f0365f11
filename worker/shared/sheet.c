/*
 * sheet.c - writes and seals, or checks the seals and reads. A reader trusts its peer in nothing.
 */
#include "worker/shared/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static int
write_all(int fd, struct span s, struct errdetail *ed)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(ed, "sheet: write");
		s = span_make(s.p + n, s.n - (size_t)n);
	}
	return fcntl(fd, F_ADD_SEALS, SEALS) == 0 ? 0 : err_sys(ed, "sheet: seal");
}

int
sheet_write(const struct json *doc, int *fd, struct errdetail *ed)
{
	struct str text = { .cap = SHEET_MAX };
	int rc = 0;

	*fd = -1;
	json_dump(doc, false, &text);
	if (text.cut)
		rc = err_set(ed, -E_LIMIT, "the answer is longer than %zu bytes", SHEET_MAX);
	else if ((*fd = memfd_create("sheet", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
		rc = err_sys(ed, "sheet: memfd_create");
	else
		rc = write_all(*fd, str_span(&text), ed);
	if (rc != 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	str_fini(&text);
	return rc;
}

/* Bytes of a file that is sealed as it must be; -E_X. */
static ssize_t
sheet_size(int fd, struct errdetail *ed)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0)
		return err_set(ed, -E_PROTO, "the answer is no sealed file");
	if (st.st_size < 0 || (size_t)st.st_size > SHEET_MAX)
		return err_set(ed, -E_LIMIT, "the answer is longer than %zu bytes", SHEET_MAX);
	return (ssize_t)st.st_size;
}

struct json *
sheet_read(int fd, struct errdetail *ed)
{
	ssize_t size = sheet_size(fd, ed), at = 0, n = 1;
	struct json *doc = NULL;
	char *text;

	if (size < 0)
		return NULL;
	text = malloc((size_t)size + 1);
	if (text == NULL) {
		(void)err_set(ed, -E_NOMEM, "no memory for the answer");
		return NULL;
	}
	while (at < size && n > 0) {
		n = pread(fd, text + at, (size_t)(size - at), at);
		at += n > 0 ? n : 0;
	}
	if (at == size)
		doc = json_parse(span_make(text, (size_t)size), ed);
	else
		(void)err_set(ed, -E_IO, "the answer cannot be read");
	free(text);
	return doc;
}

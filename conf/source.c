/*
 * source.c - the bytes of a configuration: a file and what it includes, joined, with a map of the lines.
 *
 *	main.conf:1  ┐                       text    lines[]
 *	main.conf:2  │ @include "b.conf"  →  1       main.conf:1
 *	  b.conf:1   │                       2       b.conf:1
 *	main.conf:3  ┘                       3       main.conf:3
 *
 * The include line itself leaves nothing. Files are read once; who parses later reads no file again.
 */
#include "conf/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/mem.h"
#include "conf/scan.h"

#define DEPTH_MAX	8
#define FILES_MAX	1000
#define BYTES_MAX	((size_t)16 << 20)
#define LINES_MAX	1000000

struct reader {
	struct conf_source *src;
	struct scan	scan;
	unsigned	room;			/* entries of src->lines */
	unsigned	depth;
	struct { dev_t dev; ino_t ino; } stack[DEPTH_MAX];	/* files being read, for cycles */
	struct errdetail *ed;
};

static int read_file(struct reader *, const char *path, const struct conf_pos *from);

/* The map's entry for the next line, with the file's name owned by the source. */
static int
line_add(struct reader *r, struct span line, struct conf_pos at)
{
	struct conf_source *s = r->src;

	if (s->nlines == LINES_MAX || s->text.len + line.n >= BYTES_MAX)
		return err_set(r->ed, -E_LIMIT,
		    "%.160s:%d: the configuration is larger than 16 MiB or a million lines",
		    at.file, at.line);
	if (s->nlines == r->room) {
		r->room = r->room == 0 ? 256 : r->room * 2;
		s->lines = mem_grow(s->lines, r->room * sizeof *s->lines);
	}
	s->lines[s->nlines++] = at;
	str_add(&s->text, line);
	str_addc(&s->text, '\n');
	return 0;
}

static const char *
file_add(struct conf_source *s, const char *name)
{
	s->files = mem_grow(s->files, (s->nfiles + 1) * sizeof *s->files);
	s->files[s->nfiles] = mem_strdup(name);
	return s->files[s->nfiles++];
}

static int
include(struct reader *r, struct span name, struct conf_pos at)
{
	struct str path = STR_INIT;
	const char *slash = strrchr(at.file, '/');
	int rc;

	if (name.p[0] != '/' && slash != NULL)
		str_add(&path, span_make(at.file, (size_t)(slash - at.file) + 1));
	str_add(&path, name);
	if (path.len >= PATH_MAX)
		rc = err_set(r->ed, -E_LIMIT,
		    "%.160s:%d: the name of the included file is too long", at.file, at.line);
	else
		rc = read_file(r, path.data, &at);
	str_fini(&path);
	return rc;
}

static int
feed(struct reader *r, const char *name, struct span text)
{
	struct conf_pos at = { file_add(r->src, name), 0 };
	struct span line, file;
	int rc = 0;

	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)	/* a byte order mark */
		text = span_make(text.p + 3, text.n - 3);
	while (rc == 0 && text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);

		line = span_make(text.p, end == NULL ? text.n : (size_t)(end - text.p));
		text = end == NULL ? SPAN_NONE : span_make(end + 1, text.n - line.n - 1);
		at.line++;
		if (scan_include(&r->scan, line, &file))
			rc = include(r, file, at);
		else if ((rc = scan_line(&r->scan, line, at, r->ed)) == 0)
			rc = line_add(r, line, at);
	}
	return rc != 0 ? rc : scan_file_end(&r->scan, r->ed);
}

static int
slurp(int fd, size_t max, struct str *out)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -E_SYS;
		if (out->len + (size_t)n > max)
			return -E_LIMIT;
		str_add(out, span_make(buf, (size_t)n));
	}
	return 0;
}

static int
fail_at(struct reader *r, int rc, const struct conf_pos *from, const char *path, const char *what)
{
	if (from == NULL)
		return err_set(r->ed, rc, "%.300s: %s", path, what);
	return err_set(
	    r->ed, rc, "%.160s:%d: included file %.200s: %s", from->file, from->line, path, what);
}

static int
check_file(struct reader *r, int fd, const char *path, const struct conf_pos *from)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_at(r, -E_SYS, from, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail_at(r, -E_IO, from, path, "not a regular file");
	for (unsigned i = 0; i < r->depth; i++)
		if (r->stack[i].dev == st.st_dev && r->stack[i].ino == st.st_ino)
			return fail_at(
			    r, -E_CONFLICT, from, path, "includes itself: remove this @include");
	if (r->depth == DEPTH_MAX || r->src->nfiles == FILES_MAX)
		return fail_at(r, -E_LIMIT, from, path,
		    "too many includes: at most 8 in one another and 1000 in all");
	r->stack[r->depth].dev = st.st_dev;
	r->stack[r->depth].ino = st.st_ino;
	return 0;
}

static int
read_file(struct reader *r, const char *path, const struct conf_pos *from)
{
	struct str text = STR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;

	if (fd < 0)
		return fail_at(r, -E_SYS, from, path, strerror(errno));
	rc = check_file(r, fd, path, from);
	if (rc == 0) {
		rc = slurp(fd, BYTES_MAX, &text);
		if (rc != 0)
			(void)fail_at(r, rc, from, path,
			    rc == -E_LIMIT ? "larger than 16 MiB" : strerror(errno));
	}
	close(fd);
	if (rc == 0) {
		r->depth++;
		rc = feed(r, path, str_span(&text));
		r->depth--;
	}
	str_fini(&text);
	return rc;
}

static int
finish(struct reader *r, int rc)
{
	if (rc == 0)
		rc = scan_end(&r->scan, r->ed);
	if (rc == 0 && r->src->nlines == 0)		/* every message needs a line to point at */
		rc = line_add(r, SPAN(""), (struct conf_pos){ r->src->files[0], 1 });
	if (rc != 0)
		conf_source_fini(r->src);
	return rc;
}

int
conf_source_read(struct conf_source *s, const char *path, struct errdetail *ed)
{
	struct reader r = { .src = s, .ed = ed };

	*s = (struct conf_source){ 0 };
	return finish(&r, read_file(&r, path, NULL));
}

int
conf_source_text(struct conf_source *s, const char *name, struct span text, struct errdetail *ed)
{
	struct reader r = { .src = s, .ed = ed };

	*s = (struct conf_source){ 0 };
	return finish(&r, feed(&r, name, text));
}

void
conf_source_fini(struct conf_source *s)
{
	for (unsigned i = 0; i < s->nfiles; i++)
		mem_free(s->files[i]);
	mem_free(s->files);
	mem_free(s->lines);
	str_fini(&s->text);
	*s = (struct conf_source){ 0 };
}

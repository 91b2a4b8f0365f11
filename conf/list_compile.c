/*
 * list_compile.c - from a descriptor of a list's file to a descriptor of its image.
 */
#include "conf/list_compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/enc.h"
#include "conf/base/log.h"
#include "conf/base/mem.h"

#define BAD_LOGGED	10
#define PIECE		(64u << 10)	/* of the file in one call */

struct telling {
	struct list_text text;		/* first: what `bad` gets */
	const struct conf_list *list;
};

static void
on_bad(struct list_text *t, uint32_t line, const char *why)
{
	const struct telling *me = (const void *)t;

	if (t->nbad <= BAD_LOGGED)
		log_write(
		    LOG_WARN, "list %s: %s:%u: %s", me->list->name, me->list->path, line, why);
}

static int
fail(const struct conf_list *l, struct errdetail *ed, int rc)
{
	if (rc == -E_LIMIT)
		return err_set(ed, rc,
		    "%s: more than %lld entries: raise max_entries of list \"%s\"", l->path,
		    (long long)l->max_entries, l->name);
	return err_set(ed, rc, "%s: %s", l->path, err_text(rc));
}

/* Who waits for the core of a helper that gives way gets it between two calls; a kernel may not offer it within one. */
static size_t
piece(size_t left)
{
	return left < PIECE ? left : PIECE;
}

/* The whole file; malloc'ed. It may grow while it is read: what is behind the size it had is left for the next time. */
static int
read_all(const struct conf_list *l, int fd, struct span *text, struct errdetail *ed)
{
	struct stat st;
	size_t n = 0;
	ssize_t got;
	char *p;

	if (fstat(fd, &st) != 0)
		return err_sys(ed, "%s", l->path);
	if (!S_ISREG(st.st_mode))
		return err_set(ed, -E_IO, "%s: not a regular file", l->path);
	if (st.st_size > l->max_bytes)
		return err_set(ed, -E_LIMIT,
		    "%s: %lld bytes are more than max_bytes of list \"%s\": raise it", l->path,
		    (long long)st.st_size, l->name);
	p = malloc((size_t)st.st_size + 1);
	if (p == NULL)
		return fail(l, ed, -E_NOMEM);
	while (n < (size_t)st.st_size &&
	    (got = pread(fd, p + n, piece((size_t)st.st_size - n), (off_t)n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(p);
			return err_sys(ed, "%s", l->path);
		}
		n += (size_t)got;
	}
	*text = span_make(p, n);
	return 0;
}

/* After the last mapping for writing is gone the file can be sealed against any other. */
static int
image_make(struct list_build *b, size_t size, int *image, struct errdetail *ed)
{
	int fd = memfd_create("proxyd-list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p = MAP_FAILED;

	if (fd < 0)
		return err_sys(ed, "memfd_create");
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		(void)err_sys(ed, "an image of %zu bytes", size);
		close(fd);
		return -E_SYS;
	}
	list_build_write(b, p);
	mem_unmap_gently(p, size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		(void)err_sys(ed, "sealing an image");
		close(fd);
		return -E_SYS;
	}
	*image = fd;
	return 0;
}

static int
judge(const struct conf_list *l, const struct list_report *r, struct errdetail *ed)
{
	if (r->bad > BAD_LOGGED)
		log_write(LOG_WARN,
		    "list %s: %s: %u of %u lines were not understood and passed over", l->name,
		    l->path, r->bad, r->lines);
	if (r->bad <= r->entries)
		return 0;
	return err_set(ed, -E_SYNTAX,
	    "%s: %u lines were not understood and %u entries were: this is no list of kind \"%s\", or syntax is wrong",
	    l->path, r->bad, r->entries, l->kind == LIST_DOMAINS ? "domains" : "addresses");
}

static int
build(const struct conf_list *l, struct span text, struct list_build *b, int *image,
    struct list_report *r, struct errdetail *ed)
{
	struct telling t = {
		.text = { .kind = l->kind, .syntax = l->syntax, .match = l->match, .bad = on_bad }, .list = l
	};
	uint64_t seed[2];
	size_t size = 0;
	int rc = list_text_parse(&t.text, text, b);

	r->lines = t.text.lines;
	r->bad = t.text.nbad;
	if (rc == 0 && enc_random(seed, sizeof seed) != 0)
		return err_sys(ed, "getrandom");
	if (rc == 0)
		rc = list_build_finish(b, seed, r->digest, &size);
	if (rc != 0)
		return fail(l, ed, rc);
	r->entries = list_build_entries(b);
	r->image_bytes = size;
	rc = judge(l, r, ed);
	return rc == 0 ? image_make(b, size, image, ed) : rc;
}

int
list_compile(
    const struct conf_list *l, int fd, int *image, struct list_report *r, struct errdetail *ed)
{
	uint64_t began = clock_mono_ms();
	struct span text = SPAN_NONE;
	struct list_build *b;
	int rc;

	*image = -1;
	*r = (struct list_report){ 0 };
	rc = read_all(l, fd, &text, ed);
	if (rc != 0)
		return rc;
	r->bytes = text.n;
	r->digest = list_digest(text);
	b = list_build_new(l->kind, (uint32_t)l->max_entries);
	rc = b == NULL ? fail(l, ed, -E_NOMEM) : build(l, text, b, image, r, ed);
	list_build_free(&b);
	mem_free_gently((char *)(uintptr_t)text.p, text.n);
	r->ms = (uint32_t)(clock_mono_ms() - began);
	return rc;
}

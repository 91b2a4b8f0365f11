/*
 * error_page.c - entries of "error_pages": an own body for answers the proxy makes itself.
 *
 * The file is read at load, relative to the configuration file that names it; workers never open it.
 */
#include "conf/schema/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/http/field.h"

#define AT(f) offsetof(struct conf_error_page, f)
#define PAGE_MAX ((off_t)256 << 10)

static const struct item items[] = {
	{ "status", ITEM_INT, AT(status), NULL, 400, 599,
	    .help = "the status it is for, 400 to 599", .flags = ITEM_REQUIRED },
	{ "file", ITEM_STR, AT(file), .flags = ITEM_REQUIRED,
	    .help = "its body, at most 256 KiB; relative to the configuration file; read at load" },
	{ "type", ITEM_STR, AT(type), .flags = ITEM_NONEMPTY,
	    .help = "its Content-Type; without it by the file's ending (html, json, txt)" },
};

static const char *
type_of(const char *file)
{
	struct span f = span_str(file);

	if (span_iends(f, SPAN(".json")))
		return "application/problem+json";
	return span_iends(f, SPAN(".txt")) ? "text/plain; charset=utf-8" :
					     "text/html; charset=utf-8";
}

static const char *
path_of(struct item_ctx *c, const char *file)
{
	const char *slash = c->at.file == NULL ? NULL : strrchr(c->at.file, '/');
	struct span path;

	if (file[0] == '/' || slash == NULL)
		return file;
	path = arena_try_printf(c->arena, "%.*s/%s", (int)(slash - c->at.file), c->at.file, file);
	ASSERT(path.p != NULL);
	return path.p;
}

/* NULL, or why it cannot be read. */
static const char *
read_page(struct item_ctx *c, struct conf_error_page *p, int fd)
{
	struct stat st;
	char *body;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (st.st_size > PAGE_MAX)
		return "it is larger than 256 KiB";
	body = arena_alloc(c->arena, (size_t)st.st_size + 1);
	while ((n = read(fd, body + p->body_len, (size_t)st.st_size - p->body_len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		p->body_len += (size_t)n;
	}
	p->body = body;
	return NULL;
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_error_page *p = obj;
	const char *path, *why;
	int fd;

	if (p->file == NULL)
		return;
	if (p->type == NULL)
		p->type = type_of(p->file);
	else if (!http_is_value(span_str(p->type)))
		item_error(c, "type",
		    "\"type\" has control characters: write \"text/html; charset=utf-8\"");
	path = path_of(c, p->file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	why = fd < 0 ? strerror(errno) : read_page(c, p, fd);
	if (fd >= 0)
		close(fd);
	if (why != NULL) {
		p->body = "";
		p->body_len = 0;
		item_error(c, "file", "cannot read the error page %.200s: %s", path, why);
	}
}

const struct section schema_error_page = {
	.help = "An own page for one status.", .items = items, .nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_error_page), .pos = SECTION_NO_POS, .check = check,
};

/* cache.c - section "cache": where responses are kept, and how much of it. */
#include "conf/schema/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(f) offsetof(struct conf_cache, f)
#define MIB ((int64_t)1 << 20)
#define TIB ((int64_t)1 << 40)

static const struct item items[] = {
	{ "path", ITEM_STR, AT(path), .flags = ITEM_NONEMPTY | ITEM_RESTART,
	    .help =
		"a directory of the cache's own, made when only the last part of the path is missing; "
		"without it nothing is cached" },
	{ "size", ITEM_SIZE, AT(size), "1GiB", 64 * MIB, 16 * TIB, .flags = ITEM_RESTART,
	    .help =
		"of the file that responses are kept in; at most half of the machine's memory serves best" },
	{ "max_object", ITEM_SIZE, AT(max_object), "0", 0, INT64_MAX,
	    .help = "longest body that is stored; 0: 64MiB, or a twentieth of size if less" },
	{ "objects", ITEM_INT, AT(objects), "0", 0, INT32_MAX, .flags = ITEM_RESTART,
	    .help = "most responses that are stored; 0: one for every 2KiB of size" },
	{ "ring", ITEM_SIZE, AT(ring), "8MiB", MIB / 2, 16 * MIB, .flags = ITEM_RESTART,
	    .help = "memory for each worker's responses on their way to the disk, a power of two: what does not "
		    "fit for the moment is not stored" },
};

/* The part of a path before its last name; "/" when that is the root. */
static void
parent_of(char *path)
{
	char *end = path + strlen(path);

	while (end > path + 1 && end[-1] == '/')
		*--end = '\0';
	end = strrchr(path, '/');
	end[end == path] = '\0';
}

/*
 * Would it be there, and writable? Root is not asked about one that is there: its children are others, and the keeper
 * says what they may not.
 */
static void
check_directory(struct item_ctx *c, const char *path)
{
	char parent[4096];
	struct stat st;

	if (strlen(path) >= sizeof parent - 64) {
		item_error(c, "path", "\"path\" of the cache is too long");
	} else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		item_error(c, "path",
		    "\"path\" = \"%s\" is no directory: name one for the cache alone", path);
	} else if (geteuid() != 0 && access(path, W_OK | X_OK) != 0 && errno != ENOENT) {
		item_error(
		    c, "path", "\"path\" = \"%s\" cannot be written: %s", path, strerror(errno));
	} else if (access(path, F_OK) != 0) {
		(void)snprintf(parent, sizeof parent, "%s", path);
		parent_of(parent);
		if (access(parent, W_OK | X_OK) != 0)
			item_error(c, "path", "\"path\" = \"%s\" cannot be made in \"%s\": %s",
			    path, parent, strerror(errno));
	}
}

static void
check_memory(struct item_ctx *c, int64_t size)
{
	int64_t all = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (all > 0 && size > all / 2)
		conf_problems_add(c->problems, item_pos(c, "size"), true,
		    "\"size\" of the cache is more than half of this machine's memory (%lld MiB): responses "
		    "that are not in memory are read from the disk",
		    (long long)(all / MIB));
}

static void
check(struct item_ctx *c, void *obj)
{
	const struct conf_cache *k = obj;

	if ((k->ring & (k->ring - 1)) != 0)
		item_error(c, "ring",
		    "\"ring\" must be a power of two: write \"4MiB\", \"8MiB\" or \"16MiB\"");
	if (k->path == NULL)
		return;
	if (k->path[0] != '/')
		item_error(c, "path", "\"path\" = \"%s\" must begin with '/'", k->path);
	else
		check_directory(c, k->path);
	check_memory(c, k->size);
}

const struct section schema_cache = {
	.help = "The cache of responses, shared by all workers.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_cache),
	.pos = AT(at),
	.check = check,
};

/*
 * list.c - entries of "lists": files of domains or address blocks.
 *
 * Whether the file can be read is judged here, so that a missing one is an error of the configuration with file and
 * line. What is in it is not: that takes time, and is the agent's work.
 */
#include "conf/schema/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/units.h"

#define AT(f) offsetof(struct conf_list, f)

static const char *const kinds[] = { "", "domains", "addresses", NULL };
static const char *const syntaxes[] = { "auto", "plain", "hosts", "dnsmasq", NULL };
static const char *const matches[] = { "suffix", "exact", NULL };

static const struct item items[] = {
	{ "name", ITEM_STR, AT(name), .help = "what acls call it, with @ before it: the key of the group" },
	{ "file", ITEM_STR, AT(file), .flags = ITEM_REQUIRED,
	    .help = "its file; relative to the configuration file; read by whom started proxyd" },
	{ "kind", ITEM_ENUM, AT(kind), .names = kinds, .flags = ITEM_REQUIRED,
	    .help = "\"domains\" or \"addresses\" (blocks and single ones)" },
	{ "syntax", ITEM_ENUM, AT(syntax), "auto", .names = syntaxes,
	    .help =
		"of domains: \"plain\" a name a line, \"hosts\" 0.0.0.0 NAME, \"dnsmasq\" address=/NAME/; "
		"\"auto\": each line as it looks. Lines not understood are passed over, and told" },
	{ "match", ITEM_ENUM, AT(match), "suffix", .names = matches,
	    .help =
		"a bare name in plain and hosts syntax means it and all below (\"suffix\"), "
		"or itself alone (\"exact\"); .NAME, *.NAME and dnsmasq's always mean it and all below" },
	{ "refresh", ITEM_MSEC, AT(refresh_ms), "30s", 100, 86400000,
	    .help = "how often a change of the file is looked for; proxyctl acl reload looks at once" },
	{ "max_bytes", ITEM_SIZE, AT(max_bytes), "256MiB", 1, (int64_t)1 << 30,
	    .help = "a larger file is refused" },
	{ "max_entries", ITEM_INT, AT(max_entries), "10000000", 1, 50000000,
	    .help = "a file with more entries is refused" },
};

static const char *
path_of(struct item_ctx *c, const char *file)
{
	const char *slash = c->at.file == NULL ? NULL : strrchr(c->at.file, '/');

	if (file[0] == '/' || slash == NULL)
		return file;
	return arena_try_printf(c->arena, "%.*s/%s", (int)(slash - c->at.file), c->at.file, file).p;
}

/* NULL, or why it cannot be used. */
static const char *
judge_file(const struct conf_list *l)
{
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = NULL;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is not a regular file";
	else if (st.st_size > l->max_bytes)
		why = "it is larger than \"max_bytes\" of this list";
	close(fd);
	return why;
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_list *l = obj;
	const char *why;

	if (l->name != NULL && (!word_name(c, "name", l->name) || strlen(l->name) > 64))
		conf_problems_add(c->problems, c->at, false,
		    "the name of list \"%.80s\" is longer than 64 bytes or has odd characters: change it", l->name);
	if (l->kind == LIST_ADDRESSES && l->syntax > LIST_PLAIN)
		item_error(c, "syntax",
		    "a list of addresses has no such syntax: write \"plain\", a block a line");
	if (l->file == NULL)
		return;
	l->path = path_of(c, l->file);
	why = judge_file(l);
	if (why != NULL)
		item_error(c, "file", "cannot use the list %.200s: %s", l->path, why);
}

const struct section schema_list = {
	.help =
	    "A file of domains or address blocks, shared by all workers and taken anew when it changes. Acls name it "
	    "in domain, src or dst with @ before its name.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_list),
	.pos = AT(at),
	.check = check,
};

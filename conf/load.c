/*
 * load.c - from joined text to a struct conf; the only file that knows libconfig.
 *
 * libconfig's settings are copied into nodes (conf/node.h) with their file and line, and its memory is gone before
 * anything is judged. Then the tables fill the tree, the shipped policy is added and the sections are checked
 * against each other. With any error the tree is thrown away.
 */
#include "conf/load.h"

#include <libconfig.h>
#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"
#include "conf/check.h"
#include "conf/schema/schema.h"

#define STRING_MAX 65536		/* one text, environment included */
#define FITS_BASE	(512u << 10)	/* bytes that loading takes at most: for no text, */
#define FITS_TIMES	32		/* and for each byte of it */

struct builder {
	const struct conf_source *src;
	struct arena	*arena;
	struct conf_problems *problems;
};

/* libconfig counts lines of the joined text from 1. */
static struct conf_pos
pos_of(const struct conf_source *s, unsigned line)
{
	if (s->nlines == 0)
		return (struct conf_pos){ s->nfiles > 0 ? s->files[0] : "configuration", 0 };
	return s->lines[line == 0 ? 0 : line > s->nlines ? s->nlines - 1 : line - 1];
}

static bool
env_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "${NAME}" at p: the length of NAME, 0 when p is something else ("${path.id}" is for routes). */
static size_t
env_name(const char *p)
{
	size_t n = 0;

	if (p[0] != '$' || p[1] != '{')
		return 0;
	while (env_char(p[2 + n]))
		n++;
	return p[2 + n] == '}' && n < 256 && (p[2] < '0' || p[2] > '9') ? n : 0;
}

static const char *
env_value(struct builder *b, const char *p, size_t n, struct conf_pos at)
{
	char name[257];
	const char *value;

	memcpy(name, p, n);
	name[n] = '\0';
	value = getenv(name);
	if (value == NULL)
		conf_problems_add(b->problems, at, false,
		    "${%.80s} is not set in the environment: set it, or write the value itself",
		    name);
	return value == NULL ? "" : value;
}

/* Replaces every ${NAME} once; what an environment value says is not looked at again. */
static const char *
expand(struct builder *b, const char *text, struct conf_pos at)
{
	struct str out = STR_INIT;
	const char *result;
	size_t n;

	if (strstr(text, "${") == NULL)
		return arena_strdup(b->arena, text);
	for (const char *p = text; *p != '\0';) {
		n = env_name(p);
		if (n == 0) {
			str_addc(&out, *p++);
			continue;
		}
		str_adds(&out, env_value(b, p + 2, n, at));
		p += n + 3;
	}
	if (out.len > STRING_MAX) {
		conf_problems_add(b->problems, at, false,
		    "a text is longer than 64 KiB once the environment is put in: shorten it");
		str_clear(&out);
	}
	result = arena_strdup(b->arena, out.data == NULL ? "" : out.data);
	str_fini(&out);
	return result;
}

static void
copy_setting(struct builder *b, struct node *n, const config_setting_t *s)
{
	int len;

	n->at = pos_of(b->src, config_setting_source_line(s));
	n->name = config_setting_name(s) == NULL ? NULL :
						   arena_strdup(b->arena, config_setting_name(s));
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		n->type = NODE_INT;
		n->is.num = config_setting_get_int64(s);
		return;
	case CONFIG_TYPE_FLOAT:
		n->type = NODE_REAL;
		n->is.real = config_setting_get_float(s);
		return;
	case CONFIG_TYPE_BOOL:
		n->type = NODE_BOOL;
		n->is.on = config_setting_get_bool(s) != 0;
		return;
	case CONFIG_TYPE_STRING:
		n->type = NODE_STR;
		n->is.text = config_setting_get_string(s) == NULL ?
		    "" :
		    expand(b, config_setting_get_string(s), n->at);
		return;
	default:			/* libconfig's own numbers: group, array, list */
		n->type = config_setting_is_group(s) ? NODE_GROUP : NODE_LIST;
	}
	len = config_setting_length(s);
	n->nkids = len > 0 ? (unsigned)len : 0;
	n->kids = arena_alloc(b->arena, n->nkids * sizeof *n->kids + 1);
	for (unsigned i = 0; i < n->nkids; i++)
		copy_setting(b, &n->kids[i], config_setting_get_elem(s, i));
}

static void
parse_failed(struct builder *b, const config_t *cfg)
{
	const char *text = config_error_text(cfg);
	int line = config_error_line(cfg);
	const char *hint = "look here and at the line before for a missing ';', ',' or quote";

	if (text != NULL && strstr(text, "duplicate") != NULL)
		hint = "a key may be given once: keep one";
	else if (text != NULL && strstr(text, "array") != NULL)
		hint = "[ ] holds values of one kind; write ( ) for groups";
	conf_problems_add(b->problems, pos_of(b->src, line > 0 ? (unsigned)line : 1), false,
	    "%s: %s", text == NULL ? "syntax error" : text, hint);
}

struct node *
node_parse(const struct conf_source *src, struct arena *arena, struct conf_problems *problems)
{
	struct builder b = { .src = src, .arena = arena, .problems = problems };
	struct node *root = NULL;
	config_t cfg;

	config_init(&cfg);
	if (config_read_string(&cfg, src->text.data == NULL ? "" : src->text.data) == CONFIG_TRUE) {
		root = arena_alloc(arena, sizeof *root);
		copy_setting(&b, root, config_root_setting(&cfg));
		root->at = pos_of(src, 1);
	} else
		parse_failed(&b, &cfg);
	config_destroy(&cfg);
	return root;
}

struct node *
node_get(const struct node *group, const char *name)
{
	for (unsigned i = 0; group != NULL && group->type == NODE_GROUP && i < group->nkids; i++)
		if (strcmp(group->kids[i].name, name) == 0)
			return &group->kids[i];
	return NULL;
}

const char *
node_type_text(const struct node *n)
{
	switch (n->type) {
	case NODE_GROUP:	return "a group { … }";
	case NODE_LIST:		return "a list";
	case NODE_STR:		return "a text in quotes";
	case NODE_INT:		return "a number";
	case NODE_REAL:		return "a number with a point";
	case NODE_BOOL:		return "true or false";
	}
	NEVER("unknown node type");
}

/* FNV-1a, 64 bits: the same in every process, unlike map_hash. */
static uint64_t
digest(struct span bytes)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < bytes.n; i++)
		h = (h ^ (unsigned char)bytes.p[i]) * 0x100000001b3u;
	return h;
}

/* Positions point to the source's file names, which go away: the tree gets its own. */
static struct conf_source
own_names(const struct conf_source *src, struct arena *arena)
{
	struct conf_source own = *src;
	const char *last = NULL, *copy = NULL;

	own.lines = arena_alloc(arena, src->nlines * sizeof *own.lines + 1);
	own.files = arena_alloc(arena, src->nfiles * sizeof *own.files + 1);
	for (unsigned i = 0; i < src->nfiles; i++)
		own.files[i] = arena_strdup(arena, src->files[i]);
	for (unsigned i = 0; i < src->nlines; i++) {
		if (src->lines[i].file != last)
			for (unsigned f = 0; f < src->nfiles; f++)
				if (src->files[f] == src->lines[i].file)
					copy = own.files[f];
		last = src->lines[i].file;
		own.lines[i] = (struct conf_pos){ copy, src->lines[i].line };
	}
	return own;
}

static struct conf *
conf_new(void)
{
	struct arena *arena = mem_alloc(sizeof *arena);
	struct conf *c;

	arena_init(arena, NULL, 0, 0);
	c = arena_alloc(arena, sizeof *c);
	c->arena = arena;
	c->refs = 1;
	return c;
}

bool
conf_fits(const struct conf_source *src)
{
	return mem_headroom(FITS_BASE + FITS_TIMES * src->text.len);
}

struct conf *
conf_load(const struct conf_source *src, struct conf_problems *problems)
{
	struct conf *c = conf_new();
	struct conf_source own = own_names(src, c->arena);
	struct node *root = node_parse(&own, c->arena, problems);
	struct item_ctx ctx = { .arena = c->arena, .problems = problems };

	if (root != NULL) {
		item_fill(&ctx, &schema_top, c, root);
		check_builtin(c, problems);
		check_all(c, problems);
		c->digest = digest(str_span(&src->text));
	}
	problems_sort(problems, src);
	if (problems->errors > 0)
		conf_free(&c);
	return c;
}

struct conf *
conf_ref(struct conf *c)
{
	c->refs++;
	return c;
}

void
conf_free(struct conf **cp)
{
	struct conf *c = *cp;
	struct arena *arena;

	*cp = NULL;
	if (c == NULL || --c->refs > 0)
		return;
	arena = c->arena;
	arena_fini(arena);
	mem_free(arena);
}

/*
 * hosts.c - hosts(5): "address name [alias ...] [# comment]" per line.
 *
 * Each pair of a name and an address is one entry; those of one name are chained in the file's order behind the
 * first, which the map points to.
 */
#include "worker/back/hosts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/arena.h"
#include "conf/base/map.h"
#include "conf/http/uri.h"

#define FILE_MAX	(1u << 20)	/* more is ignored */

struct entry {
	struct entry	*next, *last;	/* of the same name; last: kept in the first only */
	struct addr	 addr;
};

struct hosts {
	struct map	names;
	struct arena	arena;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word of the line; false at its end. */
static bool
word_next(struct span *line, struct span *word)
{
	size_t i = 0, end;

	while (i < line->n && is_blank(line->p[i]))
		i++;
	for (end = i; end < line->n && !is_blank(line->p[end]);)
		end++;
	*word = span_make(line->p + i, end - i);
	*line = span_make(line->p + end, line->n - end);
	return word->n > 0;
}

static bool
name_add(struct hosts *h, struct span word, const struct addr *a)
{
	struct entry *e = arena_try_zalloc(&h->arena, sizeof *e), *first;
	char *name = arena_try_alloc(&h->arena, word.n);
	struct span key;

	if (e == NULL || name == NULL)
		return false;
	key = span_make(name, uri_host_lower(name, word));
	e->addr = *a;
	e->last = e;
	first = map_get(&h->names, key);
	if (first == NULL)
		return map_put(&h->names, key, e) == 0;
	first->last->next = e;
	first->last = e;
	return true;
}

static bool
line_add(struct hosts *h, struct span line)
{
	ptrdiff_t comment = span_find(line, '#');
	struct span word;
	struct addr a;

	if (comment >= 0)
		line.n = (size_t)comment;
	if (!word_next(&line, &word) || addr_parse_ip(&a, word, 0) != 0)
		return true;
	while (word_next(&line, &word))
		if (!name_add(h, word, &a))
			return false;
	return true;
}

struct hosts *
hosts_parse(struct span text)
{
	struct hosts *h = calloc(1, sizeof *h);
	struct span line;

	if (h == NULL)
		return NULL;
	arena_init(&h->arena, NULL, 0, 0);
	while (span_split(&text, '\n', &line)) {
		if (line_add(h, line))
			continue;
		hosts_free(&h);
		return NULL;
	}
	return h;
}

struct hosts *
hosts_read(const char *path)
{
	char *text = malloc(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 1;
	struct hosts *h = NULL;

	while (fd >= 0 && text != NULL && got > 0 && n < FILE_MAX) {
		got = read(fd, text + n, FILE_MAX - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (text != NULL)
		h = hosts_parse(span_make(text, n));
	if (fd >= 0)
		close(fd);
	free(text);
	return h;
}

void
hosts_free(struct hosts **hp)
{
	struct hosts *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	map_fini(&h->names);
	arena_fini(&h->arena);
	free(h);
}

unsigned
hosts_find(const struct hosts *h, struct span name, struct addr *out, unsigned max)
{
	unsigned n = 0;

	for (const struct entry *e = map_get(&h->names, name); e != NULL && n < max; e = e->next)
		out[n++] = e->addr;
	return n;
}

/*
 * list_build.h - entries in, an image of list_image.h out. Memory grows with the list; a list that cannot be built is
 * an error, never an abort.
 */
#pragma once
#include "conf/base/list_image.h"

struct list_build;

struct list_build *list_build_new(enum list_kind, uint32_t max_entries);	/* NULL: no memory */
void	list_build_free(struct list_build **);

/*
 * name: lower case, labels of 1 to 63 bytes, no dot at either end; below: it and everything below it. Of entries that
 * say the same the first line stays. -E_LIMIT: more than max_entries lines; -E_NOMEM.
 */
int	list_build_name(struct list_build *, struct span name, bool below, uint32_t line) MUST_CHECK;
int	list_build_block(struct list_build *, const struct cidr *, uint32_t line) MUST_CHECK;

/* After the last entry: lays the image out and says how many bytes it takes. seed: random. */
int	list_build_finish(struct list_build *, const uint64_t seed[2], uint64_t digest, size_t *size) MUST_CHECK;
void	list_build_write(struct list_build *, void *to);	/* once: that many bytes, aligned to 16 */
uint32_t list_build_entries(const struct list_build *);		/* different ones, after list_build_finish */

/*
 * list_compile.h - a list's file into its image: read, parsed, laid out, sealed. Takes as long as the list is large:
 * for a process of its own.
 */
#pragma once
#include "conf/conf.h"

struct list_report {
	uint32_t entries, bad;		/* different entries; lines not understood */
	uint32_t lines, ms;
	uint64_t bytes, image_bytes;	/* of the file, of the image */
	uint64_t digest;		/* of the file's bytes */
};

/*
 * fd: the file, read from its beginning; stays the caller's. *image: a sealed memfd, the caller's; -1 on failure. Bad
 * lines are logged, the first of them one by one. An error, besides those of the system: larger than the list's
 * limits, or more bad lines than entries, which is another kind of file.
 */
int	list_compile(const struct conf_list *, int fd, int *image, struct list_report *, struct errdetail *) MUST_CHECK;

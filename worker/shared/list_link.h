/*
 * list_link.h - the messages that bring a list from its file to the workers.
 *
 *	agent  --LIST_WANT--> master	its file looks changed, or cannot be seen from here
 *	master --LIST_SOURCE--> agent	the file opened: compile it; without a descriptor: it is as it was
 *	agent  --LIST_DONE--> master	the image, or why there is none
 *	master --LIST--> worker		take this image
 *	worker --LIST_TAKEN--> master	requests are judged by it now
 *	master --LIST_OLD--> agent	the image before, when every worker has left it: let go of it last
 *
 * Only the master opens the file, because the agent may not be allowed to. A list travels as its index in the
 * generation's configuration.
 */
#pragma once
#include <sys/stat.h>
#include "conf/base/wire.h"
#include "conf/list_compile.h"

/* What tells one state of a file from another. */
struct list_stamp { uint64_t dev, ino, size, mtime_ns, ctime_ns; };
struct list_stamp list_stamp_of(const struct stat *);
bool	list_stamp_eq(const struct list_stamp *, const struct list_stamp *);

struct list_done {
	uint32_t index;
	bool	 ok;
	struct list_stamp stamp;	/* as it came with the source */
	struct list_report report;
	struct span why;		/* not ok; lent from the message */
};

void	list_put_source(struct wire *, uint32_t index, const struct list_stamp *);
int	list_get_source(struct wire *, uint32_t *index, struct list_stamp *) MUST_CHECK;
void	list_put_done(struct wire *, const struct list_done *);
int	list_get_done(struct wire *, struct list_done *) MUST_CHECK;
/* LIST and LIST_TAKEN: which list, and the serial number of its image. */
void	list_put_image(struct wire *, uint32_t index, uint32_t serial);
int	list_get_image(struct wire *, uint32_t *index, uint32_t *serial) MUST_CHECK;

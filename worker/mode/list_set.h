/*
 * list_set.h - the images of lists that a worker judges by, by their index in the configuration.
 *
 * A new image comes as a descriptor while requests are under way. It takes its place between two events of the loop;
 * nobody may keep a pointer into an image, or a hit's name, from one event to the next.
 */
#pragma once
#include "conf/conf.h"
#include "worker/io/loop.h"

struct list_set;
struct wire;

/* Called when an image has taken its place. */
typedef void list_taken_f(void *owner, uint32_t index, uint32_t serial);

struct list_set *list_set_new(const struct conf *, struct loop *, list_taken_f *, void *owner);
void	list_set_free(struct list_set **);

/* A LINK_LIST, behind its type. fd is what came with it; it stays the caller's. */
void	list_set_offer(struct list_set *, struct wire *, int fd);
/* Is there an image for every list that an acl names? Until then nobody may be served. */
bool	list_set_complete(const struct list_set *);
/* One per conf_list; the array stays where it is for the life of the set. */
const struct list_image *list_set_images(const struct list_set *);

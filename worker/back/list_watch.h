/*
 * list_watch.h - the agent's share of lists: looks for changed files, and has each compiled by a helper child.
 *
 * The messages are those of shared/list_link.h. One helper runs at a time, at the lowest priority there is.
 */
#pragma once
#include "conf/conf.h"
#include "worker/io/loop.h"

struct list_watch;
struct wire;

struct list_watch *list_watch_new(struct loop *, const struct conf *, int link);
void	list_watch_free(struct list_watch **);		/* ends a helper at work */
/* A LINK_LIST_SOURCE, behind its type. fd is taken; -1: none came. */
void	list_watch_source(struct list_watch *, struct wire *, int fd);
/* A LINK_LIST_OLD: fd, which is taken, is of an image that nobody uses, and its pages are freed where nobody waits. */
void	list_watch_old(struct list_watch *, int fd);

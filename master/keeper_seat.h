/*
 * keeper_seat.h - the keeper's seat: like the logger's it is of no generation, and filled while the one that serves has
 * a cache.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct master;
struct child;

void	keeper_init(struct master *);
/* What serves has changed, or the keeper left: starts it, tells it to leave, or has another one take its place. */
void	keeper_follow(struct master *);
/* Another master serves; it has the same memory for the cache, or another one. */
void	keeper_yield(struct master *, bool same);
/* A child is gone, by this status of waitpid; its lane is free. */
void	keeper_child_died(struct master *, const struct child *, int status);

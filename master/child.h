/*
 * child.h - a child's name in the log, its lane, and messages to it.
 */
#pragma once
#include "conf/base/err.h"
#include "worker/shared/env.h"

struct child;

const char *child_text(const struct child *, char buf[64]);	/* "worker 0[4711]"; returns buf */
struct stats_lane *child_lane(const struct child *);
/* Sends one message, with a u32 and a descriptor where the type has them (u32 NULL, fd -1: without). */
int	child_send(struct child *, enum link_type, const uint32_t *u32, int fd) MUST_CHECK;
/* A message that must not get lost; logs when it does. */
void	child_tell(struct child *, enum link_type);

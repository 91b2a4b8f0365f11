/*
 * follow.h - log records out of a journal segment, merged over its lanes.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/shm.h"
#include "worker/shared/logline.h"

/* Prints the last n records that are still in the rings, oldest first. With follow it goes on until
 * the process `server` is gone or printing fails. */
int	follow_journal(const struct shm *, enum logline_format, unsigned n, bool follow,
	    pid_t server, struct errdetail *) MUST_CHECK;

/*
 * spawn.h - makes a child process for a seat.
 */
#pragma once
#include "conf/base/err.h"

struct master;
struct seat;
struct child;

/*
 * Forks the seat's role; on success seat->child is set and listed in master.children, in state STARTING. The
 * child never returns from here. -E_LIMIT: no lane free; -E_SYS.
 */
int	spawn_child(struct master *, struct seat *, struct errdetail *) MUST_CHECK;

/*
 * upgrade_exec.h - the new process of an upgrade: found, described what it inherits, started.
 */
#pragma once
#include "conf/base/err.h"

struct master;

/* The program's path, absolute, its links not followed; "" when it cannot be told. */
void	upgrade_find(char out[4096], const char *argv0);
/* Forks and executes the binary with the hand-over; fills in pid, link and err of m->upgrade. */
int	upgrade_exec(struct master *, const char *binary, struct errdetail *) MUST_CHECK;

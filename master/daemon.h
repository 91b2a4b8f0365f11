/*
 * daemon.h - into the background, with the verdict of the start-up as the exit status in the foreground.
 */
#pragma once
#include <stdbool.h>
#include "conf/base/err.h"

/*
 * Forks. The caller goes on as the daemon and gets *ready_fd: one byte written there ends the waiting process
 * with 0, the end of the pipe with 1. The waiting process never returns.
 */
int	daemon_start(int *ready_fd, struct errdetail *) MUST_CHECK;
/* Takes standard input, and of the others those that no log uses, away from the terminal. */
void	daemon_detach(bool keep_stdout, bool keep_stderr);
